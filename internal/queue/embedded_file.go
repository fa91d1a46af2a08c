package queue

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"time"

	"dlqdesk/internal/sqlite"
	"dlqdesk/migrations"
)

// File is the SQLite file of embedded queues, one or several.
type File struct{ db *sqlite.DB }

// OpenFile opens the file, or creates it. The caller closes it.
func OpenFile(ctx context.Context, path string, log *slog.Logger) (*File, error) {
	db, err := sqlite.Open(ctx, sqlite.Options{Path: path, Migrations: migrations.Queue(), Log: log})
	if err != nil {
		return nil, err
	}
	return &File{db: db}, nil
}

// Close waits for the writes under way and closes the file.
func (f *File) Close() error { return f.db.Close() }

// Limit bounds the size of the file in bytes: writes that would make it larger fail. A limit below its present size
// removes nothing, and refuses every message until enough are deleted.
func (f *File) Limit(ctx context.Context, bytes int64) error {
	err := f.db.Write(ctx, func(ctx context.Context, tx *sqlite.Tx) error {
		var page int64
		if err := tx.QueryRowContext(ctx, `PRAGMA page_size`).Scan(&page); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, fmt.Sprintf(`PRAGMA max_page_count = %d`, max(1, bytes/page)))
		return err
	})
	if err != nil {
		return fmt.Errorf("limit the file of the embedded queues: %w", err)
	}
	return nil
}

const (
	probeBytes   = 64 << 10 // the size of a usual message
	probeContent = `INSERT INTO contents (n, id, body, attributes, sent_at) VALUES (0, 'probe', zeroblob(?), '{}', 0)`
)

// Probe returns nil if a usual message could be sent now: it writes one, with the number 0 that no message has, and
// deletes it at once.
func (f *File) Probe(ctx context.Context) error {
	err := f.db.Write(ctx, func(ctx context.Context, tx *sqlite.Tx) error {
		if _, err := tx.ExecContext(ctx, probeContent, probeBytes); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, deleteContent, 0)
		return err
	})
	if err != nil {
		return fmt.Errorf("write to the file of the embedded queues: %w", err)
	}
	return nil
}

const (
	deduplicationWindow = 5 * time.Minute // that of SQS FIFO queues

	forgetIDs  = `DELETE FROM recent_deduplication_ids WHERE queue = ? AND sent_at <= ?`
	rememberID = `INSERT INTO recent_deduplication_ids (queue, deduplication_id, id, sent_at)
		VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`
	knownID       = `SELECT id FROM recent_deduplication_ids WHERE queue = ? AND deduplication_id = ?`
	insertMessage = `INSERT INTO messages (queue, message_group) VALUES (?, ?)`
	insertContent = `INSERT INTO contents (n, id, body, attributes, message_group, deduplication_id, sent_at)
		VALUES (?, ?, ?, ?, ?, ?, ?)`
	addToTotal = `INSERT INTO totals (queue, messages) VALUES (?, ?)
		ON CONFLICT (queue) DO UPDATE SET messages = messages + excluded.messages`
)

// Send appends messages to a queue, all or none, and returns the id of each. A message whose DeduplicationID was sent
// within the last five minutes is not appended again: its id is that of the first.
func (f *File) Send(ctx context.Context, queue string, list []Message, at time.Time) ([]string, error) {
	ids := make([]string, len(list))
	err := f.db.Write(ctx, func(ctx context.Context, tx *sqlite.Tx) error {
		appended, groups := 0, map[string]bool{}
		for i, m := range list {
			id, known, err := deduplicate(ctx, tx, queue, m, at)
			if err != nil {
				return err
			}
			ids[i] = id
			if known {
				continue
			}
			if err := insert(ctx, tx, queue, m, at); err != nil {
				return err
			}
			appended++
			groups[m.GroupID] = true
		}
		if _, err := tx.ExecContext(ctx, addToTotal, queue, appended); err != nil {
			return err
		}
		return refreshGroups(ctx, tx, queue, groups)
	})
	if err != nil {
		return nil, fmt.Errorf("send to embedded queue %s: %w", queue, err)
	}
	return ids, nil
}

// deduplicate returns the id under which a message is known: its own, unless one with the same DeduplicationID came
// before.
func deduplicate(
	ctx context.Context, tx *sqlite.Tx, queue string, m Message, at time.Time,
) (id string, known bool, err error) {
	if m.DeduplicationID == "" {
		return m.ID, false, nil
	}
	if _, err := tx.ExecContext(ctx, forgetIDs, queue, at.Add(-deduplicationWindow).UnixMilli()); err != nil {
		return "", false, err
	}
	if _, err := tx.ExecContext(ctx, rememberID, queue, m.DeduplicationID, m.ID, at.UnixMilli()); err != nil {
		return "", false, err
	}
	err = tx.QueryRowContext(ctx, knownID, queue, m.DeduplicationID).Scan(&id)
	return id, id != m.ID, err
}

func insert(ctx context.Context, tx *sqlite.Tx, queue string, m Message, at time.Time) error {
	attributes, err := json.Marshal(m.Attributes)
	if err != nil {
		return fmt.Errorf("write attributes: %w", err)
	}
	group, dedup := sqlite.Text(m.GroupID), sqlite.Text(m.DeduplicationID)
	added, err := tx.ExecContext(ctx, insertMessage, queue, group)
	if err != nil {
		return err
	}
	n, err := added.LastInsertId()
	if err != nil {
		return err
	}
	body := sqlite.Blob(m.Body)
	_, err = tx.ExecContext(ctx, insertContent, n, m.ID, body, string(attributes), group, dedup, at.UnixMilli())
	return err
}

const (
	blockGroup = `DELETE FROM ready_groups WHERE queue = ? AND message_group = ?`
	readyGroup = `INSERT INTO ready_groups (queue, message_group, first)
		SELECT queue, message_group, n FROM messages WHERE queue = ?1 AND message_group = ?2 AND NOT EXISTS (
			SELECT 1 FROM messages WHERE queue = ?1 AND message_group = ?2 AND hidden_until IS NOT NULL)
		ORDER BY n LIMIT 1`
)

// refreshGroups finds out anew which of these groups may be received from. The group "" is none.
func refreshGroups(ctx context.Context, tx *sqlite.Tx, queue string, groups map[string]bool) error {
	for group := range groups {
		if group == "" {
			continue
		}
		if _, err := tx.ExecContext(ctx, blockGroup, queue, group); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, readyGroup, queue, group); err != nil {
			return err
		}
	}
	return nil
}

// ReceiveRequest selects the messages of one receive.
type ReceiveRequest struct {
	Queue      string
	FIFO       bool // groups keep their order: none is received from while a message of it is in flight
	Limit      int
	Visibility time.Duration // for how long the messages are in flight
}

const (
	// wakeLimit bounds one receive's work where very many messages become visible at once; the next receive goes on.
	wakeLimit = 1000

	wakeMessages = `UPDATE messages SET hidden_until = NULL WHERE n IN (
			SELECT n FROM messages WHERE queue = ? AND hidden_until <= ? ORDER BY hidden_until LIMIT ?)
		RETURNING coalesce(message_group, '')`

	receive = `UPDATE messages
		SET hidden_until = ?1, receive_count = receive_count + 1, receipt_handle = n || '-' || hex(randomblob(16))
		WHERE n IN `
	receiveNext = receive + `(SELECT n FROM messages WHERE queue = ?2 AND hidden_until IS NULL ORDER BY n LIMIT ?3)
		RETURNING n, receive_count, receipt_handle`
	receiveOfGroup = receive + `(SELECT n FROM messages WHERE queue = ?2 AND message_group = ?4 ORDER BY n LIMIT ?3)
		RETURNING n, receive_count, receipt_handle`

	nextGroups = `SELECT message_group FROM ready_groups WHERE queue = ? ORDER BY first LIMIT ?`
	content    = `SELECT id, body, attributes, coalesce(message_group, ''), coalesce(deduplication_id, ''),
		sent_at FROM contents WHERE n = ?`
)

// Receive returns visible messages, oldest first, and hides them for a while. Each gets a new receipt handle.
func (f *File) Receive(ctx context.Context, r ReceiveRequest, at time.Time) ([]Message, error) {
	var list []Message
	err := f.db.Write(ctx, func(ctx context.Context, tx *sqlite.Tx) error {
		list = nil
		if err := wakeDue(ctx, tx, r.Queue, at); err != nil {
			return err
		}
		received, err := hideNext(ctx, tx, r, at.Add(r.Visibility))
		if err != nil {
			return err
		}
		for _, n := range slices.Sorted(maps.Keys(received)) {
			m := received[n]
			if err := readContent(ctx, tx, n, &m); err != nil {
				return fmt.Errorf("read message %d: %w", n, err)
			}
			list = append(list, m)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("receive from embedded queue %s: %w", r.Queue, err)
	}
	return list, nil
}

func readContent(ctx context.Context, tx *sqlite.Tx, n int64, m *Message) error {
	var attributes []byte
	var sent int64
	err := tx.QueryRowContext(ctx, content, n).
		Scan(&m.ID, &m.Body, &attributes, &m.GroupID, &m.DeduplicationID, &sent)
	if err != nil {
		return err
	}
	m.SentAt = time.UnixMilli(sent).UTC()
	m.System = map[string]string{
		"ApproximateReceiveCount": strconv.Itoa(m.ReceiveCount),
		"SentTimestamp":           strconv.FormatInt(sent, 10),
	}
	if err := json.Unmarshal(attributes, &m.Attributes); err != nil {
		return fmt.Errorf("read attributes: %w", err)
	}
	return nil
}

// wakeDue makes messages visible that were hidden until now.
func wakeDue(ctx context.Context, tx *sqlite.Tx, queue string, at time.Time) error {
	groups := map[string]bool{}
	err := sqlite.Each(ctx, tx, func(r sqlite.Row) error {
		var group string
		err := r.Scan(&group)
		groups[group] = true
		return err
	}, wakeMessages, queue, at.UnixMilli(), wakeLimit)
	if err != nil {
		return err
	}
	return refreshGroups(ctx, tx, queue, groups)
}

// hideNext hides the next messages. It returns by their numbers how often each was received, and its receipt handle.
func hideNext(ctx context.Context, tx *sqlite.Tx, r ReceiveRequest, until time.Time) (map[int64]Message, error) {
	received := map[int64]Message{}
	add := func(row sqlite.Row) error {
		var n int64
		var m Message
		err := row.Scan(&n, &m.ReceiveCount, &m.ReceiptHandle)
		received[n] = m
		return err
	}
	hidden := until.UnixMilli()
	if !r.FIFO {
		return received, sqlite.Each(ctx, tx, add, receiveNext, hidden, r.Queue, r.Limit)
	}
	groups, err := sqlite.Column[string](ctx, tx, "groups", nextGroups, r.Queue, r.Limit)
	if err != nil {
		return nil, err
	}
	for _, group := range groups {
		remaining := r.Limit - len(received)
		if remaining == 0 {
			break
		}
		if err := sqlite.Each(ctx, tx, add, receiveOfGroup, hidden, r.Queue, remaining, group); err != nil {
			return nil, err
		}
		if _, err := tx.ExecContext(ctx, blockGroup, r.Queue, group); err != nil {
			return nil, err
		}
	}
	return received, nil
}

const (
	// A receipt handle begins with the number of its message.
	withReceipt = ` WHERE n = CAST(?2 AS INTEGER) AND receipt_handle = ?2 AND queue = ?1`
	hideMessage = `UPDATE messages SET hidden_until = ?3` + withReceipt + `
		RETURNING n, coalesce(message_group, '')`
	releaseMessage = `UPDATE messages SET hidden_until = NULL` + withReceipt + `
		RETURNING n, coalesce(message_group, '')`
	deleteMessage = `DELETE FROM messages` + withReceipt + ` RETURNING n, coalesce(message_group, '')`
	deleteContent = `DELETE FROM contents WHERE n = ?`
)

// receiptChange changes the message of a receipt handle. then may be nil: it runs with the numbers of all messages
// that were changed.
type receiptChange struct {
	query string
	args  []any // after queue and receipt handle
	then  func(ctx context.Context, tx *sqlite.Tx, numbers []int64) error
}

// Hide keeps received messages in flight until a time. It reports for each receipt handle whether it was valid.
func (f *File) Hide(ctx context.Context, queue string, handles []string, until time.Time) ([]bool, error) {
	return f.changeReceived(ctx, queue, handles, receiptChange{query: hideMessage, args: []any{until.UnixMilli()}})
}

// Release makes received messages visible at once. It reports for each receipt handle whether it was valid.
func (f *File) Release(ctx context.Context, queue string, handles []string) ([]bool, error) {
	return f.changeReceived(ctx, queue, handles, receiptChange{query: releaseMessage})
}

// Delete removes received messages. It reports for each receipt handle whether it was valid.
func (f *File) Delete(ctx context.Context, queue string, handles []string) ([]bool, error) {
	deleteContents := func(ctx context.Context, tx *sqlite.Tx, numbers []int64) error {
		for _, n := range numbers {
			if _, err := tx.ExecContext(ctx, deleteContent, n); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, addToTotal, queue, -len(numbers))
		return err
	}
	return f.changeReceived(ctx, queue, handles, receiptChange{query: deleteMessage, then: deleteContents})
}

func (f *File) changeReceived(ctx context.Context, queue string, handles []string, c receiptChange) ([]bool, error) {
	valid := make([]bool, len(handles))
	err := f.db.Write(ctx, func(ctx context.Context, tx *sqlite.Tx) error {
		var numbers []int64
		groups := map[string]bool{}
		for i, handle := range handles {
			var n int64
			var group string
			err := tx.QueryRowContext(ctx, c.query, append([]any{queue, handle}, c.args...)...).Scan(&n, &group)
			if valid[i] = err == nil; valid[i] {
				numbers, groups[group] = append(numbers, n), true
			} else if !errors.Is(err, sql.ErrNoRows) {
				return err
			}
		}
		if c.then != nil {
			if err := c.then(ctx, tx, numbers); err != nil {
				return err
			}
		}
		return refreshGroups(ctx, tx, queue, groups)
	})
	if err != nil {
		return nil, fmt.Errorf("change messages of embedded queue %s: %w", queue, err)
	}
	return valid, nil
}

const releaseAll = `UPDATE messages SET hidden_until = NULL WHERE hidden_until IS NOT NULL
	RETURNING queue, coalesce(message_group, '')`

// ReleaseAll makes every message visible that is in flight. It is for the start after a process that ended with
// messages in flight; their receipt handles stay valid until the messages are received again.
func (f *File) ReleaseAll(ctx context.Context) error {
	err := f.db.Write(ctx, func(ctx context.Context, tx *sqlite.Tx) error {
		groups := map[string]map[string]bool{}
		err := sqlite.Each(ctx, tx, func(r sqlite.Row) error {
			var queue, group string
			err := r.Scan(&queue, &group)
			if groups[queue] == nil {
				groups[queue] = map[string]bool{}
			}
			groups[queue][group] = true
			return err
		}, releaseAll)
		for queue, of := range groups {
			err = errors.Join(err, refreshGroups(ctx, tx, queue, of))
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("make messages of the embedded queues visible again: %w", err)
	}
	return nil
}
