package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

const jobColumns = `j.id, j.action, j.patch, j.recipe, j.reason, j.actor, j.by, j.addr, j.state, j.pause_reason, j.filter,
	j.undoes, j.pending, j.in_flight, j.done, j.failed, j.skipped, j.oldest, j.newest, j.unfit, j.unknown, j.edited,
	j.created_at, j.started_at, j.ended_at, j.last_by, j.last_action, j.last_at, j.steps, j.ask, j.step,
	j.forgiven, j.rate, j.places, j.sequence, j.in_order, j.overtaken,
	j.begins_at, coalesce(j.saved_recipe, 0), j.saved_version,
	coalesce((SELECT name FROM recipes WHERE id = j.saved_recipe), ''),
	j.dry_run, j.sparing, j.spared, j.owner, j.token`

func scanJob(r sqlite.Row) (int64, deadletter.Job, error) {
	var j deadletter.Job
	var created int64
	var undoes, oldest, newest, started, ended, lastAt, begins sql.NullInt64
	var lastBy, lastAction sql.NullString
	var steps string
	var patch []byte
	err := r.Scan(
		&j.ID,
		&j.Action,
		&patch,
		&j.Recipe.Kind,
		&j.Reason,
		&j.By.Kind,
		&j.By.Name,
		&j.By.Addr,
		&j.State,
		&j.PauseReason,
		&j.Filter,
		&undoes,
		&j.Items.Pending,
		&j.Items.InFlight,
		&j.Items.Done,
		&j.Items.Failed,
		&j.Items.Skipped,
		&oldest,
		&newest,
		&j.Inapplicable,
		&j.Unknown,
		&j.Edited,
		&created,
		&started,
		&ended,
		&lastBy,
		&lastAction,
		&lastAt,
		&steps,
		&j.Steps.Ask,
		&j.Step,
		&j.Forgiven,
		&j.Rate,
		&j.Places,
		&j.Sequence,
		&j.Order,
		&j.Overtaken,
		&begins,
		&j.Saved.ID,
		&j.Saved.Version,
		&j.Saved.Name,
		&j.DryRun,
		&j.Sparing,
		&j.Spared,
		&j.By.Owner,
		&j.By.Token,
	)
	if j.By.Kind == deadletter.ActorUser {
		j.By.Owner = ""
	}
	j.Recipe.Text, j.Begins = string(patch), sqlite.Time(begins)
	if j.State == deadletter.JobPaused && begins.Valid {
		j.State = deadletter.JobScheduled
	}
	if err == nil && steps != "" {
		err = json.Unmarshal([]byte(steps), &j.Steps.Sizes)
	}
	j.Undoes, j.CreatedAt = deadletter.JobID(undoes.Int64), time.UnixMilli(created).UTC()
	j.Oldest, j.Newest = sqlite.Time(oldest), sqlite.Time(newest)
	j.StartedAt, j.EndedAt = sqlite.Time(started), sqlite.Time(ended)
	j.Last = deadletter.LastChange{By: lastBy.String, Action: lastAction.String, At: sqlite.Time(lastAt)}
	return int64(j.ID), j, err
}

const jobByID = `SELECT ` + jobColumns + ` FROM jobs j WHERE j.id = ?`

func job(ctx context.Context, q sqlite.Querier, id deadletter.JobID) (deadletter.Job, error) {
	_, j, err := scanJob(q.QueryRowContext(ctx, jobByID, id))
	return j, notFound(err, "there is no job %d: a draft that is not started is removed after an hour", id)
}

// Job returns the job with the given id. It returns NotFound if there is none.
func (s *Store) Job(ctx context.Context, id deadletter.JobID) (deadletter.Job, error) {
	return job(ctx, s.db, id)
}

// Job returns the job as this transaction sees it, or NotFound. Its counts are those of the last commit.
func (t *Tx) Job(ctx context.Context, id deadletter.JobID) (deadletter.Job, error) {
	return job(ctx, t.tx, id)
}

const insertJob = `INSERT INTO jobs (action, reason, actor, by, addr, owner, token, state, pause_reason, filter, undoes,
	pending, in_flight, done, failed, skipped, unfit, unknown, created_at)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, '', ?, ?, 0, 0, 0, 0, 0, 0, 0, ?)`

// AddJob stores the draft of a job and returns it with its id. The draft has no messages yet.
func (t *Tx) AddJob(ctx context.Context, j deadletter.Job) (deadletter.Job, error) {
	var undoes any
	if j.Undoes != 0 {
		undoes = j.Undoes
	}
	added, err := t.tx.ExecContext(
		ctx, insertJob, j.Action, j.Reason, j.By.Kind, j.By.Name, j.By.Addr, j.By.Account(), j.By.Token, j.State,
		j.Filter, undoes, j.CreatedAt.UnixMilli(),
	)
	if err != nil {
		return j, fmt.Errorf("write job: %w", err)
	}
	id, err := added.LastInsertId()
	j.ID = deadletter.JobID(id)
	return j, err
}

const updateJob = `UPDATE jobs SET patch = ?, recipe = ?, reason = ?, actor = ?, by = ?, addr = ?, owner = ?, token = ?,
	state = ?, pause_reason = ?, started_at = ?, ended_at = ?, last_by = ?, last_action = ?, last_at = ?, steps = ?,
	ask = ?, step = ?, forgiven = ?, rate = ?, places = ?, sequence = ?, in_order = ?, begins_at = ?,
	dry_run = ?, sparing = ?
	WHERE id = ? AND state = ? AND (state = 'paused' AND begins_at IS NOT NULL) = ?`

// ApplyJob writes the change of a job with its audit event. It returns Conflict if the state that the change started
// from is no longer the stored one.
func (t *Tx) ApplyJob(ctx context.Context, c deadletter.JobChange) error {
	j := c.After
	steps, err := stepsText(j.Steps)
	if err != nil {
		return err
	}
	written, err := t.tx.ExecContext(
		ctx, updateJob, []byte(j.Recipe.Text), j.Recipe.Kind, j.Reason, j.By.Kind, j.By.Name, j.By.Addr,
		j.By.Account(), j.By.Token, stored(j.State), j.PauseReason,
		sqlite.Millis(j.StartedAt), sqlite.Millis(j.EndedAt), sqlite.Text(j.Last.By),
		sqlite.Text(j.Last.Action), sqlite.Millis(j.Last.At), steps, j.Steps.Ask, j.Step, j.Forgiven, j.Rate, j.Places,
		j.Sequence, j.Order, sqlite.Millis(j.Begins), j.DryRun, j.Sparing, j.ID,
		stored(c.Before.State), c.Before.State == deadletter.JobScheduled,
	)
	if err != nil {
		return fmt.Errorf("write job %d: %w", j.ID, err)
	}
	if n, err := written.RowsAffected(); err != nil || n == 0 {
		return errors.Join(
			deadletter.Errorf(deadletter.Conflict, "this job was changed by someone else: reload and try again"),
			err,
		)
	}
	if c.Before.State == deadletter.JobDraft {
		if err := t.useRecipe(ctx, j); err != nil {
			return err
		}
	}
	if j.Recipe.Table != c.Before.Recipe.Table {
		if _, err := t.tx.ExecContext(ctx, setJobTable, j.Recipe.Table, j.ID); err != nil {
			return fmt.Errorf("write table of job %d: %w", j.ID, err)
		}
	}
	if j.Forgiven != c.Before.Forgiven {
		if _, err := t.tx.ExecContext(ctx, forgive, j.ID); err != nil {
			return fmt.Errorf("write job %d: %w", j.ID, err)
		}
	}
	return t.Record(ctx, c.Event)
}

const (
	setJobTable = `UPDATE jobs SET recipe_table = ? WHERE id = ?`
	jobTable    = `SELECT recipe_table FROM jobs WHERE id = ?`
)

// JobTable returns the table of a job's recipe, which may be large; "" if it has none.
func (s *Store) JobTable(ctx context.Context, id deadletter.JobID) (table string, err error) {
	err = s.db.QueryRowContext(ctx, jobTable, id).Scan(&table)
	return table, notFound(err, "there is no job %d", id)
}

// stored returns the state as its column has it: that of a scheduled job is in begins_at.
func stored(s deadletter.JobState) deadletter.JobState {
	if s == deadletter.JobScheduled {
		return deadletter.JobPaused
	}
	return s
}

func stepsText(s deadletter.JobSteps) (string, error) {
	if len(s.Sizes) == 0 {
		return "", nil
	}
	return toJSON(s.Sizes)
}

// DraftJob stores a draft with all messages that match a filter, at most MaxJobMessages. Messages that arrive meanwhile
// may be included; once it returns the set is fixed.
func (s *Store) DraftJob(ctx context.Context, j deadletter.Job, f Filter) (deadletter.Job, error) {
	f, err := s.Lookup(ctx, f)
	if err != nil {
		return j, err
	}
	err = s.Write(ctx, func(ctx context.Context, tx *Tx) (err error) {
		j, err = tx.AddJob(ctx, j)
		return err
	})
	for last, more := int64(-1), true; more && err == nil; {
		last, more, err = s.addMatching(ctx, &j, f, last)
	}
	if err != nil {
		return j, fmt.Errorf("freeze the messages of job %d: %w", j.ID, err)
	}
	return s.Job(ctx, j.ID)
}

// UndoOf returns the job that undoes another one. It returns NotFound if there is none.
func (s *Store) UndoOf(ctx context.Context, id deadletter.JobID) (deadletter.Job, error) {
	return jobThatUndoes(ctx, s.db, id)
}

// UndoOf is Store.UndoOf as this transaction sees it.
func (t *Tx) UndoOf(ctx context.Context, id deadletter.JobID) (deadletter.Job, error) {
	return jobThatUndoes(ctx, t.tx, id)
}

func jobThatUndoes(ctx context.Context, q sqlite.Querier, id deadletter.JobID) (deadletter.Job, error) {
	_, j, err := scanJob(q.QueryRowContext(ctx, undoOf, id))
	return j, notFound(err, "job %d was not undone", id)
}

const runningJobs = `SELECT ` + jobColumns + ` FROM jobs j WHERE j.state = 'running' ORDER BY j.id LIMIT 50`

// RunningJobs returns the running jobs, oldest first and at most 50.
func (s *Store) RunningJobs(ctx context.Context) ([]deadletter.Job, error) {
	return jobs(ctx, s.db, "running", runningJobs)
}

const scheduledJobs = `SELECT ` + jobColumns + ` FROM jobs j WHERE j.state = 'paused' AND j.begins_at IS NOT NULL
	ORDER BY j.begins_at LIMIT 50`

// ScheduledJobs returns the scheduled jobs, those that begin next first and at most 50.
func (s *Store) ScheduledJobs(ctx context.Context) ([]deadletter.Job, error) {
	return jobs(ctx, s.db, "scheduled", scheduledJobs)
}

const (
	runningJobsOf      = `SELECT ` + jobColumns + ` FROM jobs j WHERE j.state = 'running' AND j.owner = ?`
	runningJobsOfToken = `SELECT ` + jobColumns + ` FROM jobs j WHERE j.state = 'running' AND j.token = ?`
)

// RunningJobsOf returns the running jobs that a user, or a token of theirs, started or resumed last.
func (t *Tx) RunningJobsOf(ctx context.Context, user string) ([]deadletter.Job, error) {
	return jobs(ctx, t.tx, "running", runningJobsOf, user)
}

// RunningJobsOfToken returns the running jobs that were started or resumed last with a token.
func (t *Tx) RunningJobsOfToken(ctx context.Context, id deadletter.TokenID) ([]deadletter.Job, error) {
	return jobs(ctx, t.tx, "running", runningJobsOfToken, id)
}

func jobs(ctx context.Context, q sqlite.Querier, what, query string, args ...any) ([]deadletter.Job, error) {
	var list []deadletter.Job
	err := sqlite.Each(ctx, q, func(r sqlite.Row) error {
		_, j, err := scanJob(r)
		list = append(list, j)
		return err
	}, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read %s jobs: %w", what, err)
	}
	return list, nil
}

// endJob ends a job whose items are all settled.
func (t *Tx) endJob(ctx context.Context, id deadletter.JobID, at time.Time) error {
	j, err := t.Job(ctx, id)
	if err != nil {
		return err
	}
	change, over, err := j.Finish(at)
	if err != nil || !over {
		return err
	}
	return t.ApplyJob(ctx, change)
}

const (
	oldDraft = `SELECT id FROM jobs WHERE state = 'draft' AND created_at < ?1
		AND NOT EXISTS (SELECT 1 FROM dry_runs d WHERE d.job = jobs.id AND d.started_at >= ?1)
		AND NOT EXISTS (SELECT 1 FROM suggestions s
			WHERE s.job = jobs.id AND s.decided_at IS NULL AND s.expires_at > ?1)
		LIMIT 1`
	deleteItems = `DELETE FROM job_items
		WHERE (job, message) IN (SELECT job, message FROM job_items WHERE job = ? LIMIT ?)`
	deleteDraft = `DELETE FROM jobs WHERE id = ? AND state = 'draft'`
	stillDraft  = `SELECT EXISTS (SELECT 1 FROM jobs WHERE id = ? AND state = 'draft')`
)

// DeleteOldDraft deletes some items of a draft that is older than a time, and whose latest dry run is, or the draft
// itself once it has none. One that an assistant suggested stays while the suggestion is open. It returns false if
// there is no such draft.
func (s *Store) DeleteOldDraft(ctx context.Context, before time.Time) (bool, error) {
	var id deadletter.JobID
	err := s.db.QueryRowContext(ctx, oldDraft, before.UnixMilli()).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err == nil {
		err = s.Write(ctx, func(ctx context.Context, tx *Tx) error { return tx.deleteDraft(ctx, id) })
	}
	if err != nil {
		return false, fmt.Errorf("remove a draft: %w", err)
	}
	return true, nil
}

func (t *Tx) deleteDraft(ctx context.Context, id deadletter.JobID) error {
	var draft bool
	if err := t.tx.QueryRowContext(ctx, stillDraft, id).Scan(&draft); err != nil || !draft {
		return err // it was started just now
	}
	dropped, err := t.tx.ExecContext(ctx, deleteItems, id, itemsPerCommit)
	if err != nil {
		return err
	}
	if n, err := dropped.RowsAffected(); err != nil || n > 0 {
		return err
	}
	if err := t.deleteDryRun(ctx, id); err != nil {
		return err
	}
	_, err = t.tx.ExecContext(ctx, deleteDraft, id)
	return err
}

// Jobs returns one page of the jobs that were started, newest first.
func (s *Store) Jobs(ctx context.Context, cursor string, limit int) (Page[deadletter.Job], error) {
	at, newer, err := parseCursor(cursor, false)
	if err != nil {
		return Page[deadletter.Job]{}, err
	}
	var started conditions
	started.add("j.state <> 'draft'")
	page, err := keyset[deadletter.Job]{
		columns:    jobColumns,
		from:       "jobs j",
		key:        "j.id",
		conditions: started,
		scan:       scanJob,
	}.page(ctx, s.db, at, newer, limit)
	if err != nil {
		return page, fmt.Errorf("read jobs: %w", err)
	}
	return page, nil
}

const shownJobs = `SELECT ` + jobColumns + ` FROM jobs j WHERE j.by = ? AND j.hidden = 0
	AND (j.state <> 'draft' OR EXISTS (SELECT 1 FROM dry_runs d WHERE d.job = j.id)) ORDER BY j.id DESC LIMIT 3`

// ShownJobs returns the latest jobs of a person that they did not dismiss, and their drafts that have a dry run.
func (s *Store) ShownJobs(ctx context.Context, by string) ([]deadletter.Job, error) {
	return jobs(ctx, s.db, "shown", shownJobs, by)
}

const hideJob = `UPDATE jobs SET hidden = 1 WHERE id = ? AND by = ? AND state IN ('done', 'cancelled', 'draft')`

// HideJob dismisses a finished job, or a draft, from the pages of the person who started it. The job stays as it is.
func (t *Tx) HideJob(ctx context.Context, id deadletter.JobID, by string) error {
	if _, err := t.tx.ExecContext(ctx, hideJob, id, by); err != nil {
		return fmt.Errorf("hide job %d: %w", id, err)
	}
	return nil
}

const jobsAmong = `SELECT ` + jobColumns + ` FROM jobs j WHERE j.id IN (SELECT value FROM json_each(?))`

// JobsAmong returns the jobs with some ids, those that there are, in no order.
func (s *Store) JobsAmong(ctx context.Context, ids []deadletter.JobID) ([]deadletter.Job, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	asked, err := toJSON(ids)
	if err != nil {
		return nil, err
	}
	return jobs(ctx, s.db, "some", jobsAmong, asked)
}

// jobsUnderWay looks at so many jobs that ended first since the time, so that it is quick for a time long ago.
const jobsUnderWay = `SELECT ` + jobColumns + ` FROM jobs j WHERE j.id IN (
		SELECT id FROM (SELECT id, started_at FROM jobs WHERE ended_at >= ?1 ORDER BY ended_at LIMIT 500)
			WHERE started_at < ?1
		UNION ALL SELECT id FROM jobs
			WHERE ended_at IS NULL AND state IN ('running', 'paused') AND begins_at IS NULL AND started_at < ?1
	) ORDER BY j.id DESC LIMIT ?2`

// JobsUnderWay returns jobs that had begun before a time and had not ended, newest first.
func (s *Store) JobsUnderWay(ctx context.Context, at time.Time, limit int) ([]deadletter.Job, error) {
	return jobs(ctx, s.db, "former", jobsUnderWay, at.UnixMilli(), limit)
}

const countJobs = `SELECT iif(state = 'paused' AND begins_at IS NOT NULL, 'scheduled', state), count(*) FROM jobs
	GROUP BY 1`

// JobCounts returns how many jobs are in each state; a state without any has no entry.
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

const jobWaiting = `SELECT j.id FROM jobs j WHERE j.state = 'running' AND j.sparing = 0 AND j.action IN (?, ?)
	AND EXISTS (SELECT 1 FROM job_items i WHERE i.job = j.id AND i.source = ? AND i.state = 'pending' AND i.behind = 0)
	ORDER BY j.id LIMIT 1`

func firstJobWaiting(ctx context.Context, q sqlite.Querier, source string) (id deadletter.JobID, err error) {
	err = q.QueryRowContext(ctx, jobWaiting, deadletter.ActReplay, deadletter.ActEdit, source).Scan(&id)
	return id, notFound(err, "no job has messages of %s to deliver", source)
}

// JobWaiting returns the oldest running job that has messages of a source to deliver. It returns NotFound if there is
// none.
func (s *Store) JobWaiting(ctx context.Context, source string) (deadletter.JobID, error) {
	return firstJobWaiting(ctx, s.db, source)
}

// JobWaiting is Store.JobWaiting as this transaction sees it.
func (t *Tx) JobWaiting(ctx context.Context, source string) (deadletter.JobID, error) {
	return firstJobWaiting(ctx, t.tx, source)
}

// JobShare counts the messages of a job with one source, destination and cause.
type JobShare struct {
	Source, Destination string // of a redrive: its queue
	Cause               string // a fingerprint; "" for messages that no cause is known of
	Messages            int
}

const jobShares = `SELECT m.source, iif(?1, m.queue, m.destination), m.fingerprint, count(*) AS n FROM job_items i
	JOIN messages m ON m.n = i.message WHERE i.job = ?2 AND NOT (i.dry_run = ?3 AND i.refusal <> '')
	GROUP BY 1, 2, 3 ORDER BY n DESC, 1, 2, 3`

// JobShares returns where the messages of a job come from and go to, and what they failed for, most first. Those that
// its dry run would not change are left out.
func (s *Store) JobShares(ctx context.Context, j deadletter.Job) ([]JobShare, error) {
	var list []JobShare
	err := sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var one JobShare
		err := r.Scan(&one.Source, &one.Destination, &one.Cause, &one.Messages)
		list = append(list, one)
		return err
	}, jobShares, j.Action.Redrives(), j.ID, j.DryRun)
	if err != nil {
		return nil, fmt.Errorf("read what job %d is about: %w", j.ID, err)
	}
	return list, nil
}
