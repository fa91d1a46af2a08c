package store

import (
	"context"
	"fmt"
	"time"

	"dlqdesk/internal/ledger"
	"dlqdesk/internal/sqlite"
)

const (
	addRefusals = `INSERT INTO refusals (source, reason, refused, first_at, latest_at, why) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET refused = refused + excluded.refused,
			why = iif(excluded.latest_at >= latest_at, excluded.why, why),
			latest_at = max(latest_at, excluded.latest_at)`
	refusalsOf = `SELECT reason, refused, first_at, latest_at, why FROM refusals WHERE source = ?
		ORDER BY latest_at DESC, reason`
)

// SaveRefusals adds to the counts of refused requests.
func (s *Store) SaveRefusals(ctx context.Context, refused map[ledger.RefusalKey]ledger.Refusals) error {
	return s.ledgerWrite(ctx, "save refused requests", func(ctx context.Context, tx *Tx) error {
		for key, n := range refused {
			_, err := tx.tx.ExecContext(ctx, addRefusals, key.Source, key.Reason, n.Count, n.First.UnixMilli(),
				n.LatestAt.UnixMilli(), n.Why)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// ReasonRefusals are the refusals of one reason.
type ReasonRefusals struct {
	Reason ledger.RefusalReason
	ledger.Refusals
}

// Refusals returns the refused requests of a source by reason, the latest first; for "" those to no configured source.
func (s *Store) Refusals(ctx context.Context, source string) ([]ReasonRefusals, error) {
	var list []ReasonRefusals
	err := sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var n ReasonRefusals
		var first, latest int64
		err := r.Scan(&n.Reason, &n.Count, &first, &latest, &n.Why)
		n.First, n.LatestAt = time.UnixMilli(first).UTC(), time.UnixMilli(latest).UTC()
		list = append(list, n)
		return err
	}, refusalsOf, source)
	if err != nil {
		return nil, fmt.Errorf("read refused requests: %w", err)
	}
	return list, nil
}
