package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

const (
	isUntold = `told_at < state_at AND state NOT IN ('muted', 'resolved')`

	// Each step finds the next source by the index, however many causes the source has.
	untoldSources = `WITH RECURSIVE untold (source) AS (
		SELECT min(source) FROM causes WHERE ` + isUntold + `
		UNION ALL
		SELECT (SELECT min(source) FROM causes WHERE source > untold.source AND ` + isUntold + `)
		FROM untold WHERE source IS NOT NULL
	) SELECT source FROM untold WHERE source IS NOT NULL`
	untoldCauses = `SELECT ` + causeColumns + ` FROM causes WHERE source = ? AND ` + isUntold + `
		ORDER BY state_at LIMIT ?`
)

const toldCauses = `SELECT asked.value, ` + alertColumns + `, a.muted FROM json_each(?) asked CROSS JOIN alerts a
	ON a.id = (SELECT max(id) FROM alerts WHERE cause = asked.value AND cause <> ''
		AND kind IN ('new-cause', 'regressed-cause'))`

// CauseNews returns causes in states of which people were not told, of each source the oldest states first. All sources
// have the same share of the limit, so that none waits for another one.
func (s *Store) CauseNews(ctx context.Context, limit int) ([]deadletter.CauseNews, error) {
	sources, err := sqlite.Column[string](ctx, s.db, "sources with causes that were not told", untoldSources)
	if err != nil || len(sources) == 0 {
		return nil, err
	}
	var list []deadletter.Cause
	for _, source := range sources {
		of, err := causes(ctx, s.db, untoldCauses, source, max(1, limit/len(sources)))
		if err != nil {
			return nil, err
		}
		list = append(list, of...)
	}
	news := make([]deadletter.CauseNews, len(list))
	fingerprints, place := make([]string, len(list)), map[string]int{}
	for i, c := range list {
		news[i].Cause, fingerprints[i], place[c.Fingerprint] = c, c.Fingerprint, i
	}
	asked, err := toJSON(fingerprints)
	if err != nil {
		return nil, err
	}
	err = sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var row alertRow
		var fingerprint string
		var muted bool
		if err := r.Scan(append(append([]any{&fingerprint}, row.dest()...), &muted)...); err != nil {
			return err
		}
		a, err := row.alert()
		n := &news[place[fingerprint]]
		n.Told, n.Muted = a, muted
		return err
	}, toldCauses, asked)
	if err != nil {
		return nil, fmt.Errorf("read what was told of causes: %w", err)
	}
	return news, nil
}

const tellCause = `UPDATE causes SET told_at = ?2 WHERE fingerprint = ?1 AND told_at < ?2`

// TellCause writes that people were told of the state of a cause that began at a time, or that it is no news.
func (t *Tx) TellCause(ctx context.Context, fingerprint string, stateAt time.Time) error {
	if _, err := t.tx.ExecContext(ctx, tellCause, fingerprint, stateAt.UnixMilli()); err != nil {
		return fmt.Errorf("write what was told of the cause %s: %w", fingerprint, err)
	}
	return nil
}

const growingCauses = `SELECT ` + causeColumns + ` FROM causes WHERE growth > 0 ORDER BY growth DESC LIMIT ?`

// GrowingCauses returns the causes that grow most.
func (s *Store) GrowingCauses(ctx context.Context, limit int) ([]deadletter.Cause, error) {
	return causes(ctx, s.db, growingCauses, limit)
}

const (
	haltedJobs = `SELECT ` + jobColumns + ` FROM jobs j WHERE j.state = 'paused' AND j.pause_reason <> ''
		ORDER BY j.id DESC LIMIT ?`
	haltedAmong = `SELECT ` + jobColumns + ` FROM json_each(?) asked CROSS JOIN jobs j ON j.id = asked.value
		WHERE j.state = 'paused' AND j.pause_reason <> ''`
	untoldJobs = `SELECT ` + jobColumns + ` FROM jobs j WHERE j.state = 'done' AND j.told = 0 ORDER BY j.id LIMIT ?`
	tellJob    = `UPDATE jobs SET told = 1 WHERE id = ?`
)

// HaltedJobs returns the latest jobs that the program paused.
func (s *Store) HaltedJobs(ctx context.Context, limit int) ([]deadletter.Job, error) {
	return s.jobsOf(ctx, haltedJobs, limit)
}

// HaltedAmong returns those of some jobs that the program paused.
func (s *Store) HaltedAmong(ctx context.Context, ids []deadletter.JobID) ([]deadletter.Job, error) {
	asked, err := toJSON(append([]deadletter.JobID{}, ids...))
	if err != nil {
		return nil, err
	}
	return s.jobsOf(ctx, haltedAmong, asked)
}

// UntoldJobs returns jobs that are done, and of which people were not told.
func (s *Store) UntoldJobs(ctx context.Context, limit int) ([]deadletter.Job, error) {
	return s.jobsOf(ctx, untoldJobs, limit)
}

func (s *Store) jobsOf(ctx context.Context, query string, arg any) (list []deadletter.Job, err error) {
	err = sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		_, j, err := scanJob(r)
		list = append(list, j)
		return err
	}, query, arg)
	if err != nil {
		return nil, fmt.Errorf("read jobs: %w", err)
	}
	return list, nil
}

// TellJob writes that people were told that a job is done.
func (t *Tx) TellJob(ctx context.Context, id deadletter.JobID) error {
	if _, err := t.tx.ExecContext(ctx, tellJob, id); err != nil {
		return fmt.Errorf("write that job %d was told: %w", id, err)
	}
	return nil
}

const (
	hoursReceived = `SELECT source, count(DISTINCT hour) FROM ledger WHERE hour >= ?1 AND hour < ?2 AND received > 0
		GROUP BY source`
	latestReceived = `SELECT max(hour) FROM ledger WHERE source = ? AND hour >= ? AND received > 0`
)

// HoursReceived returns in how many hours of a range each source received anything.
func (s *Store) HoursReceived(ctx context.Context, from, to time.Time) (map[string]int, error) {
	hours := map[string]int{}
	err := sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var source string
		var n int
		err := r.Scan(&source, &n)
		hours[source] = n
		return err
	}, hoursReceived, from.UnixMilli(), to.UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("read the hours of the ledger: %w", err)
	}
	return hours, nil
}

// ReceivedSince reports whether a source received anything in an hour that began at a time, or later.
func (s *Store) ReceivedSince(ctx context.Context, source string, from time.Time) (bool, error) {
	var hour sql.NullInt64
	if err := s.db.QueryRowContext(ctx, latestReceived, source, from.UnixMilli()).Scan(&hour); err != nil {
		return false, fmt.Errorf("read the latest hour of the ledger: %w", err)
	}
	return hour.Valid, nil
}
