// Package desk is what a person may order of messages: replay, edit, archive, restore, one or many. It checks that
// they may, opens the transaction, and lets the domain decide. Console, API and command line all come through here.
package desk

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/store"
)

// Source is what the desk must know of a configured source: which parts of its messages are secret, and how to reach
// its destination.
type Source struct {
	Name        string
	MaskHeaders []string
	MaskPaths   []payload.Path
	Probe       func() // lets the next retry go at once, whatever holds it; it must not block
	Unnamed     bool   // messages whose message named no source go there as well
}

// Desk takes orders. Its methods may be called from many goroutines.
type Desk struct {
	store   *store.Store
	sources map[string]Source
	origins map[string]Origin // by queue of the list
	ledger  Ledger
	kick    func()
	now     func() time.Time
}

// New makes a desk. A source named "" is that of messages whose message named none. kick tells the worker that a
// delivery was ordered; it must not block.
func New(s *store.Store, sources []Source, kick func(), now func() time.Time) *Desk {
	byName := map[string]Source{}
	for _, source := range sources {
		byName[source.Name] = source
	}
	return &Desk{store: s, sources: byName, kick: kick, now: now}
}

// Source answers a configured source, and false for one that is not configured (any more).
func (d *Desk) Source(name string) (Source, bool) {
	s, ok := d.sources[name]
	return s, ok
}

// maxReason is how many characters a reason may have.
const maxReason = 1000

// Ref names a message and the version of it that the person saw.
type Ref struct {
	ID      deadletter.ID
	Version int
}

// Edit is what a person made of a revision of a message.
type Edit struct {
	Base    int // the revision that was edited
	Body    []byte
	Headers deadletter.Headers
	Reason  string
}

// Replay orders a delivery of a revision of a message. Forbidden, NotFound or Conflict say why not.
func (d *Desk) Replay(ctx context.Context, by deadletter.Actor, ref Ref, revision int) error {
	return d.one(ctx, by, deadletter.ActReplay, ref, d.replay(by, revision))
}

// EditAndReplay adds a revision to a message and orders its delivery. Invalid says where the body is not valid.
func (d *Desk) EditAndReplay(ctx context.Context, by deadletter.Actor, ref Ref, e Edit) error {
	return d.one(ctx, by, deadletter.ActEdit, ref, d.edit(by, deadletter.TriggerEdit, e))
}

// edited makes the next revision of a message of what a person made of another one.
func edited(base deadletter.Revision, e Edit, s Source) (deadletter.Revision, error) {
	body, err := payload.EditBody(base, e.Body)
	if err != nil {
		return deadletter.Revision{}, err
	}
	if body, err = redact.Restore(body, base.Body, s.MaskPaths); err != nil {
		return deadletter.Revision{}, err
	}
	headers, err := redact.EditHeaders(base.Headers, e.Headers, s.MaskHeaders...)
	return deadletter.Revision{Body: body, Headers: headers}, err
}

// Archive puts a message away.
func (d *Desk) Archive(ctx context.Context, by deadletter.Actor, ref Ref, why string) error {
	return d.one(ctx, by, deadletter.ActArchive, ref, d.archive(by, why))
}

// Restore brings an archived message back.
func (d *Desk) Restore(ctx context.Context, by deadletter.Actor, ref Ref) error {
	return d.one(ctx, by, deadletter.ActRestore, ref, d.restore(by))
}

// order decides what becomes of a message, within the transaction that will apply it.
type order func(ctx context.Context, tx *store.Tx, l deadletter.Message, version int) (deadletter.Change, error)

func (d *Desk) replay(by deadletter.Actor, revision int) order {
	return func(_ context.Context, _ *store.Tx, l deadletter.Message, version int) (deadletter.Change, error) {
		if err := d.Deliverable(l); err != nil {
			return deadletter.Change{}, err
		}
		return l.OrderReplay(by, deadletter.TriggerReplay, revision, version, d.now())
	}
}

func (d *Desk) edit(by deadletter.Actor, trigger deadletter.Trigger, e Edit) order {
	return func(ctx context.Context, tx *store.Tx, l deadletter.Message, version int) (deadletter.Change, error) {
		goes := d.Deliverable
		if trigger.Redrives() {
			goes = func(l deadletter.Message) error { _, err := d.Redrivable(l); return err }
		}
		if err := goes(l); err != nil {
			return deadletter.Change{}, err
		}
		reason, err := cleanReason(e.Reason)
		if err != nil {
			return deadletter.Change{}, err
		}
		base, err := tx.Revision(ctx, l.ID, e.Base)
		if err != nil {
			return deadletter.Change{}, err
		}
		next, err := edited(base, e, d.sources[l.Source])
		if err != nil {
			return deadletter.Change{}, err
		}
		next.Reason = reason
		return l.EditAndReplay(by, trigger, next, version, d.now())
	}
}

func (d *Desk) archive(by deadletter.Actor, why string) order {
	return func(_ context.Context, _ *store.Tx, l deadletter.Message, version int) (deadletter.Change, error) {
		why, err := cleanReason(why)
		if err != nil {
			return deadletter.Change{}, err
		}
		return l.Archive(by, why, version, d.now())
	}
}

func (d *Desk) restore(by deadletter.Actor) order {
	return func(_ context.Context, _ *store.Tx, l deadletter.Message, version int) (deadletter.Change, error) {
		return l.Restore(by, version, d.now())
	}
}

// Deliverable answers nil when a replay of the message has somewhere to go, and otherwise a Conflict that says why not:
// destinations come from the configuration alone.
func (d *Desk) Deliverable(l deadletter.Message) error {
	_, ok := d.sources[l.Source]
	switch {
	case l.Source == "" && l.Queue.From != "":
		return deadletter.Errorf(
			deadletter.Conflict,
			"messages of the queue %s have no HTTP destination: set queues.%s.source, and restart",
			l.Queue.From,
			l.Queue.From,
		)
	case ok:
		return nil
	case l.Source == "":
		return deadletter.Errorf(
			deadletter.Conflict,
			"this message names no source, so it has no destination: set queue.default_source to the source it belongs to and restart",
		)
	}
	return deadletter.Errorf(
		deadletter.Conflict,
		"the source %q of this message is not configured: add it under sources and restart",
		l.Source,
	)
}

func (d *Desk) one(ctx context.Context, by deadletter.Actor, act deadletter.Action, ref Ref, decide order) error {
	if err := by.May(act); err != nil {
		return err
	}
	err := d.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return d.carryOut(ctx, tx, ref, decide) })
	if err == nil {
		d.kick()
	}
	return err
}

func (d *Desk) carryOut(ctx context.Context, tx *store.Tx, ref Ref, decide order) error {
	l, err := tx.Message(ctx, ref.ID)
	if err != nil {
		return err
	}
	change, err := decide(ctx, tx, l, ref.Version)
	if err != nil {
		return err
	}
	return tx.Apply(ctx, change)
}

func cleanReason(reason string) (string, error) {
	reason = strings.TrimSpace(strings.ToValidUTF8(reason, "\uFFFD"))
	if n := utf8.RuneCountInString(reason); n > maxReason {
		return "", deadletter.Errorf(
			deadletter.Invalid,
			"the reason has %d characters: at most %d are kept",
			n,
			maxReason,
		)
	}
	return reason, nil
}
