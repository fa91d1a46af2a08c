package desk

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/store"
)

// CopyTo is a configured destination for copies of a source's messages.
type CopyTo struct {
	deadletter.CopyTo
	URL string
}

// Forward is where a command sends a copy of a message.
type Forward struct {
	To       string // the URL of a handler on this machine
	Unmasked bool   // for a reason
	Reason   string
}

const (
	// copyPlaces bounds the copies that are in flight for each destination. Their places are none of the deliveries'.
	copyPlaces = 4

	// copyMargin is what a copy may take beyond its timeout, for memory and for the lock of its message.
	copyMargin = 10 * time.Second

	// copyMemory bounds the long bodies in memory of which copies are being sent, in bytes.
	copyMemory = 64 << 20
)

// SendElsewhere sends a copy of the latest revision of a message to the destination of its source with that name, and
// returns the result. It changes nothing of the message; its audit events alone say what happened. It returns NotFound
// if the source has no such destination, and Conflict while a copy of the message is on its way there.
func (d *Desk) SendElsewhere(
	ctx context.Context, by deadletter.Actor, ref Ref, name string,
) (View, deadletter.Attempt, error) {
	if err := by.May(deadletter.ActReplay); err != nil {
		return View{}, deadletter.Attempt{}, err
	}
	m, err := d.store.Message(ctx, ref.ID)
	if err == nil {
		err = by.Reaches(m.Source, "message "+string(m.ID))
	}
	if err != nil {
		return View{}, deadletter.Attempt{}, err
	}
	source := d.SourceOf(m)
	to, ok := source.copyTo(name)
	if !ok {
		return d.View(by, m), deadletter.Attempt{}, deadletter.Errorf(deadletter.Conflict,
			"the source of this message has no destination %q: choose one of its destinations in the configuration",
			name)
	}
	a, err := d.sendCopy(ctx, by, m, to, "")
	return d.View(by, m), a, err
}

func (s Source) copyTo(name string) (CopyTo, bool) {
	for _, to := range s.CopiesTo {
		if to.Name == name {
			return to, true
		}
	}
	return CopyTo{}, false
}

// CopyNames returns the names of the destinations for copies of all sources, sorted.
func (d *Desk) CopyNames() (names []string) {
	for _, s := range d.sources() {
		for _, to := range s.CopiesTo {
			names = append(names, to.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Copies are the results of copies of several messages.
type Copies struct {
	Sent    []deadletter.Attempt
	Refused []error // of those that were not sent, or whose result could not be recorded
}

// SendAllElsewhere is SendElsewhere for up to deadletter.MaxCopies messages, at once. Those that find no free place
// within the timeout are not sent.
func (d *Desk) SendAllElsewhere(ctx context.Context, by deadletter.Actor, refs []Ref, name string) (Copies, error) {
	var all Copies
	if err := by.May(deadletter.ActReplay); err != nil {
		return all, err
	}
	if n := len(refs); n == 0 || n > deadletter.MaxCopies {
		return all, deadletter.Errorf(deadletter.Invalid,
			"select 1 to %d messages: this sends copies to test a handler (got %d)", deadletter.MaxCopies, n)
	}
	var sending sync.WaitGroup
	var mu sync.Mutex
	for _, ref := range refs {
		sending.Go(func() {
			_, a, err := d.SendElsewhere(ctx, by, ref, name)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				all.Refused = append(all.Refused, err)
				return
			}
			all.Sent = append(all.Sent, a)
		})
	}
	sending.Wait()
	return all, nil
}

// Forward sends a copy of a message to a handler on this machine, in the name of a command. It returns Forbidden for
// any other actor, and Invalid for a URL of another machine.
func (d *Desk) Forward(
	ctx context.Context, by deadletter.Actor, id deadletter.ID, f Forward,
) (deadletter.Attempt, error) {
	var none deadletter.Attempt
	if by.Kind != deadletter.ActorCLI {
		return none, deadletter.Errorf(deadletter.Forbidden, "only a command may choose where a copy goes")
	}
	if err := checkLoopback(f.To); err != nil {
		return none, err
	}
	if f.Unmasked {
		if err := errors.Join(by.May(deadletter.ActUnmask), deadletter.ActUnmask.CheckReason(f.Reason)); err != nil {
			return none, err
		}
	}
	m, err := d.store.Message(ctx, id)
	if err != nil {
		return none, err
	}
	latest, err := d.store.RevisionHead(ctx, id, m.Revision)
	if err != nil {
		return none, err
	}
	reason, err := d.reasonFor(m, f.Reason, latest)
	if err != nil {
		return none, err
	}
	to := deadletter.CopyTo{Name: redact.Address(f.To), Masked: !f.Unmasked}
	return d.sendCopy(ctx, by, m, CopyTo{to, f.To}, reason)
}

func checkLoopback(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.Fragment != "" {
		return deadletter.Errorf(deadletter.Invalid, "use a URL such as http://127.0.0.1:3000")
	}
	ip := net.ParseIP(u.Hostname())
	if !strings.EqualFold(u.Hostname(), "localhost") && (ip == nil || !ip.IsLoopback()) {
		return deadletter.Errorf(deadletter.Invalid, "%s is not this machine: use 127.0.0.1, [::1] or localhost; "+
			"destinations elsewhere are set below sources.NAME.destinations", u.Hostname())
	}
	return nil
}

// sendCopy records that a copy is sent, sends it and records the result. It ends within the timeout of the source and
// copyMargin, and is not cut short if ctx ends: what was sent is recorded.
func (d *Desk) sendCopy(
	ctx context.Context, by deadletter.Actor, m deadletter.Message, to CopyTo, reason string,
) (a deadletter.Attempt, err error) {
	source := d.SourceOf(m)
	done, ok := d.copying.begin(m.ID, to.Name)
	if !ok {
		return a, deadletter.Errorf(deadletter.Conflict,
			"a copy of this message is on its way to %s: wait for its result", to.Name)
	}
	defer done()
	at := source.Copies
	at.Source, at.URL, at.MaxConcurrent = m.Source+"/"+to.Name, to.URL, copyPlaces
	if at.Timeout == 0 {
		at.Timeout = copyMargin // the source is not configured any more
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), at.Timeout+copyMargin)
	defer cancel()
	r, release, err := d.revisionToCopy(ctx, m)
	if err != nil {
		return a, err
	}
	defer release()
	request, err := source.copyOf(m, r, to.CopyTo)
	if err != nil {
		return a, err
	}
	started, err := m.Copy(by, to.CopyTo, reason, d.now())
	if err != nil {
		return a, err
	}
	if err := d.store.Record(ctx, started); err != nil {
		return a, err
	}
	a = d.copies.Send(ctx, at, request)
	response, _ := source.Masks.Text(a.ResponseBody)
	ended, err := m.Copied(by, to.CopyTo, reason, a, response, d.now())
	if err == nil {
		err = d.store.Record(context.WithoutCancel(ctx), ended)
	}
	if err != nil {
		return a, fmt.Errorf("record the result of a copy that was sent: %w", err)
	}
	return a, nil
}

// revisionToCopy returns the latest revision with its whole body, and a function to call when that is not needed any
// more. For a long body it waits until there is memory.
func (d *Desk) revisionToCopy(ctx context.Context, m deadletter.Message) (deadletter.Revision, func(), error) {
	r, err := d.store.RevisionHead(ctx, m.ID, m.Revision)
	if err != nil || !r.IsHead() {
		return r, func() {}, err
	}
	bytes := min(int64(r.Size), copyMemory)
	if err := d.copyMemory.Acquire(ctx, bytes); err != nil {
		return r, nil, &deadletter.Error{
			Kind: deadletter.Unavailable, Err: err,
			Text: "copies of other large messages are being sent: try again when they are done",
		}
	}
	if r, err = d.store.Revision(ctx, m.ID, m.Revision); err != nil {
		d.copyMemory.Release(bytes)
		return r, nil, err
	}
	return r, func() { d.copyMemory.Release(bytes) }, nil
}

// copyOf returns the request of a copy. It never has a signature or credential of the platform: a source that signs
// anew does so. It returns Invalid or TooLarge for a body that cannot be masked.
func (s Source) copyOf(m deadletter.Message, r deadletter.Revision, to deadletter.CopyTo) (delivery.Request, error) {
	request := delivery.Request{
		Message:   m.ID,
		Body:      r.Body,
		Headers:   s.unsigned(r.Headers),
		Query:     m.Query,
		WebhookID: m.DeliveredWebhookID(),
		Edited:    true, // so that it is signed anew
		CopyTo:    to.Name,
		Masks:     s.Masks,
	}
	if !to.Masked {
		return request, nil
	}
	limit := max(len(r.Body), payload.MaxEdit)
	body, masked, whole := s.Masks.Wire(r.Headers, r.Body, limit)
	if !whole {
		return request, deadletter.Errorf(deadletter.TooLarge,
			"the body expands to more than can be masked: a copy of it cannot be sent masked")
	}
	if text := payload.Read(r, limit); masked && text.Editable() != nil && len(text.Codings) > 0 {
		return request, deadletter.Errorf(
			deadletter.Invalid,
			"the body has masked values and cannot be written in its encoding again: a copy of it cannot be sent masked",
		)
	}
	request.Body, request.Headers = body, s.Masks.Headers(request.Headers)
	request.Query = strings.ReplaceAll(s.Masks.Query(m.Query), redact.Mask, url.QueryEscape(redact.Mask))
	if s.Masks.IsSecretHeader("Webhook-Id") {
		request.WebhookID = redact.Mask
	}
	return request, nil
}

// unsigned returns headers without those by which a handler recognises its platform.
func (s Source) unsigned(h deadletter.Headers) deadletter.Headers {
	rest := h.Clone()
	for name := range h {
		proves := func(header string) bool { return strings.EqualFold(header, name) }
		if redact.IsSignature(name) || slices.ContainsFunc(s.ProvedBy, proves) {
			delete(rest, name)
		}
	}
	return rest
}

// copying has the copies that are in flight.
type copying struct {
	mu  sync.Mutex
	all map[copyKey]bool
}

type copyKey struct {
	message deadletter.ID
	to      string
}

// begin returns false while a copy of the message is on its way there.
func (c *copying) begin(id deadletter.ID, to string) (done func(), ok bool) {
	key := copyKey{id, to}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all[key] {
		return nil, false
	}
	c.all[key] = true
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.all, key)
	}, true
}

// WithoutOldStarts returns the events of a message, newest first, without those that say that a copy was about to be
// sent and whose result follows.
func WithoutOldStarts(events []store.EventRow) []store.EventRow {
	ended := map[string]bool{}
	var rest []store.EventRow
	for _, e := range events {
		facts, ok := e.CopyFacts()
		if ok && e.Action == deadletter.ActionCopy && ended[facts.To] {
			continue
		}
		if ok {
			ended[facts.To] = true
		}
		rest = append(rest, e)
	}
	return rest
}
