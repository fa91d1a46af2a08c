package desk

import (
	"context"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/ledger"
	"dlqdesk/internal/store"
)

// Ledger is what the desk asks of the check of the ledger.
type Ledger interface {
	State() ledger.State
	// Reload takes account of what was acknowledged since the latest check.
	Reload(ctx context.Context) error
}

// SetLedger says by what the ledger is checked. It is called before the desk takes orders.
func (d *Desk) SetLedger(l Ledger) { d.ledger = l }

// Acknowledge keeps with an hour that does not balance that somebody knows of it, so that it is no alarm any more.
// Conflict says that it is another amount by now, or that somebody was quicker.
func (d *Desk) Acknowledge(
	ctx context.Context,
	by deadletter.Actor,
	key ledger.Key,
	amount int,
	note string,
) error {
	if err := by.May(deadletter.ActAcknowledge); err != nil {
		return err
	}
	note, err := cleanReason(note)
	if err != nil {
		return err
	}
	i, ok := d.ledger.State().Find(key)
	if !ok {
		return deadletter.Errorf(deadletter.Conflict, "this hour balances by now: there is nothing to acknowledge")
	}
	if err := d.store.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		if i.Ack, err = tx.Acknowledged(ctx, key); err != nil {
			return err
		}
		ack, e, err := i.Acknowledge(by, amount, note, d.now())
		if err != nil {
			return err
		}
		return tx.Acknowledge(ctx, key, ack, e)
	}); err != nil {
		return err
	}
	return d.ledger.Reload(ctx)
}
