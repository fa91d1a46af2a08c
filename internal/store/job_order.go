package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

// keepsOrder reports whether a job works on the messages with one order key one after the other.
func keepsOrder(j deadletter.Job) bool { return j.Delivers() && !j.Action.Redrives() }

const (
	// All but the oldest item of a key are behind.
	orderItems = `UPDATE job_items SET behind = 1 WHERE job = ?1 AND message > ?2 AND order_key IS NOT NULL
		AND EXISTS (SELECT 1 FROM job_items e WHERE e.job = ?1 AND e.order_key = job_items.order_key
			AND e.message < job_items.message)`

	releaseNext = `UPDATE job_items SET behind = 0 WHERE job = ?1 AND message =
		(SELECT min(message) FROM job_items WHERE job = ?1 AND order_key = ?2 AND message > ?3)`

	statusOfOlder = `SELECT m.status FROM messages m WHERE m.n =
		(SELECT max(message) FROM job_items WHERE job = ? AND order_key = ? AND message < ?)`
)

// orderItems holds back the items of a draft that follow an older one with their order key. It looks at those that
// follow a row.
func (t *Tx) orderItems(ctx context.Context, j deadletter.Job, after int64) error {
	if !keepsOrder(j) {
		return nil
	}
	_, err := t.tx.ExecContext(ctx, orderItems, j.ID, after)
	return err
}

// releaseNext lets a job go on with the next message of a key, once message n has its result.
func (t *Tx) releaseNext(ctx context.Context, id deadletter.JobID, n int64, key deadletter.OrderKey) error {
	if key == 0 {
		return nil
	}
	if _, err := t.tx.ExecContext(ctx, releaseNext, id, key, n); err != nil {
		return fmt.Errorf("go on with the next message of a key in job %d: %w", id, err)
	}
	return nil
}

// OlderWaits reports whether the message before an item, among those of its job with its order key, is not delivered.
// Example: of the messages 1, 2 and 3 of a conversation 1 has failed, so that a job skips 2, and 3 for the same reason.
func (t *Tx) OlderWaits(ctx context.Context, i Item) (bool, error) {
	if i.OrderKey == 0 {
		return false, nil
	}
	var status deadletter.Status
	err := t.tx.QueryRowContext(ctx, statusOfOlder, i.Job, i.OrderKey, i.n).Scan(&status)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("find the message before another in job %d: %w", i.Job, err)
	}
	return status.IsOpen(), nil
}

const orderedSources = `SELECT DISTINCT source FROM
	(SELECT source FROM job_items WHERE job = ? AND order_key IS NOT NULL LIMIT 500) ORDER BY source`

// OrderedSources returns the sources of a job's messages that have order keys, among the first 500 of them.
func (s *Store) OrderedSources(ctx context.Context, id deadletter.JobID) ([]string, error) {
	return sqlite.Column[string](ctx, s.db, "sources with order keys", orderedSources, id)
}
