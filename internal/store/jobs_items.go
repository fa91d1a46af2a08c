package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

// MaxJobMessages is how many messages one job can have.
const MaxJobMessages = 100_000

// itemsPerCommit bounds how many messages of a job are written in one transaction, so that other writes wait for a few
// milliseconds only.
const itemsPerCommit = 2000

// source is what items are claimed by: each source delivers its own. Items of a redrive have their queue there, and no
// order key: SQS keeps the order of its message groups.
const insertItems = `INSERT INTO job_items (job, message, source, version, state, error, order_key)
	SELECT ?, m.n, iif(?, m.queue, m.source), m.version, 'pending', '', iif(?, m.order_key, NULL) FROM json_each(?) k
	CROSS JOIN messages m ON m.n = k.value`

// addMatching adds the matching messages that follow a row, itemsPerCommit at most. It reads them outside of the write,
// so that other writes do not wait.
func (s *Store) addMatching(
	ctx context.Context, j *deadletter.Job, f Filter, after int64,
) (last int64, more bool, err error) {
	where := f.where()
	where.add(f.key()+" > ?", after)
	query := "SELECT " + f.key() + " FROM " + where.from + where.sql() + " ORDER BY " + f.key() + " LIMIT ?"
	rows, err := sqlite.Column[int64](ctx, s.db, "messages of a job", query, append(where.args, itemsPerCommit)...)
	if err != nil || len(rows) == 0 {
		return after, false, err
	}
	more = len(rows) == itemsPerCommit
	if f.reads() {
		last = rows[len(rows)-1]
		if rows, err = s.readForJob(ctx, f, rows); err != nil || len(rows) == 0 {
			return last, more, err
		}
	}
	list, err := toJSON(rows)
	if err != nil {
		return after, false, err
	}
	counted := *j
	err = s.Write(ctx, func(ctx context.Context, tx *Tx) error {
		if _, err := tx.tx.ExecContext(ctx, insertItems, j.ID, j.Action.Redrives(), keepsOrder(*j), list); err != nil {
			return err
		}
		counted = *j
		added, err := tx.countItems(ctx, &counted, after)
		last = max(last, added)
		return err
	})
	*j = counted
	if err == nil && j.Items.Pending > MaxJobMessages {
		err = deadletter.Errorf(deadletter.TooLarge, "more than %d messages match: narrow the filter", MaxJobMessages)
	}
	return last, more, err
}

// readForJob returns those of some messages that match a query which has to read them.
func (s *Store) readForJob(ctx context.Context, f Filter, rows []int64) ([]int64, error) {
	if f.lookup.frozen += len(rows); f.lookup.frozen > MaxJobMessages {
		return nil, deadletter.Errorf(
			deadletter.TooLarge,
			"more than %d messages would have to be read: narrow the search by a word, a source or a time",
			MaxJobMessages,
		)
	}
	matching, _, err := s.index.Check(ctx, f.lookup.plan, rows)
	return matching, err
}

const (
	newItems = `SELECT count(*), min(i.message), max(i.message), coalesce(sum(m.outcome = 'unknown'), 0),
		coalesce(sum(m.status NOT IN (%[1]s)), 0), coalesce(sum(m.revision > 0), 0),
		coalesce(sum(m.status IN (%[1]s) AND EXISTS (SELECT 1 FROM delivered_events d
			WHERE d.order_key = m.order_key AND d.received_at > m.received_at)), 0)
		FROM job_items i JOIN messages m ON m.n = i.message WHERE i.job = ? AND i.message > ?`
	countNewItems = `UPDATE jobs SET pending = pending + ?, unknown = unknown + ?, unfit = unfit + ?,
		edited = edited + ?, overtaken = overtaken + ?, oldest = min(coalesce(oldest, ?), ?),
		newest = max(coalesce(newest, 0), ?) WHERE id = ?`
)

// countItems adds the items that follow a row to the counts of their job. It returns the row of the last one.
func (t *Tx) countItems(ctx context.Context, j *deadletter.Job, after int64) (int64, error) {
	var fit []string
	for _, status := range j.Action.AllowedStatuses() {
		fit = append(fit, "'"+string(status)+"'")
	}
	var n, unknown, unfit, edited, overtaken int
	var first, last sql.NullInt64
	query := fmt.Sprintf(newItems, strings.Join(fit, ", "))
	row := t.tx.QueryRowContext(ctx, query, j.ID, after)
	if err := row.Scan(&n, &first, &last, &unknown, &unfit, &edited, &overtaken); err != nil {
		return 0, fmt.Errorf("count items: %w", err)
	}
	if n == 0 {
		return after, nil
	}
	oldest, newest := first.Int64>>sequenceBits, last.Int64>>sequenceBits
	_, err := t.tx.ExecContext(
		ctx, countNewItems, n, unknown, unfit, edited, overtaken, oldest, oldest, newest, j.ID,
	)
	if err == nil {
		err = t.orderItems(ctx, *j, after)
	}
	if err != nil {
		return 0, fmt.Errorf("count items: %w", err)
	}
	j.Items.Pending += n
	j.Unknown += unknown
	j.Inapplicable += unfit
	j.Edited += edited
	j.Overtaken += overtaken
	return last.Int64, nil
}

const pendingStatuses = `SELECT m.status, count(*) FROM job_items i JOIN messages m ON m.n = i.message
	WHERE i.job = ? AND i.state = 'pending' GROUP BY m.status`

// PendingStatuses counts the pending messages of a job by their status now.
func (s *Store) PendingStatuses(ctx context.Context, id deadletter.JobID) (map[deadletter.Status]int, error) {
	counts := map[deadletter.Status]int{}
	err := sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var status deadletter.Status
		var n int
		err := r.Scan(&status, &n)
		counts[status] = n
		return err
	}, pendingStatuses, id)
	if err != nil {
		return nil, fmt.Errorf("count the messages of job %d by status: %w", id, err)
	}
	return counts, nil
}

const insertItem = `INSERT INTO job_items (job, message, source, version, state, error, order_key)
	SELECT ?, n, iif(?, queue, source), ?, 'pending', '', iif(?, order_key, NULL) FROM messages WHERE id = ?
	ON CONFLICT DO NOTHING`

// AddItem adds a message to the draft of a job. It returns NotFound for a message that does not exist. A message that
// is in the draft already changes nothing.
func (t *Tx) AddItem(ctx context.Context, j deadletter.Job, message deadletter.ID, version int) error {
	added, err := t.tx.ExecContext(ctx, insertItem, j.ID, j.Action.Redrives(), version, keepsOrder(j), message)
	if err != nil {
		return fmt.Errorf("write item: %w", err)
	}
	if n, err := added.RowsAffected(); err != nil || n > 0 {
		return err
	}
	_, err = t.Message(ctx, message)
	return err
}

// CountItems counts the messages that were added to a draft, and returns it.
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

// AddUndo adds the messages that a job archived to a draft, each with the version that archiving gave it.
func (t *Tx) AddUndo(ctx context.Context, j deadletter.Job) error {
	_, err := t.tx.ExecContext(ctx, insertUndo, j.ID, j.Undoes)
	if err != nil {
		return fmt.Errorf("write items that undo job %d: %w", j.Undoes, err)
	}
	return nil
}

// CountNotInJob counts the messages that match a filter now and are not in a draft, up to CountCap and one more.
func (s *Store) CountNotInJob(ctx context.Context, id deadletter.JobID, f Filter) (int, error) {
	f, err := s.Lookup(ctx, f)
	if err != nil {
		return 0, err
	}
	where := f.where()
	where.add("NOT EXISTS (SELECT 1 FROM job_items x WHERE x.job = ? AND x.message = m.n)", id)
	query := "SELECT m.n FROM " + where.from + where.sql() + " LIMIT ?"
	rows, err := sqlite.Column[int64](ctx, s.db, "messages not in a job", query, append(where.args, CountCap+1)...)
	if err == nil && f.reads() {
		rows, _, err = s.index.Check(ctx, f.lookup.plan, rows)
	}
	if err != nil {
		return 0, fmt.Errorf("count messages that are not in job %d: %w", id, err)
	}
	return len(rows), nil
}

// Item is one message of a job.
type Item struct {
	Job          deadletter.JobID
	Message      deadletter.ID
	Version      int                 // of the message, when the job was made
	Cause        string              // the fingerprint of the message's cause; PendingRedrives does not set it
	OrderKey     deadletter.OrderKey // likewise; 0: its order does not matter
	MessageGroup string              // of its queue message; only PendingRedrives sets it
	Refusal      string              // why the dry run that its job goes by would not change the message; "": it would
	n            int64
}

// refusalOf is the refusal of an item by the dry run that its job goes by.
const refusalOf = `iif(i.dry_run = (SELECT dry_run FROM jobs WHERE id = i.job), i.refusal, '')`

// Items that may begin, by the sequence of their job.
const (
	itemFrom = `SELECT i.message, m.id, i.version, m.fingerprint, coalesce(i.order_key, 0), ` + refusalOf + ` FROM job_items i
		JOIN messages m ON m.n = i.message WHERE i.job = ? AND i.source = ? AND i.state = 'pending' AND i.behind = 0`
	oldestItems = itemFrom + ` ORDER BY i.message LIMIT ?`
	newestItems = itemFrom + ` ORDER BY i.message DESC LIMIT ?`
	placedItems = itemFrom + ` AND i.place > 0 ORDER BY i.place, i.message LIMIT ?`
	stepItems   = itemFrom + ` AND i.step > 0 AND i.step = ? ORDER BY i.message LIMIT ?`
)

// PendingItems returns pending items of a source in the present step of a job, in its sequence. Of the items with one
// order key it returns the oldest, and none while one of them is in flight.
func (s *Store) PendingItems(ctx context.Context, j deadletter.Job, source string, limit int) ([]Item, error) {
	switch {
	case j.StepSize() > 0:
		return s.items(ctx, stepItems, j.ID, source, j.Step, limit)
	case j.Sequence == deadletter.SequenceNewest:
		return s.items(ctx, newestItems, j.ID, source, limit)
	case j.Sequence == deadletter.SequenceRandom, j.Sequence == deadletter.SequenceKey:
		return s.items(ctx, placedItems, j.ID, source, limit)
	}
	return s.items(ctx, oldestItems, j.ID, source, limit)
}

// PendingItemsAtEnds returns up to limit of the oldest and up to limit of the newest pending items of a source in a
// job, oldest message first: those of the present step alone, if it is not the rest.
func (s *Store) PendingItemsAtEnds(
	ctx context.Context, j deadletter.Job, source string, limit int,
) ([]Item, error) {
	if j.StepSize() > 0 {
		return s.PendingItems(ctx, j, source, limit)
	}
	oldest, err := s.items(ctx, oldestItems, j.ID, source, limit)
	if err != nil || len(oldest) < limit {
		return oldest, err
	}
	newest, err := s.items(ctx, newestItems, j.ID, source, limit)
	slices.Reverse(newest)
	last := oldest[len(oldest)-1].n
	return append(oldest, slices.DeleteFunc(newest, func(i Item) bool { return i.n <= last })...), err
}

func (s *Store) items(ctx context.Context, query string, id deadletter.JobID, args ...any) ([]Item, error) {
	var list []Item
	err := sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		item := Item{Job: id}
		err := r.Scan(&item.n, &item.Message, &item.Version, &item.Cause, &item.OrderKey, &item.Refusal)
		list = append(list, item)
		return err
	}, query, append([]any{id}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("read items of job %d: %w", id, err)
	}
	return list, nil
}

const (
	firstPendingSource = `SELECT source FROM job_items WHERE job = ? AND state = 'pending' AND behind = 0
		ORDER BY source LIMIT 1`
	nextPendingSource = `SELECT source FROM job_items WHERE job = ? AND state = 'pending' AND behind = 0 AND source > ?
		ORDER BY source LIMIT 1`
)

// PendingSources returns the sources of the items that PendingItems returns. It costs one look-up for each.
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

const itemsInFlight = `SELECT source, count(*) FROM job_items INDEXED BY job_items_in_flight
	WHERE job = ? AND state = 'in_flight' GROUP BY source`

// ItemsInFlight returns how many items of a job are in flight, by source.
func (s *Store) ItemsInFlight(ctx context.Context, id deadletter.JobID) (map[string]int, error) {
	counts := map[string]int{}
	err := sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var source string
		var n int
		err := r.Scan(&source, &n)
		counts[source] = n
		return err
	}, itemsInFlight, id)
	if err != nil {
		return nil, fmt.Errorf("count items of job %d: %w", id, err)
	}
	return counts, nil
}

const beginItem = `UPDATE job_items SET state = 'in_flight', cause = ?
	WHERE job = ? AND message = ? AND state = 'pending'`

// BeginItem marks an item as in flight. It returns false if another delivery has begun with it.
func (t *Tx) BeginItem(ctx context.Context, i Item) (bool, error) {
	written, err := t.tx.ExecContext(ctx, beginItem, i.Cause, i.Job, i.n)
	if err != nil {
		return false, fmt.Errorf("mark item of job %d as in flight: %w", i.Job, err)
	}
	n, err := written.RowsAffected()
	if n > 0 {
		t.count(func(c *counts) {
			c.item(i.Job, i.Cause, deadletter.ItemPending, deadletter.ItemInFlight, time.Time{})
		})
	}
	return n > 0, err
}

const settleItem = `UPDATE job_items SET state = ?, error = ?, fault = ?, cause = ?
	WHERE job = ? AND message = ? AND state = 'pending'`

// SettleItem writes the result of an item that needs no delivery. The last item ends the job.
func (t *Tx) SettleItem(ctx context.Context, i Item, state deadletter.ItemState, reason string, at time.Time) error {
	written, err := t.tx.ExecContext(ctx, settleItem, state, reason, deadletter.FaultKey(reason), i.Cause, i.Job, i.n)
	if err != nil {
		return fmt.Errorf("write result of job %d: %w", i.Job, err)
	}
	n, err := written.RowsAffected()
	if n > 0 {
		t.count(func(c *counts) { c.item(i.Job, i.Cause, deadletter.ItemPending, state, at) })
		return t.releaseNext(ctx, i.Job, i.n, i.OrderKey)
	}
	return err
}

const settleDelivery = `UPDATE job_items SET state = ?1, error = ?2, fault = ?4, cause = ?5,
	version = iif(?1 = 'pending', (SELECT m.version FROM messages m WHERE m.n = message), version)
	WHERE message = ?3 AND state = 'in_flight' RETURNING job, coalesce(order_key, 0)`

// settleDelivery writes the result of a finished delivery of a message into the job that requested it, and returns
// that. cause is what the message failed for before.
//
// again reports that it failed for that once more.
func (t *Tx) settleDelivery(
	ctx context.Context, n int64, cause string, again bool, a deadletter.Attempt, at time.Time,
) (id deadletter.JobID, err error) {
	state, reason := a.ItemResult()
	var key deadletter.OrderKey
	err = t.tx.QueryRowContext(ctx, settleDelivery, state, reason, n, deadletter.FaultKey(reason), cause).
		Scan(&id, &key)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("write result of a job: %w", err)
	}
	if state == deadletter.ItemFailed && a.Trigger.Redrives() {
		if err := t.stopMessageGroup(ctx, id, n); err != nil {
			return id, err
		}
	}
	t.count(func(c *counts) {
		c.item(id, cause, deadletter.ItemInFlight, state, at)
		if again && state == deadletter.ItemFailed {
			c.jobs[id].again[cause]++
		}
	})
	if state == deadletter.ItemPending {
		return id, nil
	}
	return id, t.releaseNext(ctx, id, n, key)
}

const countItems = `UPDATE jobs SET pending = pending + ?, in_flight = in_flight + ?, done = done + ?,
	failed = failed + ?, skipped = skipped + ? WHERE id = ?
	RETURNING coalesce(started_at, created_at), pending = 0 AND in_flight = 0 AND state IN ('running', 'paused'),
	action, coalesce(saved_recipe, 0), saved_version`

// countJobs writes how far jobs got, and ends those that got to their end.
func (t *Tx) countJobs(ctx context.Context, jobs map[deadletter.JobID]jobCounts) error {
	for id, j := range jobs {
		var args []any
		for _, state := range deadletter.ItemStates() { // in the order of the statement
			args = append(args, j.items[state])
		}
		if err := t.countCauses(ctx, id, j); err != nil {
			return fmt.Errorf("count the causes of job %d: %w", id, err)
		}
		if len(j.items) == 0 {
			continue // items count for other causes
		}
		var began int64
		var settled bool
		var action deadletter.Action
		var use deadletter.RecipeUse
		err := t.tx.QueryRowContext(ctx, countItems, append(args, id)...).
			Scan(&began, &settled, &action, &use.ID, &use.Version)
		if err == nil {
			err = t.addResults(ctx, id, time.UnixMilli(began), j)
		}
		if err == nil {
			err = t.countForRecipe(ctx, action, use, j.items[deadletter.ItemDone], j.items[deadletter.ItemFailed])
		}
		if err != nil {
			return fmt.Errorf("count the items of job %d: %w", id, err)
		}
		if !settled {
			continue
		}
		if err := t.endJob(ctx, id, j.at); err != nil {
			return fmt.Errorf("end job %d: %w", id, err)
		}
	}
	return nil
}

const (
	countCause = `INSERT INTO job_causes (fingerprint, job, done, failed, skipped, again) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET done = max(0, done + excluded.done), failed = max(0, failed + excluded.failed),
		skipped = max(0, skipped + excluded.skipped), again = max(0, again + excluded.again)`
	forgetJobCause = `DELETE FROM job_causes WHERE fingerprint = ? AND job = ? AND done + failed + skipped <= 0`
)

// countCauses writes what a job came to, by the cause of its messages.
func (t *Tx) countCauses(ctx context.Context, id deadletter.JobID, j jobCounts) error {
	for cause, n := range j.causes {
		if cause == "" {
			continue
		}
		if _, err := t.tx.ExecContext(
			ctx, countCause, cause, id, n[deadletter.ItemDone], n[deadletter.ItemFailed], n[deadletter.ItemSkipped],
			j.again[cause],
		); err != nil {
			return err
		}
		if !hasLeft(n) {
			continue
		}
		if _, err := t.tx.ExecContext(ctx, forgetJobCause, cause, id); err != nil {
			return err
		}
	}
	return nil
}

// hasLeft reports whether items count for another cause than before.
func hasLeft(n map[deadletter.ItemState]int) bool {
	for _, items := range n {
		if items < 0 {
			return true
		}
	}
	return false
}

// Fault is what messages of a job failed or were skipped for.
type Fault struct {
	State    deadletter.ItemState
	Key      string // deadletter.FaultKey of Text
	Text     string // of one of them
	Source   string // of the messages; "" if they have several
	Messages int
	AtLeast  bool // there may be more: the job has too many messages to count them here
}

// faultSample bounds how many messages of each state JobFaults reads, so that a page about a job of a hundred thousand
// is as quick as any.
const faultSample = 10_000

const jobFaults = `SELECT state, fault, min(error), count(*) AS n, sum(count(*)) OVER (PARTITION BY state),
	iif(min(source) = max(source), min(source), '') FROM (
		SELECT * FROM (SELECT state, fault, error, source FROM job_items WHERE job = ? AND state = 'failed' LIMIT ?)
		UNION ALL
		SELECT * FROM (SELECT state, fault, error, source FROM job_items WHERE job = ? AND state = 'skipped' LIMIT ?)
	) GROUP BY state, fault ORDER BY n DESC, state, fault`

// JobFaults returns what a job's messages failed or were skipped for, among the first 10,000 of each, most frequent
// first.
func (s *Store) JobFaults(ctx context.Context, id deadletter.JobID) ([]Fault, error) {
	var list []Fault
	err := sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var f Fault
		var ofState int
		err := r.Scan(&f.State, &f.Key, &f.Text, &f.Messages, &ofState, &f.Source)
		f.AtLeast = ofState >= faultSample
		list = append(list, f)
		return err
	}, jobFaults, id, faultSample, id, faultSample)
	if err != nil {
		return nil, fmt.Errorf("read faults of job %d: %w", id, err)
	}
	return list, nil
}

// JobMessage is a message of a job with its result.
type JobMessage struct {
	deadletter.Message
	State deadletter.ItemState
	Error string // why it failed or was skipped
	Cause string // the fingerprint of the cause that it had when the job took it up, as it is grouped now
}

const jobMessages = `SELECT ` + messageColumns + `, i.state, i.error, coalesce((SELECT moved_to FROM moved_causes
	WHERE fingerprint = iif(i.cause = '', m.fingerprint, i.cause)), iif(i.cause = '', m.fingerprint, i.cause))
	FROM job_items i CROSS JOIN messages m ON m.n = i.message
	WHERE i.job = ? AND i.message > ? ORDER BY i.message LIMIT ?`

// JobMessages returns messages of a job in the order of receipt, from the cursor that the call before returned: "" at
// first, and after the last message.
func (s *Store) JobMessages(
	ctx context.Context, id deadletter.JobID, cursor string, limit int,
) (list []JobMessage, next string, err error) {
	after, n := int64(-1), int64(0)
	if cursor != "" {
		if after, err = strconv.ParseInt(cursor, 10, 64); err != nil {
			return nil, "", deadletter.Errorf(deadletter.Invalid, "the cursor %q is no place in this job", cursor)
		}
	}
	err = sqlite.Each(ctx, s.db, func(r sqlite.Row) (err error) {
		var m JobMessage
		n, m.Message, err = scanMessage(alsoInto(r, &m.State, &m.Error, &m.Cause))
		list = append(list, m)
		return err
	}, jobMessages, id, after, limit)
	if err != nil {
		return nil, "", fmt.Errorf("read messages of the job %d: %w", id, err)
	}
	if len(list) == limit {
		next = strconv.FormatInt(n, 10)
	}
	return list, next, nil
}

// JobEdit names a revision that a job made.
type JobEdit struct {
	Message  deadletter.ID
	Revision int
}

const jobEdits = `SELECT m.id, max(r.number) FROM (
		SELECT message FROM job_items WHERE job = ? AND state IN ('done', 'failed') LIMIT 20
	) i CROSS JOIN messages m ON m.n = i.message
	CROSS JOIN revisions r ON r.message = m.n AND r.number > 0 AND r.reason = ? AND r.at >= ?
	GROUP BY m.n ORDER BY m.n LIMIT ?`

// JobEdits returns a few of the revisions that a job made: those of the messages that were received first.
func (s *Store) JobEdits(ctx context.Context, j deadletter.Job, limit int) (list []JobEdit, err error) {
	err = sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var e JobEdit
		err := r.Scan(&e.Message, &e.Revision)
		list = append(list, e)
		return err
	}, jobEdits, j.ID, j.Reason, j.StartedAt.UnixMilli(), limit)
	if err != nil {
		return nil, fmt.Errorf("read edits of the job %d: %w", j.ID, err)
	}
	return list, nil
}

const jobFaultText = `SELECT error FROM job_items
	WHERE job = ? AND fault = ? AND state IN ('failed', 'skipped') LIMIT 1`

// JobFaultText returns the text of a job's fault with the given key; "" if the job has none.
func (s *Store) JobFaultText(ctx context.Context, id deadletter.JobID, key string) (text string, err error) {
	err = s.db.QueryRowContext(ctx, jobFaultText, id, key).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return text, err
}

// Latest is a message with its latest revision, of whose body it has at most BodyPart bytes.
type Latest struct {
	Message  deadletter.Message
	Revision deadletter.Revision
}

// latestOf returns the query of messages by the values of a column.
func latestOf(column string) string {
	return `SELECT ` + messageColumns + `, ` + revisionColumns + ` FROM json_each(?) k
	CROSS JOIN messages m ON ` + column + ` = k.value
	JOIN revisions r ON r.message = m.n AND r.number = m.revision`
}

var (
	itemMessages = latestOf("m.n")
	someMessages = latestOf("m.id")
)

// Latest returns the messages of items as they are now. It reads them outside of a write: a change that starts from one
// that was changed meanwhile is a Conflict.
func (s *Store) Latest(ctx context.Context, items []Item) (map[deadletter.ID]Latest, error) {
	rows := make([]int64, len(items))
	for i, item := range items {
		rows[i] = item.n
	}
	return s.latest(ctx, itemMessages, rows)
}

// LatestOf returns messages as Latest does, by their ids.
func (s *Store) LatestOf(ctx context.Context, ids []deadletter.ID) (map[deadletter.ID]Latest, error) {
	return s.latest(ctx, someMessages, ids)
}

func (s *Store) latest(ctx context.Context, query string, keys any) (map[deadletter.ID]Latest, error) {
	list, err := toJSON(keys)
	if err != nil {
		return nil, err
	}
	found := map[deadletter.ID]Latest{}
	err = sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		latest, err := scanLatest(r)
		found[latest.Message.ID] = latest
		return err
	}, query, list)
	if err != nil {
		return nil, fmt.Errorf("read messages with their revisions: %w", err)
	}
	return found, nil
}

// Latest returns a message with its latest revision as this transaction sees it, or NotFound.
func (t *Tx) Latest(ctx context.Context, id deadletter.ID) (m Latest, err error) {
	if m.Message, err = t.Message(ctx, id); err != nil {
		return m, err
	}
	m.Revision, err = t.RevisionHead(ctx, id, m.Message.Revision)
	return m, err
}

// scanLatest reads messageColumns and revisionColumns.
func scanLatest(r sqlite.Row) (m Latest, err error) {
	_, m.Message, err = scanMessage(scanFunc(func(message ...any) (err error) {
		_, m.Revision, err = scanHead(
			scanFunc(func(revision ...any) error { return r.Scan(append(message, revision...)...) }),
		)
		return err
	}))
	return m, err
}

// scanFunc is a Row that a function scans.
type scanFunc func(dest ...any) error

// Scan calls the function.
func (s scanFunc) Scan(dest ...any) error { return s(dest...) }

// alsoInto scans further columns of a row behind those that a function scans.
func alsoInto(r sqlite.Row, more ...any) sqlite.Row {
	return scanFunc(func(dest ...any) error { return r.Scan(append(dest, more...)...) })
}
