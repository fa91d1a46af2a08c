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

const dryRunColumns = `d.id, d.job, d.recipe, d.patch, d.table_digest, d.saved, d.actor, d.by, d.addr, d.state,
	d.changed, d.unchanged, d.failed, d.differing, d.uncompared, d.started_at, d.ended_at,
	j.pending + j.in_flight + j.done + j.failed + j.skipped, d.last, d.masked`

const (
	dryRunOfJob    = `SELECT ` + dryRunColumns + ` FROM dry_runs d JOIN jobs j ON j.id = d.job WHERE d.job = ?`
	runningDryRuns = `SELECT ` + dryRunColumns + ` FROM dry_runs d JOIN jobs j ON j.id = d.job
		WHERE d.state = 'running' ORDER BY d.id LIMIT 20`
	dryRunTable = `SELECT recipe_table FROM dry_runs WHERE id = ?`
)

// DryRun is a dry run with its place in the draft.
type DryRun struct {
	deadletter.DryRun
	Last int64 // the row of the message that got its result last; -1: none has
}

func scanDryRun(r sqlite.Row) (d DryRun, err error) {
	var patch []byte
	var started int64
	var ended sql.NullInt64
	err = r.Scan(
		&d.ID, &d.Job, &d.Recipe.Kind, &patch, &d.TableDigest, &d.Saved, &d.By.Kind, &d.By.Name, &d.By.Addr, &d.State,
		&d.Changed, &d.Unchanged, &d.Failed, &d.Differing, &d.Uncompared, &started, &ended, &d.Messages, &d.Last,
		&d.Masked,
	)
	d.Recipe.Text = string(patch)
	d.StartedAt, d.EndedAt = time.UnixMilli(started).UTC(), sqlite.Time(ended)
	return d, err
}

func dryRun(ctx context.Context, q sqlite.Querier, id deadletter.JobID) (deadletter.DryRun, error) {
	d, err := scanDryRun(q.QueryRowContext(ctx, dryRunOfJob, id))
	if errors.Is(err, sql.ErrNoRows) {
		return deadletter.DryRun{}, nil
	}
	if err != nil {
		return d.DryRun, fmt.Errorf("read the dry run of job %d: %w", id, err)
	}
	return d.DryRun, nil
}

// DryRun returns the latest dry run of a job; the zero value if it has none.
func (s *Store) DryRun(ctx context.Context, id deadletter.JobID) (deadletter.DryRun, error) {
	return dryRun(ctx, s.db, id)
}

// DryRun is Store.DryRun as this transaction sees it.
func (t *Tx) DryRun(ctx context.Context, id deadletter.JobID) (deadletter.DryRun, error) {
	return dryRun(ctx, t.tx, id)
}

// RunningDryRuns returns the dry runs that are not at their end, oldest first and at most 20.
func (s *Store) RunningDryRuns(ctx context.Context) (list []DryRun, err error) {
	err = sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		d, err := scanDryRun(r)
		list = append(list, d)
		return err
	}, runningDryRuns)
	if err != nil {
		return nil, fmt.Errorf("read running dry runs: %w", err)
	}
	return list, nil
}

// DryRunTable returns the table of a dry run's recipe, which may be large; "" if it has none.
func (s *Store) DryRunTable(ctx context.Context, id deadletter.DryRunID) (table string, err error) {
	err = s.db.QueryRowContext(ctx, dryRunTable, id).Scan(&table)
	return table, notFound(err, "this dry run was replaced by another one")
}

const (
	deleteDryRunGroups = `DELETE FROM dry_run_groups WHERE run IN (SELECT id FROM dry_runs WHERE job = ?)`
	deleteDryRun       = `DELETE FROM dry_runs WHERE job = ?`
	insertDryRun       = `INSERT INTO dry_runs (job, recipe, patch, recipe_table, table_digest, saved, actor, by, addr,
		state, last, started_at, masked) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, -1, ?, ?)`
	stopDryRun = `UPDATE dry_runs SET state = 'cancelled', ended_at = ? WHERE job = ? AND state = 'running'`
)

// AddDryRun stores a dry run in place of the one that its draft had. The messages keep the marks of that; they do not
// count any more.
func (t *Tx) AddDryRun(ctx context.Context, d deadletter.DryRun) error {
	if err := t.deleteDryRun(ctx, d.Job); err != nil {
		return err
	}
	_, err := t.tx.ExecContext(
		ctx, insertDryRun, d.Job, d.Recipe.Kind, []byte(d.Recipe.Text), d.Recipe.Table, d.TableDigest, d.Saved,
		d.By.Kind, d.By.Name, d.By.Addr, d.State, d.StartedAt.UnixMilli(), d.Masked,
	)
	if err != nil {
		return fmt.Errorf("write the dry run of job %d: %w", d.Job, err)
	}
	return nil
}

func (t *Tx) deleteDryRun(ctx context.Context, id deadletter.JobID) error {
	for _, query := range []string{deleteDryRunGroups, deleteDryRun} {
		if _, err := t.tx.ExecContext(ctx, query, id); err != nil {
			return fmt.Errorf("remove the dry run of job %d: %w", id, err)
		}
	}
	return nil
}

// StopDryRun cancels the dry run of a job if it is running.
func (t *Tx) StopDryRun(ctx context.Context, id deadletter.JobID, at time.Time) error {
	if _, err := t.tx.ExecContext(ctx, stopDryRun, at.UnixMilli(), id); err != nil {
		return fmt.Errorf("cancel the dry run of job %d: %w", id, err)
	}
	return nil
}

// DryRunItem is a message of a draft that a dry run tries.
type DryRunItem struct {
	Item
	Row  int64 // orders the items
	Size int   // of the latest revision's body, in bytes
}

// dryRunItems reads no body: SQLite knows its length by the row's header.
const dryRunItems = `SELECT i.message, m.id, i.version, coalesce(r.size, length(r.body)) FROM job_items i
	CROSS JOIN messages m ON m.n = i.message JOIN revisions r ON r.message = m.n AND r.number = m.revision
	WHERE i.job = ? AND i.message > ? ORDER BY i.message LIMIT ?`

// DryRunItems returns the items of a draft that follow a row, oldest message first.
func (s *Store) DryRunItems(
	ctx context.Context, id deadletter.JobID, after int64, limit int,
) (list []DryRunItem, err error) {
	err = sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		i := DryRunItem{Item: Item{Job: id}}
		err := r.Scan(&i.n, &i.Message, &i.Version, &i.Size)
		i.Row = i.n
		list = append(list, i)
		return err
	}, dryRunItems, id, after, limit)
	if err != nil {
		return nil, fmt.Errorf("read items of job %d for a dry run: %w", id, err)
	}
	return list, nil
}

const sampleRows = `SELECT message FROM (
		SELECT i.message, row_number() OVER part AS turn, count(*) OVER (PARTITION BY i.source, m.fingerprint) AS size
		FROM (
			SELECT * FROM (SELECT message, source FROM job_items WHERE job = ?1 ORDER BY message LIMIT 5000)
			UNION
			SELECT * FROM (SELECT message, source FROM job_items WHERE job = ?1 ORDER BY message DESC LIMIT 5000)
		) i CROSS JOIN messages m ON m.n = i.message
		WINDOW part AS (PARTITION BY i.source, m.fingerprint ORDER BY i.message)
	) ORDER BY turn, size DESC, message LIMIT ?2`

// JobSample returns messages of a job with their latest revisions: of its oldest and newest 5,000, those of every source
// and cause in turn and the largest causes first. Bodies over BodyPart are cut.
func (s *Store) JobSample(ctx context.Context, id deadletter.JobID, limit int) (list []Latest, err error) {
	rows, err := sqlite.Column[int64](ctx, s.db, "a sample of a job", sampleRows, id, limit)
	if err != nil {
		return nil, err
	}
	text, err := toJSON(rows)
	if err != nil {
		return nil, err
	}
	err = sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		latest, err := scanLatest(r)
		list = append(list, latest)
		return err
	}, itemMessages, text)
	if err != nil {
		return nil, fmt.Errorf("read a sample of job %d: %w", id, err)
	}
	return list, nil
}

// DryRunResults are what a dry run came to for the messages after one row up to another.
type DryRunResults struct {
	Run         deadletter.DryRunID
	Job         deadletter.JobID
	After, Last int64
	Counts      deadletter.DryRunCounts
	Refused     map[string][]int64                 // rows of the messages that it would not change, by the reason
	Groups      map[string]*deadletter.DryRunGroup // by their key
	Done        bool                               // no message follows
	At          time.Time
}

const (
	advanceDryRun = `UPDATE dry_runs SET last = ?, changed = changed + ?, unchanged = unchanged + ?,
		failed = failed + ?, differing = differing + ?, uncompared = uncompared + ?, state = iif(?, 'done', state), ended_at = iif(?, ?, NULL)
		WHERE id = ? AND state = 'running' AND last = ?`
	markRefused = `UPDATE job_items SET dry_run = ?, refusal = ?
		WHERE job = ? AND message IN (SELECT value FROM json_each(?))`
	addDryRunGroup = `INSERT INTO dry_run_groups (run, key, facts, messages) VALUES (?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET messages = messages + excluded.messages`
)

// SaveDryRun adds results to those of a dry run. It returns false, and writes nothing, if the dry run was cancelled or
// replaced, or has these results already.
func (s *Store) SaveDryRun(ctx context.Context, r DryRunResults) (saved bool, err error) {
	rows, groups := map[string]string{}, map[string]string{}
	for reason, list := range r.Refused {
		if rows[reason], err = toJSON(list); err != nil {
			return false, err
		}
	}
	for key, g := range r.Groups {
		if groups[key], err = toJSON(g); err != nil {
			return false, err
		}
	}
	err = s.Write(ctx, func(ctx context.Context, tx *Tx) error {
		saved = false
		n, at := r.Counts, r.At.UnixMilli()
		advanced, err := tx.tx.ExecContext(
			ctx, advanceDryRun, r.Last, n.Changed, n.Unchanged, n.Failed, n.Differing, n.Uncompared, r.Done, r.Done, at,
			r.Run, r.After,
		)
		if err != nil {
			return err
		}
		if n, err := advanced.RowsAffected(); err != nil || n == 0 {
			return err
		}
		for reason, list := range rows {
			if _, err := tx.tx.ExecContext(ctx, markRefused, r.Run, reason, r.Job, list); err != nil {
				return err
			}
		}
		for key, g := range r.Groups {
			if _, err := tx.tx.ExecContext(ctx, addDryRunGroup, r.Run, key, groups[key], g.Messages); err != nil {
				return err
			}
		}
		saved = true
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("write results of a dry run of job %d: %w", r.Job, err)
	}
	return saved, nil
}

const dryRunGroups = `SELECT facts, messages FROM dry_run_groups WHERE run = ? ORDER BY messages DESC, key`

// DryRunGroups returns the groups of a dry run, most messages first: deadletter.MaxDryRunGroups of each kind and one
// more at most.
func (s *Store) DryRunGroups(ctx context.Context, id deadletter.DryRunID) (list []deadletter.DryRunGroup, err error) {
	err = sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var g deadletter.DryRunGroup
		var facts []byte
		err := r.Scan(&facts, &g.Messages)
		if err == nil {
			err = json.Unmarshal(facts, &g)
		}
		list = append(list, g)
		return err
	}, dryRunGroups, id)
	if err != nil {
		return nil, fmt.Errorf("read the groups of a dry run: %w", err)
	}
	return list, nil
}

const (
	refusedItems = `SELECT i.message, m.id, i.version, m.fingerprint, coalesce(i.order_key, 0), i.refusal
		FROM job_items i INDEXED BY job_items_refused
		CROSS JOIN messages m ON m.n = i.message AND m.version = i.version
		WHERE i.job = ? AND i.dry_run = ? AND i.refusal <> '' AND i.state = 'pending' AND i.behind = 0
		ORDER BY i.message LIMIT ?`
	sparedItems = `UPDATE jobs SET spared = spared + ?, sparing = ? WHERE id = ? AND state = 'running'`
)

// RefusedItems returns pending items of a job that its dry run would not change, and whose messages are as they were.
func (s *Store) RefusedItems(ctx context.Context, j deadletter.Job, limit int) (list []Item, err error) {
	err = sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		item := Item{Job: j.ID}
		err := r.Scan(&item.n, &item.Message, &item.Version, &item.Cause, &item.OrderKey, &item.Refusal)
		list = append(list, item)
		return err
	}, refusedItems, j.ID, j.DryRun, limit)
	if err != nil {
		return nil, fmt.Errorf("read items of job %d that are not sent: %w", j.ID, err)
	}
	return list, nil
}

// Spare counts items that a running job skipped because of its dry run. more reports that others follow; without, the
// job begins to send.
func (t *Tx) Spare(ctx context.Context, id deadletter.JobID, skipped int, more bool) error {
	if _, err := t.tx.ExecContext(ctx, sparedItems, skipped, more, id); err != nil {
		return fmt.Errorf("count the items of job %d that are not sent: %w", id, err)
	}
	return nil
}
