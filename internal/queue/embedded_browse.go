package queue

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"dlqdesk/internal/sqlite"
)

const (
	nextVisible = `SELECT min(hidden_until) FROM messages WHERE queue = ? AND hidden_until IS NOT NULL`

	queueDepth = `SELECT coalesce((SELECT messages FROM totals WHERE queue = ?1), 0),
		(SELECT count(*) FROM messages WHERE queue = ?1 AND hidden_until > ?2),
		(SELECT sent_at FROM contents WHERE n = (SELECT min(n) FROM (
			SELECT min(n) AS n FROM messages WHERE queue = ?1 AND hidden_until IS NULL UNION ALL
			SELECT min(n) FROM messages WHERE queue = ?1 AND hidden_until IS NOT NULL)))`
)

// NextVisible returns when the next message in flight becomes visible; the zero time if none is in flight.
func (f *File) NextVisible(ctx context.Context, queue string) (time.Time, error) {
	var next sql.NullInt64
	if err := f.db.QueryRowContext(ctx, nextVisible, queue).Scan(&next); err != nil {
		return time.Time{}, fmt.Errorf("read embedded queue %s: %w", queue, err)
	}
	return sqlite.Time(next), nil
}

// Depth returns how many messages a queue has, and since when.
func (f *File) Depth(ctx context.Context, queue string, at time.Time) (Depth, error) {
	var total, inFlight int
	var sent sql.NullInt64
	err := f.db.QueryRowContext(ctx, queueDepth, queue, at.UnixMilli()).Scan(&total, &inFlight, &sent)
	if err != nil {
		return Depth{}, fmt.Errorf("count messages of embedded queue %s: %w", queue, err)
	}
	return Depth{Visible: total - inFlight, InFlight: inFlight, Oldest: sqlite.Time(sent)}, nil
}

// BrowseQuery asks for messages of an embedded queue, oldest first.
type BrowseQuery struct {
	InFlight  bool  // messages that were received and not deleted; otherwise those that wait to be received
	After     int64 // the number of the message before the first; 0 is from the oldest on
	Limit     int
	BodyBytes int // how many bytes of each body are read at most
}

// BrowsedMessage is a message that stays on its queue.
type BrowsedMessage struct {
	Number       int64
	ID           string
	Body         []byte // the first BodyBytes of it
	Size         int    // of the whole body, in bytes
	SentAt       time.Time
	ReceiveCount int
	HiddenUntil  time.Time // zero: it waits to be received
}

const (
	browseVisible = `SELECT n, receive_count, NULL AS hidden_until FROM (
			SELECT n, receive_count FROM (
				SELECT n, receive_count FROM messages
				WHERE queue = ?1 AND hidden_until IS NULL AND n > ?3 ORDER BY n LIMIT ?4)
			UNION ALL
			SELECT n, receive_count FROM messages WHERE queue = ?1 AND hidden_until <= ?2 AND n > ?3
		)`
	browseInFlight = `SELECT n, receive_count, hidden_until FROM messages
		WHERE queue = ?1 AND hidden_until > ?2 AND n > ?3`

	browseColumns = `SELECT n, c.id, substr(c.body, 1, ?5), length(c.body), c.sent_at, m.receive_count,
		m.hidden_until FROM (`
	browseContent = `) m JOIN contents c USING (n) ORDER BY n LIMIT ?4`
)

// Browse calls fn with messages of the queue, oldest first, and changes nothing about them. It ends with the first
// error of fn.
func (e *Embedded) Browse(ctx context.Context, q BrowseQuery, fn func(BrowsedMessage) error) error {
	query := browseColumns + browseVisible + browseContent
	if q.InFlight {
		query = browseColumns + browseInFlight + browseContent
	}
	err := sqlite.Each(ctx, e.file.db, func(r sqlite.Row) error {
		var m BrowsedMessage
		var sent int64
		var until sql.NullInt64
		if err := r.Scan(&m.Number, &m.ID, &m.Body, &m.Size, &sent, &m.ReceiveCount, &until); err != nil {
			return err
		}
		m.SentAt, m.HiddenUntil = time.UnixMilli(sent).UTC(), sqlite.Time(until)
		return fn(m)
	}, query, e.name, e.now().UnixMilli(), q.After, q.Limit, q.BodyBytes)
	if err != nil {
		return fmt.Errorf("browse embedded queue %s: %w", e.name, err)
	}
	return nil
}
