package store

import (
	"context"
	"fmt"
	"strings"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

// eachStatus joins a query for each of some statuses, because the index of a cause has the status before the time.
func eachStatus(query string, statuses []deadletter.Status) string {
	var parts []string
	for _, status := range statuses {
		parts = append(parts, fmt.Sprintf("SELECT * FROM ("+query+")", "'"+string(status)+"'"))
	}
	return strings.Join(parts, " UNION ALL ")
}

var firstOfCause = `SELECT id FROM messages WHERE n = (SELECT min(n) FROM (` + eachStatus(
	`SELECT min(n) AS n FROM messages WHERE fingerprint = ?1 AND status = %s`, deadletter.Statuses(),
) + `))`

// sampleOfCause returns the query of a sample of the messages of some statuses.
func sampleOfCause(statuses []deadletter.Status) string {
	return `WITH newest AS MATERIALIZED (SELECT n FROM (` + eachStatus(
		`SELECT n FROM messages WHERE fingerprint = ?1 AND status = %s ORDER BY n DESC LIMIT ?2`, statuses,
	) + `) ORDER BY n DESC LIMIT ?2)
		SELECT m.id, m.source, m.status_code, m.event_type, m.destination, coalesce(r.size, length(r.body))
		FROM newest CROSS JOIN messages m ON m.n = newest.n CROSS JOIN revisions r ON r.message = m.n AND r.number = 0
		ORDER BY m.n DESC`
}

// CauseSample returns the id of the oldest message whose latest failure has a cause, and what is known of up to limit
// of the newest ones, newest first: of those of some statuses, or of all without one. Its cost depends on the limit
// alone. Without a message it returns none.
func (s *Store) CauseSample(
	ctx context.Context, fingerprint string, limit int, statuses ...deadletter.Status,
) (first deadletter.ID, newest []deadletter.SampledMessage, err error) {
	if len(statuses) == 0 {
		statuses = deadletter.Statuses()
	}
	err = sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var m deadletter.SampledMessage
		err := r.Scan(&m.ID, &m.Source, &m.StatusCode, &m.EventType, &m.Destination, &m.Size)
		newest = append(newest, m)
		return err
	}, sampleOfCause(statuses), fingerprint, limit)
	if err == nil && len(newest) > 0 {
		err = s.db.QueryRowContext(ctx, firstOfCause, fingerprint).Scan(&first)
	}
	if err != nil {
		return "", nil, fmt.Errorf("read messages of the cause %s: %w", fingerprint, err)
	}
	return first, newest, nil
}

// CauseJob is a job with what became of the messages of one cause.
type CauseJob struct {
	deadletter.Job
	Done, Failed, Skipped int
}

// JobCause is a cause with what a job came to for its messages.
type JobCause struct {
	deadletter.Cause
	Done, Failed, Skipped int
}

const causesOfJob = `SELECT ` + causeColumns + `, done, failed_in_job, skipped FROM (
	SELECT coalesce(m.moved_to, j.fingerprint) AS present, sum(j.done) AS done, sum(j.failed) AS failed_in_job,
		sum(j.skipped) AS skipped
	FROM job_causes j LEFT JOIN moved_causes m ON m.fingerprint = j.fingerprint WHERE j.job = ? GROUP BY 1
) CROSS JOIN causes ON causes.fingerprint = present
	ORDER BY done + failed_in_job + skipped DESC, fingerprint LIMIT ?`

// JobCauses returns the causes that the messages of a job had when it took them up, those of the most messages first.
func (s *Store) JobCauses(ctx context.Context, id deadletter.JobID, limit int) (list []JobCause, err error) {
	err = sqlite.Each(ctx, s.db, func(r sqlite.Row) (err error) {
		var j JobCause
		j.Cause, err = scanCause(alsoInto(r, &j.Done, &j.Failed, &j.Skipped))
		list = append(list, j)
		return err
	}, causesOfJob, id, limit)
	if err != nil {
		return nil, fmt.Errorf("read causes of the job %d: %w", id, err)
	}
	return list, nil
}

// Results of the causes that were joined to this one count for it.
const jobsOfCause = `SELECT ` + jobColumns + `, sum(c.done), sum(c.failed), sum(c.skipped) FROM job_causes c
	CROSS JOIN jobs j ON j.id = c.job WHERE c.fingerprint = ?1
	OR c.fingerprint IN (SELECT fingerprint FROM moved_causes WHERE moved_to = ?1)
	GROUP BY c.job ORDER BY c.job DESC LIMIT ?2`

// CauseJobs returns the jobs that worked on messages which failed for a cause, newest first.
func (s *Store) CauseJobs(ctx context.Context, fingerprint string, limit int) (list []CauseJob, err error) {
	err = sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var j CauseJob
		_, job, err := scanJob(alsoInto(r, &j.Done, &j.Failed, &j.Skipped))
		j.Job = job
		list = append(list, j)
		return err
	}, jobsOfCause, fingerprint, limit)
	if err != nil {
		return nil, fmt.Errorf("read jobs of the cause %s: %w", fingerprint, err)
	}
	return list, nil
}
