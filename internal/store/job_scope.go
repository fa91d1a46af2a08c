package store

import (
	"context"
	"fmt"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

// JobShare counts the messages of a job with one source, destination and cause.
type JobShare struct {
	Source, Destination string
	Cause               string // a fingerprint; "" for messages that no cause is known of
	Messages            int
}

const jobShares = `SELECT m.source, m.destination, m.fingerprint, count(*) AS n FROM job_items i
	JOIN messages m ON m.n = i.message WHERE i.job = ? GROUP BY 1, 2, 3 ORDER BY n DESC, 1, 2, 3`

// JobShares returns where the messages of a job come from and go to, and what they failed for, most first.
func (s *Store) JobShares(ctx context.Context, id deadletter.JobID) ([]JobShare, error) {
	var list []JobShare
	err := sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var one JobShare
		err := r.Scan(&one.Source, &one.Destination, &one.Cause, &one.Messages)
		list = append(list, one)
		return err
	}, jobShares, id)
	if err != nil {
		return nil, fmt.Errorf("read what job %d is about: %w", id, err)
	}
	return list, nil
}
