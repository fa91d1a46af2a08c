package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
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

const addUnmasking = `INSERT INTO unmaskings (message, by, session, value, reason, at, until)
	VALUES (?, ?, ?, ?, ?, ?, ?)`

// AddUnmasking adds an unmasking and its audit event.
func (t *Tx) AddUnmasking(ctx context.Context, u deadletter.Unmasking, e deadletter.Event) error {
	_, err := t.tx.ExecContext(ctx, addUnmasking, u.Message, u.By, u.Session, u.Value, u.Reason, u.At.UnixMilli(),
		u.Until.UnixMilli())
	if err != nil {
		return fmt.Errorf("add an unmasking of message %s: %w", u.Message, err)
	}
	return t.Record(ctx, e)
}

const endUnmasking = `UPDATE unmaskings SET until = ? WHERE id = ?`

// EndUnmasking stores that an unmasking has ended, and its audit event.
func (t *Tx) EndUnmasking(ctx context.Context, u deadletter.Unmasking, e deadletter.Event) error {
	if _, err := t.tx.ExecContext(ctx, endUnmasking, u.Until.UnixMilli(), u.ID); err != nil {
		return fmt.Errorf("end an unmasking of message %s: %w", u.Message, err)
	}
	return t.Record(ctx, e)
}

const unmaskingsInForce = `SELECT id, message, by, session, value, reason, at, until FROM unmaskings
	WHERE message = ? AND until > ? ORDER BY id`

func unmaskings(ctx context.Context, q sqlite.Querier, id deadletter.ID, at time.Time) ([]deadletter.Unmasking, error) {
	var list []deadletter.Unmasking
	err := sqlite.Each(ctx, q, func(r sqlite.Row) error {
		var u deadletter.Unmasking
		var from, until int64
		err := r.Scan(&u.ID, &u.Message, &u.By, &u.Session, &u.Value, &u.Reason, &from, &until)
		u.At, u.Until = time.UnixMilli(from).UTC(), time.UnixMilli(until).UTC()
		list = append(list, u)
		return err
	}, unmaskingsInForce, id, at.UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("read the unmaskings of message %s: %w", id, err)
	}
	return list, nil
}

// Unmaskings returns the unmaskings of a message that are in force at a time.
func (s *Store) Unmaskings(ctx context.Context, id deadletter.ID, at time.Time) ([]deadletter.Unmasking, error) {
	return unmaskings(ctx, s.db, id, at)
}

// Unmaskings returns the unmaskings of a message that are in force at a time, as this transaction sees them.
func (t *Tx) Unmaskings(ctx context.Context, id deadletter.ID, at time.Time) ([]deadletter.Unmasking, error) {
	return unmaskings(ctx, t.tx, id, at)
}
