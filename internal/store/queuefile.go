package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"dlqdesk/migrations"
)

// QueueFile is the file of the embedded queues. It moves bytes and knows no messages.
type QueueFile struct{ db *db }

// OpenQueueFile opens (or creates) the file. The caller closes it.
func OpenQueueFile(ctx context.Context, path string) (*QueueFile, error) {
	db, err := openDB(ctx, file{path: path, migrations: migrations.Queue(), cache: smallCache})
	if err != nil {
		return nil, err
	}
	return &QueueFile{db: db}, nil
}

// Limit bounds the file to so many bytes; what would make it larger is refused. What is in it stays, and a smaller
// limit than that refuses until enough was deleted.
func (m *QueueFile) Limit(ctx context.Context, bytes int64) error {
	err := m.db.Write(ctx, func(ctx context.Context, tx *writeTx) error {
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
	probeBytes   = 64 << 10 // of a usual message
	probeContent = `INSERT INTO contents (n, id, body, attributes, sent_at) VALUES (0, 'probe', zeroblob(?), '{}', 0)`
)

// Probe answers nil where a message could be sent now: it writes one and takes it back at once. No message has the
// number 0.
func (m *QueueFile) Probe(ctx context.Context) error {
	err := m.db.Write(ctx, func(ctx context.Context, tx *writeTx) error {
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

// Close waits for the writes under way and closes the file.
func (m *QueueFile) Close() error { return m.db.Close() }

// QueuedMessage is one message of an embedded queue.
type QueuedMessage struct {
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
	rememberID    = `INSERT INTO sent_ids (queue, dedup, id, sent_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`
	knownID       = `SELECT id FROM sent_ids WHERE queue = ? AND dedup = ?`
	insertMessage = `INSERT INTO messages (queue, grp) VALUES (?, ?)`
	insertContent = `INSERT INTO contents (n, id, body, attributes, grp, dedup, sent_at) VALUES (?, ?, ?, ?, ?, ?, ?)`
	addToTotal    = `INSERT INTO totals (queue, messages) VALUES (?, ?)
		ON CONFLICT (queue) DO UPDATE SET messages = messages + excluded.messages`
)

// Send appends messages to a queue, all or none, and answers the id of each. A message whose Dedup was sent within
// the last five minutes is not appended again; it has the id of the first.
func (m *QueueFile) Send(ctx context.Context, queue string, list []QueuedMessage, at time.Time) ([]string, error) {
	ids := make([]string, len(list))
	err := m.db.Write(ctx, func(ctx context.Context, tx *writeTx) error {
		appended, groups := 0, map[string]bool{}
		for i, message := range list {
			id, known, err := remember(ctx, tx, queue, message, at)
			if err != nil {
				return err
			}
			ids[i] = id
			if known {
				continue
			}
			if err := insert(ctx, tx, queue, message, at); err != nil {
				return err
			}
			appended++
			groups[message.Group] = true
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

// remember answers the id under which a message is known: its own, unless one of the same Dedup was sent before.
func remember(
	ctx context.Context,
	tx *writeTx,
	queue string,
	m QueuedMessage,
	at time.Time,
) (id string, known bool, err error) {
	if m.Dedup == "" {
		return m.ID, false, nil
	}
	if _, err := tx.ExecContext(ctx, forgetIDs, queue, at.Add(-dedupWindow).UnixMilli()); err != nil {
		return "", false, err
	}
	if _, err := tx.ExecContext(ctx, rememberID, queue, m.Dedup, m.ID, at.UnixMilli()); err != nil {
		return "", false, err
	}
	err = tx.QueryRowContext(ctx, knownID, queue, m.Dedup).Scan(&id)
	return id, id != m.ID, err
}

func insert(ctx context.Context, tx *writeTx, queue string, m QueuedMessage, at time.Time) error {
	added, err := tx.ExecContext(ctx, insertMessage, queue, textOrNull(m.Group))
	if err != nil {
		return err
	}
	n, err := added.LastInsertId()
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(
		ctx,
		insertContent,
		n,
		m.ID,
		blob(m.Body),
		m.Attributes,
		textOrNull(m.Group),
		textOrNull(m.Dedup),
		at.UnixMilli(),
	)
	return err
}

const (
	blockGroup = `DELETE FROM ready_groups WHERE queue = ? AND grp = ?`
	readyGroup = `INSERT INTO ready_groups (queue, grp, first)
		SELECT queue, grp, n FROM messages WHERE queue = ?1 AND grp = ?2 AND NOT EXISTS (
			SELECT 1 FROM messages WHERE queue = ?1 AND grp = ?2 AND hidden_until IS NOT NULL)
		ORDER BY n LIMIT 1`
)

// refreshGroups finds out anew which of these groups may be received from. The group "" is none.
func refreshGroups(ctx context.Context, tx *writeTx, queue string, groups map[string]bool) error {
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

// Take is what a receive asks for.
type Take struct {
	Queue   string
	Ordered bool // by groups, of which one that has a message in flight is left alone
	Limit   int
	Hide    time.Duration
}

const (
	// wakeLimit bounds one receive's work where very many messages become visible at once; the next receive goes on.
	wakeLimit = 1000

	wakeMessages = `UPDATE messages SET hidden_until = NULL WHERE n IN (
			SELECT n FROM messages WHERE queue = ? AND hidden_until <= ? ORDER BY hidden_until LIMIT ?)
		RETURNING coalesce(grp, '')`

	taking   = `UPDATE messages SET hidden_until = ?1, receives = receives + 1, receipt = n || '-' || hex(randomblob(16)) WHERE n IN `
	takeNext = taking + `(SELECT n FROM messages WHERE queue = ?2 AND hidden_until IS NULL ORDER BY n LIMIT ?3)
		RETURNING n, receives, receipt`
	takeOfGroup = taking + `(SELECT n FROM messages WHERE queue = ?2 AND grp = ?4 ORDER BY n LIMIT ?3)
		RETURNING n, receives, receipt`

	nextGroups = `SELECT grp FROM ready_groups WHERE queue = ? ORDER BY first LIMIT ?`
	content    = `SELECT id, body, attributes, coalesce(grp, ''), coalesce(dedup, ''), sent_at FROM contents WHERE n = ?`
)

// Receive answers messages that are visible, oldest first, and hides them for a while. Each gets a new receipt.
func (m *QueueFile) Receive(ctx context.Context, t Take, at time.Time) ([]QueuedMessage, error) {
	var list []QueuedMessage
	err := m.db.Write(ctx, func(ctx context.Context, tx *writeTx) error {
		list = nil
		if err := wake(ctx, tx, t.Queue, at); err != nil {
			return err
		}
		taken, err := take(ctx, tx, t, at.Add(t.Hide))
		if err != nil {
			return err
		}
		for _, n := range slices.Sorted(maps.Keys(taken)) {
			message := taken[n]
			var sent int64
			if err := tx.QueryRowContext(ctx, content, n).
				Scan(&message.ID, &message.Body, &message.Attributes, &message.Group,
					&message.Dedup, &sent); err != nil {
				return fmt.Errorf("read message %d: %w", n, err)
			}
			message.SentAt = time.UnixMilli(sent).UTC()
			list = append(list, message)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("receive from embedded queue %s: %w", t.Queue, err)
	}
	return list, nil
}

// wake lets messages wait again that were hidden until now.
func wake(ctx context.Context, tx *writeTx, queue string, at time.Time) error {
	groups := map[string]bool{}
	err := each(ctx, tx, func(r row) error {
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

// take hides the next messages and answers, by their numbers, how often each was received and its receipt.
func take(ctx context.Context, tx *writeTx, t Take, until time.Time) (map[int64]QueuedMessage, error) {
	taken := map[int64]QueuedMessage{}
	note := func(r row) error {
		var n int64
		var message QueuedMessage
		err := r.Scan(&n, &message.Receives, &message.Receipt)
		taken[n] = message
		return err
	}
	if !t.Ordered {
		return taken, each(ctx, tx, note, takeNext, until.UnixMilli(), t.Queue, t.Limit)
	}
	groups, err := column[string](ctx, tx, "groups", nextGroups, t.Queue, t.Limit)
	if err != nil {
		return nil, err
	}
	for _, group := range groups {
		if len(taken) == t.Limit {
			break
		}
		if err := each(ctx, tx, note, takeOfGroup, until.UnixMilli(), t.Queue, t.Limit-len(taken), group); err != nil {
			return nil, err
		}
		if _, err := tx.ExecContext(ctx, blockGroup, t.Queue, group); err != nil {
			return nil, err
		}
	}
	return taken, nil
}

const (
	// A receipt begins with the number of its message.
	ofReceipt     = ` WHERE n = CAST(?2 AS INTEGER) AND receipt = ?2 AND queue = ?1`
	hideMessage   = `UPDATE messages SET hidden_until = ?3` + ofReceipt + ` RETURNING n, coalesce(grp, '')`
	showMessage   = `UPDATE messages SET hidden_until = NULL` + ofReceipt + ` RETURNING n, coalesce(grp, '')`
	deleteMessage = `DELETE FROM messages` + ofReceipt + ` RETURNING n, coalesce(grp, '')`
	deleteContent = `DELETE FROM contents WHERE n = ?`
)

// Hide makes received messages visible again at a time. It answers for each receipt whether it still stood.
func (m *QueueFile) Hide(ctx context.Context, queue string, receipts []string, until time.Time) ([]bool, error) {
	return m.byReceipt(ctx, queue, receipts, hideMessage, []any{until.UnixMilli()}, nil)
}

// Show makes received messages visible at once. It answers for each receipt whether it still stood.
func (m *QueueFile) Show(ctx context.Context, queue string, receipts []string) ([]bool, error) {
	return m.byReceipt(ctx, queue, receipts, showMessage, nil, nil)
}

// Delete takes received messages off the queue. It answers for each receipt whether it still stood.
func (m *QueueFile) Delete(ctx context.Context, queue string, receipts []string) ([]bool, error) {
	return m.byReceipt(
		ctx,
		queue,
		receipts,
		deleteMessage,
		nil,
		func(ctx context.Context, tx *writeTx, rows []int64) error {
			for _, n := range rows {
				if _, err := tx.ExecContext(ctx, deleteContent, n); err != nil {
					return err
				}
			}
			_, err := tx.ExecContext(ctx, addToTotal, queue, -len(rows))
			return err
		},
	)
}

// byReceipt changes the message of each receipt that stands, and then does what these changes ask for; then may be nil.
func (m *QueueFile) byReceipt(
	ctx context.Context,
	queue string,
	receipts []string,
	change string,
	more []any,
	then func(context.Context, *writeTx, []int64) error,
) ([]bool, error) {
	stood := make([]bool, len(receipts))
	err := m.db.Write(ctx, func(ctx context.Context, tx *writeTx) error {
		var rows []int64
		groups := map[string]bool{}
		for i, receipt := range receipts {
			var n int64
			var group string
			err := tx.QueryRowContext(ctx, change, append([]any{queue, receipt}, more...)...).Scan(&n, &group)
			if stood[i] = err == nil; stood[i] {
				rows, groups[group] = append(rows, n), true
			} else if !errors.Is(err, sql.ErrNoRows) {
				return err
			}
		}
		if then != nil {
			if err := then(ctx, tx, rows); err != nil {
				return err
			}
		}
		return refreshGroups(ctx, tx, queue, groups)
	})
	if err != nil {
		return nil, fmt.Errorf("change messages of embedded queue %s: %w", queue, err)
	}
	return stood, nil
}

const showAll = `UPDATE messages SET hidden_until = NULL WHERE hidden_until IS NOT NULL RETURNING queue, coalesce(grp, '')`

// ShowAll makes every message visible that is in flight. It is for who opens the file after a process that ended with
// messages in its hands; their receipts stand until the messages are received again.
func (m *QueueFile) ShowAll(ctx context.Context) error {
	err := m.db.Write(ctx, func(ctx context.Context, tx *writeTx) error {
		groups := map[string]map[string]bool{}
		err := each(ctx, tx, func(r row) error {
			var queue, group string
			err := r.Scan(&queue, &group)
			if groups[queue] == nil {
				groups[queue] = map[string]bool{}
			}
			groups[queue][group] = true
			return err
		}, showAll)
		for queue, of := range groups {
			err = errors.Join(err, refreshGroups(ctx, tx, queue, of))
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("show messages of the embedded queues again: %w", err)
	}
	return nil
}

const (
	nextVisible = `SELECT min(hidden_until) FROM messages WHERE queue = ? AND hidden_until IS NOT NULL`

	queueDepth = `SELECT coalesce((SELECT messages FROM totals WHERE queue = ?1), 0),
		(SELECT count(*) FROM messages WHERE queue = ?1 AND hidden_until > ?2),
		(SELECT sent_at FROM contents WHERE n = (SELECT min(n) FROM (
			SELECT min(n) AS n FROM messages WHERE queue = ?1 AND hidden_until IS NULL UNION ALL
			SELECT min(n) FROM messages WHERE queue = ?1 AND hidden_until IS NOT NULL)))`
)

// NextVisible answers when the next message that is hidden becomes visible; the zero time when none will.
func (m *QueueFile) NextVisible(ctx context.Context, queue string) (time.Time, error) {
	var next sql.NullInt64
	if err := m.db.read.QueryRowContext(ctx, nextVisible, queue).Scan(&next); err != nil {
		return time.Time{}, fmt.Errorf("look at embedded queue %s: %w", queue, err)
	}
	return fromMillis(next), nil
}

// Depth answers how many messages a queue has, how many of these are in flight, and when the oldest was sent.
func (m *QueueFile) Depth(
	ctx context.Context,
	queue string,
	at time.Time,
) (all, inFlight int, oldest time.Time, err error) {
	var sent sql.NullInt64
	if err := m.db.read.QueryRowContext(ctx, queueDepth, queue, at.UnixMilli()).
		Scan(&all, &inFlight, &sent); err != nil {
		return 0, 0, time.Time{}, fmt.Errorf("count messages of embedded queue %s: %w", queue, err)
	}
	return all, inFlight, fromMillis(sent), nil
}
