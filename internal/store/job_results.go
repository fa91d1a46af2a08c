package store

import (
	"context"
	"fmt"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

const addResults = `INSERT INTO job_results (job, after, done, failed, skipped) VALUES (?, ?, ?, ?, ?)
	ON CONFLICT DO UPDATE SET done = done + excluded.done, failed = failed + excluded.failed,
	skipped = skipped + excluded.skipped`

// addResults writes what a job came to in a commit, in a row for a part of the time since it began. The parts are as
// long as the bars of a job that ended then, so that a job has a few hundred rows however long it takes.
func (t *Tx) addResults(ctx context.Context, id deadletter.JobID, began time.Time, j jobCounts) error {
	done, failed := j.items[deadletter.ItemDone], j.items[deadletter.ItemFailed]
	skipped := j.items[deadletter.ItemSkipped]
	if done+failed+skipped == 0 {
		return nil
	}
	after := max(0, j.at.Sub(began))
	after = after.Truncate(deadletter.JobBar(after))
	if _, err := t.tx.ExecContext(ctx, addResults, id, after.Milliseconds(), done, failed, skipped); err != nil {
		return fmt.Errorf("add results: %w", err)
	}
	return nil
}

const jobResults = `SELECT after / ?2 * ?2, sum(done), sum(failed), sum(skipped) FROM job_results WHERE job = ?1
	GROUP BY 1 ORDER BY 1`

// JobResults returns how many messages of a job got each result in each part of its time that has any, oldest first.
// Each is as long as width, which is one that deadletter.JobBar returns.
func (s *Store) JobResults(
	ctx context.Context, id deadletter.JobID, width time.Duration,
) (list []deadletter.JobResults, err error) {
	err = sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var after int64
		var one deadletter.JobResults
		err := r.Scan(&after, &one.Done, &one.Failed, &one.Skipped)
		one.After = time.Duration(after) * time.Millisecond
		list = append(list, one)
		return err
	}, jobResults, id, width.Milliseconds())
	if err != nil {
		return nil, fmt.Errorf("read results of job %d: %w", id, err)
	}
	return list, nil
}
