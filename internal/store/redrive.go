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
	dueRedrives = `SELECT ` + messageColumns + ` FROM messages m
		WHERE m.queue = ? AND m.queue <> '' AND m.due_at <= ? AND m.due_at IS NOT NULL
		AND m.status = 'replaying' AND m.request_trigger = 'redrive'
			AND m.lease_token IS NULL ORDER BY m.due_at LIMIT ?`
	nextRedrive = `SELECT min(due_at) FROM messages
		WHERE queue = ? AND queue <> '' AND due_at IS NOT NULL AND status = 'replaying'
		AND request_trigger = 'redrive'`
	redriveQueues = `SELECT DISTINCT queue FROM messages
		WHERE queue <> '' AND due_at IS NOT NULL AND request_trigger = 'redrive'`
)

// DueRedrives returns messages of a configured queue whose redrive people requested, in the order of their requests.
// Redrives of jobs are requested and claimed in one step, so they are never due.
func (s *Store) DueRedrives(ctx context.Context, queue string, at time.Time, limit int) ([]deadletter.Message, error) {
	return messages(ctx, s.db, "due", dueRedrives, queue, at.UnixMilli(), limit)
}

// NextRedrive returns when the next of DueRedrives is due; the zero time if there is none.
func (s *Store) NextRedrive(ctx context.Context, queue string) (time.Time, error) {
	var at sql.NullInt64
	if err := s.db.QueryRowContext(ctx, nextRedrive, queue).Scan(&at); err != nil {
		return time.Time{}, fmt.Errorf("read next redrive: %w", err)
	}
	return sqlite.Time(at), nil
}

// RedriveQueues returns the configured queues that have messages to redrive.
func (s *Store) RedriveQueues(ctx context.Context) ([]string, error) {
	return sqlite.Column[string](ctx, s.db, "queues to redrive to", redriveQueues)
}

const (
	returned = `SELECT ` + messageColumns + ` FROM messages m WHERE m.id = ?1 AND m.queue = ?2
		UNION ALL SELECT ` + messageColumns + ` FROM attempts a JOIN messages m ON m.n = a.message
		WHERE a.queue_message_id = ?3 AND a.queue_message_id <> '' AND m.queue = ?2
		UNION ALL SELECT * FROM (SELECT ` + messageColumns + ` FROM attempts a JOIN messages m ON m.n = a.message
			WHERE a.sent_digest = ?4 AND a.sent_digest <> '' AND m.queue = ?2
			AND m.status IN ('redriven', 'failed', 'replaying') ORDER BY m.status <> 'redriven', m.n LIMIT 1)
		LIMIT 1`
	arrivedBefore = `SELECT EXISTS (SELECT 1 FROM arrivals a JOIN messages m ON m.n = a.message
		WHERE m.id = ? AND a.queue_message_id = ?)`
)

// Returned returns the message that a queue message was redriven from: the one that its mark names, that of a redrive
// with this SQS message id, or that of a redrive with this digest. before reports that this queue message has arrived
// already. It returns NotFound for a message that was never redriven.
func (t *Tx) Returned(ctx context.Context, c deadletter.Capture) (m deadletter.Message, before bool, err error) {
	_, m, err = scanMessage(t.tx.QueryRowContext(ctx, returned, c.RedriveOf, c.Queue.ConfigName,
		c.Queue.MessageID, c.Digest))
	if err != nil {
		return m, false, notFound(err, "message %s was not sent back from here", c.Queue.MessageID)
	}
	if m.Queue.MessageID == c.Queue.MessageID {
		return m, true, nil
	}
	if err := t.tx.QueryRowContext(ctx, arrivedBefore, m.ID, c.Queue.MessageID).Scan(&before); err != nil {
		return m, false, fmt.Errorf("find an earlier arrival: %w", err)
	}
	return m, before, nil
}

var latestRedriven = `SELECT ` + revisionColumns + ` FROM attempts a JOIN messages m ON m.n = a.message
	JOIN revisions r ON r.message = a.message AND r.number = a.revision
	WHERE m.id = ? AND a.trigger IN ('redrive', 'job_redrive') ORDER BY a.number DESC LIMIT 1`

// Redriven returns the revision that the latest redrive of a message sent. It returns NotFound if there was none.
func (t *Tx) Redriven(ctx context.Context, id deadletter.ID) (deadletter.Revision, error) {
	r, err := scanRevision(ctx, t.tx, t.tx.QueryRowContext(ctx, latestRedriven, id))
	return r, notFound(err, "message %s was never sent back", id)
}

const updateFacts = `UPDATE messages SET queue_facts = ? WHERE n = ?`

func (t *Tx) writeFacts(ctx context.Context, n int64, q deadletter.QueueFacts) error {
	facts, err := toJSON(q)
	if err != nil {
		return err
	}
	_, err = t.tx.ExecContext(ctx, updateFacts, facts, n)
	return err
}

// updateSource makes the message the one that has its Webhook-Id in the source. See deadletter.Change.Supersedes.
const updateSource = `UPDATE messages SET source = ?1, order_key = ?2, superseded = 0 WHERE n = ?3`

func (t *Tx) writeSource(ctx context.Context, n int64, source string, key deadletter.OrderKey) error {
	_, err := t.tx.ExecContext(ctx, updateSource, source, orNull(key), n)
	return err
}

// queueNames leaps from queue to queue, whatever number of messages each has.
const queueNames = `WITH RECURSIVE q (name) AS (
		SELECT (SELECT min(queue) FROM messages WHERE queue <> '')
		UNION ALL
		SELECT (SELECT min(queue) FROM messages WHERE queue > q.name AND queue <> '') FROM q
		WHERE q.name IS NOT NULL
	)
	SELECT name FROM q WHERE name IS NOT NULL`

// Queues returns the queues that messages were read from, configured or not.
func (s *Store) Queues(ctx context.Context) ([]string, error) {
	return sqlite.Column[string](ctx, s.db, "queues", queueNames)
}

const (
	pendingRedrives = `SELECT i.message, m.id, i.version, coalesce(m.queue_facts ->> 'groupId', ''),
		` + refusalOf + ` FROM job_items i JOIN messages m ON m.n = i.message
		WHERE i.job = ? AND i.source = ? AND i.state = 'pending' AND i.behind = 0`
	everyRedrive = pendingRedrives + ` ORDER BY i.message LIMIT ?`
	stepRedrives = pendingRedrives + ` AND i.step > 0 AND i.step = ? ORDER BY i.message LIMIT ?`
)

// PendingRedrives returns pending items of a queue in the present step of a redrive job, in the order of receipt, with
// their message groups.
func (s *Store) PendingRedrives(ctx context.Context, j deadletter.Job, queue string, limit int) ([]Item, error) {
	query, args := everyRedrive, []any{j.ID, queue, limit}
	if j.StepSize() > 0 {
		query, args = stepRedrives, []any{j.ID, queue, j.Step, limit}
	}
	var list []Item
	err := sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		item := Item{Job: j.ID}
		err := r.Scan(&item.n, &item.Message, &item.Version, &item.MessageGroup, &item.Refusal)
		list = append(list, item)
		return err
	}, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read items of job %d: %w", j.ID, err)
	}
	return list, nil
}

const (
	stopGroup = `INSERT INTO job_stopped_groups (job, queue, message_group)
		SELECT ?, queue, queue_facts ->> 'groupId' FROM messages
		WHERE n = ? AND queue <> '' AND queue_facts ->> 'groupId' <> '' ON CONFLICT DO NOTHING`
	groupStopped = `SELECT EXISTS (SELECT 1 FROM job_stopped_groups
		WHERE job = ? AND queue = ? AND message_group = ?)`
)

// stopMessageGroup keeps a job from sending the later messages of a message's group.
func (t *Tx) stopMessageGroup(ctx context.Context, id deadletter.JobID, n int64) error {
	if _, err := t.tx.ExecContext(ctx, stopGroup, id, n); err != nil {
		return fmt.Errorf("stop a group of job %d: %w", id, err)
	}
	return nil
}

// MessageGroupStopped reports whether a job failed to redrive a message of the group.
func (t *Tx) MessageGroupStopped(ctx context.Context, id deadletter.JobID, queue, group string) (bool, error) {
	var stopped bool
	if err := t.tx.QueryRowContext(ctx, groupStopped, id, queue, group).Scan(&stopped); err != nil {
		return false, fmt.Errorf("find a stopped group of job %d: %w", id, err)
	}
	return stopped, nil
}

const waitingRedrives = `SELECT id FROM messages
	WHERE queue = ? AND queue <> '' AND due_at IS NOT NULL AND status = 'replaying'
	AND request_trigger = 'redrive' AND lease_token IS NULL AND queue_facts ->> 'groupId' = ? ORDER BY due_at`

// WaitingRedrives returns the messages of a message group whose redrive was requested and has not begun.
func (t *Tx) WaitingRedrives(ctx context.Context, queue, group string) ([]deadletter.ID, error) {
	return sqlite.Column[deadletter.ID](ctx, t.tx, "redrives of a group", waitingRedrives, queue, group)
}
