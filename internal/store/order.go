package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

// DeliveredEvent is a webhook that was delivered.
type DeliveredEvent struct {
	Key        deadletter.OrderKey
	ReceivedAt time.Time
}

const (
	// DeliveredLife is how long delivered events are stored, from their receipt.
	DeliveredLife = 7 * 24 * time.Hour

	// MaxDelivered bounds how many delivered events are stored.
	MaxDelivered = 1_000_000

	// maxNewer bounds how many newer events are counted.
	maxNewer = 100
)

var insertDelivered = insertionOf(
	`INSERT INTO delivered_events (order_key, received_at)`, 2, ` ON CONFLICT DO NOTHING`,
)

// AddDelivered stores delivered events. One that is stored already changes nothing.
func (t *Tx) AddDelivered(ctx context.Context, list []DeliveredEvent) error {
	values := insertDelivered.room(len(list))
	for _, e := range list {
		values = append(values, int64(e.Key), e.ReceivedAt.UnixMilli())
	}
	if _, err := insertDelivered.write(ctx, t.tx, values); err != nil {
		return fmt.Errorf("write delivered events: %w", err)
	}
	return nil
}

const newerDelivered = `SELECT count(*) FROM
	(SELECT 1 FROM delivered_events WHERE order_key = ? AND received_at > ? LIMIT ?)`

func newer(ctx context.Context, q sqlite.Querier, m deadletter.Message) (n deadletter.Newer, err error) {
	if m.OrderKey == 0 {
		return n, nil
	}
	row := q.QueryRowContext(ctx, newerDelivered, m.OrderKey, m.ReceivedAt.UnixMilli(), maxNewer+1)
	if err := row.Scan(&n.Count); err != nil {
		return n, fmt.Errorf("count newer events: %w", err)
	}
	if n.Count > maxNewer {
		n.Count, n.AtLeast = maxNewer, true
	}
	return n, nil
}

// Newer returns how many newer events with the order key of a message were delivered, without their Thing.
func (s *Store) Newer(ctx context.Context, m deadletter.Message) (deadletter.Newer, error) {
	return newer(ctx, s.db, m)
}

// Newer is Store.Newer as this transaction sees it.
func (t *Tx) Newer(ctx context.Context, m deadletter.Message) (deadletter.Newer, error) {
	return newer(ctx, t.tx, m)
}

const (
	countDelivered  = `SELECT count(*) FROM delivered_events`
	deleteDelivered = `DELETE FROM delivered_events WHERE (order_key, received_at) IN (
		SELECT order_key, received_at FROM delivered_events WHERE received_at < ? ORDER BY received_at LIMIT ?)`
)

// PruneDelivered deletes delivered events that were received before a time, and the oldest beyond a number, some in
// each commit.
func (s *Store) PruneDelivered(ctx context.Context, before time.Time, most int) error {
	var stored int64
	if err := s.db.QueryRowContext(ctx, countDelivered).Scan(&stored); err != nil {
		return fmt.Errorf("count delivered events: %w", err)
	}
	for surplus := stored - int64(most); surplus > 0; surplus -= itemsPerCommit {
		if _, err := s.deleteDelivered(ctx, time.UnixMilli(math.MaxInt64), min(surplus, itemsPerCommit)); err != nil {
			return err
		}
	}
	for {
		if n, err := s.deleteDelivered(ctx, before, itemsPerCommit); err != nil || n < itemsPerCommit {
			return err
		}
	}
}

func (s *Store) deleteDelivered(ctx context.Context, before time.Time, limit int64) (n int64, err error) {
	err = s.Write(ctx, func(ctx context.Context, tx *Tx) error {
		written, err := tx.tx.ExecContext(ctx, deleteDelivered, before.UnixMilli(), limit)
		if err == nil {
			n, err = written.RowsAffected()
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("delete delivered events: %w", err)
	}
	return n, nil
}

// A list of them stays as quick as any, whatever number of messages is about one thing.
const newestOfOrderKey = `SELECT n FROM messages WHERE order_key = ? ORDER BY n DESC LIMIT ?`

// orderKeys is answered by the index of the keys alone.
const orderKeys = `SELECT DISTINCT order_key FROM messages WHERE order_key > ? ORDER BY order_key LIMIT ?`

// OrderKeys returns the next order keys of messages after one, in their order, at most so many.
func (s *Store) OrderKeys(ctx context.Context, after deadletter.OrderKey, limit int) ([]deadletter.OrderKey, error) {
	return sqlite.Column[deadletter.OrderKey](ctx, s.db, "order keys", orderKeys, after, limit)
}

// Affected describes the things that the messages of a cause are about, such as conversations.
type Affected struct {
	Keys     int
	Messages int           // that were counted, and have a key
	AtLeast  bool          // there may be more: the cause has too many messages, or too many keys, to count them all
	Most     []AffectedKey // those with the most messages
}

// AffectedKey is the order key of some messages.
type AffectedKey struct {
	Key      deadletter.OrderKey
	Messages int
	Sample   deadletter.ID // the newest of them
	newest   int64
}

const (
	// affectedSample bounds how many messages of each status Affected reads.
	affectedSample = 10_000

	maxAffectedShown = 7

	// The index messages_cause has all that this reads.
	affectedOfStatus = `SELECT order_key, count(*), max(n) FROM
		(SELECT order_key, n FROM messages WHERE fingerprint = ? AND status = ? ORDER BY n DESC LIMIT ?)
		WHERE order_key IS NOT NULL GROUP BY order_key`

	messageID = `SELECT id FROM messages WHERE n = ?`
)

// Affected counts the order keys of a cause's messages, among the newest 10,000 of each status. The number is exact up
// to CountCap.
func (s *Store) Affected(ctx context.Context, cause string) (Affected, error) {
	var a Affected
	keys := map[deadletter.OrderKey]AffectedKey{}
	for _, status := range deadletter.Statuses() {
		err := sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
			var key deadletter.OrderKey
			var n int
			var newest int64
			err := r.Scan(&key, &n, &newest)
			k := keys[key]
			keys[key] = AffectedKey{Key: key, Messages: k.Messages + n, newest: max(k.newest, newest)}
			a.Messages += n
			return err
		}, affectedOfStatus, cause, status, affectedSample)
		if err != nil {
			return Affected{}, fmt.Errorf("count what the messages of cause %s are about: %w", cause, err)
		}
	}
	if len(keys) == 0 {
		return a, nil
	}
	a.Keys, a.AtLeast = min(len(keys), CountCap), len(keys) > CountCap
	for _, status := range deadletter.Statuses() {
		n, err := s.CountUpTo(ctx, Filter{Cause: cause, Status: status}, affectedSample+1)
		if err != nil {
			return a, err
		}
		a.AtLeast = a.AtLeast || n > affectedSample
	}
	a.Most = slices.SortedFunc(maps.Values(keys), func(x, y AffectedKey) int {
		return cmp.Or(cmp.Compare(y.Messages, x.Messages), cmp.Compare(y.newest, x.newest))
	})
	a.Most = a.Most[:min(len(a.Most), maxAffectedShown)]
	for i := range a.Most {
		if err := s.db.QueryRowContext(ctx, messageID, a.Most[i].newest).Scan(&a.Most[i].Sample); err != nil {
			return a, fmt.Errorf("find a message of cause %s: %w", cause, err)
		}
	}
	return a, nil
}

const (
	orderKeyPlaces    = `SELECT places, below FROM order_key_places`
	setOrderKeyPlaces = `UPDATE order_key_places SET places = ?, below = ?`

	receivedBelow = `SELECT m.n, m.source, coalesce(m.order_key, 0), r.headers, substr(r.body, 1, ?) FROM messages m
		JOIN revisions r ON r.message = m.n AND r.number = 0 WHERE m.n < ? ORDER BY m.n DESC LIMIT ?`
	setOrderKey = `UPDATE messages SET order_key = ? WHERE n = ?`
)

// RekeyMessages gives the next messages their order keys, newest first and so many at most, if they have them by other
// places than these. It returns the keys that it gave, and whether other messages follow. It goes on where it was
// interrupted.
func (s *Store) RekeyMessages(
	ctx context.Context, places string, limit int,
	keyOf func(source string, h deadletter.Headers, body []byte) deadletter.OrderKey,
) (given []deadletter.OrderKey, more bool, err error) {
	var stored string
	var below int64
	if err := s.db.QueryRowContext(ctx, orderKeyPlaces).Scan(&stored, &below); err != nil {
		return nil, false, fmt.Errorf("read the places of order keys: %w", err)
	}
	switch {
	case stored != places:
		below = math.MaxInt64
	case below == 0:
		return nil, false, nil
	}
	changed := map[int64]deadletter.OrderKey{}
	read, last := 0, int64(0)
	err = sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var source, headers string
		var before deadletter.OrderKey
		var body []byte
		if err := r.Scan(&last, &source, &before, &headers, &body); err != nil {
			return err
		}
		var h deadletter.Headers
		if err := h.UnmarshalJSON([]byte(headers)); err != nil {
			return err
		}
		if key := keyOf(source, h, body); key != before {
			changed[last] = key
		}
		read++
		return nil
	}, receivedBelow, BodyPart, below, limit)
	if err != nil {
		return nil, false, fmt.Errorf("read what messages are about: %w", err)
	}
	if more = read == limit; !more {
		last = 0
	}
	err = s.Write(ctx, func(ctx context.Context, tx *Tx) error {
		for n, key := range changed {
			if _, err := tx.tx.ExecContext(ctx, setOrderKey, orNull(key), n); err != nil {
				return err
			}
		}
		_, err := tx.tx.ExecContext(ctx, setOrderKeyPlaces, places, last)
		return err
	})
	if err != nil {
		return nil, false, fmt.Errorf("write order keys: %w", err)
	}
	return slices.Collect(maps.Values(changed)), more, nil
}
