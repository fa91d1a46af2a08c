package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"dlqdesk/migrations"
)

// Messages is the file of the embedded queues. It moves bytes and knows no letters.
type Messages struct{ db *db }

// OpenMessages opens (or creates) the file. The caller closes it.
func OpenMessages(ctx context.Context, path string) (*Messages, error) {
	db, err := openDB(ctx, path, migrations.Queue())
	if err != nil {
		return nil, err
	}
	return &Messages{db: db}, nil
}

// Close waits for the writes under way and closes the file.
func (m *Messages) Close() error { return m.db.Close() }

// Message is one message of an embedded queue.
type Message struct {
	ID         string
	Body       []byte
	Attributes string // JSON, of the queue's own form
	Group      string // "" on a queue without order
	Dedup      string
	SentAt     time.Time
	Receives   int
	Receipt    string
}

const (
	dedupWindow = 5 * time.Minute // that of SQS FIFO queues

	forgetIDs     = `DELETE FROM sent_ids WHERE queue = ? AND sent_at <= ?`
	rememberID    = `INSERT INTO sent_ids (queue, dedup, id, sent_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id`
	knownID       = `SELECT id FROM sent_ids WHERE queue = ? AND dedup = ?`
	insertMessage = `INSERT INTO messages (queue, id, body, attributes, grp, dedup, sent_at, visible_at, receives)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0)`
)

// Send appends messages to a queue, all or none, and answers the id of each. A message whose Dedup was sent within the last five
// minutes is not appended again; it has the id of the first.
func (m *Messages) Send(ctx context.Context, queue string, list []Message, at time.Time) ([]string, error) {
	ids := make([]string, len(list))
	err := m.db.Write(ctx, func(ctx context.Context, tx *writeTx) error {
		for i, message := range list {
			id, known, err := remember(ctx, tx, queue, message, at)
			if ids[i] = id; err != nil || known {
				if err != nil {
					return err
				}
				continue
			}
			if _, err := tx.ExecContext(ctx, insertMessage, queue, id, blob(message.Body), message.Attributes, textOrNull(message.Group),
				textOrNull(message.Dedup), at.UnixMilli(), at.UnixMilli()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("send to embedded queue %s: %w", queue, err)
	}
	return ids, nil
}

func remember(ctx context.Context, tx *writeTx, queue string, m Message, at time.Time) (id string, known bool, err error) {
	if m.Dedup == "" {
		return m.ID, false, nil
	}
	if _, err := tx.ExecContext(ctx, forgetIDs, queue, at.Add(-dedupWindow).UnixMilli()); err != nil {
		return "", false, err
	}
	err = tx.QueryRowContext(ctx, rememberID, queue, m.Dedup, m.ID, at.UnixMilli()).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		err = tx.QueryRowContext(ctx, knownID, queue, m.Dedup).Scan(&id)
		return id, true, err
	}
	return id, false, err
}

const (
	// A message of a group waits while an earlier one of its group is in flight; within one batch the order itself is enough.
	nextMessages = `SELECT n, id, body, attributes, coalesce(grp, ''), coalesce(dedup, ''), sent_at, receives FROM messages m
		WHERE queue = ?1 AND visible_at <= ?2 AND (grp IS NULL OR NOT EXISTS (
			SELECT 1 FROM messages e WHERE e.queue = m.queue AND e.grp = m.grp AND e.n < m.n AND e.visible_at > ?2))
		ORDER BY n LIMIT ?3`
	takeMessage = `UPDATE messages SET visible_at = ?, receives = receives + 1, receipt = ? WHERE n = ?`
)

// Receive answers messages that are visible, oldest first, and hides them for a while. Each gets a new receipt.
func (m *Messages) Receive(ctx context.Context, queue string, limit int, hide time.Duration, at time.Time) ([]Message, error) {
	var list []Message
	err := m.db.Write(ctx, func(ctx context.Context, tx *writeTx) error {
		var rows []int64
		list = list[:0]
		err := each(ctx, tx, func(r row) error {
			var message Message
			var n, sent int64
			err := r.Scan(&n, &message.ID, &message.Body, &message.Attributes, &message.Group, &message.Dedup, &sent, &message.Receives)
			message.SentAt, message.Receipt = time.UnixMilli(sent).UTC(), rand.Text()
			message.Receives++
			rows, list = append(rows, n), append(list, message)
			return err
		}, nextMessages, queue, at.UnixMilli(), limit)
		if err != nil {
			return err
		}
		for i, n := range rows {
			if _, err := tx.ExecContext(ctx, takeMessage, at.Add(hide).UnixMilli(), list[i].Receipt, n); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("receive from embedded queue %s: %w", queue, err)
	}
	return list, nil
}

const (
	hideMessage   = `UPDATE messages SET visible_at = ? WHERE queue = ? AND receipt = ?`
	deleteMessage = `DELETE FROM messages WHERE queue = ? AND receipt = ?`
)

// Hide makes received messages visible again at a time. It answers for each receipt whether it still stood.
func (m *Messages) Hide(ctx context.Context, queue string, receipts []string, until time.Time) ([]bool, error) {
	return m.byReceipt(ctx, receipts, func(ctx context.Context, tx *writeTx, receipt string) (sql.Result, error) {
		return tx.ExecContext(ctx, hideMessage, until.UnixMilli(), queue, receipt)
	})
}

// Delete takes received messages off the queue. It answers for each receipt whether it still stood.
func (m *Messages) Delete(ctx context.Context, queue string, receipts []string) ([]bool, error) {
	return m.byReceipt(ctx, receipts, func(ctx context.Context, tx *writeTx, receipt string) (sql.Result, error) {
		return tx.ExecContext(ctx, deleteMessage, queue, receipt)
	})
}

func (m *Messages) byReceipt(ctx context.Context, receipts []string, do func(context.Context, *writeTx, string) (sql.Result, error)) ([]bool, error) {
	stood := make([]bool, len(receipts))
	err := m.db.Write(ctx, func(ctx context.Context, tx *writeTx) error {
		for i, receipt := range receipts {
			result, err := do(ctx, tx, receipt)
			if err != nil {
				return err
			}
			n, err := result.RowsAffected()
			if err != nil {
				return err
			}
			stood[i] = n > 0
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("change messages of the embedded queue: %w", err)
	}
	return stood, nil
}

const (
	nextVisible = `SELECT min(visible_at) FROM messages WHERE queue = ? AND visible_at > ?`
	queueDepth  = `SELECT (SELECT count(*) FROM messages WHERE queue = ?1 AND visible_at <= ?2),
		(SELECT count(*) FROM messages WHERE queue = ?1 AND visible_at > ?2)`
)

// NextVisible answers when the next message that is hidden now becomes visible; the zero time when none will.
func (m *Messages) NextVisible(ctx context.Context, queue string, at time.Time) (time.Time, error) {
	var next sql.NullInt64
	if err := m.db.read.QueryRowContext(ctx, nextVisible, queue, at.UnixMilli()).Scan(&next); err != nil {
		return time.Time{}, fmt.Errorf("look at embedded queue %s: %w", queue, err)
	}
	return fromMillis(next), nil
}

// Depth answers how many messages of a queue are visible and how many are in flight.
func (m *Messages) Depth(ctx context.Context, queue string, at time.Time) (visible, inFlight int, err error) {
	if err := m.db.read.QueryRowContext(ctx, queueDepth, queue, at.UnixMilli()).Scan(&visible, &inFlight); err != nil {
		return 0, 0, fmt.Errorf("count messages of embedded queue %s: %w", queue, err)
	}
	return visible, inFlight, nil
}
