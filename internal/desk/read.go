package desk

import (
	"context"
	"errors"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/store"
)

// reachesMessage returns NotFound for a message that the actor does not reach, as for one that does not exist.
func reachesMessage(ctx context.Context, tx *store.Tx, by deadletter.Actor, id deadletter.ID) error {
	if by.Sources == "" {
		return nil
	}
	m, err := tx.Message(ctx, id)
	if err != nil {
		return err
	}
	return by.Reaches(m.Source, "message "+string(id))
}

// reachesCause returns NotFound for a cause that the actor does not reach, as for one that does not exist.
func (d *Desk) reachesCause(ctx context.Context, by deadletter.Actor, fingerprint string) error {
	if by.Sources == "" {
		return nil
	}
	c, err := d.store.Cause(ctx, fingerprint)
	if err != nil {
		return err
	}
	return by.Reaches(c.Source, "cause "+fingerprint)
}

// reachesJob returns NotFound for a job that has messages which the actor does not reach.
func (d *Desk) reachesJob(ctx context.Context, by deadletter.Actor, id deadletter.JobID) error {
	if by.Sources == "" {
		return nil
	}
	j, err := d.store.Job(ctx, id)
	if err != nil {
		return err
	}
	shares, err := d.store.JobShares(ctx, j)
	if err != nil {
		return err
	}
	for _, s := range shares {
		if err := by.Reaches(s.Source, "job "+id.String()); err != nil {
			return err
		}
	}
	return nil
}

// Messages returns one page of messages, masked as pages show them, with the counts of each status.
func (d *Desk) Messages(
	ctx context.Context, by deadletter.Actor, q store.MessageQuery,
) (page store.Page[deadletter.Message], counts store.Counts, err error) {
	if err := by.May(deadletter.ActView); err != nil {
		return page, counts, err
	}
	q.Sources, q.By = by.Sources, by.Name
	if q.Filter, err = d.store.Lookup(ctx, q.Filter); err != nil {
		return page, counts, err
	}
	if page, err = d.store.Messages(ctx, q); err != nil {
		return page, counts, err
	}
	if err := d.Hider().Messages(ctx, page.Items); err != nil {
		return page, counts, err
	}
	counts, err = d.store.Counts(ctx, q.Filter)
	return page, counts, err
}

// Message returns a message, masked as its page shows it, with what the actor may do to it.
func (d *Desk) Message(ctx context.Context, by deadletter.Actor, id deadletter.ID) (View, error) {
	if err := by.May(deadletter.ActView); err != nil {
		return View{}, err
	}
	m, err := d.store.Message(ctx, id)
	if err == nil {
		err = by.Reaches(m.Source, "message "+string(id))
	}
	if err == nil {
		err = d.Hider().Message(ctx, &m)
	}
	if err != nil {
		return View{}, err
	}
	return d.View(by, m), nil
}

// Attempts returns the latest attempts of a message, newest first, masked as its page shows them.
func (d *Desk) Attempts(ctx context.Context, by deadletter.Actor, id deadletter.ID) ([]deadletter.Attempt, error) {
	v, err := d.Message(ctx, by, id)
	if err != nil {
		return nil, err
	}
	list, err := d.store.Attempts(ctx, id)
	return list, errors.Join(err, d.Hider().Attempts(ctx, v.Message, list))
}

// Revisions returns the latest revisions of a message without their bodies, newest first, masked as its page shows
// them.
func (d *Desk) Revisions(ctx context.Context, by Viewer, id deadletter.ID) ([]deadletter.Revision, error) {
	v, err := d.Message(ctx, by.Actor, id)
	if err != nil {
		return nil, err
	}
	list, err := d.store.Revisions(ctx, id)
	if err == nil {
		err = d.Hider().Revisions(ctx, v.Message, list)
	}
	if err != nil {
		return nil, err
	}
	_, rules, err := d.Unmaskings(ctx, by, v.Message)
	for i := range list {
		list[i].Headers, list[i].QueueMessage = rules.Headers(list[i].Headers), nil
	}
	return list, err
}

// Arrivals returns the latest arrivals of a message after the first one, newest first, without their bodies, and with
// masked headers.
func (d *Desk) Arrivals(ctx context.Context, by deadletter.Actor, id deadletter.ID) ([]deadletter.Arrival, error) {
	v, err := d.Message(ctx, by, id)
	if err != nil {
		return nil, err
	}
	list, err := d.store.Arrivals(ctx, id)
	rules := d.SourceOf(v.Message).Masks
	for i := range list {
		list[i].Headers, list[i].Body = rules.Headers(list[i].Headers), nil
	}
	return list, err
}

// MaxExpanded bounds the content of a compressed body that is searched for secrets, so that it can be given away, in
// bytes.
const MaxExpanded = 16 << 20

// MaskedBody returns the body of a revision as it came, but masked. It returns TooLarge for a body that cannot be
// searched for secrets.
func MaskedBody(r deadletter.Revision, masks *redact.Rules) ([]byte, error) {
	wire, _, whole := masks.Wire(r.Headers, r.Body, max(MaxExpanded, len(r.Body)))
	if !whole {
		return nil, deadletter.Errorf(deadletter.TooLarge, "this body is too large to be searched for secrets, so it "+
			"cannot be downloaded here: look at its first part on the page of the message")
	}
	return wire, nil
}

// Body returns a revision of a message with its body as it came, but masked. It returns TooLarge for a body that
// cannot be searched for secrets.
func (d *Desk) Body(
	ctx context.Context, by Viewer, id deadletter.ID, number int,
) (deadletter.Revision, error) {
	v, err := d.Message(ctx, by.Actor, id)
	if err != nil {
		return deadletter.Revision{}, err
	}
	r, err := d.store.Revision(ctx, id, number)
	if err != nil {
		return r, err
	}
	_, rules, err := d.Unmaskings(ctx, by, v.Message)
	if err != nil {
		return r, err
	}
	body, err := MaskedBody(r, rules)
	r.Body, r.Headers, r.QueueMessage = body, rules.Headers(r.Headers), nil
	return r, err
}

// Job returns a job.
func (d *Desk) Job(ctx context.Context, by deadletter.Actor, id deadletter.JobID) (deadletter.Job, error) {
	if err := by.May(deadletter.ActView); err != nil {
		return deadletter.Job{}, err
	}
	if err := d.reachesJob(ctx, by, id); err != nil {
		return deadletter.Job{}, err
	}
	return d.store.Job(ctx, id)
}

// Jobs returns one page of the jobs that were started, newest first. It returns Forbidden for an actor who is limited
// to some sources.
func (d *Desk) Jobs(
	ctx context.Context, by deadletter.Actor, cursor string, limit int,
) (page store.Page[deadletter.Job], err error) {
	if err := errors.Join(by.May(deadletter.ActView), by.ReachesAll()); err != nil {
		return page, err
	}
	return d.store.Jobs(ctx, cursor, limit)
}

// Events returns one page of the audit trail, newest first, masked as its page shows it. It returns Forbidden for an
// actor who is limited to some sources.
func (d *Desk) Events(
	ctx context.Context, by deadletter.Actor, q store.EventQuery,
) (page store.Page[store.EventRow], err error) {
	if err := errors.Join(by.May(deadletter.ActView), by.ReachesAll()); err != nil {
		return page, err
	}
	if page, err = d.store.Events(ctx, q); err != nil {
		return page, err
	}
	return page, d.Hider().Events(ctx, page.Items)
}
