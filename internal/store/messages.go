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

const messageColumns = `m.n, m.id, m.source, m.destination, m.method, m.query, m.webhook_id, m.content_type,
	m.status, m.outcome, m.status_code, m.reason, m.attempts, m.auto_attempts, m.received_at, m.last_attempt_at,
	m.due_at, m.arrivals, m.revision, m.version, m.request_trigger, m.request_by, m.request_revision,
	m.request_at, m.lease_token, m.lease_until, m.last_by, m.last_action, m.last_at, m.queue_facts, m.event_type,
	m.fingerprint, m.own_webhook_id, coalesce(m.order_key, 0)`

// scanMessage reads messageColumns.
func scanMessage(r sqlite.Row) (int64, deadletter.Message, error) {
	var (
		n                                                       int64
		m                                                       deadletter.Message
		received                                                int64
		lastAttempt, due, orderRevision, orderAt, lease, lastAt sql.NullInt64
		trigger, orderBy, token, lastBy, lastAction             sql.NullString
		queue                                                   string
	)
	err := r.Scan(
		&n, &m.ID, &m.Source, &m.Destination, &m.Method, &m.Query, &m.WebhookID, &m.ContentType, &m.Status,
		&m.Outcome, &m.StatusCode, &m.Reason, &m.Attempts, &m.AutoAttempts, &received, &lastAttempt, &due,
		&m.Arrivals, &m.Revision, &m.Version, &trigger, &orderBy, &orderRevision, &orderAt, &token, &lease,
		&lastBy, &lastAction, &lastAt, &queue, &m.EventType, &m.Fingerprint, &m.OwnWebhookID, &m.OrderKey,
	)
	if err != nil {
		return 0, deadletter.Message{}, err
	}
	m.ReceivedAt, m.LastAttemptAt, m.DueAt = time.UnixMilli(received).UTC(), sqlite.Time(lastAttempt), sqlite.Time(due)
	m.Request = deadletter.DeliveryRequest{
		Trigger:  deadletter.Trigger(trigger.String),
		By:       orderBy.String,
		Revision: int(orderRevision.Int64),
		At:       sqlite.Time(orderAt),
	}
	m.Lease = deadletter.Lease{Token: token.String, Until: sqlite.Time(lease)}
	m.LastChange = deadletter.LastChange{By: lastBy.String, Action: lastAction.String, At: sqlite.Time(lastAt)}
	if err := json.Unmarshal([]byte(queue), &m.Queue); err != nil {
		return 0, deadletter.Message{}, fmt.Errorf("read queue facts of message %s: %w", m.ID, err)
	}
	return n, m, nil
}

const messageByID = `SELECT ` + messageColumns + ` FROM messages m WHERE m.id = ?`

func message(ctx context.Context, q sqlite.Querier, id deadletter.ID) (deadletter.Message, error) {
	_, m, err := scanMessage(q.QueryRowContext(ctx, messageByID, id))
	return m, notFound(err, "there is no message %s", id)
}

// Message returns the message with the given id. It returns NotFound if there is none.
func (s *Store) Message(ctx context.Context, id deadletter.ID) (deadletter.Message, error) {
	return message(ctx, s.db, id)
}

// Message returns the message as this transaction sees it, or NotFound.
func (t *Tx) Message(ctx context.Context, id deadletter.ID) (deadletter.Message, error) {
	return message(ctx, t.tx, id)
}

const messageOfReceipt = `SELECT ` + messageColumns + ` FROM arrivals a JOIN messages m ON m.n = a.message
	WHERE a.receipt_id = ? AND a.receipt_id <> '' LIMIT 1`

// MessageByReceipt returns the message that a later receipt of its webhook was merged into, by the message id that the
// platform got for that receipt. It returns NotFound if there is none.
func (s *Store) MessageByReceipt(ctx context.Context, receipt deadletter.ID) (deadletter.Message, error) {
	_, m, err := scanMessage(s.db.QueryRowContext(ctx, messageOfReceipt, receipt))
	return m, notFound(err, "there is no message %s", receipt)
}

// insertMessages skips a message whose id or Webhook-Id is in the table already. Nothing is requested of a new message
// and no lease is given, so those columns stay NULL.
var insertMessages = insertionOf(
	`INSERT INTO messages (n, id, source, destination, method, query, webhook_id, content_type, status, outcome,
	status_code, reason, attempts, auto_attempts, received_at, last_attempt_at, due_at, arrivals, revision,
	version, queue_facts, event_type, fingerprint, attempted_at,
	queue, order_key)`,
	26,
	` ON CONFLICT DO NOTHING`,
)

const (
	// messageRow finds a message as a change started from it: an arrival, or a finished retry, leaves the version as it
	// was.
	messageRow = `SELECT n, fingerprint FROM messages
		WHERE id = ? AND version = ? AND status = ? AND lease_token IS ? AND attempts = ? AND arrivals = ?`

	// updateMessage writes the columns that transitions change.
	updateMessage = `UPDATE messages
		SET status = ?, outcome = ?, status_code = ?, reason = ?, fingerprint = ?, attempts = ?,
		auto_attempts = ?, last_attempt_at = ?, attempted_at = ?, due_at = ?, arrivals = ?, revision = ?,
		version = ?, request_trigger = ?, request_by = ?, request_revision = ?, request_at = ?, lease_token = ?,
		lease_until = ?, last_by = ?, last_action = ?, last_at = ? WHERE n = ?`

	hasNumber = `SELECT EXISTS (SELECT 1 FROM messages WHERE n = ?)`
)

// Apply writes a change: the message, what belongs to it, and its audit event. It returns Conflict if the stored
// message is no longer the one that the change started from, or if a new message exists already.
func (t *Tx) Apply(ctx context.Context, c deadletter.Change) error {
	if c.Supersedes != nil {
		if err := t.supersede(ctx, *c.Supersedes); err != nil {
			return err
		}
	}
	if c.Before.ID != "" {
		n, err := t.updateMessage(ctx, &c)
		if err != nil {
			return err
		}
		return t.applyRest(ctx, numbered{n, &c})
	}
	added, err := t.Add(ctx, &c)
	if err == nil && !added[0] {
		err = deadletter.Errorf(deadletter.Conflict, "the message %s already exists", c.After.ID)
	}
	return err
}

// Add writes new messages as Apply does, and returns for each whether it was added. It writes nothing of one that
// exists already.
func (t *Tx) Add(ctx context.Context, list ...*deadletter.Change) (added []bool, err error) {
	numbers, err := t.insertMessages(ctx, list)
	if err != nil {
		return nil, fmt.Errorf("write messages, %s the first of %d: %w", list[0].After.ID, len(list), err)
	}
	added = make([]bool, len(list))
	var rest []numbered
	for i, n := range numbers {
		if added[i] = n != 0; added[i] {
			rest = append(rest, numbered{n, list[i]})
		}
	}
	return added, t.applyRest(ctx, rest...)
}

// numbered is a change of a message with the message's row number. Changes are large, so they are not copied.
type numbered struct {
	n int64
	*deadletter.Change
}

// causeAgain reports whether the message failed for the cause that it had before.
func (c numbered) causeAgain() bool {
	return c.After.Status == deadletter.Failed && c.After.Fingerprint == c.Before.Fingerprint
}

// applyRest writes what belongs to changes of messages.
func (t *Tx) applyRest(ctx context.Context, list ...numbered) error {
	if len(list) == 0 {
		return nil
	}
	if err := errors.Join(t.insertRevisions(ctx, list), t.writeAttempts(ctx, list)); err != nil {
		return fmt.Errorf("write revisions and attempts of messages, %s the first of %d: %w", list[0].After.ID,
			len(list), err)
	}
	events := make([]deadletter.Event, len(list))
	for i, c := range list {
		if err := t.applyRare(ctx, c); err != nil {
			return fmt.Errorf("write message %s: %w", c.After.ID, err)
		}
		t.count(func(sum *counts) { sum.message(c.Change) })
		events[i] = c.Event
	}
	return t.Record(ctx, events...)
}

// applyRare writes what belongs to few changes.
func (t *Tx) applyRare(ctx context.Context, c numbered) error {
	if a := c.Attempt; a != nil && a.Done && a.Trigger.ByJob() {
		job, err := t.settleDelivery(ctx, c.n, c.Before.Fingerprint, c.causeAgain(), *a, c.Event.At)
		if err != nil {
			return err
		}
		c.Event = c.Event.OfJob(job)
	}
	if err := t.applyRules(ctx, c); err != nil {
		return err
	}
	if a := c.Attempt; a != nil && a.Outcome == deadletter.Delivered && c.After.OrderKey != 0 {
		if err := t.AddDelivered(ctx, []DeliveredEvent{{c.After.OrderKey, c.After.ReceivedAt}}); err != nil {
			return err
		}
	}
	if c.Arrival != nil {
		if err := t.insertArrival(ctx, c.n, *c.Arrival); err != nil {
			return fmt.Errorf("write arrival: %w", err)
		}
	}
	if c.Digest != "" {
		if err := t.writeIdentity(ctx, c.n, c.Digest, c.After.OwnWebhookID); err != nil {
			return fmt.Errorf("write identity: %w", err)
		}
	}
	if c.Returned {
		if err := t.writeFacts(ctx, c.n, c.After.Queue); err != nil {
			return fmt.Errorf("write queue facts: %w", err)
		}
	}
	if c.SourceChanged {
		if err := t.writeSource(ctx, c.n, c.After.Source, c.After.OrderKey); err != nil {
			return fmt.Errorf("write source: %w", err)
		}
	}
	return nil
}

// ApplyRequestAndClaim writes the request of a delivery together with its claim: one update of the message, both audit
// events, which name the job that requested it. It writes nothing if it returns Conflict.
func (t *Tx) ApplyRequestAndClaim(ctx context.Context, request, claim deadletter.Change) error {
	claim.Before, claim.Event = request.Before, claim.Event.OfJob(request.Event.Job())
	if claim.Revision == nil {
		claim.Revision = request.Revision
	}
	n, err := t.updateMessage(ctx, &claim)
	if err != nil {
		return err
	}
	if err := t.Record(ctx, request.Event); err != nil {
		return err
	}
	return t.applyRest(ctx, numbered{n, &claim})
}

func (t *Tx) updateMessage(ctx context.Context, c *deadletter.Change) (n int64, err error) {
	if n, err = t.setCauses(ctx, c); err != nil {
		return 0, fmt.Errorf("find message %s: %w", c.After.ID, err)
	}
	m := c.After
	args := append([]any{
		m.Status, m.Outcome, m.StatusCode, m.Reason, m.Fingerprint, m.Attempts, m.AutoAttempts,
		sqlite.Millis(m.LastAttemptAt), attemptedAt(m), sqlite.Millis(m.DueAt), m.Arrivals, m.Revision,
		m.Version,
	}, requestArgs(m)...)
	if _, err := t.tx.ExecContext(ctx, updateMessage, append(args, n)...); err != nil {
		return 0, fmt.Errorf("write message %s: %w", m.ID, err)
	}
	return n, nil
}

// setCauses sets the causes of a message before and after a change, and returns its row number: messages may have been
// grouped anew while the change was decided. It returns Conflict if the message has changed otherwise.
func (t *Tx) setCauses(ctx context.Context, c *deadletter.Change) (n int64, err error) {
	before := &c.Before
	err = t.tx.QueryRowContext(
		ctx, messageRow, before.ID, before.Version, before.Status, sqlite.Text(before.Lease.Token), before.Attempts,
		before.Arrivals,
	).Scan(&n, &before.Fingerprint)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, deadletter.Errorf(
			deadletter.Conflict,
			"this message was changed by someone else: reload and try again",
		)
	}
	if err != nil {
		return 0, err
	}
	if before.Fingerprint, err = t.moveChanged(ctx, n, *before); err != nil {
		return 0, err
	}
	if c.Failure == "" {
		c.After.Fingerprint = before.Fingerprint
		return n, nil
	}
	return n, t.findCause(ctx, c)
}

// findCause sets the cause that a message fails for, by the built-in rules and those of people.
func (t *Tx) findCause(ctx context.Context, c *deadletter.Change) error {
	grouping, err := t.Grouping(ctx)
	if err == nil && c.Failure != "" {
		m := &c.After
		f := deadletter.Failure{Source: m.Source, Destination: m.Destination, Error: c.Failure}
		m.Fingerprint, _ = grouping.Cause(f, m.Fingerprint)
	}
	return err
}

// insertMessages returns the row numbers of new messages; 0 for one that exists already.
func (t *Tx) insertMessages(ctx context.Context, list []*deadletter.Change) ([]int64, error) {
	numbers, err := t.numbers.next(ctx, t.tx, list)
	if err != nil {
		return nil, err
	}
	values := insertMessages.room(len(list))
	for i, c := range list {
		if err := t.findCause(ctx, c); err != nil {
			return nil, err
		}
		if values, err = appendMessage(values, numbers[i], &c.After); err != nil {
			return nil, err
		}
	}
	written, err := insertMessages.write(ctx, t.tx, values)
	if err != nil || written == len(list) {
		return numbers, err
	}
	for i, n := range numbers {
		var added bool
		if err := t.tx.QueryRowContext(ctx, hasNumber, n).Scan(&added); err != nil {
			return nil, err
		}
		if !added {
			numbers[i] = 0
		}
	}
	return numbers, nil
}

// appendMessage appends the values of a new row. They have the types of the driver, which converts all others by
// reflection.
func appendMessage(values []any, n int64, m *deadletter.Message) ([]any, error) {
	facts, err := toJSON(m.Queue)
	if err != nil {
		return nil, err
	}
	return append(
		values, n, string(m.ID), m.Source, m.Destination, m.Method, m.Query, m.WebhookID, m.ContentType,
		string(m.Status), string(m.Outcome), int64(m.StatusCode), m.Reason, int64(m.Attempts),
		int64(m.AutoAttempts), m.ReceivedAt.UnixMilli(), sqlite.Millis(m.LastAttemptAt),
		sqlite.Millis(m.DueAt), int64(m.Arrivals), int64(m.Revision), int64(m.Version), facts, m.EventType,
		m.Fingerprint, attemptedAt(*m), m.Queue.ConfigName, orNull(m.OrderKey),
	), nil
}

// orNull returns a key or an id as tables store it: NULL for 0.
func orNull[T ~int | ~int64](k T) any {
	if k == 0 {
		return nil
	}
	return int64(k)
}

// attemptedAt returns the time of the latest attempt in milliseconds, or that of receipt if no attempt is known.
func attemptedAt(m deadletter.Message) int64 {
	if m.LastAttemptAt.IsZero() {
		return m.ReceivedAt.UnixMilli()
	}
	return m.LastAttemptAt.UnixMilli()
}

func requestArgs(m deadletter.Message) []any {
	var revision any
	if m.Request.Trigger != "" {
		revision = m.Request.Revision
	}
	return []any{
		sqlite.Text(string(m.Request.Trigger)), sqlite.Text(m.Request.By), revision,
		sqlite.Millis(m.Request.At), sqlite.Text(m.Lease.Token), sqlite.Millis(m.Lease.Until),
		sqlite.Text(m.LastChange.By), sqlite.Text(m.LastChange.Action), sqlite.Millis(m.LastChange.At),
	}
}

var writeAttempt = insertionOf(
	`INSERT INTO attempts (message, number, trigger, actor, revision, started_at, done, latency_us, outcome,
		status_code, error, response_headers, response_body, response_cut, retry_after_ms, trace_parent,
	queue_message_id,
	sent_digest)`,
	18,
	`
	ON CONFLICT (message, number) DO UPDATE
	SET done = excluded.done, latency_us = excluded.latency_us, outcome = excluded.outcome,
		status_code = excluded.status_code, error = excluded.error, response_headers = excluded.response_headers,
		response_body = excluded.response_body, response_cut = excluded.response_cut,
		retry_after_ms = excluded.retry_after_ms, queue_message_id = excluded.queue_message_id,
		sent_digest = excluded.sent_digest
	WHERE attempts.done = 0`,
)

func (t *Tx) writeAttempts(ctx context.Context, list []numbered) error {
	values := writeAttempt.room(len(list))
	for _, c := range list {
		a := c.Attempt
		if a == nil {
			continue
		}
		headers, err := a.ResponseHeaders.MarshalJSON()
		if err != nil {
			return err
		}
		values = append(
			values, c.n, int64(a.Number), string(a.Trigger), a.Actor, int64(a.Revision),
			a.StartedAt.UnixMilli(), a.Done, a.Latency.Microseconds(), string(a.Outcome),
			int64(a.StatusCode), a.Error, string(headers), sqlite.Blob(a.ResponseBody), a.ResponseCut,
			a.RetryAfter.Milliseconds(), a.TraceParent, a.MessageID, a.SentDigest,
		)
	}
	_, err := writeAttempt.write(ctx, t.tx, values)
	return err
}

const attemptColumns = `a.number, a.trigger, a.actor, a.revision, a.started_at, a.done, a.latency_us, a.outcome,
	a.status_code, a.error, a.response_headers, a.response_body, a.response_cut, a.retry_after_ms, a.trace_parent,
	a.queue_message_id,
	a.sent_digest`

func scanAttempt(r sqlite.Row) (deadletter.Attempt, error) {
	var a deadletter.Attempt
	var started, latency, retryAfter int64
	var headers string
	err := r.Scan(
		&a.Number, &a.Trigger, &a.Actor, &a.Revision, &started, &a.Done, &latency, &a.Outcome,
		&a.StatusCode, &a.Error, &headers, &a.ResponseBody, &a.ResponseCut, &retryAfter, &a.TraceParent,
		&a.MessageID, &a.SentDigest,
	)
	if err != nil {
		return deadletter.Attempt{}, err
	}
	a.StartedAt = time.UnixMilli(started).UTC()
	a.Latency, a.RetryAfter = time.Duration(latency)*time.Microsecond, time.Duration(retryAfter)*time.Millisecond
	if err := a.ResponseHeaders.UnmarshalJSON([]byte(headers)); err != nil {
		return deadletter.Attempt{}, fmt.Errorf("read response headers: %w", err)
	}
	return a, nil
}

const attemptList = `SELECT ` + attemptColumns + ` FROM attempts a JOIN messages m ON m.n = a.message
	WHERE m.id = ? ORDER BY a.number DESC LIMIT 200`

// Attempts returns the latest 200 attempts of a message, newest first.
func (s *Store) Attempts(ctx context.Context, id deadletter.ID) ([]deadletter.Attempt, error) {
	var list []deadletter.Attempt
	err := sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		a, err := scanAttempt(r)
		list = append(list, a)
		return err
	}, attemptList, id)
	if err != nil {
		return nil, fmt.Errorf("read attempts of message %s: %w", id, err)
	}
	return list, nil
}

const openAttempt = `SELECT ` + attemptColumns + ` FROM attempts a JOIN messages m ON m.n = a.message
	WHERE m.id = ? AND a.number = m.attempts AND a.done = 0`

// OpenAttempt returns the attempt of a message that is in flight. It returns NotFound if there is none.
func (t *Tx) OpenAttempt(ctx context.Context, id deadletter.ID) (deadletter.Attempt, error) {
	a, err := scanAttempt(t.tx.QueryRowContext(ctx, openAttempt, id))
	return a, notFound(err, "message %s has no delivery in flight", id)
}
