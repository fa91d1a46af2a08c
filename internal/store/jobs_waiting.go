package store

import (
	"context"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

const jobWaiting = `SELECT j.id FROM jobs j WHERE j.state = 'running' AND j.action IN (?, ?)
	AND EXISTS (SELECT 1 FROM job_items i WHERE i.job = j.id AND i.source = ? AND i.state = 'pending') ORDER BY j.id LIMIT 1`

func firstJobWaiting(ctx context.Context, q sqlite.Querier, source string) (id deadletter.JobID, err error) {
	err = q.QueryRowContext(ctx, jobWaiting, deadletter.ActReplay, deadletter.ActEdit, source).Scan(&id)
	return id, notFound(err, "no job has messages of %s to deliver", source)
}

// JobWaiting returns the oldest job at work that has messages of a source still to deliver, or NotFound.
func (s *Store) JobWaiting(ctx context.Context, source string) (deadletter.JobID, error) {
	return firstJobWaiting(ctx, s.db, source)
}

// JobWaiting returns the same as this transaction sees it.
func (t *Tx) JobWaiting(ctx context.Context, source string) (deadletter.JobID, error) {
	return firstJobWaiting(ctx, t.tx, source)
}
