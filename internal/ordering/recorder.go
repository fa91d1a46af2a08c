// Package ordering records which webhooks were delivered of things that messages are about, such as conversations, so
// that the desk knows what newer events a message comes after. It works beside the answers to platforms: the receiver
// hands it a key and a time, and one goroutine writes what is needed.
package ordering

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/pressure"
	"dlqdesk/internal/store"
	"dlqdesk/internal/telemetry"
)

// Recorder records delivered webhooks. Most are about nothing that a message is about, so they cost no write: those of
// the last moments are remembered in case an older webhook of the same thing still fails. Example:
//
//	10:00:00  A of conversation 7 is received, and its delivery hangs
//	10:00:01  B of conversation 7 is delivered: no message is about 7, so B is remembered
//	10:00:10  A fails: 7 is known from now on, and B is written
//	10:00:20  C of conversation 7 is delivered, and written
type Recorder struct {
	Deps
	faults telemetry.RepeatedError

	mu      sync.Mutex
	known   *keySet // of messages
	learnt  bool    // known has grown since the last save
	pending []store.DeliveredEvent
	recent  recentEvents
	dropped int // delivered events that there was no room for, since the last save

	tidied time.Time
}

// Deps are the parts that a recorder needs.
type Deps struct {
	Store    *store.Store
	Keys     func() map[string]payload.OrderKey // of the sources, as configured at the moment
	Pressure *pressure.Gauge                    // while it is high, stored messages get no keys
	Now      func() time.Time
	Log      *slog.Logger
}

const (
	saveEvery = time.Second
	keyPause  = 20 * time.Millisecond // between two batches of messages that get their keys
	saveLimit = 10 * time.Second
	tidyEvery = time.Minute

	// maxPending bounds the delivered events that wait while the store cannot be written, 24 bytes each.
	maxPending = 100_000

	// writeRows is how many delivered events one transaction writes.
	writeRows = 1000

	// keyRows is how many keys are read from the store at once.
	keyRows = 5000

	// rekeyRows is how many messages get their keys in one batch.
	rekeyRows = 500
)

// New returns a recorder. The caller runs Run.
func New(d Deps) *Recorder { return &Recorder{Deps: d, known: newKeySet()} }

// Observe records what became of a webhook. It finds the key at once: that takes a micro-second, as much as handing the
// body to another goroutine.
func (r *Recorder) Observe(c deadletter.Capture, delivered bool) {
	key := r.Keys()[c.Source].Of(c.Source, c.Headers, c.Body)
	if delivered {
		r.Delivered(key, c.ReceivedAt)
		return
	}
	r.Failed(key)
}

// Delivered records that a webhook was delivered. It does nothing for a webhook without a key.
func (r *Recorder) Delivered(key deadletter.OrderKey, receivedAt time.Time) {
	if key == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case !r.known.has(key):
		r.recent.add(store.DeliveredEvent{Key: key, ReceivedAt: receivedAt})
	case len(r.pending) < maxPending:
		r.pending = append(r.pending, store.DeliveredEvent{Key: key, ReceivedAt: receivedAt})
	default:
		r.dropped++
	}
}

// Failed records that there is, or will be, a message with each of the keys.
func (r *Recorder) Failed(keys ...deadletter.OrderKey) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, key := range keys {
		if key != 0 && r.known.add(key) {
			r.learnt = true
		}
	}
}

// Run writes what is recorded every second until ctx ends, and gives stored messages their keys. Save writes the rest,
// once no webhook is received any more.
func (r *Recorder) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		more, err := r.rekey(ctx)
		r.report(ctx, errors.Join(err, r.tidy(ctx), r.Save(ctx)))
		pause := saveEvery
		if more {
			pause = keyPause
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
	return nil
}

// rekey gives some stored messages their keys, if the configuration names them elsewhere than when they got theirs. It
// returns true if there are others.
func (r *Recorder) rekey(ctx context.Context) (more bool, err error) {
	if r.Pressure.High() {
		return false, nil
	}
	keys := r.Keys()
	given, more, err := r.Store.RekeyMessages(ctx, placesOf(keys), rekeyRows,
		func(source string, h deadletter.Headers, body []byte) deadletter.OrderKey {
			return keys[source].Of(source, h, body)
		})
	r.Failed(given...)
	return more, err
}

// placesOf describes where sources have their keys.
func placesOf(keys map[string]payload.OrderKey) string {
	var list []string
	for _, source := range slices.Sorted(maps.Keys(keys)) {
		if places := keys[source].Places(); len(places) > 0 {
			list = append(list, source+"="+strings.Join(places, ","))
		}
	}
	return strings.Join(list, ";")
}

// report logs an error that lasts, and its end.
func (r *Recorder) report(ctx context.Context, err error) {
	if ctx.Err() != nil {
		err = nil
	}
	r.faults.Report(ctx, r.Log, err, r.Now(), "delivered events cannot be written; trying again",
		"delivered events are written again")
}

// tidy learns the keys of the stored messages and deletes old delivered events, once a minute.
func (r *Recorder) tidy(ctx context.Context) error {
	at := r.Now()
	if at.Sub(r.tidied) < tidyEvery {
		return nil
	}
	if err := r.learn(ctx); err != nil {
		return err
	}
	r.tidied = at
	return r.Store.PruneDelivered(ctx, at.Add(-store.DeliveredLife), store.MaxDelivered)
}

// learn makes the keys of the stored messages known, also of those that got theirs without Failed: because their queue
// got a source, or an operator made an arrival a message. Deliveries of such keys are remembered meanwhile.
func (r *Recorder) learn(ctx context.Context) error {
	after := deadletter.OrderKey(0)
	for {
		keys, err := r.Store.OrderKeys(ctx, after, keyRows)
		if err != nil || len(keys) == 0 {
			return err
		}
		r.Failed(keys...)
		after = keys[len(keys)-1]
	}
}

// Save writes the delivered events of known keys.
func (r *Recorder) Save(ctx context.Context) error {
	events, dropped := r.take()
	if dropped > 0 {
		const text = "delivered events were not recorded, because the store could not be written"
		r.Log.WarnContext(ctx, text, "events", dropped)
	}
	ctx, cancel := context.WithTimeout(ctx, saveLimit)
	defer cancel()
	for len(events) > 0 {
		rows := events[:min(len(events), writeRows)]
		err := r.Store.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.AddDelivered(ctx, rows) })
		if err != nil {
			r.putBack(events)
			return err
		}
		events = events[len(rows):]
	}
	return nil
}

// take returns the events to write, and how many there was no room for.
func (r *Recorder) take() (events []store.DeliveredEvent, dropped int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.learnt {
		r.pending, r.learnt = r.recent.take(r.known, r.pending), false
	}
	events, dropped = r.pending, r.dropped
	r.pending, r.dropped = nil, 0
	return events, dropped
}

// putBack makes events wait again that could not be written, as far as there is room.
func (r *Recorder) putBack(events []store.DeliveredEvent) {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := append(events, r.pending...)
	r.pending = all[:min(len(all), maxPending)]
	r.dropped += len(all) - len(r.pending)
}
