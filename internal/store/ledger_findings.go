package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/ledger"
	"dlqdesk/internal/sqlite"
)

const (
	knownMissing = `SELECT hour, source, stage, missing FROM ledger_missing WHERE hour >= ?`
	setMissing   = `INSERT INTO ledger_missing VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE
		SET missing = excluded.missing`
	forgetMissing = `DELETE FROM ledger_missing WHERE hour = ? AND source = ? AND stage = ?`
)

// KnownMissing returns how many webhooks since a time were missing while the queue would still have had them.
func (s *Store) KnownMissing(ctx context.Context, since time.Time) (map[ledger.Place]int, error) {
	known := map[ledger.Place]int{}
	err := sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var at ledger.Place
		var hour int64
		var n int
		err := r.Scan(&hour, &at.Source, &at.Stage, &n)
		at.Hour = time.UnixMilli(hour).UTC()
		known[at] = n
		return err
	}, knownMissing, since.UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("read missing webhooks of the ledger: %w", err)
	}
	return known, nil
}

// SaveMissing stores how many webhooks are missing now; 0 deletes the entry.
func (s *Store) SaveMissing(ctx context.Context, changed map[ledger.Place]int) error {
	return s.ledgerWrite(ctx, "store missing webhooks of the ledger", func(ctx context.Context, tx *Tx) error {
		for at, n := range changed {
			var err error
			if n == 0 {
				_, err = tx.tx.ExecContext(ctx, forgetMissing, at.Hour.UnixMilli(), at.Source, at.Stage)
			} else {
				_, err = tx.tx.ExecContext(ctx, setMissing, at.Hour.UnixMilli(), at.Source, at.Stage, n)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

const (
	acknowledgements = `SELECT hour, source, stage, kind, amount, by, note, at FROM ledger_acknowledgements
		WHERE hour >= ?`
	acknowledged = `SELECT amount, by, note, at FROM ledger_acknowledgements
		WHERE hour = ? AND source = ? AND stage = ? AND kind = ?`
	acknowledge = `INSERT OR REPLACE INTO ledger_acknowledgements VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
)

// Acknowledgements returns the acknowledgements of hours since a time.
func (s *Store) Acknowledgements(
	ctx context.Context, since time.Time,
) (map[ledger.Key]ledger.Acknowledgement, error) {
	acks := map[ledger.Key]ledger.Acknowledgement{}
	err := sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var key ledger.Key
		var ack ledger.Acknowledgement
		var hour, at int64
		err := r.Scan(&hour, &key.Source, &key.Stage, &key.Kind, &ack.Amount, &ack.By, &ack.Note, &at)
		key.Hour, ack.At = time.UnixMilli(hour).UTC(), time.UnixMilli(at).UTC()
		acks[key] = ack
		return err
	}, acknowledgements, since.UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("read acknowledgements of the ledger: %w", err)
	}
	return acks, nil
}

// Acknowledged returns the acknowledgement of an imbalance; the zero value if there is none.
func (t *Tx) Acknowledged(ctx context.Context, key ledger.Key) (ack ledger.Acknowledgement, err error) {
	var at int64
	err = t.tx.QueryRowContext(ctx, acknowledged, key.Hour.UnixMilli(), key.Source, key.Stage, key.Kind).
		Scan(&ack.Amount, &ack.By, &ack.Note, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return ledger.Acknowledgement{}, nil
	}
	ack.At = time.UnixMilli(at).UTC()
	return ack, err
}

// Acknowledge stores an acknowledgement in place of an earlier one, with its audit event.
func (t *Tx) Acknowledge(
	ctx context.Context, key ledger.Key, ack ledger.Acknowledgement, e deadletter.Event,
) error {
	if _, err := t.tx.ExecContext(
		ctx, acknowledge, key.Hour.UnixMilli(), key.Source, key.Stage, key.Kind, ack.Amount, ack.By,
		ack.Note, ack.At.UnixMilli(),
	); err != nil {
		return fmt.Errorf("write an acknowledgement: %w", err)
	}
	return t.Record(ctx, e)
}
