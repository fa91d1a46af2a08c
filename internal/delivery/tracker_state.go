package delivery

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"time"

	"dlqdesk/internal/deadletter"
)

// DecodeSnapshots returns the snapshots that Save stored, by source. One that cannot be read is logged and left out.
func DecodeSnapshots(ctx context.Context, stored map[string][]byte, log *slog.Logger) map[string]Snapshot {
	snapshots := map[string]Snapshot{}
	for source, text := range stored {
		var s Snapshot
		if err := json.Unmarshal(text, &s); err != nil {
			log.WarnContext(ctx, "the saved state of a destination cannot be read", "source", source, "err", err)
			continue
		}
		snapshots[source] = s
	}
	return snapshots
}

// BreakerStatuses returns the status of each breaker, by source.
func (t *Tracker) BreakerStatuses() map[string]BreakerStatus {
	t.mu.Lock()
	breakers := maps.Clone(t.breakers)
	t.mu.Unlock()
	all := map[string]BreakerStatus{}
	for source, b := range breakers {
		all[source] = b.Status()
	}
	return all
}

// Run saves the state of the destinations, and logs and records breakers that open and close, whenever a breaker
// changes, until ctx ends.
func (t *Tracker) Run(ctx context.Context) error {
	for {
		select {
		case <-t.changed:
		case <-ctx.Done():
			return nil
		}
		t.noteBreakerChanges(ctx)
		if err := t.Save(ctx); err != nil && ctx.Err() == nil {
			t.log.WarnContext(ctx, "the state of the destinations could not be stored", "err", err)
		}
	}
}

// saveLimit bounds how long a store that cannot be written delays the tracker.
const saveLimit = 5 * time.Second

// Save stores the state of the destinations, with the events that are not stored yet.
func (t *Tracker) Save(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, saveLimit)
	defer cancel()
	stored := map[string][]byte{}
	for source, s := range t.Snapshots() {
		text, err := json.Marshal(s)
		if err != nil {
			return err
		}
		stored[source] = text
	}
	t.mu.Lock()
	events := slices.Clone(t.unsaved)
	t.mu.Unlock()
	if err := t.save(ctx, stored, events); err != nil {
		return err
	}
	t.mu.Lock()
	t.unsaved = t.unsaved[len(events):]
	t.mu.Unlock()
	return nil
}

// maxUnsaved bounds the events that wait for a store that cannot be written; the oldest are dropped.
const maxUnsaved = 1000

// Actions of the audit events of circuit breakers, whose target is the source.
const (
	ActionBreakerOpen    = "breaker.open"
	ActionBreakerRecover = "breaker.recover"
)

// record adds an audit event about a breaker, which Save stores.
func (t *Tracker) record(source, action string, facts any) {
	e, err := deadletter.NewEvent(deadletter.System(), action, "destination", source, "", nil, facts, t.now())
	if err != nil {
		return // texts and numbers can be written as JSON
	}
	e.Source = source
	t.mu.Lock()
	defer t.mu.Unlock()
	t.unsaved = append(t.unsaved[max(0, len(t.unsaved)+1-maxUnsaved):], e)
}

// noteBreakerChanges logs and records the breakers that opened, or no longer are open.
func (t *Tracker) noteBreakerChanges(ctx context.Context) {
	after := t.BreakerStatuses()
	for source, is := range after {
		was := t.logged[source]
		switch log := t.log.With("source", source); {
		case is.State == was.State:
		case is.State == Open:
			latest := t.Health(source).Latest // without its error text, which may quote a payload
			log.ErrorContext(ctx, "circuit breaker open: retries and jobs wait, and one probe at a time is sent",
				"outcome", latest.Outcome, "status", latest.StatusCode)
			t.record(source, ActionBreakerOpen, struct {
				Outcome    deadletter.Outcome `json:"outcome"`
				StatusCode int                `json:"statusCode,omitempty"`
			}{latest.Outcome, latest.StatusCode})
		case was.State == Open:
			const up = "circuit breaker half-open: the destination responds again, and the backlog is let through"
			down := is.Since.Sub(was.Since).Round(time.Second)
			log.InfoContext(ctx, up, "down", down)
			t.record(source, ActionBreakerRecover, struct {
				Down string `json:"down"`
			}{down.String()})
		}
	}
	t.logged = after
}
