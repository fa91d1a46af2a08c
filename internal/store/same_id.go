package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

// Several messages of a source may have one webhook_id, each with its own content. The latest of them holds it
// (superseded = 0), which the unique index messages_webhook ensures; messages_same_id finds the others. Most messages
// share their webhook_id with no other and have no content_digest.

const (
	holderOfWebhookID = `SELECT ` + messageColumns + ` FROM messages m
		WHERE m.source = ? AND m.webhook_id = ? AND m.superseded = 0`

	// Messages that an earlier version superseded have no digest.
	sharingWebhookID = `SELECT * FROM (` + holderOfWebhookID + `)
		UNION ALL SELECT * FROM (SELECT ` + messageColumns + ` FROM messages m
			WHERE m.source = ? AND m.webhook_id = ? AND m.superseded = 1 AND m.content_digest IN (?, '')
			ORDER BY m.n DESC LIMIT 20)`

	supersede     = `UPDATE messages SET superseded = 1, content_digest = ? WHERE id = ?`
	writeIdentity = `UPDATE messages SET content_digest = ?, own_webhook_id = ? WHERE n = ?`
)

// HolderOfWebhookID returns the latest message of a source with a webhook id. It returns NotFound if there is none.
func (t *Tx) HolderOfWebhookID(ctx context.Context, source, webhookID string) (deadletter.Message, error) {
	_, m, err := scanMessage(t.tx.QueryRowContext(ctx, holderOfWebhookID, source, webhookID))
	return m, notFound(err, "no message has the Webhook-Id %s", webhookID)
}

// SharingWebhookID returns the messages with the source and webhook id of a capture of which it may be another arrival.
func (t *Tx) SharingWebhookID(ctx context.Context, c deadletter.Capture) ([]deadletter.Message, error) {
	return messages(ctx, t.tx, "sharing an id", sharingWebhookID, c.Source, c.WebhookID, c.Source, c.WebhookID,
		c.ContentDigest())
}

func (t *Tx) supersede(ctx context.Context, s deadletter.Superseded) error {
	if _, err := t.tx.ExecContext(ctx, supersede, s.Digest, s.ID); err != nil {
		return fmt.Errorf("supersede message %s: %w", s.ID, err)
	}
	return nil
}

func (t *Tx) writeIdentity(ctx context.Context, n int64, digest string, own bool) error {
	_, err := t.tx.ExecContext(ctx, writeIdentity, digest, own, n)
	return err
}

const (
	// The newest messages that have the webhook id of one message.
	numbersOfSameID = `SELECT s.n FROM messages o JOIN messages s ON s.source = o.source
			AND s.webhook_id = o.webhook_id AND s.superseded = 0 WHERE o.id = ?
		UNION ALL SELECT * FROM (SELECT s.n FROM messages o JOIN messages s ON s.source = o.source
			AND s.webhook_id = o.webhook_id AND s.superseded = 1 WHERE o.id = ? ORDER BY s.n DESC LIMIT ?)`

	sameID = `SELECT ` + messageColumns + ` FROM messages m WHERE m.n IN (` + numbersOfSameID + `) AND m.id <> ?
		AND (m.content_digest = '' OR m.content_digest <> (SELECT content_digest FROM messages WHERE id = ?))
		ORDER BY m.n DESC`
)

// SameID returns the other messages of a source that have the webhook id of m with other content, the newest first and
// at most CountCap.
func (s *Store) SameID(ctx context.Context, m deadletter.Message) ([]deadletter.Message, error) {
	return messages(ctx, s.db, "with the same id", sameID, m.ID, m.ID, CountCap, m.ID, m.ID)
}

const insertArrival = `INSERT INTO arrivals (message, number, at, queue_message_id, receipt_id, differs)
	VALUES (?, ?, ?, ?, ?, 0)`

func (t *Tx) insertArrival(ctx context.Context, n int64, a deadletter.Arrival) error {
	_, err := t.tx.ExecContext(ctx, insertArrival, n, a.Number, a.At.UnixMilli(), a.MessageID, a.ReceiptID)
	return err
}

const (
	arrivalColumns = `a.number, a.at, a.queue_message_id, a.receipt_id, a.differs, a.headers, a.body`

	// A list shows the beginning of a body. SeparatedID needs the whole of one that came without a receipt of its own.
	listedColumns = `a.number, a.at, a.queue_message_id, a.receipt_id, a.differs, a.headers,
		CASE WHEN a.receipt_id IN ('', m.id) THEN a.body ELSE substr(a.body, 1, 65536) END`

	arrivalList = `SELECT ` + listedColumns + ` FROM arrivals a JOIN messages m ON m.n = a.message
		WHERE m.id = ? AND a.number > 1 ORDER BY a.number DESC LIMIT 50`

	// An arrival with other content is listed however often the message has arrived since.
	differingList = `SELECT ` + listedColumns + ` FROM arrivals a JOIN messages m ON m.n = a.message
		WHERE m.id = ? AND a.differs = 1 ORDER BY a.number DESC LIMIT 200`

	oneArrival = `SELECT ` + arrivalColumns + ` FROM arrivals a JOIN messages m ON m.n = a.message
		WHERE m.id = ? AND a.number = ?`
)

func scanArrival(r sqlite.Row) (a deadletter.Arrival, err error) {
	var at int64
	var headers sql.NullString
	if err := r.Scan(&a.Number, &at, &a.MessageID, &a.ReceiptID, &a.Differs, &headers, &a.Body); err != nil {
		return a, err
	}
	a.At = time.UnixMilli(at).UTC()
	if headers.Valid {
		err = json.Unmarshal([]byte(headers.String), &a.Headers)
	}
	return a, err
}

func (s *Store) arrivals(ctx context.Context, query string, id deadletter.ID) ([]deadletter.Arrival, error) {
	var list []deadletter.Arrival
	err := sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		a, err := scanArrival(r)
		list = append(list, a)
		return err
	}, query, id)
	if err != nil {
		return nil, fmt.Errorf("read arrivals of message %s: %w", id, err)
	}
	return list, nil
}

// Arrivals returns the latest 50 arrivals of a message after the first one, newest first.
func (s *Store) Arrivals(ctx context.Context, id deadletter.ID) ([]deadletter.Arrival, error) {
	return s.arrivals(ctx, arrivalList, id)
}

// DifferingArrivals returns the latest 200 arrivals with other content that an earlier version merged into a message,
// newest first.
func (s *Store) DifferingArrivals(ctx context.Context, id deadletter.ID) ([]deadletter.Arrival, error) {
	return s.arrivals(ctx, differingList, id)
}

func arrival(ctx context.Context, q sqlite.Querier, id deadletter.ID, number int) (deadletter.Arrival, error) {
	a, err := scanArrival(q.QueryRowContext(ctx, oneArrival, id, number))
	return a, notFound(err, "message %s has no arrival %d", id, number)
}

// Arrival returns one arrival of a message. It returns NotFound if there is none.
func (s *Store) Arrival(ctx context.Context, id deadletter.ID, number int) (deadletter.Arrival, error) {
	return arrival(ctx, s.db, id, number)
}

// Arrival returns one arrival of a message as this transaction sees it, or NotFound.
func (t *Tx) Arrival(ctx context.Context, id deadletter.ID, number int) (deadletter.Arrival, error) {
	return arrival(ctx, t.tx, id, number)
}

// A message that was an arrival is no longer a repetition.
const uncountRepeated = `UPDATE ledger SET repeated = repeated - 1 WHERE hour = ?1 AND source = ?2
	AND run = (SELECT min(run) FROM ledger WHERE hour = ?1 AND source = ?2 AND repeated > 0)`

// RecordSeparated counts a webhook as a message that was counted as a repetition.
func (t *Tx) RecordSeparated(ctx context.Context, m deadletter.Message) error {
	if _, err := t.tx.ExecContext(ctx, uncountRepeated, hourStatusOf(m).hour, m.Source); err != nil {
		return fmt.Errorf("count separated message %s: %w", m.ID, err)
	}
	return nil
}
