package desk

import (
	"context"
	"errors"
	"slices"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/ledger"
	"dlqdesk/internal/store"
)

// Acknowledge records that an imbalance is known, which ends its alarm. It returns Conflict if the amount has changed
// or the imbalance was acknowledged already.
func (d *Desk) Acknowledge(
	ctx context.Context, by deadletter.Actor, key ledger.Key, amount int, note string,
) error {
	if err := errors.Join(by.May(deadletter.ActAcknowledge), by.Reaches(key.Source, "imbalance")); err != nil {
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

// Reconciliation returns a page of the ledger with the result of the latest check: of one source, or of all if the
// query names none. It returns Forbidden for that of all if the actor is limited to some sources.
func (d *Desk) Reconciliation(
	ctx context.Context, by deadletter.Actor, q store.LedgerQuery,
) (page store.LedgerPage, state ledger.State, err error) {
	if err := errors.Join(by.May(deadletter.ActView), by.ReachesSource(q.Source)); err != nil {
		return page, state, err
	}
	state = d.ledger.State()
	state.Imbalances = slices.DeleteFunc(slices.Clone(state.Imbalances), func(i ledger.Imbalance) bool {
		return q.Source != "" && i.Source != q.Source
	})
	hider := d.Hider()
	for i := range state.Imbalances {
		state.Imbalances[i].Ack.Note = hider.Note(state.Imbalances[i].Ack.Note)
	}
	page, err = d.store.Ledger(ctx, q)
	return page, state, err
}
