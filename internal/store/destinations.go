package store

import (
	"context"
	"fmt"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

const destinations = `SELECT source, snapshot FROM destinations`

// Destinations returns what SaveDestinations stored, by source.
func (s *Store) Destinations(ctx context.Context) (map[string][]byte, error) {
	kept := map[string][]byte{}
	err := sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var source, snapshot string
		err := r.Scan(&source, &snapshot)
		kept[source] = []byte(snapshot)
		return err
	}, destinations)
	if err != nil {
		return nil, fmt.Errorf("read the state of destinations: %w", err)
	}
	return kept, nil
}

const (
	deleteDestinations = `DELETE FROM destinations`
	insertDestination  = `INSERT INTO destinations (source, snapshot) VALUES (?, ?)`
)

// SaveDestinations replaces the saved state of all destinations, with the audit events of what changed.
func (s *Store) SaveDestinations(ctx context.Context, snapshots map[string][]byte, events []deadletter.Event) error {
	return s.Write(ctx, func(ctx context.Context, tx *Tx) error {
		if _, err := tx.tx.ExecContext(ctx, deleteDestinations); err != nil {
			return fmt.Errorf("delete the state of destinations: %w", err)
		}
		for source, m := range snapshots {
			if _, err := tx.tx.ExecContext(ctx, insertDestination, source, string(m)); err != nil {
				return fmt.Errorf("store the state of destinations: %w", err)
			}
		}
		return tx.Record(ctx, events...)
	})
}

// A source's latest causes, of which a page of the desk shows a few: more are not needed to test a destination.
const recentCauses = `SELECT fingerprint FROM causes WHERE open > 0 AND source = ?1
	AND fingerprint NOT IN (SELECT value FROM json_each(?2)) ORDER BY last_at DESC LIMIT 50`

const probeCandidates = `WITH recent AS MATERIALIZED (` + recentCauses + `), ends (n) AS (
		SELECT max(n) FROM messages WHERE source = ?1 AND status = 'retrying'
		UNION SELECT (SELECT max(n) FROM messages
			WHERE fingerprint = r.fingerprint AND status = 'retrying') FROM recent r
		UNION SELECT (SELECT min(n) FROM messages
			WHERE fingerprint = r.fingerprint AND status = 'retrying') FROM recent r
	) SELECT ` + messageColumns + ` FROM ends e CROSS JOIN messages m ON m.n = e.n
	WHERE m.due_at IS NOT NULL AND m.lease_token IS NULL ORDER BY m.n DESC`

// ProbeCandidates returns messages of a source that wait for a retry, whenever it is due, newest first: the newest of
// all, and the newest and the oldest of each of the latest causes.
func (s *Store) ProbeCandidates(ctx context.Context, source string) ([]deadletter.Message, error) {
	return messages(ctx, s.db, "waiting", probeCandidates, source, "[]")
}

// ProbeCandidates is Store.ProbeCandidates as this transaction sees it.
func (t *Tx) ProbeCandidates(ctx context.Context, source string) ([]deadletter.Message, error) {
	return messages(ctx, t.tx, "waiting", probeCandidates, source, "[]")
}

// The oldest few of each cause that wait are read, so that a cause of a million costs as much as one of ten.
const dueExcept = `WITH recent AS MATERIALIZED (` + recentCauses + `)
	SELECT ` + messageColumns + ` FROM recent r CROSS JOIN messages m ON m.n IN (
		SELECT n FROM messages WHERE fingerprint = r.fingerprint AND status = 'retrying' ORDER BY n LIMIT 50
	) WHERE m.due_at <= ?3 AND m.lease_token IS NULL ORDER BY m.due_at LIMIT ?4`

// DueExcept returns messages of a source whose automatic retry is due at a time and whose cause is none of the given
// ones. It looks at the 50 oldest messages of each of the 50 latest other causes.
func (s *Store) DueExcept(
	ctx context.Context, source string, causes []string, at time.Time, limit int,
) ([]deadletter.Message, error) {
	except, err := toJSON(causes)
	if err != nil {
		return nil, err
	}
	return messages(ctx, s.db, "due", dueExcept, source, except, at.UnixMilli(), limit)
}
