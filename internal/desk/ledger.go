package desk

import (
	"context"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/ledger"
	"dlqdesk/internal/store"
)

// Acknowledge records that an imbalance is known, which ends its alarm. It returns Conflict if the amount has changed
// or the imbalance was acknowledged already.
func (d *Desk) Acknowledge(
	ctx context.Context, by deadletter.Actor, key ledger.Key, amount int, note string,
) error {
	if err := by.May(deadletter.ActAcknowledge); err != nil {
		return err
	}
	note, err := cleanReason(note)
	if err != nil {
		return err
	}
	note = d.masks().All().Note(note)
	i, ok := d.ledger.State().Find(key)
	if !ok {
		return deadletter.Errorf(deadletter.Conflict, "this hour balances now: there is nothing to acknowledge")
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
