package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

// stepMessages takes the messages of the steps from every source and cause in turn, those of the most messages first.
// A redrive takes the oldest, so that no message overtakes an older one of its group. %s is the order within a cause.
const (
	stepMessages = `SELECT message FROM (
			SELECT i.message, row_number() OVER part AS turn, count(*) OVER (PARTITION BY i.source, m.fingerprint) AS size
			FROM job_items i JOIN messages m ON m.n = i.message
			WHERE i.job = ?1 AND i.behind = 0 AND NOT (i.dry_run = ?3 AND i.refusal <> '')
			WINDOW part AS (PARTITION BY i.source, m.fingerprint ORDER BY %s)
		) ORDER BY turn, size DESC, message LIMIT ?2`
	oldestMessages = `SELECT message FROM job_items WHERE job = ?1 AND behind = 0
		AND NOT (dry_run = ?3 AND refusal <> '') ORDER BY message LIMIT ?2`
)

// JobSteps are the messages of a job's steps.
type JobSteps [][]int64

// Sizes returns how many messages each step has.
func (s JobSteps) Sizes() (sizes []int) {
	for _, rows := range s {
		sizes = append(sizes, len(rows))
	}
	return sizes
}

// ChooseSteps chooses the messages of the steps with which a draft would start, none that its dry run would not change.
// Steps that there are no messages for are left out.
func (s *Store) ChooseSteps(
	ctx context.Context, j deadletter.Job, sizes []int, first deadletter.JobSequence,
) (JobSteps, error) {
	total := 0
	for _, size := range sizes {
		total += size
	}
	if total == 0 {
		return nil, nil
	}
	query := fmt.Sprintf(stepMessages, orderWithin(first))
	if j.Action.Redrives() {
		query = oldestMessages
	}
	rows, err := sqlite.Column[int64](ctx, s.db, "messages of the steps of a job", query, j.ID, total, j.DryRun)
	if err != nil {
		return nil, err
	}
	var steps JobSteps
	for _, size := range sizes {
		if n := min(size, len(rows)); n > 0 {
			steps, rows = append(steps, rows[:n]), rows[n:]
		}
	}
	return steps, nil
}

func orderWithin(s deadletter.JobSequence) string {
	switch s {
	case deadletter.SequenceNewest:
		return "i.message DESC"
	case deadletter.SequenceRandom:
		return "random()"
	case deadletter.SequenceOldest, deadletter.SequenceKey:
	}
	return "i.message"
}

const setStep = `UPDATE job_items SET step = ? WHERE job = ? AND message IN (SELECT value FROM json_each(?))`

// SetSteps gives the messages of a draft their steps.
func (t *Tx) SetSteps(ctx context.Context, id deadletter.JobID, steps JobSteps) error {
	for i, rows := range steps {
		list, err := toJSON(rows)
		if err != nil {
			return err
		}
		if _, err := t.tx.ExecContext(ctx, setStep, i+1, id, list); err != nil {
			return fmt.Errorf("write step %d of job %d: %w", i+1, id, err)
		}
	}
	return nil
}

// The places of a sequence that is not that of receipt; the messages without an order key come last by key.
const (
	placeRows = `SELECT message FROM job_items WHERE job = ? AND message > ? ORDER BY message LIMIT ?`
	setRandom = `UPDATE job_items SET place = 1 + (random() & 0x3fffffff) WHERE job = ? AND message > ? AND message <= ?`
	setByKey  = `UPDATE job_items SET place = 1 + iif(order_key IS NULL, 0x7fffffff, order_key & 0x7fffffff)
		WHERE job = ? AND message > ? AND message <= ?`
)

// PlaceItems gives the messages of a draft their places in a sequence. It writes some at a time, so that other writes
// do not wait.
func (s *Store) PlaceItems(ctx context.Context, j deadletter.Job, in deadletter.JobSequence) error {
	update := ""
	switch in {
	case deadletter.SequenceRandom:
		update = setRandom
	case deadletter.SequenceKey:
		update = setByKey
	case deadletter.SequenceOldest, deadletter.SequenceNewest:
	}
	if update == "" {
		return nil
	}
	after := int64(-1)
	for {
		rows, err := sqlite.Column[int64](ctx, s.db, "messages of a job", placeRows, j.ID, after, itemsPerCommit)
		if err != nil || len(rows) == 0 {
			return err
		}
		last := rows[len(rows)-1]
		err = s.Write(ctx, func(ctx context.Context, tx *Tx) error {
			_, err := tx.tx.ExecContext(ctx, update, j.ID, after, last)
			return err
		})
		if err != nil {
			return fmt.Errorf("write the sequence of job %d: %w", j.ID, err)
		}
		after = last
	}
}

const (
	causeAgain = `SELECT iif(c.title = '', c.reason, c.title), j.done + j.failed, j.again FROM job_causes j
		LEFT JOIN moved_causes m ON m.fingerprint = j.fingerprint
		JOIN causes c ON c.fingerprint = coalesce(m.moved_to, j.fingerprint)
		WHERE j.job = ? AND j.again > 0 ORDER BY j.again DESC LIMIT 1`
	forgive = `UPDATE job_causes SET again = 0 WHERE job = ?`
)

// CauseAgain returns the cause whose messages failed for it again most often in a job; the zero value for none.
func (s *Store) CauseAgain(ctx context.Context, id deadletter.JobID) (c deadletter.CauseAgain, err error) {
	err = s.db.QueryRowContext(ctx, causeAgain, id).Scan(&c.Title, &c.Results, &c.Again)
	if errors.Is(err, sql.ErrNoRows) {
		return c, nil
	}
	if err != nil {
		return c, fmt.Errorf("read causes that came back in job %d: %w", id, err)
	}
	return c, nil
}
