package console

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/redact"
	"dlqdesk/web/page"
)

// compare shows two revisions of a message side by side; by default the received one and the latest.
func (c *Console) compare(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	m, err := c.Store.Message(ctx, messageID(r))
	if err != nil {
		return err
	}
	list, err := c.Store.Revisions(ctx, m.ID)
	if err != nil {
		return err
	}
	before, err := c.comparedRevision(r, m, "from", 0)
	if err != nil {
		return err
	}
	after, err := c.comparedRevision(r, m, "to", m.Revision)
	if err != nil {
		return err
	}
	other, err := c.otherBody(r, m)
	if err != nil {
		return err
	}
	if other != nil {
		after = other.revision
	}
	source := c.Desk.SourceOf(m)
	afterSource := source
	if other != nil {
		afterSource.Masks = other.masks
	}
	v := compareView(m.ID, before, after, list, source, afterSource)
	v.Chrome, v.Back = c.chrome(r, "Compare revisions of message "+string(m.ID)), backQuery(r)
	if other != nil {
		v.Other, v.After.Name, v.BodyOnly = true, printable(other.name), other.bodyOnly
		if v.After.FullURL != "" {
			v.After.FullURL = other.url
		}
	}
	if v.With, err = c.compareChoices(r, m, before); err != nil {
		return err
	}
	return c.render(w, r, http.StatusOK, page.Compare(v))
}

// maxCompared is how many other messages of the cause the page of a comparison lists.
const maxCompared = 5

// compareChoices lists what else a message can be compared with.
func (c *Console) compareChoices(
	r *http.Request, m deadletter.Message, received deadletter.Revision,
) (page.CompareChoices, error) {
	back := backQuery(r)
	v := page.CompareChoices{PasteURL: messageURL(m.ID, "") + "/compare", Back: back, Asked: r.FormValue("paste") != ""}
	if nearest, err := c.nearestDelivered(r.Context(), m, received); err != nil {
		return v, err
	} else if nearest != "" {
		v.NearestURL = compareWith(m.ID, "delivered", nearest, back)
	}
	_, list, err := c.Store.CauseSample(r.Context(), m.Fingerprint, maxCompared+1)
	for _, other := range list {
		if other.ID != m.ID && len(v.Messages) < maxCompared {
			v.Messages = append(v.Messages, page.CompareMessage{
				ID: string(other.ID), URL: compareWith(m.ID, "with", string(other.ID), back),
			})
		}
	}
	return v, err
}

// nearestDelivered returns the number of the delivered webhook that is most like a revision; "" if none is kept.
func (c *Console) nearestDelivered(
	ctx context.Context, m deadletter.Message, r deadletter.Revision,
) (string, error) {
	nearest, err := c.Desk.NearestDelivered(ctx, m, r)
	if deadletter.KindOf(err) == deadletter.NotFound {
		return "", nil
	}
	return strconv.FormatInt(nearest.Number, 10), err
}

func (c *Console) comparedRevision(
	r *http.Request, m deadletter.Message, field string, number int,
) (deadletter.Revision, error) {
	if asked := r.FormValue(field); asked != "" {
		var err error
		if number, err = strconv.Atoi(asked); err != nil {
			return deadletter.Revision{}, deadletter.Errorf(deadletter.Invalid, "%q is not a revision number", asked)
		}
	}
	return c.Store.RevisionHead(r.Context(), m.ID, number)
}

func compareView(
	id deadletter.ID, before, after deadletter.Revision, list []deadletter.Revision, s, afterSource desk.Source,
) page.CompareView {
	old, now := showPart(before, s), showPart(after, afterSource)
	v := page.CompareView{
		ID:      string(id),
		Text:    old.Kind != payload.Binary && now.Kind != payload.Binary,
		Before:  compareSide(id, before, old, list),
		After:   compareSide(id, after, now, list),
		Headers: headerChanges(before.Headers, after.Headers, s, afterSource),
		Masked:  old.masked || now.masked,
	}
	same := bytes.Equal(before.Body, after.Body) && old.total == now.total
	oldText, _ := old.pretty(maxPretty)
	newText, _ := now.pretty(maxPretty)
	switch {
	case same && !before.IsHead():
		v.SameNote = "The bodies are the same."
	case same:
		const text = "The first %s of the bodies are the same. The rest is not compared here."
		v.SameNote = fmt.Sprintf(text, size(len(before.Body)))
	case !v.Text:
		v.SameNote = "Binary bodies cannot be compared here. Download both."
	case oldText == newText && (old.Cut || now.Cut):
		v.SameNote = "The first part of the bodies is the same. The rest is not compared here."
	case oldText == newText:
		v.SameNote = "The bodies differ in nothing that is shown here: only in white space between values, in how " +
			"they are written, or in values that are masked."
	}
	return v
}

func compareSide(id deadletter.ID, r deadletter.Revision, b shownBody, list []deadletter.Revision) page.CompareSide {
	side := page.CompareSide{
		Name: revisionName(r),
		Size: strings.Join(append([]string{b.size()}, formOf(b.Text)...), ", "),
		JSON: b.IsJSON(), Options: revisionOptions(list, r.Number),
	}
	if b.Kind == payload.Binary {
		return side
	}
	text, _ := b.pretty(maxPretty)
	side.Body, side.Note = printable(string(cutText([]byte(text), maxShown))), b.faults(maxShown)
	if side.Note == "" {
		side.Note = shownOf(len(text), maxShown)
	}
	if side.Note != "" && b.total <= maxPretty && (b.IsUTF8() || !b.Cut) {
		side.FullURL = address(
			"/messages/"+string(id)+"/body",
			url.Values{"form": {"pretty"}, "revision": {strconv.Itoa(r.Number)}},
		)
	}
	return side
}

// headerChanges returns the headers that differ, masked.
func headerChanges(before, after deadletter.Headers, s, afterSource desk.Source) []page.HeaderChange {
	old, now := s.Masks.Headers(before), afterSource.Masks.Headers(after)
	names := append(old.Names(), now.Names()...)
	slices.Sort(names)
	var rows []page.HeaderChange
	for _, name := range slices.Compact(names) {
		if !slices.Equal(before[name], after[name]) {
			rows = append(rows, page.HeaderChange{
				Name: printable(name),
				Old:  joined(old[name]),
				New:  joined(now[name]),
			})
		}
	}
	return rows
}

// joined returns the values of a header in one line.
func joined(values []string) string {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = printable(deadletter.ReadableValue(value))
	}
	return strings.Join(texts, ", ")
}

// compareWith returns the address that compares a message as received with another message or with an arrival.
func compareWith(id deadletter.ID, field, value, back string) string {
	return address(
		"/messages/"+url.PathEscape(string(id))+"/compare",
		replaceParam(url.Values{field: {value}}, "back", back),
	)
}

// otherBody is a body beside the revisions of a message: that of an arrival, of another message, of a delivered webhook
// that is kept, or pasted text.
type otherBody struct {
	revision deadletter.Revision
	name     string
	url      string // reads the whole body
	masks    *redact.Rules
	bodyOnly bool // it has no headers to compare
}

// otherBody returns the body that a request names beside the revisions of a message; nil if it names none.
func (c *Console) otherBody(r *http.Request, m deadletter.Message) (*otherBody, error) {
	own := c.Desk.SourceOf(m).Masks
	pasted, isPasted := r.PostForm["text"]
	switch arrival, with := r.FormValue("arrival"), deadletter.ID(r.FormValue("with")); {
	case isPasted:
		body := deadletter.Revision{
			Body:    []byte(pasted[0]),
			Headers: deadletter.Headers{"Content-Type": {"text/plain"}},
		}
		return &otherBody{revision: body, name: "pasted text", masks: own, bodyOnly: true}, nil
	case arrival != "":
		return c.arrivalBody(r.Context(), m, arrival)
	case with != "":
		return c.bodyOfAnother(r.Context(), m, with)
	case r.FormValue("delivered") != "":
		return c.deliveredBody(r.Context(), m, r.FormValue("delivered"))
	}
	return nil, nil //nolint:nilnil // most requests name none, which is no error
}

func (c *Console) arrivalBody(ctx context.Context, m deadletter.Message, arrival string) (*otherBody, error) {
	number, err := arrivalNumber(arrival)
	if err != nil {
		return nil, err
	}
	a, err := c.Store.Arrival(ctx, m.ID, number)
	if err == nil && !a.Differs {
		err = deadletter.Errorf(deadletter.NotFound, "this arrival has the content of the message")
	}
	return &otherBody{
		revision: deadletter.Revision{Body: a.Body, Headers: a.Headers},
		name:     "arrival " + arrival,
		url:      address(messageURL(m.ID, "")+"/body", url.Values{"arrival": {arrival}, "form": {"pretty"}}),
		masks:    c.Desk.SourceOf(m).Masks,
	}, err
}

func (c *Console) bodyOfAnother(ctx context.Context, m deadletter.Message, id deadletter.ID) (*otherBody, error) {
	other, err := c.Store.Message(ctx, id)
	if err != nil {
		return nil, err
	}
	if !m.HasSameID(other) && (m.Fingerprint == "" || m.Fingerprint != other.Fingerprint) {
		return nil, deadletter.Errorf(deadletter.Invalid, "these messages have neither the same id nor the same cause")
	}
	received, err := c.Store.RevisionHead(ctx, id, 0)
	return &otherBody{
		revision: received,
		name:     "message " + string(id),
		url:      address(messageURL(id, "")+"/body", url.Values{"revision": {"0"}, "form": {"pretty"}}),
		masks:    c.Desk.SourceOf(other).Masks,
	}, err
}

func (c *Console) deliveredBody(ctx context.Context, m deadletter.Message, number string) (*otherBody, error) {
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil {
		return nil, deadletter.Errorf(deadletter.Invalid, "%q is not the number of a delivered webhook", number)
	}
	b, err := c.Desk.KeptDelivered(ctx, m, n)
	return &otherBody{
		revision: deadletter.Revision{Body: b.Content, Headers: b.Headers()},
		name:     "webhook delivered " + b.At.Format("2006-01-02 15:04:05 UTC"),
		masks:    c.Desk.SourceOf(m).Masks,
		bodyOnly: true,
	}, err
}
