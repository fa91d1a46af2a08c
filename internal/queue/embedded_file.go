package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"dlqdesk/internal/sqlite"
	"dlqdesk/migrations"
)

// File is the SQLite file of embedded queues, one or several. One process at a time may use it.
type File struct {
	db     *sqlite.DB
	newest int64           // the newest message; only writes use it, and they run one after the other
	open   context.Context // ends with Close
	end    context.CancelFunc

	mu     sync.Mutex
	queues map[string]*flights // by name
}

// OpenFile opens the file, or creates it. The caller closes it.
func OpenFile(ctx context.Context, path string, log *slog.Logger) (*File, error) {
	db, err := sqlite.Open(ctx, sqlite.Options{Path: path, Migrations: migrations.Queue(), Log: log})
	if err != nil {
		return nil, err
	}
	f := &File{db: db, queues: map[string]*flights{}}
	f.open, f.end = context.WithCancel(context.WithoutCancel(ctx))
	if err := f.count(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("count the messages of the embedded queues: %w", err), db.Close())
	}
	return f, nil
}

const countMessages = `SELECT queue, count(*), max(n) FROM messages GROUP BY queue`

// count finds out what each queue has. Later changes are counted as they are made.
func (f *File) count(ctx context.Context) error {
	return sqlite.Each(ctx, f.db, func(r sqlite.Row) error {
		var name string
		var total int
		var newest int64
		err := r.Scan(&name, &total, &newest)
		f.queues[name], f.newest = newFlights(total, newest), max(f.newest, newest)
		return err
	}, countMessages)
}

// flights returns the flights of a queue.
func (f *File) flights(queue string) *flights {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.queues[queue] == nil {
		f.queues[queue] = newFlights(0, 0)
	}
	return f.queues[queue]
}

// Close waits for the writes under way and closes the file. Receivers that wait return an error.
func (f *File) Close() error {
	f.end()
	return f.db.Close()
}

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

const usedBytes = `SELECT (p.page_count - f.freelist_count) * s.page_size
	FROM pragma_page_count p, pragma_freelist_count f, pragma_page_size s`

// Used returns how many bytes of the file are in use.
func (f *File) Used(ctx context.Context) (bytes int64, err error) {
	if err := f.db.QueryRowContext(ctx, usedBytes).Scan(&bytes); err != nil {
		return 0, fmt.Errorf("measure the file of the embedded queues: %w", err)
	}
	return bytes, nil
}

const (
	probeBytes   = 64 << 10 // the size of a usual message
	probe        = `INSERT INTO messages (n, queue, id, sent_at, body) VALUES (0, '', 'probe', 0, zeroblob(?))`
	removeProbed = `DELETE FROM messages WHERE n = 0`
)

// Probe returns nil if a usual message could be sent now: it writes one, with the number 0 that no message has, and
// deletes it at once.
func (f *File) Probe(ctx context.Context) error {
	err := f.db.Write(ctx, func(ctx context.Context, tx *sqlite.Tx) error {
		if _, err := tx.ExecContext(ctx, probe, probeBytes); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, removeProbed)
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

	insertMessage = `INSERT INTO messages (n, queue, id, message_group, deduplication_id, sent_at, attributes, body)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
	insertGroup = `INSERT INTO message_groups (queue, message_group, first) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`
)

// send appends messages to a queue, all or none. A message whose DeduplicationID was sent within the last five minutes
// is not appended again.
func (f *File) send(ctx context.Context, queue string, list []Message, at time.Time) error {
	var appended int
	var newest int64
	err := f.db.Write(ctx, func(ctx context.Context, tx *sqlite.Tx) error {
		appended = 0
		for _, m := range list {
			repeated, err := isRepeated(ctx, tx, queue, m, at)
			if err != nil {
				return err
			}
			if repeated {
				continue
			}
			f.newest++ // its numbers are given out anew if this is undone
			if err := insert(ctx, tx, queue, row{m, f.newest}, at); err != nil {
				return err
			}
			appended++
		}
		newest = f.newest
		return nil
	})
	if err != nil {
		return fmt.Errorf("send to embedded queue %s: %w", queue, err)
	}
	if appended > 0 {
		f.flights(queue).sent(appended, newest)
	}
	return nil
}

// isRepeated reports whether a message with the same DeduplicationID came before.
func isRepeated(ctx context.Context, tx *sqlite.Tx, queue string, m Message, at time.Time) (bool, error) {
	if m.DeduplicationID == "" {
		return false, nil
	}
	if _, err := tx.ExecContext(ctx, forgetIDs, queue, at.Add(-deduplicationWindow).UnixMilli()); err != nil {
		return false, err
	}
	remembered, err := tx.ExecContext(ctx, rememberID, queue, m.DeduplicationID, m.ID, at.UnixMilli())
	if err != nil {
		return false, err
	}
	added, err := remembered.RowsAffected()
	return added == 0, err
}

// row is a message and its number.
type row struct {
	Message
	number int64
}

func insert(ctx context.Context, tx *sqlite.Tx, queue string, r row, at time.Time) error {
	attributes, err := attributesText(r.Attributes)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, insertMessage, r.number, queue, r.ID, sqlite.Text(r.GroupID),
		sqlite.Text(r.DeduplicationID), at.UnixMilli(), sqlite.Text(attributes), sqlite.Blob(r.Body))
	if err == nil && r.GroupID != "" {
		_, err = tx.ExecContext(ctx, insertGroup, queue, r.GroupID, r.number)
	}
	return err
}

// attributesText returns attributes as JSON; "" if there are none.
func attributesText(attributes map[string]Attribute) (string, error) {
	if len(attributes) == 0 {
		return "", nil
	}
	text, err := json.Marshal(attributes)
	if err != nil {
		return "", fmt.Errorf("write attributes: %w", err)
	}
	return string(text), nil
}

const (
	// receiveBytes bounds the bodies that one receive reads: after it has read so many bytes, it reads no further one.
	receiveBytes = 1 << 20

	columns = `SELECT n, id, coalesce(message_group, ''), coalesce(deduplication_id, ''), sent_at,
		coalesce(attributes, ''), body FROM messages `
	readNumbers = columns + `WHERE n IN (SELECT value FROM json_each(?)) ORDER BY n LIMIT ?`
	readFrom    = columns + `WHERE queue = ? AND n >= ? ORDER BY n LIMIT ?`
	readGroup   = columns + `WHERE queue = ? AND message_group = ? ORDER BY n LIMIT ?`
	readGroups  = `SELECT message_group FROM message_groups WHERE queue = ? ORDER BY first LIMIT ?`
)

// read returns the rows of a query for messages, up to receiveBytes.
func (f *File) read(ctx context.Context, query string, args ...any) ([]row, error) {
	var list []row
	size := 0
	err := sqlite.Each(ctx, f.db, func(from sqlite.Row) error {
		r, err := scanRow(from)
		if err != nil {
			return err
		}
		list, size = append(list, r), size+len(r.Body)
		if size >= receiveBytes {
			return errEnough
		}
		return nil
	}, query, args...)
	if errors.Is(err, errEnough) {
		err = nil
	}
	return list, err
}

// errEnough ends reading early.
var errEnough = errors.New("enough was read")

func scanRow(from sqlite.Row) (r row, err error) {
	var attributes []byte
	var sent int64
	if err := from.Scan(&r.number, &r.ID, &r.GroupID, &r.DeduplicationID, &sent, &attributes, &r.Body); err != nil {
		return r, err
	}
	r.SentAt = time.UnixMilli(sent).UTC()
	if len(attributes) == 0 {
		return r, nil
	}
	if err := json.Unmarshal(attributes, &r.Attributes); err != nil {
		return r, fmt.Errorf("read the attributes of message %d: %w", r.number, err)
	}
	return r, nil
}

// readFIFO returns messages of groups that are not blocked, each group in order.
func (f *File) readFIFO(ctx context.Context, queue string, blocked map[string]bool, limit int) ([]row, error) {
	groups, err := sqlite.Column[string](ctx, f.db, "groups", readGroups, queue, limit+len(blocked))
	if err != nil {
		return nil, err
	}
	var list []row
	for _, group := range groups {
		if blocked[group] {
			continue
		}
		rows, err := f.read(ctx, readGroup, queue, group, limit-len(list))
		if err != nil {
			return nil, err
		}
		if list = append(list, rows...); len(list) == limit || sizeOf(list) >= receiveBytes {
			break
		}
	}
	return list, nil
}

func sizeOf(rows []row) (bytes int) {
	for _, r := range rows {
		bytes += len(r.Body)
	}
	return bytes
}

const (
	deleteMessages = `DELETE FROM messages WHERE n IN (SELECT value FROM json_each(?))`
	deleteGroup    = `DELETE FROM message_groups WHERE queue = ? AND message_group = ?`
	refreshGroup   = `INSERT INTO message_groups (queue, message_group, first)
		SELECT queue, message_group, n FROM messages WHERE queue = ? AND message_group = ? ORDER BY n LIMIT 1`
)

// delete deletes messages of a queue, and refreshes their groups. The group "" is none.
func (f *File) delete(ctx context.Context, queue string, numbers []int64, groups map[string]bool) error {
	list, err := numbersText(numbers)
	if err != nil {
		return err
	}
	err = f.db.Write(ctx, func(ctx context.Context, tx *sqlite.Tx) error {
		if _, err := tx.ExecContext(ctx, deleteMessages, list); err != nil {
			return err
		}
		for group := range groups {
			if group == "" {
				continue
			}
			for _, query := range []string{deleteGroup, refreshGroup} {
				if _, err := tx.ExecContext(ctx, query, queue, group); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("delete from embedded queue %s: %w", queue, err)
	}
	return nil
}

// numbersText returns numbers as the JSON that queries read as a table.
func numbersText(numbers []int64) (string, error) {
	if len(numbers) == 0 {
		return "[]", nil
	}
	text, err := json.Marshal(numbers)
	return string(text), err
}
