package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

const moveHead = `INSERT INTO audit_head (one, seq, link, seal) VALUES (1, ?, ?, ?)
	ON CONFLICT (one) DO UPDATE SET seq = excluded.seq, link = excluded.link, seal = excluded.seal`

var insertEvent = insertionOf(
	`INSERT OR FAIL INTO audit_events (seq, at, actor, by, addr, action, target_kind, target, source, reason,
		before, after,
	link)`,
	13,
	"",
)

// trailEnd is the last event of the audit trail as a transaction leaves it.
type trailEnd struct {
	known, moved bool
	deadletter.Mark
}

// Record appends events to the audit trail and links each to the one before.
func (t *Tx) Record(ctx context.Context, list ...deadletter.Event) error {
	if !t.end.known {
		last, err := t.mark.lastEvent(ctx, t.tx)
		if err != nil {
			return err
		}
		t.end = trailEnd{known: true, Mark: last}
	}
	end, values := t.end, insertEvent.room(len(list))
	for i := range list {
		e := &list[i]
		end.Link, end.moved = deadletter.ChainLink(t.mark.key, end.Link, end.Sequence+1, *e), true
		end.Sequence++
		values = append(
			values, end.Sequence, e.At.UnixMilli(), string(e.Actor), e.By, e.Addr, e.Action, e.TargetKind,
			e.Target, e.Source, e.Reason, sqlite.Text(string(e.Before)), sqlite.Text(string(e.After)),
			end.Link,
		)
		t.count(func(c *counts) { c.event(*e) })
	}
	if _, err := insertEvent.write(ctx, t.tx, values); err != nil {
		return fmt.Errorf("write audit events: %w", err)
	}
	t.end = end
	return nil
}

// Record appends events of changes that nothing else in the store goes with.
func (s *Store) Record(ctx context.Context, list ...deadletter.Event) error {
	return s.Write(ctx, func(ctx context.Context, tx *Tx) error { return tx.Record(ctx, list...) })
}

// sealTrail seals the last event, once for all events of a transaction.
func (t *Tx) sealTrail(ctx context.Context) error {
	if !t.end.moved {
		return nil
	}
	seal := t.end.Seal(t.mark.key, deadletter.SealOfHead)
	if _, err := t.tx.ExecContext(ctx, moveHead, t.end.Sequence, t.end.Link, seal); err != nil {
		return fmt.Errorf("seal audit trail: %w", err)
	}
	return nil
}

// EventFilter selects events. The zero filter selects all.
type EventFilter struct {
	By       string
	Actors   ActorClass
	Action   string // the whole action, or its first part with a dot at the end: "message."
	Target   string
	Cause    string           // the fingerprint of a cause: events of it, and of those that were put together with it
	Job      deadletter.JobID // events of a job, those of its messages that it caused included
	JobAlone deadletter.JobID // events of a job without those of its messages
	Source   string
	NoSource bool      // of messages whose message named none
	From, To time.Time // From inclusive, To exclusive
}

// FoldsJobs reports whether a page of these events can be without those of messages that jobs caused: it has events of
// the jobs themselves, which stand for them.
func (f EventFilter) FoldsJobs() bool {
	f.By, f.Actors, f.From, f.To = "", "", time.Time{}, time.Time{}
	return f == EventFilter{}
}

// ActorClass tells people and the program apart. The zero value means both.
type ActorClass string

// The classes of actors.
const (
	People  ActorClass = "people"  // users and tokens
	Program ActorClass = "program" // with the rules, which act by themselves
)

// EventQuery asks for one page of the audit trail, newest first.
type EventQuery struct {
	EventFilter
	FoldJobs bool // leave out the events of messages that jobs caused, where FoldsJobs allows it
	Cursor   string
	Limit    int
}

// EventRow is an event with its number in the trail.
type EventRow struct {
	Sequence int64
	deadletter.Event
}

const eventColumns = `e.seq, e.at, e.actor, e.by, e.addr, e.action, e.target_kind, e.target, e.source, ` +
	`e.reason, e.before, e.after`

func scanEvent(r sqlite.Row, more ...any) (EventRow, error) {
	var e EventRow
	var at int64
	var before, after sql.NullString
	err := r.Scan(append([]any{
		&e.Sequence, &at, &e.Actor, &e.By, &e.Addr, &e.Action, &e.TargetKind, &e.Target, &e.Source,
		&e.Reason, &before, &after,
	}, more...)...)
	e.At = time.UnixMilli(at).UTC()
	if before.Valid {
		e.Before = json.RawMessage(before.String)
	}
	if after.Valid {
		e.After = json.RawMessage(after.String)
	}
	return e, err
}

// Events returns one page of the audit trail.
func (s *Store) Events(ctx context.Context, q EventQuery) (Page[EventRow], error) {
	at, newer, err := parseCursor(q.Cursor, false)
	if err != nil {
		return Page[EventRow]{}, err
	}
	where, err := s.eventConditions(ctx, q.EventFilter)
	if err != nil {
		return Page[EventRow]{}, err
	}
	from := "audit_events e"
	switch {
	case q.FoldJobs && q.FoldsJobs():
		where.add("(e.job IS NULL OR e.target_kind = 'job')") // exactly as its indexes say
		from += " INDEXED BY " + q.foldedIndex()
	case q.Job != 0 && q.Target == "":
		from += " INDEXED BY audit_by_job"
	}
	page, err := keyset[EventRow]{
		columns: eventColumns, from: from, key: "e.seq", conditions: where,
		scan: func(r sqlite.Row) (int64, EventRow, error) {
			e, err := scanEvent(r)
			return e.Sequence, e, err
		},
	}.page(ctx, s.db, at, newer, q.Limit)
	if err != nil {
		return page, fmt.Errorf("read audit trail: %w", err)
	}
	return page, nil
}

// foldedIndex returns the index of a page that folds jobs. The events of one job can be most of the trail, so they are
// not passed over one by one.
func (f EventFilter) foldedIndex() string {
	switch {
	case f.By != "" && f.By != deadletter.System().Name:
		return "audit_folded_by_actor"
	case f.Actors == People:
		return "audit_folded_by_people"
	}
	return "audit_folded"
}

// The places of a time range in the trail, to within as many events as its index leaves out.
const (
	eventBefore = `SELECT seq FROM audit_events WHERE seq % 64 = 0 AND at < ? ORDER BY at DESC, seq DESC LIMIT 1`
	eventAfter  = `SELECT seq FROM audit_events WHERE seq % 64 = 0 AND at >= ? ORDER BY at, seq LIMIT 1`
)

// frequent returns the kinds of events that most of the trail consists of.
func frequent() []string { return []string{"message.", "attempt."} }

func (s *Store) eventConditions(ctx context.Context, f EventFilter) (conditions, error) {
	var c conditions
	switch f.By {
	case "":
	case deadletter.System().Name:
		c.add("e.by = ?", f.By)
	default:
		c.add("e.by = ? AND e.actor <> 'system'", f.By) // exactly as its index says
	}
	switch f.Actors {
	case People:
		c.add("e.actor <> 'system' AND e.actor <> 'rule'") // the first exactly as its index says
	case Program:
		c.add("e.actor IN ('system', 'rule')")
	}
	switch {
	case slices.Contains(frequent(), f.Action):
		// So many events are of these kinds that they are found soon in the order of the trail; an index would have
		// them all sorted.
		c.add("+e.action >= ? AND +e.action < ?", f.Action, f.Action[:len(f.Action)-1]+"/")
	case strings.HasSuffix(f.Action, "."):
		c.add("e.action >= ? AND e.action < ?", f.Action, f.Action[:len(f.Action)-1]+"/")
	case f.Action != "":
		c.add("e.action = ?", f.Action)
	}
	if f.Target != "" {
		c.add("e.target = ?", f.Target)
	}
	if f.Job != 0 {
		c.add("e.job = ?", f.Job)
	}
	if f.JobAlone != 0 {
		c.add("e.target = ? AND e.target_kind = 'job'", f.JobAlone.String())
	}
	if f.Cause != "" {
		c.add("e.target IN ("+everyFingerprint+") AND e.target_kind = 'cause'", f.Cause, f.Cause, f.Cause, f.Cause)
	}
	if f.Source != "" {
		c.add("e.source = ? AND e.source <> ''", f.Source)
	}
	if f.NoSource {
		c.add("e.source = '' AND e.target_kind = 'message'") // exactly as its index says
	}
	if !f.From.IsZero() {
		c.add("e.at >= ?", f.From.UnixMilli())
	}
	if !f.To.IsZero() {
		c.add("e.at < ?", f.To.UnixMilli())
	}
	err := s.boundEvents(ctx, f, &c)
	return c, err
}

// boundEvents adds the first and last number of a time range. Events are in the order of time unless the clock was set
// back, so the events just outside of the range are its ends.
func (s *Store) boundEvents(ctx context.Context, f EventFilter, c *conditions) error {
	for _, end := range []struct {
		at          time.Time
		query, term string
	}{{f.From, eventBefore, "e.seq >= ?"}, {f.To, eventAfter, "e.seq <= ?"}} {
		if end.at.IsZero() {
			continue
		}
		var seq int64
		err := s.db.QueryRowContext(ctx, end.query, end.at.UnixMilli()).Scan(&seq)
		if err == nil {
			c.add(end.term, seq)
		} else if !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("find the ends of a time range: %w", err)
		}
	}
	return nil
}
