package delivery

import (
	"context"
	"sync"
	"time"

	"dlqdesk/internal/deadletter"
)

// Health sends through a client and remembers of every destination how its deliveries end, whoever orders them. What it knows
// begins with the program.
type Health struct {
	client   *Client
	now      func() time.Time
	breakers map[string]*Breaker

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
	h := &Health{client: client, now: now, breakers: map[string]*Breaker{}, states: map[string]State{}}
	for source, policy := range policies {
		h.breakers[source] = NewBreaker(policy, now)
	}
	return h
}

// Breaker answers the breaker of a source's destination; nil: the source is not one of NewHealth's.
func (h *Health) Breaker(source string) *Breaker { return h.breakers[source] }

// Send delivers as Client.Send does.
func (h *Health) Send(ctx context.Context, to Destination, r Request) deadletter.Attempt {
	a := h.client.Send(ctx, to, r)
	if b := h.breakers[to.Source]; b != nil {
		b.Note(a.Transient())
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.states[to.Source] = h.states[to.Source].after(a, h.now())
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
