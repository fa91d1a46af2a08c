package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// HeldQuery asks for some of the messages of an embedded queue, oldest first.
type HeldQuery struct {
	Queue    string
	InFlight bool  // those that somebody received and has not deleted; otherwise those that wait to be received
	After    int64 // the number of the message before the first; 0: from the oldest
	Limit    int
	Body     int // how many bytes of each body are read at most
}

// Held is a message as it lies on an embedded queue.
type Held struct {
	Number   int64
	ID       string
	Body     []byte // its beginning, where that is all that was asked for
	Bytes    int    // of the whole body
	SentAt   time.Time
	Receives int
	Until    time.Time // when it is received anew at the latest; zero: it waits
}

const (
	heldWaiting = `SELECT n, receives, NULL AS hidden_until FROM (
			SELECT n, receives FROM (SELECT n, receives FROM messages WHERE queue = ?1 AND hidden_until IS NULL AND n > ?3 ORDER BY n LIMIT ?4)
			UNION ALL
			SELECT n, receives FROM messages WHERE queue = ?1 AND hidden_until <= ?2 AND n > ?3
		)`
	heldInFlight = `SELECT n, receives, hidden_until FROM messages WHERE queue = ?1 AND hidden_until > ?2 AND n > ?3`
	heldContent  = ` m JOIN contents c USING (n) ORDER BY n LIMIT ?4`
)

// Held shows messages to see, one after the other, and changes nothing about them. It ends with the first error of see.
func (m *QueueFile) Held(ctx context.Context, q HeldQuery, at time.Time, see func(Held) error) error {
	which := heldWaiting
	if q.InFlight {
		which = heldInFlight
	}
	err := each(ctx, m.db.read, func(r row) error {
		var h Held
		var sent int64
		var until sql.NullInt64
		if err := r.Scan(&h.Number, &h.ID, &h.Body, &h.Bytes, &sent, &h.Receives, &until); err != nil {
			return err
		}
		h.SentAt = time.UnixMilli(sent).UTC()
		if until.Valid {
			h.Until = time.UnixMilli(until.Int64).UTC()
		}
		return see(h)
	}, "SELECT n, c.id, substr(c.body, 1, ?5), length(c.body), c.sent_at, m.receives, m.hidden_until FROM ("+which+")"+heldContent,
		q.Queue, at.UnixMilli(), q.After, q.Limit, q.Body)
	if err != nil {
		return fmt.Errorf("look at embedded queue %s: %w", q.Queue, err)
	}
	return nil
}
