package store

import (
	"context"
	"fmt"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

// Cause is the messages that failed for the same reason: same source, destination and normalised error.
type Cause struct {
	Fingerprint string
	Source      string
	Destination string
	Reason      string // of one of them
	Messages    int    // that ever failed for it
	Open        int    // that wait for a delivery or a person because of it
	FirstAt     time.Time
	LastAt      time.Time
	Unedited    Replays
	Edited      Replays
}

// Replays counts replays and how many of them were delivered.
type Replays struct{ Tried, Delivered int }

const causeColumns = `fingerprint, source, destination, reason, messages, open, first_at, last_at, unedited,
	unedited_delivered, edited, edited_delivered`

func scanCause(r sqlite.Row) (Cause, error) {
	var g Cause
	var first, last int64
	err := r.Scan(&g.Fingerprint, &g.Source, &g.Destination, &g.Reason, &g.Messages, &g.Open, &first, &last,
		&g.Unedited.Tried, &g.Unedited.Delivered, &g.Edited.Tried, &g.Edited.Delivered)
	g.FirstAt, g.LastAt = time.UnixMilli(first).UTC(), time.UnixMilli(last).UTC()
	return g, err
}

// presentCause is the cause that a fingerprint stands for, which a link may have from before the rules changed.
const presentCause = `coalesce((SELECT moved_to FROM moved_causes WHERE fingerprint = ?), ?)`

const causeByFingerprint = `SELECT ` + causeColumns + ` FROM causes WHERE fingerprint = ` + presentCause

// Cause returns the cause with the given fingerprint. It returns NotFound if there is none.
func (s *Store) Cause(ctx context.Context, fingerprint string) (Cause, error) {
	g, err := scanCause(s.db.QueryRowContext(ctx, causeByFingerprint, fingerprint, fingerprint))
	return g, notFound(err, "no message failed for the cause %s", fingerprint)
}

const messagesOfCauses = `SELECT ` + messageColumns + ` FROM json_each(?) asked CROSS JOIN messages m
	ON m.n = (SELECT n FROM messages WHERE fingerprint = asked.value LIMIT 1)`

// MessagesOfCauses returns one of the messages whose latest failure has a cause, for each of the causes that has any,
// in no order.
func (s *Store) MessagesOfCauses(ctx context.Context, fingerprints []string) ([]deadletter.Message, error) {
	list, err := toJSON(fingerprints)
	if err != nil {
		return nil, err
	}
	return messages(ctx, s.db, "the causes'", messagesOfCauses, list)
}

const topCauses = `SELECT ` + causeColumns + ` FROM causes WHERE open > 0 AND (?1 = '' OR source = ?1)
	ORDER BY open DESC, fingerprint LIMIT ?2`

// TopCauses returns the causes with the most open messages, largest first: of one source, or of all for "".
func (s *Store) TopCauses(ctx context.Context, source string, limit int) ([]Cause, error) {
	var list []Cause
	err := sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		g, err := scanCause(r)
		list = append(list, g)
		return err
	}, topCauses, source, limit)
	if err != nil {
		return nil, fmt.Errorf("read causes: %w", err)
	}
	return list, nil
}

const eventTypes = `SELECT event_type FROM event_types ORDER BY messages DESC, event_type LIMIT 200`

// EventTypes returns the event types of messages, most frequent first and at most 200.
func (s *Store) EventTypes(ctx context.Context) ([]string, error) {
	return sqlite.Column[string](ctx, s.db, "event types", eventTypes)
}
