package store

import (
	"context"
	"fmt"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/ledger"
	"dlqdesk/internal/sqlite"
)

// counts adds up what the writes of a commit change in the stored counts, so that each count is written once.
type counts struct {
	messages map[countKey]int
	tallies  map[tallyKey]tallyCounts
	types    map[string]int // of events
	causes   map[string]causeCounts
	jobs     map[deadletter.JobID]jobCounts

	hourStatuses map[hourStatus]int
	arrivals     map[ledger.Account]arrivals
}

type countKey struct {
	source  string
	status  deadletter.Status
	outcome deadletter.Outcome
	code    int
}

type tallyKey struct {
	step, at int64 // in milliseconds
	source   string
}

type tallyCounts struct{ failed, byRetry, byPeople int }

type causeCounts struct {
	example          deadletter.Message // one that failed for this cause
	messages, open   int
	first, last      int64
	unedited, edited Replays
}

// jobCounts counts the items of a job that changed, by the state that they left or reached.
type jobCounts struct {
	items map[deadletter.ItemState]int
	at    time.Time
}

func newCounts() *counts {
	return &counts{
		messages:     map[countKey]int{},
		tallies:      map[tallyKey]tallyCounts{},
		types:        map[string]int{},
		causes:       map[string]causeCounts{},
		jobs:         map[deadletter.JobID]jobCounts{},
		hourStatuses: map[hourStatus]int{},
		arrivals:     map[ledger.Account]arrivals{},
	}
}

// message counts a message that is new or was changed.
func (c *counts) message(before, after deadletter.Message) {
	if isNew := before.ID == ""; isNew {
		c.tally(after.ReceivedAt, after.Source, tallyCounts{failed: 1})
		if after.EventType != "" {
			c.types[after.EventType]++
		}
		c.addToCause(after, causeCounts{messages: 1, open: openOf(after)}, after.ReceivedAt.UnixMilli())
	} else {
		c.messages[countKeyOf(before)]--
		c.hourStatuses[hourStatusOf(before)]--
		c.moveCause(before, after)
	}
	c.messages[countKeyOf(after)]++
	c.hourStatuses[hourStatusOf(after)]++
}

func countKeyOf(m deadletter.Message) countKey {
	return countKey{m.Source, m.Status, m.Outcome, m.StatusCode}
}

// openOf returns 1 for a message that is failed, retrying or replaying.
func openOf(m deadletter.Message) int {
	if m.Status == deadletter.Failed || m.Status == deadletter.Retrying || m.Status == deadletter.Replaying {
		return 1
	}
	return 0
}

// moveCause counts a message that failed for another cause, or that was closed or reopened.
func (c *counts) moveCause(before, after deadletter.Message) {
	if before.Fingerprint == after.Fingerprint {
		if change := openOf(after) - openOf(before); change != 0 {
			c.addToCause(after, causeCounts{open: change}, 0)
		}
		return
	}
	c.addToCause(before, causeCounts{open: -openOf(before)}, 0)
	c.addToCause(after, causeCounts{messages: 1, open: openOf(after)}, attemptedAt(after))
}

// addToCause adds to the counts of a message's cause. at is the time of the failure, if add counts one.
func (c *counts) addToCause(m deadletter.Message, add causeCounts, at int64) {
	if m.Fingerprint == "" {
		return
	}
	g, ok := c.causes[m.Fingerprint]
	if add.messages > 0 {
		if !ok || g.messages == 0 {
			g.example, g.first, g.last = m, at, at
		}
		g.first, g.last = min(g.first, at), max(g.last, at)
	}
	g.messages += add.messages
	g.open += add.open
	g.unedited.add(add.unedited)
	g.edited.add(add.edited)
	c.causes[m.Fingerprint] = g
}

func (r *Replays) add(other Replays) {
	r.Tried += other.Tried
	r.Delivered += other.Delivered
}

// replay counts a replay for the cause that the message had when the replay was requested.
func (c *counts) replay(change deadletter.Change) {
	edited, delivered, ok := change.Replayed()
	if !ok {
		return
	}
	one := Replays{Tried: 1}
	if delivered {
		one.Delivered = 1
	}
	if edited {
		c.addToCause(change.Before, causeCounts{edited: one}, 0)
		return
	}
	c.addToCause(change.Before, causeCounts{unedited: one}, 0)
}

// event counts an audit event.
func (c *counts) event(e deadletter.Event) {
	if e.Action != "attempt.delivered" {
		return
	}
	one := tallyCounts{byPeople: 1}
	if e.Actor == deadletter.ActorSystem {
		one = tallyCounts{byRetry: 1}
	}
	c.tally(e.At, e.Source, one)
}

func (c *counts) tally(at time.Time, source string, add tallyCounts) {
	for _, step := range []int64{time.Minute.Milliseconds(), time.Hour.Milliseconds()} {
		key := tallyKey{step, at.UnixMilli() - at.UnixMilli()%step, source}
		t := c.tallies[key]
		c.tallies[key] = tallyCounts{t.failed + add.failed, t.byRetry + add.byRetry, t.byPeople + add.byPeople}
	}
}

// item counts an item of a job that changed its state.
func (c *counts) item(job deadletter.JobID, from, to deadletter.ItemState, at time.Time) {
	j, ok := c.jobs[job]
	if !ok {
		j.items = map[deadletter.ItemState]int{}
	}
	j.items[from]--
	j.items[to]++
	if at.After(j.at) {
		j.at = at
	}
	c.jobs[job] = j
}

const (
	addMessages = `INSERT INTO message_counts VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE
		SET messages = messages + excluded.messages`
	addTallies = `INSERT INTO tallies (step, at, source, failed, by_retry, by_people) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET failed = failed + excluded.failed, by_retry = by_retry + excluded.by_retry,
		by_people = by_people + excluded.by_people`
	addTypes = `INSERT INTO event_types VALUES (?, ?) ON CONFLICT DO UPDATE
		SET messages = messages + excluded.messages`
	insertCause = `INSERT INTO causes (fingerprint, source, destination, reason, messages, open, first_at,
		last_at) VALUES (?, ?, ?, ?, ?, 0, ?, ?)
		ON CONFLICT DO UPDATE SET messages = messages + excluded.messages,
		first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at)`
	updateCause = `UPDATE causes SET open = open + ?, unedited = unedited + ?,
		unedited_delivered = unedited_delivered + ?, edited = edited + ?,
		edited_delivered = edited_delivered + ? WHERE fingerprint = ?`
)

// write adds everything to the stored counts.
func (c *counts) write(ctx context.Context, tx *sqlite.Tx) error {
	for k, n := range c.messages {
		if n == 0 {
			continue
		}
		if _, err := tx.ExecContext(ctx, addMessages, k.source, k.status, k.outcome, k.code, n); err != nil {
			return fmt.Errorf("count messages: %w", err)
		}
	}
	for k, t := range c.tallies {
		if _, err := tx.ExecContext(
			ctx, addTallies, k.step, k.at, k.source, t.failed, t.byRetry, t.byPeople,
		); err != nil {
			return fmt.Errorf("tally messages: %w", err)
		}
	}
	for name, n := range c.types {
		if _, err := tx.ExecContext(ctx, addTypes, name, n); err != nil {
			return fmt.Errorf("count event types: %w", err)
		}
	}
	for fingerprint, g := range c.causes {
		if err := g.write(ctx, tx, fingerprint); err != nil {
			return fmt.Errorf("count the messages of a cause: %w", err)
		}
	}
	if err := c.writeLedger(ctx, tx); err != nil {
		return fmt.Errorf("write the ledger: %w", err)
	}
	return nil
}

// reason returns the reason that the fingerprint was made of: that of a message which came without its first response
// has no status code.
func (g causeCounts) reason(fingerprint string) string {
	m := g.example
	text := deadletter.WithStatus(m.StatusCode, m.Reason)
	if deadletter.Fingerprint(m.Source, m.Destination, text) == fingerprint {
		return text
	}
	return m.Reason
}

func (g causeCounts) write(ctx context.Context, tx *sqlite.Tx, fingerprint string) error {
	if g.messages > 0 {
		if _, err := tx.ExecContext(
			ctx, insertCause, fingerprint, g.example.Source, g.example.Destination, g.reason(fingerprint), g.messages,
			g.first, g.last,
		); err != nil {
			return err
		}
	}
	if g.open == 0 && g.unedited == (Replays{}) && g.edited == (Replays{}) {
		return nil
	}
	_, err := tx.ExecContext(
		ctx, updateCause, g.open, g.unedited.Tried, g.unedited.Delivered, g.edited.Tried,
		g.edited.Delivered, fingerprint,
	)
	return err
}
