package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

const jobColumns = `j.id, j.action, j.patch, j.reason, j.actor, j.by, j.addr, j.state, j.why, j.filter, j.undoes, j.pending, j.in_flight,
	j.done, j.failed, j.skipped, j.oldest, j.newest, j.unfit, j.unknown, j.created_at, j.started_at, j.ended_at, j.last_by,
	j.last_action, j.last_at, j.canary, j.rate`

func scanJob(r sqlite.Row) (int64, deadletter.Job, error) {
	var j deadletter.Job
	var created int64
	var undoes, oldest, newest, started, ended, lastAt sql.NullInt64
	var lastBy, lastAction sql.NullString
	err := r.Scan(
		&j.ID,
		&j.Action,
		&j.Patch,
		&j.Reason,
		&j.By.Kind,
		&j.By.Name,
		&j.By.Addr,
		&j.State,
		&j.Why,
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
		&created,
		&started,
		&ended,
		&lastBy,
		&lastAction,
		&lastAt,
		&j.Canary,
		&j.Rate,
	)
	j.Undoes, j.CreatedAt = deadletter.JobID(undoes.Int64), time.UnixMilli(created).UTC()
	j.Oldest, j.Newest, j.StartedAt, j.EndedAt = sqlite.Time(
		oldest,
	), sqlite.Time(
		newest,
	), sqlite.Time(
		started,
	), sqlite.Time(
		ended,
	)
	j.Last = deadletter.LastChange{By: lastBy.String, Action: lastAction.String, At: sqlite.Time(lastAt)}
	return int64(j.ID), j, err
}

const jobByID = `SELECT ` + jobColumns + ` FROM jobs j WHERE j.id = ?`

func job(ctx context.Context, q sqlite.Querier, id deadletter.JobID) (deadletter.Job, error) {
	_, j, err := scanJob(q.QueryRowContext(ctx, jobByID, id))
	return j, notFound(err, "there is no job %d: a draft that nobody starts is removed after an hour", id)
}

// Job answers the job of that id, or NotFound.
func (s *Store) Job(ctx context.Context, id deadletter.JobID) (deadletter.Job, error) {
	return job(ctx, s.db, id)
}

// Job answers the job as this transaction sees it, or NotFound. Of one with a canary, what other writes of the same
// commit have begun is counted already, so that it goes no further than it was told to.
func (t *Tx) Job(ctx context.Context, id deadletter.JobID) (deadletter.Job, error) {
	j, err := job(ctx, t.tx, id)
	if err != nil || j.Canary == 0 {
		return j, err
	}
	sum := newCounts()
	for _, add := range slices.Concat(t.earlier, t.counted) {
		add(sum)
	}
	changed := sum.jobs[id].items
	j.Items.Pending += changed[deadletter.ItemPending]
	j.Items.InFlight += changed[deadletter.ItemInFlight]
	j.Items.Done += changed[deadletter.ItemDone]
	j.Items.Failed += changed[deadletter.ItemFailed]
	j.Items.Skipped += changed[deadletter.ItemSkipped]
	return j, nil
}

const insertJob = `INSERT INTO jobs (action, patch, reason, actor, by, addr, state, why, filter, undoes, pending, in_flight, done, failed, skipped,
	unfit, unknown, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, '', ?, ?, 0, 0, 0, 0, 0, 0, 0, ?)`

// AddJob keeps the draft of a job and answers it with its id. It has no messages yet.
func (t *Tx) AddJob(ctx context.Context, j deadletter.Job) (deadletter.Job, error) {
	var undoes any
	if j.Undoes != 0 {
		undoes = j.Undoes
	}
	added, err := t.tx.ExecContext(
		ctx,
		insertJob,
		j.Action,
		j.Patch,
		j.Reason,
		j.By.Kind,
		j.By.Name,
		j.By.Addr,
		j.State,
		j.Filter,
		undoes,
		j.CreatedAt.UnixMilli(),
	)
	if err != nil {
		return j, fmt.Errorf("write job: %w", err)
	}
	id, err := added.LastInsertId()
	j.ID = deadletter.JobID(id)
	return j, err
}

const updateJob = `UPDATE jobs SET patch = ?, reason = ?, actor = ?, by = ?, addr = ?, state = ?, why = ?, started_at = ?, ended_at = ?, last_by = ?,
	last_action = ?, last_at = ?, canary = ?, rate = ? WHERE id = ? AND state = ?`

// ApplyJob writes the change of a job with its audit event. A change that started from a state which no longer stands
// is a Conflict.
func (t *Tx) ApplyJob(ctx context.Context, c deadletter.JobChange) error {
	j := c.After
	written, err := t.tx.ExecContext(
		ctx,
		updateJob,
		j.Patch,
		j.Reason,
		j.By.Kind,
		j.By.Name,
		j.By.Addr,
		j.State,
		j.Why,
		sqlite.Millis(j.StartedAt),
		sqlite.Millis(
			j.EndedAt,
		),
		sqlite.Text(j.Last.By),
		sqlite.Text(j.Last.Action),
		sqlite.Millis(j.Last.At),
		j.Canary,
		j.Rate,
		j.ID,
		c.Before.State,
	)
	if err != nil {
		return fmt.Errorf("write job %d: %w", j.ID, err)
	}
	if n, err := written.RowsAffected(); err != nil || n == 0 {
		return errors.Join(
			deadletter.Errorf(deadletter.Conflict, "this job was changed meanwhile: look again before you act"),
			err,
		)
	}
	return t.Record(ctx, c.Event)
}

// MaxJobMessages is how many messages one job can have.
const MaxJobMessages = 100_000

// freezeChunk is how many messages are fixed in one transaction, so that other writes wait for no longer than some
// milliseconds.
const itemsPerCommit = 2000

// Freeze keeps a draft with all messages that a filter meets, at most MaxJobMessages. Messages that come while it is
// at work may be in it; once it answers the set is fixed.
func (s *Store) DraftJob(ctx context.Context, j deadletter.Job, f Filter) (deadletter.Job, error) {
	f, err := s.withMatch(ctx, f)
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
		return j, fmt.Errorf("fix the messages of job %d: %w", j.ID, err)
	}
	return s.Job(ctx, j.ID)
}

// source is what a job's items are told apart by: each source delivers its own. Those that are sent back have their
// queue there.
const insertItems = `INSERT INTO job_items (job, message, source, version, state, error)
	SELECT ?, m.n, iif(?, m.read_from, m.source), m.version, 'pending', '' FROM json_each(?) k CROSS JOIN messages m ON m.n = k.value`

// freezeMore adds the messages of the filter that follow a row, a chunk of them at most. They are found without
// holding up who writes.
func (s *Store) addMatching(
	ctx context.Context,
	j *deadletter.Job,
	f Filter,
	after int64,
) (last int64, more bool, err error) {
	where := f.where()
	where.add(f.key()+" > ?", after)
	query := "SELECT " + f.key() + " FROM " + where.from + where.sql() + " ORDER BY " + f.key() + " LIMIT ?"
	rows, err := sqlite.Column[int64](ctx, s.db, "messages of a job", query, append(where.args, itemsPerCommit)...)
	if err != nil || len(rows) == 0 {
		return after, false, err
	}
	list, err := toJSON(rows)
	if err != nil {
		return after, false, err
	}
	counted := *j
	err = s.Write(ctx, func(ctx context.Context, tx *Tx) error {
		if _, err := tx.tx.ExecContext(ctx, insertItems, j.ID, j.Action.Redrives(), list); err != nil {
			return err
		}
		counted = *j
		last, err = tx.countItems(ctx, &counted, after)
		return err
	})
	*j = counted
	if err == nil && j.Items.Pending > MaxJobMessages {
		err = deadletter.Errorf(deadletter.TooLarge, "more than %d messages match: narrow the filter", MaxJobMessages)
	}
	return last, len(rows) == itemsPerCommit, err
}

const (
	newItems = `SELECT count(*), min(i.message), max(i.message), coalesce(sum(m.outcome = 'unknown'), 0), coalesce(sum(m.status NOT IN (%s)), 0)
		FROM job_items i JOIN messages m ON m.n = i.message WHERE i.job = ? AND i.message > ?`
	countNewItems = `UPDATE jobs SET pending = pending + ?, unknown = unknown + ?, unfit = unfit + ?, oldest = min(coalesce(oldest, ?), ?),
		newest = max(coalesce(newest, 0), ?) WHERE id = ?`
)

// countItems takes account of the items that were added after a row, and answers the last of them.
func (t *Tx) countItems(ctx context.Context, j *deadletter.Job, after int64) (int64, error) {
	var fit []string
	for _, status := range j.Action.AllowedStatuses() {
		fit = append(fit, "'"+string(status)+"'")
	}
	var n, unknown, unfit int
	var first, last sql.NullInt64
	query := fmt.Sprintf(newItems, strings.Join(fit, ", "))
	if err := t.tx.QueryRowContext(ctx, query, j.ID, after).Scan(&n, &first, &last, &unknown, &unfit); err != nil {
		return 0, fmt.Errorf("count items: %w", err)
	}
	if n == 0 {
		return after, nil
	}
	oldest, newest := first.Int64>>sequenceBits, last.Int64>>sequenceBits
	if _, err := t.tx.ExecContext(ctx, countNewItems, n, unknown, unfit, oldest, oldest, newest, j.ID); err != nil {
		return 0, fmt.Errorf("count items: %w", err)
	}
	j.Items.Pending += n
	j.Unknown += unknown
	j.Inapplicable += unfit
	return last.Int64, nil
}

const insertItem = `INSERT INTO job_items (job, message, source, version, state, error)
	SELECT ?, n, iif(?, read_from, source), ?, 'pending', '' FROM messages WHERE id = ? ON CONFLICT DO NOTHING`

// AddItem puts a message into the draft of a job. A message that does not exist is NotFound; one that is in it
// already changes nothing.
func (t *Tx) AddItem(ctx context.Context, j deadletter.Job, message deadletter.ID, version int) error {
	added, err := t.tx.ExecContext(ctx, insertItem, j.ID, j.Action.Redrives(), version, message)
	if err != nil {
		return fmt.Errorf("write item: %w", err)
	}
	if n, err := added.RowsAffected(); err != nil || n > 0 {
		return err
	}
	_, err = t.Message(ctx, message)
	return err
}

// CountItems takes account of the messages that were put into a draft, and answers it.
func (t *Tx) CountItems(ctx context.Context, j deadletter.Job) (deadletter.Job, error) {
	if _, err := t.countItems(ctx, &j, -1); err != nil {
		return j, err
	}
	return t.Job(ctx, j.ID)
}

const (
	insertUndo = `INSERT INTO job_items (job, message, source, version, state, error)
		SELECT ?, message, source, version + 1, 'pending', '' FROM job_items WHERE job = ? AND state = 'done'`
	undoOf = `SELECT ` + jobColumns + ` FROM jobs j WHERE j.undoes = ?`
)

// AddUndo puts the messages that a job archived into a draft, each with the version that the archiving gave it.
func (t *Tx) AddUndo(ctx context.Context, j deadletter.Job) error {
	_, err := t.tx.ExecContext(ctx, insertUndo, j.ID, j.Undoes)
	if err != nil {
		return fmt.Errorf("write items that undo job %d: %w", j.Undoes, err)
	}
	return nil
}

// UndoOf answers the job that takes another one back, or NotFound.
func (s *Store) UndoOf(ctx context.Context, id deadletter.JobID) (deadletter.Job, error) {
	return jobThatUndoes(ctx, s.db, id)
}

// UndoOf answers the same as this transaction sees it.
func (t *Tx) UndoOf(ctx context.Context, id deadletter.JobID) (deadletter.Job, error) {
	return jobThatUndoes(ctx, t.tx, id)
}

func jobThatUndoes(ctx context.Context, q sqlite.Querier, id deadletter.JobID) (deadletter.Job, error) {
	_, j, err := scanJob(q.QueryRowContext(ctx, undoOf, id))
	return j, notFound(err, "job %d was not undone", id)
}

// Late counts the messages that a filter meets now and that are not in a draft, up to CountCap.
func (s *Store) CountNotInJob(ctx context.Context, id deadletter.JobID, f Filter) (int, error) {
	f, err := s.withMatch(ctx, f)
	if err != nil {
		return 0, err
	}
	where := f.where()
	where.add("NOT EXISTS (SELECT 1 FROM job_items x WHERE x.job = ? AND x.message = m.n)", id)
	var n int
	query := "SELECT count(*) FROM (SELECT 1 FROM " + where.from + where.sql() + " LIMIT ?)"
	if err := s.db.QueryRowContext(ctx, query, append(where.args, CountCap)...).Scan(&n); err != nil {
		return 0, fmt.Errorf("count messages that are not in job %d: %w", id, err)
	}
	return n, nil
}

// Item is one message of a job.
type Item struct {
	Job          deadletter.JobID
	Message      deadletter.ID
	Version      int    // of the message, when the job was made
	MessageGroup string // of its message on the queue; PendingRedrives alone tells it
	n            int64
}

const runningJobs = `SELECT ` + jobColumns + ` FROM jobs j WHERE j.state = 'running' ORDER BY j.id LIMIT 50`

// RunningJobs answers the jobs at work, the oldest first, 50 at most.
func (s *Store) RunningJobs(ctx context.Context) ([]deadletter.Job, error) {
	return s.jobs(ctx, "running", runningJobs)
}

func (s *Store) jobs(ctx context.Context, what, query string, args ...any) ([]deadletter.Job, error) {
	var list []deadletter.Job
	err := sqlite.Each(ctx, s.db.Prepared(), func(r sqlite.Row) error {
		_, j, err := scanJob(r)
		list = append(list, j)
		return err
	}, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read %s jobs: %w", what, err)
	}
	return list, nil
}

const pendingItems = `SELECT i.message, m.id, i.version FROM job_items i JOIN messages m ON m.n = i.message
	WHERE i.job = ? AND i.source = ? AND i.state = 'pending' ORDER BY i.message LIMIT ?`

// PendingItems answers messages of a source that a job has not begun with, the oldest first.
func (s *Store) PendingItems(ctx context.Context, id deadletter.JobID, source string, limit int) ([]Item, error) {
	var list []Item
	err := sqlite.Each(ctx, s.db.Prepared(), func(r sqlite.Row) error {
		item := Item{Job: id}
		err := r.Scan(&item.n, &item.Message, &item.Version)
		list = append(list, item)
		return err
	}, pendingItems, id, source, limit)
	if err != nil {
		return nil, fmt.Errorf("read items of job %d: %w", id, err)
	}
	return list, nil
}

const (
	firstPendingSource = `SELECT source FROM job_items WHERE job = ? AND state = 'pending' ORDER BY source LIMIT 1`
	nextPendingSource  = `SELECT source FROM job_items WHERE job = ? AND state = 'pending' AND source > ? ORDER BY source LIMIT 1`
)

// PendingSources answers the sources of the messages that a job has not begun with. It costs one look-up for each.
func (s *Store) PendingSources(ctx context.Context, id deadletter.JobID) ([]string, error) {
	var list []string
	var source string
	err := s.db.QueryRowContext(ctx, firstPendingSource, id).Scan(&source)
	for err == nil {
		list = append(list, source)
		err = s.db.QueryRowContext(ctx, nextPendingSource, id, source).Scan(&source)
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("read sources of job %d: %w", id, err)
	}
	return list, nil
}

const beginItem = `UPDATE job_items SET state = 'in_flight' WHERE job = ? AND message = ? AND state = 'pending'`

// OrderItem says that the delivery of a message is in flight for its job. It answers false when somebody else has
// begun with it.
func (t *Tx) BeginItem(ctx context.Context, i Item) (bool, error) {
	written, err := t.tx.ExecContext(ctx, beginItem, i.Job, i.n)
	if err != nil {
		return false, fmt.Errorf("order item of job %d: %w", i.Job, err)
	}
	n, err := written.RowsAffected()
	if n > 0 {
		t.count(func(c *counts) { c.item(i.Job, deadletter.ItemPending, deadletter.ItemInFlight, time.Time{}) })
	}
	return n > 0, err
}

const settleItem = `UPDATE job_items SET state = ?, error = ? WHERE job = ? AND message = ? AND state = 'pending'`

// SettleItem gives a message that needs no delivery its result. The last one ends the job.
func (t *Tx) SettleItem(ctx context.Context, i Item, state deadletter.ItemState, why string, at time.Time) error {
	written, err := t.tx.ExecContext(ctx, settleItem, state, why, i.Job, i.n)
	if err != nil {
		return fmt.Errorf("write result of job %d: %w", i.Job, err)
	}
	n, err := written.RowsAffected()
	if n > 0 {
		t.count(func(c *counts) { c.item(i.Job, deadletter.ItemPending, state, at) })
	}
	return err
}

const settleDelivery = `UPDATE job_items SET state = ?1, error = ?2,
	version = iif(?1 = 'pending', (SELECT m.version FROM messages m WHERE m.n = message), version) WHERE message = ?3 AND state = 'in_flight' RETURNING job`

// settleDelivery gives the message whose delivery was finished its result in the job that ordered it.
func (t *Tx) settleDelivery(ctx context.Context, n int64, a deadletter.Attempt, at time.Time) error {
	state, why := a.ItemResult()
	var id deadletter.JobID
	err := t.tx.QueryRowContext(ctx, settleDelivery, state, why, n).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("write result of a job: %w", err)
	}
	if state == deadletter.ItemFailed && a.Trigger.Redrives() {
		if err := t.stopMessageGroup(ctx, id, n); err != nil {
			return err
		}
	}
	t.count(func(c *counts) { c.item(id, deadletter.ItemInFlight, state, at) })
	return nil
}

const countItems = `UPDATE jobs SET pending = pending + ?, in_flight = in_flight + ?, done = done + ?, failed = failed + ?, skipped = skipped + ? WHERE id = ?`

// countJobs writes how far jobs got, and ends those that got to their end.
func (t *Tx) countJobs(ctx context.Context, jobs map[deadletter.JobID]jobCounts) error {
	for id, j := range jobs {
		var args []any
		for _, state := range deadletter.ItemStates() { // in the order of the statement
			args = append(args, j.items[state])
		}
		if _, err := t.tx.ExecContext(ctx, countItems, append(args, id)...); err != nil {
			return fmt.Errorf("count the items of job %d: %w", id, err)
		}
		if err := t.endJob(ctx, id, j.at); err != nil {
			return fmt.Errorf("end job %d: %w", id, err)
		}
	}
	return nil
}

const everyItemSettled = `SELECT EXISTS (SELECT 1 FROM jobs WHERE id = ? AND pending = 0 AND in_flight = 0 AND state IN ('running', 'paused'))`

func (t *Tx) endJob(ctx context.Context, id deadletter.JobID, at time.Time) error {
	var settled bool
	if err := t.tx.QueryRowContext(ctx, everyItemSettled, id).Scan(&settled); err != nil || !settled {
		return err
	}
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
	oldDraft    = `SELECT id FROM jobs WHERE state = 'draft' AND created_at < ? LIMIT 1`
	deleteItems = `DELETE FROM job_items WHERE (job, message) IN (SELECT job, message FROM job_items WHERE job = ? LIMIT ?)`
	deleteDraft = `DELETE FROM jobs WHERE id = ? AND state = 'draft'`
	stillDraft  = `SELECT EXISTS (SELECT 1 FROM jobs WHERE id = ? AND state = 'draft')`
)

// DropDraft removes some messages of a draft that is older than a time, or the draft itself once it has none. It
// answers false when there is no such draft.
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
		return err // somebody started it just now
	}
	dropped, err := t.tx.ExecContext(ctx, deleteItems, id, itemsPerCommit)
	if err != nil {
		return err
	}
	if n, err := dropped.RowsAffected(); err != nil || n > 0 {
		return err
	}
	_, err = t.tx.ExecContext(ctx, deleteDraft, id)
	return err
}

// Jobs answers one page of the jobs that were started, the newest first.
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
	}.page(
		ctx,
		s.db,
		at,
		newer,
		limit,
	)
	if err != nil {
		return page, fmt.Errorf("read jobs: %w", err)
	}
	return page, nil
}

const shownJobs = `SELECT ` + jobColumns + ` FROM jobs j WHERE j.by = ? AND j.hidden = 0 AND j.state <> 'draft' ORDER BY j.id DESC LIMIT 3`

// ShownJobs answers the latest jobs of a person that they did not put out of sight.
func (s *Store) ShownJobs(ctx context.Context, by string) ([]deadletter.Job, error) {
	return s.jobs(ctx, "shown", shownJobs, by)
}

const hideJob = `UPDATE jobs SET hidden = 1 WHERE id = ? AND by = ? AND state IN ('done', 'cancelled')`

// HideJob puts a job that is over out of the sight of who started it. The job stays as it is.
func (t *Tx) HideJob(ctx context.Context, id deadletter.JobID, by string) error {
	if _, err := t.tx.ExecContext(ctx, hideJob, id, by); err != nil {
		return fmt.Errorf("put job %d out of sight: %w", id, err)
	}
	return nil
}

// Fault is why some messages of a job failed or were skipped.
type Fault struct {
	State    deadletter.ItemState
	Text     string
	Messages int
}

// faultSample is of how many messages the reasons are told apart, so that a page about a job of a hundred thousand is
// as quick as any.
const faultSample = 10_000

const jobFaults = `SELECT state, error, count(*) AS n FROM (
		SELECT * FROM (SELECT state, error FROM job_items WHERE job = ? AND state = 'failed' LIMIT ?)
		UNION ALL SELECT * FROM (SELECT state, error FROM job_items WHERE job = ? AND state = 'skipped' LIMIT ?)
	) GROUP BY state, error ORDER BY n DESC, error LIMIT 20`

// JobFaults answers the 20 commonest reasons of a job's messages that failed or were skipped, among the first 10,000
// of each.
func (s *Store) JobFaults(ctx context.Context, id deadletter.JobID) ([]Fault, error) {
	var list []Fault
	err := sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var f Fault
		err := r.Scan(&f.State, &f.Text, &f.Messages)
		list = append(list, f)
		return err
	}, jobFaults, id, faultSample, id, faultSample)
	if err != nil {
		return nil, fmt.Errorf("read faults of job %d: %w", id, err)
	}
	return list, nil
}
