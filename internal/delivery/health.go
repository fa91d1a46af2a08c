package delivery

import (
	"context"
	"sync"
	"time"

	"dlqdesk/internal/deadletter"
)

// Health sends through a client and remembers of every destination how its deliveries end, whoever orders them.
type Health struct {
	client   *Client
	now      func() time.Time
	breakers map[string]*Breaker
	changed  func()

	mu     sync.Mutex
	states map[string]State
}

// State is how the destination of a source does. The zero State has not seen a delivery.
type State struct {
	Latest       deadletter.Attempt // without what was answered
	At           time.Time          // when the latest delivery ended
	Delivered    time.Time          // when one was delivered last; zero: not yet
	FailingSince time.Time          // when the first of Failures ended; zero where the destination is up
	Failures     int                // deliveries in a row that failed in a way which may pass: no answer, 5xx, "later"
	Refusals     int                // deliveries in a row that were answered, and refused for good
}

// NewHealth watches a client. Each source that deliveries are made for has its policy.
func NewHealth(client *Client, policies map[string]BreakerPolicy, now func() time.Time) *Health {
	h := &Health{
		client:   client,
		now:      now,
		breakers: map[string]*Breaker{},
		changed:  func() {},
		states:   map[string]State{},
	}
	for source, policy := range policies {
		b := NewBreaker(policy, now)
		b.changed = func() { h.changed() }
		h.breakers[source] = b
	}
	return h
}

// OnChange has a function called whenever a breaker concludes something else, or lets go at once what it held. It
// must not block, and is to be set before the first delivery.
func (h *Health) OnChange(changed func()) { h.changed = changed }

// Breaker answers the breaker of a source's destination; nil: the source is not one of NewHealth's.
func (h *Health) Breaker(source string) *Breaker { return h.breakers[source] }

// Send delivers as Client.Send does. What was not even tried, or was cut off by us, says nothing of its destination.
func (h *Health) Send(ctx context.Context, to Destination, r Request) deadletter.Attempt {
	a, tried := h.client.deliver(ctx, to, r)
	if !tried || ctx.Err() != nil {
		return a
	}
	h.mu.Lock()
	h.states[to.Source] = h.states[to.Source].after(a, h.now())
	h.mu.Unlock()
	if b := h.breakers[to.Source]; b != nil {
		b.Note(a)
	}
	return a
}

// Of answers how the destination of a source does.
func (h *Health) Of(source string) State {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.states[source]
}

// after is the state when one more delivery has ended.
func (s State) after(a deadletter.Attempt, at time.Time) State {
	a.ResponseHeaders, a.ResponseBody = nil, nil
	s.Latest, s.At = a, at
	switch {
	case a.Outcome == deadletter.Delivered:
		s.Delivered, s.FailingSince, s.Failures, s.Refusals = at, time.Time{}, 0, 0
	case a.Transient():
		s.Failures, s.Refusals = s.Failures+1, 0
		if s.FailingSince.IsZero() {
			s.FailingSince = at
		}
	default:
		// It answered, so it is up, however little it likes what it was sent.
		s.FailingSince, s.Failures, s.Refusals = time.Time{}, 0, s.Refusals+1
	}
	return s
}

// Memory is what of a destination outlives the program: that it fails, and what is held because of that. That it was
// up is no knowledge any more by the next start.
type Memory struct {
	Standing
	FailingSince time.Time          `json:"failingSince"`
	At           time.Time          `json:"at"`
	Failures     int                `json:"failures"`
	Outcome      deadletter.Outcome `json:"outcome,omitempty"`
	StatusCode   int                `json:"statusCode,omitempty"`
	Error        string             `json:"error,omitempty"`
}

// Memory answers what is worth keeping, by source.
func (h *Health) Memory() map[string]Memory {
	kept := map[string]Memory{}
	for source, b := range h.breakers {
		s, m := h.Of(source), Memory{Standing: b.Standing()}
		if s.FailingSince.IsZero() && m.State == Closed && !m.PausedUntil.After(h.now()) {
			continue
		}
		if !s.FailingSince.IsZero() {
			m.FailingSince, m.At, m.Failures = s.FailingSince, s.At, s.Failures
			m.Outcome, m.StatusCode, m.Error = s.Latest.Outcome, s.Latest.StatusCode, s.Latest.Error
		}
		kept[source] = m
	}
	return kept
}

// Recall goes on from a Memory. It must not be called once deliveries are made.
func (h *Health) Recall(memory map[string]Memory) {
	for source, m := range memory {
		b, ok := h.breakers[source]
		if !ok {
			continue // not configured any more
		}
		b.recall(m.Standing)
		if !m.FailingSince.IsZero() {
			latest := deadletter.Attempt{Outcome: m.Outcome, StatusCode: m.StatusCode, Error: m.Error, Done: true}
			h.states[source] = State{Latest: latest, At: m.At, FailingSince: m.FailingSince, Failures: m.Failures}
		}
	}
}
