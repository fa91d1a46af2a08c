package store

import (
	"context"
	"fmt"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

const countJobs = `SELECT state, count(*) FROM jobs GROUP BY state`

// JobCounts returns how many jobs there are in each state; none is 0.
func (s *Store) JobCounts(ctx context.Context) (map[deadletter.JobState]int, error) {
	counts := map[deadletter.JobState]int{}
	err := sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var state deadletter.JobState
		var n int
		err := r.Scan(&state, &n)
		counts[state] = n
		return err
	}, countJobs)
	if err != nil {
		return nil, fmt.Errorf("count jobs: %w", err)
	}
	return counts, nil
}
