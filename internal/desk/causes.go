package desk

import (
	"context"
	"slices"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// CauseRef names a cause and the version of it that the person saw.
type CauseRef struct {
	Fingerprint string
	Version     int
}

// CauseView is a cause with what an actor may do to it now, and the next step for it. Every order for a cause returns
// it: as it is after the order, or as it is before with the error of an order that was refused.
type CauseView struct {
	Cause   deadletter.Cause
	Refused map[deadletter.Action]error // why an action is not permitted; none for an action that is
	Next    deadletter.CauseStep
}

// Cause returns a cause. It returns NotFound if there is none.
func (d *Desk) Cause(ctx context.Context, by deadletter.Actor, fingerprint string) (CauseView, error) {
	if err := by.May(deadletter.ActView); err != nil {
		return CauseView{}, err
	}
	c, err := d.store.Cause(ctx, fingerprint)
	if err == nil {
		err = by.Reaches(c.Source, "cause "+fingerprint)
	}
	if err != nil {
		return CauseView{}, err
	}
	views, err := d.causeViews(ctx, by, c)
	if err != nil {
		return CauseView{}, err
	}
	return views[0], nil
}

// Causes returns one page of causes.
func (d *Desk) Causes(
	ctx context.Context, by deadletter.Actor, q store.CauseQuery,
) (page store.Page[CauseView], err error) {
	if err := by.May(deadletter.ActView); err != nil {
		return page, err
	}
	q.Sources = by.Sources
	list, err := d.store.Causes(ctx, q)
	if err != nil {
		return page, err
	}
	page.Newer, page.Older = list.Newer, list.Older
	page.Items, err = d.causeViews(ctx, by, list.Items...)
	return page, err
}

// CausesMatching returns those of some causes that match a filter, in no order.
func (d *Desk) CausesMatching(
	ctx context.Context, by deadletter.Actor, fingerprints []string, f store.CauseFilter,
) ([]CauseView, error) {
	if err := by.May(deadletter.ActView); err != nil {
		return nil, err
	}
	list, err := d.store.CausesMatching(ctx, fingerprints, f)
	if err != nil {
		return nil, err
	}
	return d.causeViews(ctx, by, list...)
}

// CausesOf returns the causes of messages, in no order, as they may be shown: without what is permitted on them.
func (d *Desk) CausesOf(
	ctx context.Context, by deadletter.Actor, messages []deadletter.Message,
) ([]deadletter.Cause, error) {
	if err := by.May(deadletter.ActView); err != nil {
		return nil, err
	}
	fingerprints := make([]string, len(messages))
	for i, m := range messages {
		fingerprints[i] = m.Fingerprint
	}
	slices.Sort(fingerprints)
	list, err := d.store.CausesMatching(ctx, slices.Compact(fingerprints), store.CauseFilter{})
	if err != nil {
		return nil, err
	}
	return list, d.Hider().Causes(ctx, list)
}

// causeViews returns causes as they may be shown to an actor.
func (d *Desk) causeViews(ctx context.Context, by deadletter.Actor, list ...deadletter.Cause) ([]CauseView, error) {
	hider := d.Hider()
	if err := hider.Causes(ctx, list); err != nil {
		return nil, err
	}
	recipes, err := d.bestRecipes(ctx, list)
	if err != nil {
		return nil, err
	}
	views := make([]CauseView, len(list))
	for i, c := range list {
		c.EditReason, c.Ticket = hider.Note(c.EditReason), hider.Note(c.Ticket)
		facts := d.causeFacts(c)
		if facts.Recipe = recipes[c.Fingerprint]; facts.Recipe.ID != 0 {
			facts.Recipe.Name = hider.Note(facts.Recipe.Name)
		}
		views[i] = CauseView{Cause: c, Refused: d.refusedOn(by, c), Next: c.NextStep(facts)}
	}
	return views, nil
}

func (d *Desk) refusedOn(by deadletter.Actor, c deadletter.Cause) map[deadletter.Action]error {
	refused, now := map[deadletter.Action]error{}, d.now()
	for _, act := range deadletter.CauseActions() {
		if err := c.Permits(by, act, now); err != nil {
			refused[act] = err
		}
	}
	return refused
}

// causeFacts returns what the configuration and the circuit breakers know of a cause.
func (d *Desk) causeFacts(c deadletter.Cause) deadletter.CauseFacts {
	var f deadletter.CauseFacts
	if s, ok := d.Source(c.Source); ok && s.Waits != nil {
		f.Waits = s.Waits()
	}
	if s, ok := d.Source(c.Source); ok && s.Delivered != nil {
		f.DeliveredAt = s.Delivered()
	}
	return f
}

// Claim gives a cause to the actor for one of deadletter.ClaimTimes.
func (d *Desk) Claim(
	ctx context.Context, by deadletter.Actor, ref CauseRef, lease time.Duration,
) (CauseView, error) {
	return d.changeCause(ctx, by, deadletter.ActClaim, ref, func(c deadletter.Cause) (deadletter.CauseChange, error) {
		return c.Claim(by, lease, ref.Version, d.now())
	})
}

// Release ends the claim of a cause.
func (d *Desk) Release(ctx context.Context, by deadletter.Actor, ref CauseRef) (CauseView, error) {
	return d.changeCause(ctx, by, deadletter.ActRelease, ref, func(c deadletter.Cause) (deadletter.CauseChange, error) {
		return c.Release(by, ref.Version, d.now())
	})
}

// Mute mutes a cause until a condition of m is true.
func (d *Desk) Mute(ctx context.Context, by deadletter.Actor, ref CauseRef, m deadletter.Mute) (CauseView, error) {
	return d.changeCause(ctx, by, deadletter.ActMute, ref, func(c deadletter.Cause) (deadletter.CauseChange, error) {
		return c.MuteUntil(by, m, ref.Version, d.now())
	})
}

// Unmute ends the mute of a cause.
func (d *Desk) Unmute(ctx context.Context, by deadletter.Actor, ref CauseRef) (CauseView, error) {
	return d.changeCause(ctx, by, deadletter.ActUnmute, ref, func(c deadletter.Cause) (deadletter.CauseChange, error) {
		return c.Unmute(by, ref.Version, d.now())
	})
}

// MarkKnown gives a cause a ticket, by its id or by a link of the tracker.
func (d *Desk) MarkKnown(ctx context.Context, by deadletter.Actor, ref CauseRef, ticket string) (CauseView, error) {
	return d.changeCause(ctx, by, deadletter.ActKnown, ref, func(c deadletter.Cause) (deadletter.CauseChange, error) {
		return c.MarkKnown(by, d.tracker(), ticket, ref.Version, d.now())
	})
}

// Unmark takes the ticket from a cause.
func (d *Desk) Unmark(ctx context.Context, by deadletter.Actor, ref CauseRef) (CauseView, error) {
	return d.changeCause(ctx, by, deadletter.ActUnmark, ref, func(c deadletter.Cause) (deadletter.CauseChange, error) {
		return c.Unmark(by, ref.Version, d.now())
	})
}

// changeCause reads a cause once, decides, writes, and returns the cause as it is then.
func (d *Desk) changeCause(
	ctx context.Context, by deadletter.Actor, act deadletter.Action, ref CauseRef,
	decide func(c deadletter.Cause) (deadletter.CauseChange, error),
) (CauseView, error) {
	if err := by.May(act); err != nil {
		return CauseView{}, err
	}
	var now deadletter.Cause
	err := d.store.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		c, err := tx.Cause(ctx, ref.Fingerprint)
		if err == nil {
			err = by.Reaches(c.Source, "cause "+ref.Fingerprint)
		}
		if err != nil {
			return err
		}
		now = c
		change, err := decide(now)
		if err != nil {
			return err
		}
		now = change.After
		return tx.ApplyCause(ctx, change)
	})
	if now.Fingerprint == "" {
		return CauseView{}, err
	}
	views, hideErr := d.causeViews(ctx, by, now)
	if hideErr != nil {
		return CauseView{}, hideErr
	}
	return views[0], err
}

// CauseNotes returns the notes about a cause, oldest first, with their earlier texts.
func (d *Desk) CauseNotes(
	ctx context.Context, by deadletter.Actor, fingerprint string,
) ([]deadletter.CauseNote, error) {
	if err := by.May(deadletter.ActView); err != nil {
		return nil, err
	}
	if _, err := d.Cause(ctx, by, fingerprint); err != nil {
		return nil, err
	}
	list, err := d.store.CauseNotes(ctx, fingerprint)
	if err != nil {
		return nil, err
	}
	rules := d.masks().All()
	for i := range list {
		list[i].Text = rules.Note(list[i].Text)
		for j := range list[i].Edits {
			list[i].Edits[j].Text = rules.Note(list[i].Edits[j].Text)
		}
	}
	return list, nil
}

// AddNote adds a note in Markdown to the conversation about a cause.
func (d *Desk) AddNote(ctx context.Context, by deadletter.Actor, fingerprint, text string) error {
	if err := by.May(deadletter.ActNote); err != nil {
		return err
	}
	return d.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		c, err := tx.Cause(ctx, fingerprint)
		if err == nil {
			err = by.Reaches(c.Source, "cause "+fingerprint)
		}
		if err != nil {
			return err
		}
		return d.addNote(ctx, tx, by, c, text)
	})
}

func (d *Desk) addNote(
	ctx context.Context, tx *store.Tx, by deadletter.Actor, c deadletter.Cause, text string,
) error {
	note, event, err := c.AddNote(by, d.masks().All().Note(text), d.now())
	if err != nil {
		return err
	}
	return tx.AddCauseNote(ctx, note, event)
}

// EditNote replaces the text of the actor's own note; the text before is kept.
func (d *Desk) EditNote(ctx context.Context, by deadletter.Actor, id int64, text string) error {
	if err := by.May(deadletter.ActNote); err != nil {
		return err
	}
	return d.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		note, err := tx.CauseNote(ctx, id)
		if err != nil {
			return err
		}
		c, err := tx.Cause(ctx, note.Fingerprint)
		if err == nil {
			err = by.Reaches(c.Source, "cause "+note.Fingerprint)
		}
		if err != nil {
			return err
		}
		note, event, err := note.Edit(by, c.Source, d.masks().All().Note(text), d.now())
		if err != nil {
			return err
		}
		return tx.EditCauseNote(ctx, note, event)
	})
}

func (d *Desk) tracker() deadletter.Tickets {
	if d.tickets == nil {
		return deadletter.Tickets{}
	}
	return d.tickets()
}

// TicketURL returns the address of a ticket; "" if no tracker is configured.
func (d *Desk) TicketURL(id string) string { return d.tracker().URL(id) }

// NewTicketURL returns the address of the form for a new ticket with a title and a text filled in; "" if no tracker is
// configured.
func (d *Desk) NewTicketURL(title, text string) string { return d.tracker().NewURL(title, text) }
