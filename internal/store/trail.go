package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

// TrailEntry is an audit event as the live pages need it: its number, its message if it has one, and its action.
type TrailEntry struct {
	Sequence int64
	Message  deadletter.ID // "": the event is about no message
	Cause    string        // the fingerprint; "": the event is about no cause
	Action   string
}

const latestEvent = `SELECT coalesce(max(seq), 0) FROM audit_events`

// LatestSequence returns the number of the newest audit event; 0 if there is none.
func (s *Store) LatestSequence(ctx context.Context) (seq int64, err error) {
	if err := s.db.QueryRowContext(ctx, latestEvent).Scan(&seq); err != nil {
		return 0, fmt.Errorf("read the latest event: %w", err)
	}
	return seq, nil
}

const trailAfter = `SELECT seq, iif(target_kind = 'message', target, ''), iif(target_kind = 'cause', target, ''), action
	FROM audit_events
	WHERE seq > ? ORDER BY seq LIMIT ?`

// TrailAfter returns the audit events after a number, oldest first.
func (s *Store) TrailAfter(ctx context.Context, after int64, limit int) ([]TrailEntry, error) {
	var list []TrailEntry
	err := sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var h TrailEntry
		err := r.Scan(&h.Sequence, &h.Message, &h.Cause, &h.Action)
		list = append(list, h)
		return err
	}, trailAfter, after, limit)
	if err != nil {
		return nil, fmt.Errorf("read new audit events: %w", err)
	}
	return list, nil
}

// ChangeRow is an event of the audit trail with the source and the cause that its target has at present.
type ChangeRow struct {
	EventRow
	Of    string // the name of the source that the event belongs to; "": none
	Cause string // the fingerprint; "": the event is about no message or cause, or its message has none
}

// changesAfter reads the trail in its own order, with one look-up of the target by its key for each event.
const changesAfter = `SELECT ` + eventColumns + `,
		coalesce(m.source, nullif(e.source, ''), c.source,
			iif(e.target_kind IN ('destination', 'source'), e.target, '')),
		coalesce(m.fingerprint, c.fingerprint, '')
	FROM audit_events e
	LEFT JOIN messages m ON m.id = e.target AND e.target_kind = 'message'
	LEFT JOIN causes c ON c.fingerprint = e.target AND e.target_kind = 'cause'
	WHERE e.seq > ? ORDER BY e.seq LIMIT ?`

// ChangesAfter returns the audit events after a number, oldest first, with what they belong to.
func (s *Store) ChangesAfter(ctx context.Context, after int64, limit int) ([]ChangeRow, error) {
	var list []ChangeRow
	err := sqlite.Each(ctx, s.db, func(r sqlite.Row) (err error) {
		var c ChangeRow
		c.EventRow, err = scanEvent(r, &c.Of, &c.Cause)
		list = append(list, c)
		return err
	}, changesAfter, after, limit)
	if err != nil {
		return nil, fmt.Errorf("read new changes: %w", err)
	}
	return list, nil
}

// MessagesAmong returns those of some messages that match a filter, in no order.
func (s *Store) MessagesAmong(ctx context.Context, ids []deadletter.ID, f Filter) ([]deadletter.Message, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	f, err := s.Lookup(ctx, f)
	if err != nil {
		return nil, err
	}
	where := f.where()
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	where.add("m.id IN (?"+strings.Repeat(", ?", len(ids)-1)+")", args...)
	if f.reads() {
		rows, err := sqlite.Column[int64](ctx, s.db, "some", "SELECT m.n FROM "+where.from+where.sql(), where.args...)
		if err != nil {
			return nil, err
		}
		if rows, _, err = s.index.Check(ctx, f.lookup.plan, rows); err != nil {
			return nil, err
		}
		return s.messagesAt(ctx, rows)
	}
	return messages(ctx, s.db, "some", "SELECT "+messageColumns+" FROM "+where.from+where.sql(), where.args...)
}

// CausesOfMessages returns the fingerprints of the latest failures of some messages, each once and in no order.
func (s *Store) CausesOfMessages(ctx context.Context, ids []deadletter.ID) ([]string, error) {
	list, err := toJSON(ids)
	if err != nil {
		return nil, err
	}
	return sqlite.Column[string](ctx, s.db, "causes of messages", causesOfMessages, list)
}

const causesOfMessages = `SELECT DISTINCT m.fingerprint FROM json_each(?) asked
	CROSS JOIN messages m ON m.id = asked.value WHERE m.fingerprint <> ''`

// CausesMatching returns those of some causes that match a filter, in no order.
func (s *Store) CausesMatching(ctx context.Context, fingerprints []string, f CauseFilter) ([]deadletter.Cause, error) {
	f, err := s.LookupCauses(ctx, f)
	if err != nil {
		return nil, err
	}
	list, err := toJSON(fingerprints)
	if err != nil {
		return nil, err
	}
	where := f.where()
	where.add("fingerprint IN (SELECT value FROM json_each(?))", list)
	found, err := causes(ctx, s.db, "SELECT "+causeColumns+" FROM causes"+where.sql(), where.args...)
	if err != nil || !f.AsksMessages() {
		return found, err
	}
	if f.judges() {
		left := maxCompared
		if _, err := s.judgeCauses(ctx, f.lookup, found, &left); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(found, func(c deadletter.Cause) bool { return !f.lookup.verdicts[c.Fingerprint] }), nil
}
