package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

const dueMessages = `SELECT ` + messageColumns + ` FROM messages m
	WHERE m.source = ? AND m.status = ? AND m.due_at <= ? AND m.lease_token IS NULL
	AND m.request_trigger IS NOT 'redrive' ORDER BY m.due_at LIMIT ?`

// Due returns messages of a source whose delivery is due at a time, the longest due first. status selects requested
// deliveries (replaying) or automatic retries (retrying).
func (s *Store) Due(
	ctx context.Context, source string, status deadletter.Status, at time.Time, limit int,
) ([]deadletter.Message, error) {
	return messages(ctx, s.db, "due", dueMessages, source, status, at.UnixMilli(), limit)
}

const countDue = `SELECT count(*) FROM messages WHERE source = ? AND status = 'retrying' AND due_at <= ?`

// Overdue counts the messages of a source whose automatic retry is due. It reads an index alone: some 0.1 s for a
// million.
func (s *Store) Overdue(ctx context.Context, source string, at time.Time) (n int, err error) {
	if err := s.db.QueryRowContext(ctx, countDue, source, at.UnixMilli()).Scan(&n); err != nil {
		return 0, fmt.Errorf("count overdue messages: %w", err)
	}
	return n, nil
}

const nextDue = `SELECT min(due_at) FROM messages
	WHERE source = ? AND status = ? AND due_at IS NOT NULL AND request_trigger IS NOT 'redrive'`

// NextDue returns when the next delivery of a source is due, of the same messages as Due; the zero time if there is
// none.
func (s *Store) NextDue(ctx context.Context, source string, status deadletter.Status) (time.Time, error) {
	var at sql.NullInt64
	if err := s.db.QueryRowContext(ctx, nextDue, source, status).Scan(&at); err != nil {
		return time.Time{}, fmt.Errorf("read next due time: %w", err)
	}
	return sqlite.Time(at), nil
}

const leasedMessages = `SELECT ` + messageColumns + ` FROM messages m WHERE m.lease_token IS NOT NULL LIMIT ?`

// Leased returns messages with a delivery in flight. Before the worker starts, a dead process has left these.
func (s *Store) Leased(ctx context.Context, limit int) ([]deadletter.Message, error) {
	return messages(ctx, s.db, "leased", leasedMessages, limit)
}

const dueSources = `SELECT DISTINCT source FROM message_counts
	WHERE status IN ('retrying', 'replaying') AND messages > 0`

// WaitingSources returns the sources that have messages waiting for a delivery.
func (s *Store) WaitingSources(ctx context.Context) ([]string, error) {
	return sqlite.Column[string](ctx, s.db, "waiting sources", dueSources)
}

func messages(ctx context.Context, q sqlite.Querier, what, query string, args ...any) ([]deadletter.Message, error) {
	var list []deadletter.Message
	err := sqlite.Each(ctx, q, func(r sqlite.Row) error {
		_, m, err := scanMessage(r)
		list = append(list, m)
		return err
	}, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read %s messages: %w", what, err)
	}
	return list, nil
}
