package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/sqlite"
)

// ShapeKey names the sample of delivered webhooks of a source and event type, made by the masks of a name.
type ShapeKey struct{ Source, EventType, Masks string }

// DeliveredBody is a delivered webhook that is kept whole: its content, masked.
type DeliveredBody struct {
	ShapeKey
	Number      int64 // set by the store
	At          time.Time
	ContentType string
	Content     []byte
}

// Headers returns headers that say how the content is written.
func (b DeliveredBody) Headers() deadletter.Headers {
	return deadletter.Headers{"Content-Type": {b.ContentType}}
}

// Samples are what was learnt of deliveries since the last save.
type Samples struct {
	Shapes map[ShapeKey]*payload.Shape
	Bodies []DeliveredBody
	Keep   map[string]int // whole bodies by source; others are deleted
	At     time.Time
}

// maxEventTypes bounds the event types of a source that have a shape of their own. Any others share that of "".
const maxEventTypes = 50

const (
	oneShape = `SELECT shape FROM shapes WHERE source = ? AND event_type = ? AND masks = ?`
	ofSource = `SELECT event_type FROM shapes WHERE source = ? AND masks = ?`
	setShape = `INSERT INTO shapes (source, event_type, masks, bodies, at, shape) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET masks = excluded.masks, bodies = excluded.bodies, at = excluded.at,
			shape = excluded.shape`
	addDelivered = `INSERT INTO delivered_bodies (source, event_type, masks, at, content_type, content)
		VALUES (?, ?, ?, ?, ?, ?)`

	// trimDelivered leaves the newest of each event type alike.
	trimDelivered = `DELETE FROM delivered_bodies WHERE n IN (
		SELECT n FROM (
			SELECT n, row_number() OVER (PARTITION BY event_type ORDER BY n DESC) AS age
			FROM delivered_bodies WHERE source = ?1
		) ORDER BY age, n DESC LIMIT -1 OFFSET ?2)`
)

// SaveSamples adds shapes to those that are stored, and whole bodies to theirs. Only one caller at a time may use it.
func (s *Store) SaveSamples(ctx context.Context, samples Samples) error {
	rows := map[ShapeKey][]byte{}
	merged := map[ShapeKey]*payload.Shape{}
	for key, shape := range samples.Shapes {
		key, known, err := s.shapeBefore(ctx, key, merged)
		if err != nil {
			return err
		}
		if merged[key] == nil {
			merged[key] = known
		}
		merged[key].Add(shape)
	}
	for key, shape := range merged {
		var err error
		if rows[key], err = json.Marshal(shape); err != nil {
			return fmt.Errorf("write a shape: %w", err)
		}
	}
	return s.Write(ctx, func(ctx context.Context, tx *Tx) error {
		for key, text := range rows {
			_, err := tx.tx.ExecContext(ctx, setShape, key.Source, key.EventType, key.Masks, merged[key].Bodies,
				samples.At.UnixMilli(), string(text))
			if err != nil {
				return fmt.Errorf("save the shape of deliveries of %s: %w", key.Source, err)
			}
		}
		return tx.saveDelivered(ctx, samples)
	})
}

func (t *Tx) saveDelivered(ctx context.Context, samples Samples) error {
	for _, b := range samples.Bodies {
		_, err := t.tx.ExecContext(
			ctx, addDelivered, b.Source, b.EventType, b.Masks, b.At.UnixMilli(), b.ContentType, sqlite.Blob(b.Content),
		)
		if err != nil {
			return fmt.Errorf("keep a delivered webhook of %s: %w", b.Source, err)
		}
	}
	for source, keep := range samples.Keep {
		if _, err := t.tx.ExecContext(ctx, trimDelivered, source, keep); err != nil {
			return fmt.Errorf("delete old delivered webhooks of %s: %w", source, err)
		}
	}
	return nil
}

// shapeBefore returns the stored shape that another one is added to, and its key: an empty one if there is none.
// others are saved with it.
func (s *Store) shapeBefore(
	ctx context.Context, key ShapeKey, others map[ShapeKey]*payload.Shape,
) (ShapeKey, *payload.Shape, error) {
	known, err := s.Shape(ctx, key)
	if err != nil || known.Bodies > 0 || key.EventType == "" {
		return key, known, err
	}
	types, err := sqlite.Column[string](ctx, s.db, "event types with a shape", ofSource, key.Source, key.Masks)
	for other := range others {
		if other.Source == key.Source && !slices.Contains(types, other.EventType) {
			types = append(types, other.EventType)
		}
	}
	if err != nil || len(types) < maxEventTypes {
		return key, known, err
	}
	key.EventType = ""
	known, err = s.Shape(ctx, key)
	return key, known, err
}

// Shape returns the shape of the deliveries with a key. It has no bodies if there is none that this version can read.
func (s *Store) Shape(ctx context.Context, key ShapeKey) (*payload.Shape, error) {
	var text string
	err := s.db.QueryRowContext(ctx, oneShape, key.Source, key.EventType, key.Masks).Scan(&text)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("read the shape of deliveries of %s: %w", key.Source, err)
	}
	shape := &payload.Shape{}
	if err == nil && json.Unmarshal([]byte(text), shape) != nil {
		shape = &payload.Shape{} // another version stored it
	}
	return shape, nil
}

// ShapeOfSource returns the shape of all deliveries of a source by the masks of a name.
func (s *Store) ShapeOfSource(ctx context.Context, source, masks string) (*payload.Shape, error) {
	types, err := sqlite.Column[string](ctx, s.db, "event types with a shape", ofSource, source, masks)
	if err != nil {
		return nil, err
	}
	all := &payload.Shape{}
	for _, eventType := range types {
		shape, err := s.Shape(ctx, ShapeKey{source, eventType, masks})
		if err != nil {
			return nil, err
		}
		all.Add(shape)
	}
	return all, nil
}

const (
	forgetShapes    = `DELETE FROM shapes WHERE masks IS NOT (SELECT value FROM json_each(?) WHERE key = source)`
	forgetDelivered = `DELETE FROM delivered_bodies
		WHERE masks IS NOT (SELECT value FROM json_each(?) WHERE key = source)`
)

// ForgetSamples deletes the shapes and the whole bodies of all sources but the given ones, and those that were made by
// other masks. Each source comes with the name of its masks.
func (s *Store) ForgetSamples(ctx context.Context, shapes, bodies map[string]string) error {
	return s.Write(ctx, func(ctx context.Context, tx *Tx) error {
		for query, sources := range map[string]map[string]string{forgetShapes: shapes, forgetDelivered: bodies} {
			list, err := toJSON(sources)
			if err == nil {
				_, err = tx.tx.ExecContext(ctx, query, list)
			}
			if err != nil {
				return fmt.Errorf("forget deliveries: %w", err)
			}
		}
		return nil
	})
}

const deliveredColumns = `n, source, event_type, masks, at, content_type, content`

const (
	deliveredOfSource = `SELECT ` + deliveredColumns + ` FROM delivered_bodies WHERE source = ? AND masks = ?
		ORDER BY n DESC`
	deliveredByNumber = `SELECT ` + deliveredColumns + ` FROM delivered_bodies
		WHERE n = ? AND source = ? AND masks = ?`
	countDeliveredBodies = `SELECT count(*), coalesce(sum(length(content)), 0) FROM delivered_bodies WHERE source = ?`
)

func scanDelivered(r sqlite.Row) (b DeliveredBody, err error) {
	var at int64
	err = r.Scan(&b.Number, &b.Source, &b.EventType, &b.Masks, &at, &b.ContentType, &b.Content)
	b.At = time.UnixMilli(at).UTC()
	return b, err
}

// DeliveredBodies returns the webhooks of a source that are kept whole, newest first.
func (s *Store) DeliveredBodies(ctx context.Context, source, masks string) ([]DeliveredBody, error) {
	var list []DeliveredBody
	err := sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		b, err := scanDelivered(r)
		list = append(list, b)
		return err
	}, deliveredOfSource, source, masks)
	if err != nil {
		return nil, fmt.Errorf("read delivered webhooks of %s: %w", source, err)
	}
	return list, nil
}

// DeliveredBody returns a webhook of a source that is kept whole. It returns NotFound if it is not, or no longer.
func (s *Store) DeliveredBody(ctx context.Context, n int64, source, masks string) (DeliveredBody, error) {
	b, err := scanDelivered(s.db.QueryRowContext(ctx, deliveredByNumber, n, source, masks))
	return b, notFound(err, "this delivered webhook is no longer kept: newer ones took its place")
}

// CountDelivered returns how many webhooks of a source are kept whole, and their size in bytes.
func (s *Store) CountDelivered(ctx context.Context, source string) (bodies int, bytes int64, err error) {
	if err = s.db.QueryRowContext(ctx, countDeliveredBodies, source).Scan(&bodies, &bytes); err != nil {
		err = fmt.Errorf("count delivered webhooks of %s: %w", source, err)
	}
	return bodies, bytes, err
}

// FailedBody is the body of a message as it was received, with what says how to read it.
type FailedBody struct {
	Source, EventType, Queue string
	Headers                  deadletter.Headers
	Body                     []byte // nil: it is longer than asked for
}

const bodiesOfCause = `SELECT m.source, m.event_type, m.queue, r.headers,
		CASE WHEN coalesce(r.size, length(r.body)) <= ?3 THEN r.body END
	FROM messages m JOIN revisions r ON r.message = m.n AND r.number = 0
	WHERE m.fingerprint = ?1 AND m.status = ?2 ORDER BY m.n DESC LIMIT ?4`

// EachFailedBody calls fn for the newest messages of a cause until it returns false, open messages first. Bodies over
// size bytes are not read.
func (s *Store) EachFailedBody(
	ctx context.Context,
	fingerprint string,
	size, limit int,
	fn func(FailedBody) bool,
) error {
	for _, status := range []deadletter.Status{
		deadletter.Failed, deadletter.Retrying, deadletter.Replaying, deadletter.Archived, deadletter.Redriven,
		deadletter.Resolved,
	} {
		err := sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
			var b FailedBody
			var headers string
			if err := r.Scan(&b.Source, &b.EventType, &b.Queue, &headers, &b.Body); err != nil {
				return err
			}
			if err := b.Headers.UnmarshalJSON([]byte(headers)); err != nil {
				return fmt.Errorf("read headers: %w", err)
			}
			if limit--; !fn(b) {
				return errEnough
			}
			return nil
		}, bodiesOfCause, fingerprint, status, size, limit)
		if errors.Is(err, errEnough) || err == nil && limit == 0 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the bodies of cause %s: %w", fingerprint, err)
		}
	}
	return nil
}

// errEnough ends the reading of rows of which no more are needed.
var errEnough = errors.New("enough")
