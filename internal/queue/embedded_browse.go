package queue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"dlqdesk/internal/sqlite"
)

const oldestMessage = `SELECT sent_at FROM messages WHERE queue = ? ORDER BY n LIMIT 1`

// Depth returns how many messages are on the queue, and since when.
func (e *Embedded) Depth(ctx context.Context) (Depth, error) {
	total, inFlight := e.flights().count(e.now())
	if total == 0 {
		return Depth{}, nil
	}
	var sent sql.NullInt64
	err := e.file.db.QueryRowContext(ctx, oldestMessage, e.name).Scan(&sent)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return Depth{}, fmt.Errorf("find the oldest message of embedded queue %s: %w", e.name, err)
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
	browseColumns = `SELECT n, id, substr(body, 1, ?5), length(body), sent_at FROM messages
		WHERE queue = ?1 AND n > ?2 `
	browseVisible  = browseColumns + `AND n NOT IN (SELECT value FROM json_each(?3)) ORDER BY n LIMIT ?4`
	browseInFlight = browseColumns + `AND n IN (SELECT value FROM json_each(?3)) ORDER BY n LIMIT ?4`
)

// Browse calls fn with messages of the queue, oldest first, and changes nothing about them. It ends with the first
// error of fn.
func (e *Embedded) Browse(ctx context.Context, q BrowseQuery, fn func(BrowsedMessage) error) error {
	now := e.now()
	received, inFlight := e.flights().snapshot(now)
	numbers, err := numbersText(inFlight)
	if err != nil {
		return err
	}
	query := browseVisible
	if q.InFlight {
		query = browseInFlight
	}
	err = sqlite.Each(ctx, e.file.db, func(r sqlite.Row) error {
		var m BrowsedMessage
		var sent int64
		if err := r.Scan(&m.Number, &m.ID, &m.Body, &m.Size, &sent); err != nil {
			return err
		}
		m.SentAt = time.UnixMilli(sent).UTC()
		if flight, ok := received[m.Number]; ok {
			m.ReceiveCount = flight.receives
			if q.InFlight {
				m.HiddenUntil = flight.until
			}
		}
		return fn(m)
	}, query, e.name, q.After, numbers, q.Limit, q.BodyBytes)
	if err != nil {
		return fmt.Errorf("browse embedded queue %s: %w", e.name, err)
	}
	return nil
}
