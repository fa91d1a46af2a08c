package ingest

import (
	"context"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// applyRedriven stores a queue message that the desk had redriven, and that failed again, as an event of its message.
// It returns false for any other.
func (i *Ingest) applyRedriven(ctx context.Context, tx *store.Tx, c *deadletter.Capture) (bool, error) {
	if c.Queue.ConfigName == "" {
		return false, nil // messages are never redriven to the program's own queue
	}
	m, before, err := tx.Returned(ctx, *c)
	if deadletter.KindOf(err) == deadletter.NotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	sent, err := tx.Redriven(ctx, m.ID)
	if deadletter.KindOf(err) == deadletter.NotFound {
		sent, err = tx.Revision(ctx, m.ID, 0)
	}
	if err != nil {
		return false, err
	}
	if !c.IsReturnOf(m, sent) {
		return false, nil // its sender copied the mark
	}
	if before {
		return true, tx.Apply(ctx, m.ArriveAgain(*c, i.Now()))
	}
	open, err := i.openRedrive(ctx, tx, m)
	if err != nil {
		return false, err
	}
	return true, tx.Apply(ctx, m.Return(*c, open, i.Now()))
}

// openRedrive returns the redrive of a message that is in flight; nil if there is none.
func (i *Ingest) openRedrive(ctx context.Context, tx *store.Tx, m deadletter.Message) (*deadletter.Attempt, error) {
	if !m.IsRedriving() || m.Lease.Token == "" {
		return nil, nil //nolint:nilnil // most messages have none, which is no error
	}
	open, err := tx.OpenAttempt(ctx, m.ID)
	return &open, err
}
