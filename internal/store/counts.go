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
	causes   map[string]*causeCounts
	rests    []rest
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

// jobCounts counts the items of a job that changed, by the state that they left or reached.
type jobCounts struct {
	items map[deadletter.ItemState]int
	// those that reached a state, by the cause of their message; or left it, if the message was given another cause
	causes map[string]map[deadletter.ItemState]int
	again  map[string]int // those that failed for their cause once more
	at     time.Time
}

func newJobCounts() jobCounts {
	return jobCounts{
		items:  map[deadletter.ItemState]int{},
		causes: map[string]map[deadletter.ItemState]int{},
		again:  map[string]int{},
	}
}

func newCounts() *counts {
	return &counts{
		messages:     map[countKey]int{},
		tallies:      map[tallyKey]tallyCounts{},
		types:        map[string]int{},
		causes:       map[string]*causeCounts{},
		jobs:         map[deadletter.JobID]jobCounts{},
		hourStatuses: map[hourStatus]int{},
		arrivals:     map[ledger.Account]arrivals{},
	}
}

// message counts a message that is new or was changed.
func (c *counts) message(change *deadletter.Change) {
	before, after := change.Before, change.After
	if isNew := before.ID == ""; isNew {
		c.tally(after.ReceivedAt, after.Source, tallyCounts{failed: 1})
		if after.EventType != "" {
			c.types[after.EventType]++
		}
	} else {
		c.messages[countKeyOf(before)]--
		c.hourStatuses[hourStatusOf(before)]--
	}
	c.messages[countKeyOf(after)]++
	c.hourStatuses[hourStatusOf(after)]++
	c.cause(change)
}

func countKeyOf(m deadletter.Message) countKey {
	return countKey{m.Source, m.Status, m.Outcome, m.StatusCode}
}

// event counts an audit event.
func (c *counts) event(e deadletter.Event) {
	if e.Action != "attempt.delivered" {
		return
	}
	one := tallyCounts{byPeople: 1}
	if e.Actor == deadletter.ActorSystem || e.Actor == deadletter.ActorRule {
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

// item counts an item of a job that changed its state. cause is what its message failed for before; "" is not known.
func (c *counts) item(job deadletter.JobID, cause string, from, to deadletter.ItemState, at time.Time) {
	j, ok := c.jobs[job]
	if !ok {
		j = newJobCounts()
	}
	j.items[from]--
	j.items[to]++
	if j.causes[cause] == nil {
		j.causes[cause] = map[deadletter.ItemState]int{}
	}
	j.causes[cause][to]++
	if at.After(j.at) {
		j.at = at
	}
	c.jobs[job] = j
}

// moveItem counts the item of a job for another cause than before.
func (c *counts) moveItem(i countedItem, from, to string) {
	j, ok := c.jobs[i.job]
	if !ok {
		j = newJobCounts()
	}
	for cause, n := range map[string]int{from: -1, to: 1} {
		if j.causes[cause] == nil {
			j.causes[cause] = map[deadletter.ItemState]int{}
		}
		j.causes[cause][i.state] += n
	}
	c.jobs[i.job] = j
}

const (
	addMessages = `INSERT INTO message_counts VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE
		SET messages = messages + excluded.messages`
	addTallies = `INSERT INTO tallies (step, at, source, failed, by_retry, by_people) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET failed = failed + excluded.failed, by_retry = by_retry + excluded.by_retry,
		by_people = by_people + excluded.by_people`
	addTypes = `INSERT INTO event_types VALUES (?, ?) ON CONFLICT DO UPDATE
		SET messages = messages + excluded.messages`
)

// write adds everything to the stored counts.
func (c *counts) write(ctx context.Context, tx *sqlite.Tx, grouping *deadletter.Grouping) error {
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
		if err := g.write(ctx, tx, fingerprint, grouping); err != nil {
			return fmt.Errorf("count the messages of the cause %s: %w", fingerprint, err)
		}
	}
	for _, r := range c.rests {
		if err := r.write(ctx, tx); err != nil {
			return fmt.Errorf("make the cause %s part of %s: %w", r.from, r.to, err)
		}
	}
	if err := c.writeLedger(ctx, tx); err != nil {
		return fmt.Errorf("write the ledger: %w", err)
	}
	return nil
}
