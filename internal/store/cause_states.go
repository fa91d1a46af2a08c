package store

import (
	"context"
	"fmt"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

const (
	dueCauses                = `SELECT ` + causeColumns + ` FROM causes WHERE due_at <= ? ORDER BY due_at LIMIT ?`
	causesWaitingForDelivery = `SELECT ` + causeColumns + ` FROM causes WHERE mute_delivered = 1 LIMIT ?`
)

// DueCauses returns causes whose state may change by itself at a time, those that wait longest first.
func (s *Store) DueCauses(ctx context.Context, at time.Time, limit int) ([]deadletter.Cause, error) {
	return causes(ctx, s.db, dueCauses, at.UnixMilli(), limit)
}

// CausesMutedUntilDelivered returns causes whose mute a successful delivery to their destination ends, in no order.
func (s *Store) CausesMutedUntilDelivered(ctx context.Context, limit int) ([]deadletter.Cause, error) {
	return causes(ctx, s.db, causesWaitingForDelivery, limit)
}

const setCauseDue = `UPDATE causes SET due_at = ? WHERE fingerprint = ?`

// ScheduleCause writes when time alone may change a cause next. Nothing else of the cause is written.
func (t *Tx) ScheduleCause(ctx context.Context, c deadletter.Cause) error {
	if _, err := t.tx.ExecContext(ctx, setCauseDue, sqlite.Millis(c.DueAt()), c.Fingerprint); err != nil {
		return fmt.Errorf("write when the cause %s is due: %w", c.Fingerprint, err)
	}
	return nil
}

const (
	// causeSkew is how far ahead the clocks of other hosts may be that receive webhooks.
	causeSkew = time.Minute

	futureCauses = `SELECT fingerprint FROM causes
		WHERE max(first_at, last_at, counted_at, state_at, told_at) > ? LIMIT ?`
	setCauseBack = `UPDATE causes SET first_at = min(first_at, ?2), last_at = min(last_at, ?2),
		counted_at = min(counted_at, ?2), state_at = min(state_at, ?2), told_at = min(told_at, ?2), due_at = ?2
		WHERE fingerprint = ?1`
)

// SetCausesBack makes a time the latest that causes have: a clock that was ahead left later ones, and nothing would
// happen to these causes until then. It reads all causes.
func (s *Store) SetCausesBack(ctx context.Context, at time.Time) error {
	for {
		found, err := sqlite.Column[string](
			ctx, s.db, "causes of the future", futureCauses, at.Add(causeSkew).UnixMilli(), itemsPerCommit,
		)
		if err != nil || len(found) == 0 {
			return err
		}
		err = s.Write(ctx, func(ctx context.Context, tx *Tx) error {
			for _, fingerprint := range found {
				if _, err := tx.tx.ExecContext(ctx, setCauseBack, fingerprint, at.UnixMilli()); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("set back %d causes: %w", len(found), err)
		}
	}
}

// Both ends of a UNION have an index; an OR would read all causes.
const activeCauses = `SELECT ` + causeColumns + ` FROM causes WHERE growth > 0 UNION
	SELECT * FROM (SELECT ` + causeColumns + ` FROM causes WHERE last_at >= ? ORDER BY last_at DESC LIMIT ?)`

// ActiveCauses returns the causes that were growing when that was looked at last, and the latest ones that failed since
// a time.
func (s *Store) ActiveCauses(ctx context.Context, since time.Time, limit int) ([]deadletter.Cause, error) {
	return causes(ctx, s.db, activeCauses, since.UnixMilli(), limit)
}

const setGrowth = `UPDATE causes SET growth = ? WHERE fingerprint = ?`

// SetGrowth writes the Growth of a cause, which is a count and no decision: it has no audit event.
func (t *Tx) SetGrowth(ctx context.Context, fingerprint string, growth int) error {
	if _, err := t.tx.ExecContext(ctx, setGrowth, growth, fingerprint); err != nil {
		return fmt.Errorf("write the growth of the cause %s: %w", fingerprint, err)
	}
	return nil
}
