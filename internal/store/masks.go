package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

const (
	maskRules    = `SELECT digest, since FROM mask_rules`
	setMaskRules = `INSERT INTO mask_rules VALUES (1, ?1, ?2)
		ON CONFLICT DO UPDATE SET digest = excluded.digest, since = excluded.since`
)

// MasksSince returns since when the masks with a digest have been in force: from at on if others were before.
func (s *Store) MasksSince(ctx context.Context, digest []byte, at time.Time) (time.Time, error) {
	var known []byte
	var since int64
	err := s.db.QueryRowContext(ctx, maskRules).Scan(&known, &since)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return at, fmt.Errorf("read since when the masks are in force: %w", err)
	}
	if err == nil && bytes.Equal(known, digest) {
		return time.UnixMilli(since).UTC(), nil
	}
	return at, s.Write(ctx, func(ctx context.Context, tx *Tx) error {
		_, err := tx.tx.ExecContext(ctx, setMaskRules, digest, at.UnixMilli())
		return err
	})
}
