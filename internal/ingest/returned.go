package ingest

import (
	"context"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// takeBack goes on with the message of a message that was sent back from the desk and failed again. It answers false
// for any other.
func (i *Ingest) takeBack(ctx context.Context, tx *store.Tx, c *deadletter.Capture) (bool, error) {
	if c.Queue.From == "" {
		return false, nil // nothing is ever sent back to the program's own queue
	}
	l, before, err := tx.Returned(ctx, *c)
	if deadletter.KindOf(err) == deadletter.NotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	sent, err := tx.Redriven(ctx, l.ID)
	if deadletter.KindOf(err) == deadletter.NotFound {
		sent, err = tx.Revision(ctx, l.ID, 0)
	}
	if err != nil {
		return false, err
	}
	if before {
		return true, tx.Apply(ctx, l.ArriveAgain(*c, sent, i.now()))
	}
	open, err := i.openRedrive(ctx, tx, l)
	if err != nil {
		return false, err
	}
	return true, tx.Apply(ctx, l.Return(*c, sent, open, i.now()))
}

// openRedrive returns the redrive of a message that is in flight; nil where none is.
func (i *Ingest) openRedrive(ctx context.Context, tx *store.Tx, l deadletter.Message) (*deadletter.Attempt, error) {
	if !l.IsRedriving() || l.Lease.Token == "" {
		return nil, nil //nolint:nilnil // most messages have none, which is no fault
	}
	open, err := tx.OpenAttempt(ctx, l.ID)
	return &open, err
}
