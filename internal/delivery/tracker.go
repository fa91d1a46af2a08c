package delivery

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"dlqdesk/internal/deadletter"
)

// Tracker sends deliveries through a client, and tracks the health and the circuit breaker of each destination.
type Tracker struct {
	client   *Client
	now      func() time.Time
	onChange func()
	save     func(ctx context.Context, stored map[string][]byte, events []deadletter.Event) error
	log      *slog.Logger
	changed  chan struct{}            // has room for one signal: a breaker changed
	logged   map[string]BreakerStatus // by source, as logged last; of Run alone

	mu       sync.Mutex
	breakers map[string]*Breaker          // by source
	health   map[string]DestinationHealth // by source, without the breaker's status
	unsaved  []deadletter.Event           // of breakers
}

// TrackerDeps are the parts of a Tracker.
type TrackerDeps struct {
	Client   *Client
	Policies map[string]BreakerPolicy // by source
	// by source: what Snapshots returned before the restart
	Restore map[string]Snapshot
	// called when a breaker's state changes or a probe is requested; must not block
	OnChange func()
	// of Run and Save: stores snapshots, by source, and audit events of breakers
	Save func(ctx context.Context, stored map[string][]byte, events []deadletter.Event) error
	Log  *slog.Logger // of Run
	Now  func() time.Time
}

// DestinationHealth summarises the deliveries to the destination of a source since the program started.
type DestinationHealth struct {
	Latest         deadletter.Attempt // the latest delivery, without its response
	LatestAt       time.Time          // when it ended; zero: there was none
	FailingSince   time.Time          // when the first of Failures ended; zero: the destination is up
	Failures       int                // transient failures in a row: no response, 5xx, 408, 425, 429
	ErrorResponses int                // permanent error responses in a row: the destination is up, and refuses
	Breaker        BreakerStatus
}

// NewTracker returns a tracker. It has a breaker for each source with a policy.
func NewTracker(d TrackerDeps) *Tracker {
	t := &Tracker{
		client: d.Client, now: d.Now, save: d.Save, log: d.Log, changed: make(chan struct{}, 1),
		breakers: map[string]*Breaker{}, health: map[string]DestinationHealth{},
	}
	t.onChange = func() {
		select {
		case t.changed <- struct{}{}:
		default:
		}
		if d.OnChange != nil {
			d.OnChange()
		}
	}
	t.Configure(d.Policies)
	for source, saved := range d.Restore {
		if t.breakers[source] != nil {
			t.restore(source, saved)
		}
	}
	t.logged = t.BreakerStatuses()
	return t
}

// Configure gives each source with a policy a breaker. A breaker that exists goes on with the new policy; one whose
// source no longer has a policy is dropped, with the health of its destination.
func (t *Tracker) Configure(policies map[string]BreakerPolicy) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for source := range t.breakers {
		if _, ok := policies[source]; !ok {
			delete(t.breakers, source)
			delete(t.health, source)
		}
	}
	for source, policy := range policies {
		if b := t.breakers[source]; b != nil {
			b.follow(policy)
			continue
		}
		t.breakers[source] = NewBreaker(policy, t.onChange, t.now)
	}
}

// Breaker returns the breaker of a source's destination; nil if the source has no policy.
func (t *Tracker) Breaker(source string) *Breaker {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.breakers[source]
}

// Send delivers as Client.Send does, and records the result. A delivery that was never tried, or that the caller cut
// off, says nothing about its destination and is not recorded.
func (t *Tracker) Send(ctx context.Context, to Destination, r Request) deadletter.Attempt {
	a, tried := t.client.deliver(ctx, to, r)
	if !tried || ctx.Err() != nil {
		return a
	}
	t.mu.Lock()
	t.health[to.Source] = t.health[to.Source].after(a, t.now())
	t.mu.Unlock()
	if b := t.Breaker(to.Source); b != nil {
		recorded := a
		recorded.Probe = r.Probe
		b.Record(r.Message, recorded)
	}
	return a
}

// Health returns the health of a source's destination.
func (t *Tracker) Health(source string) DestinationHealth {
	t.mu.Lock()
	h, b := t.health[source], t.breakers[source]
	t.mu.Unlock()
	if b != nil {
		h.Breaker = b.Status()
	}
	return h
}

// after returns the health once one more delivery has ended.
func (h DestinationHealth) after(a deadletter.Attempt, at time.Time) DestinationHealth {
	a.ResponseHeaders, a.ResponseBody = nil, nil
	h.Latest, h.LatestAt = a, at
	switch {
	case a.Outcome == deadletter.Delivered:
		h.FailingSince, h.Failures, h.ErrorResponses = time.Time{}, 0, 0
	case a.Transient():
		h.Failures, h.ErrorResponses = h.Failures+1, 0
		if h.FailingSince.IsZero() {
			h.FailingSince = at
		}
	default:
		h.FailingSince, h.Failures, h.ErrorResponses = time.Time{}, 0, h.ErrorResponses+1
	}
	return h
}

// Snapshot is the part of a destination's health that is stored for the next start: its failures, and its breaker.
type Snapshot struct {
	BreakerStatus
	FailingSince time.Time          `json:"failingSince"`
	At           time.Time          `json:"at"`
	Failures     int                `json:"failures"`
	Outcome      deadletter.Outcome `json:"outcome,omitempty"`
	StatusCode   int                `json:"statusCode,omitempty"`
	Error        string             `json:"error,omitempty"`
}

// Snapshots returns a snapshot of each destination that fails, is paused, or whose breaker is not closed, by source.
func (t *Tracker) Snapshots() map[string]Snapshot {
	all := map[string]Snapshot{}
	for source := range t.BreakerStatuses() {
		h := t.Health(source)
		if h.FailingSince.IsZero() && h.Breaker.State == Closed && !h.Breaker.PausedUntil.After(t.now()) {
			continue
		}
		s := Snapshot{BreakerStatus: h.Breaker}
		if !h.FailingSince.IsZero() {
			s.FailingSince, s.At, s.Failures = h.FailingSince, h.LatestAt, h.Failures
			s.Outcome, s.StatusCode, s.Error = h.Latest.Outcome, h.Latest.StatusCode, h.Latest.Error
		}
		all[source] = s
	}
	return all
}

func (t *Tracker) restore(source string, s Snapshot) {
	t.breakers[source].restore(s.BreakerStatus)
	if s.FailingSince.IsZero() {
		return
	}
	latest := deadletter.Attempt{Outcome: s.Outcome, StatusCode: s.StatusCode, Error: s.Error, Done: true}
	t.health[source] = DestinationHealth{
		Latest: latest, LatestAt: s.At, FailingSince: s.FailingSince, Failures: s.Failures,
	}
}
