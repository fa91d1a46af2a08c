package store

import (
	"context"
	"fmt"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

const destinations = `SELECT source, memory FROM destinations`

// Destinations returns what SaveDestinations stored, by source.
func (s *Store) Destinations(ctx context.Context) (map[string][]byte, error) {
	kept := map[string][]byte{}
	err := sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var source, memory string
		err := r.Scan(&source, &memory)
		kept[source] = []byte(memory)
		return err
	}, destinations)
	if err != nil {
		return nil, fmt.Errorf("read the state of destinations: %w", err)
	}
	return kept, nil
}

const (
	deleteDestinations = `DELETE FROM destinations`
	insertDestination  = `INSERT INTO destinations (source, memory) VALUES (?, ?)`
)

// SaveDestinations replaces the saved state of all destinations.
func (t *Tx) SaveDestinations(ctx context.Context, memory map[string][]byte) error {
	if _, err := t.tx.ExecContext(ctx, deleteDestinations); err != nil {
		return fmt.Errorf("delete the state of destinations: %w", err)
	}
	for source, m := range memory {
		if _, err := t.tx.ExecContext(ctx, insertDestination, source, string(m)); err != nil {
			return fmt.Errorf("store the state of destinations: %w", err)
		}
	}
	return nil
}

const nextRetry = `SELECT ` + messageColumns + ` FROM messages m
	WHERE m.source = ? AND m.status = 'retrying' AND m.due_at IS NOT NULL AND m.lease_token IS NULL
	ORDER BY m.due_at LIMIT 1`

// NextRetry returns the message of a source whose automatic retry comes first, due or not. It returns NotFound if no
// message waits for one.
func (t *Tx) NextRetry(ctx context.Context, source string) (deadletter.Message, error) {
	_, m, err := scanMessage(t.tx.QueryRowContext(ctx, nextRetry, source))
	return m, notFound(err, "no message of %s waits for a retry", source)
}
