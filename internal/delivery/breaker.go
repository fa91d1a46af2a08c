package delivery

import (
	"math"
	"sync"
	"time"
)

// BreakerPolicy says when a destination counts as down, and how it is tested and taken up again.
type BreakerPolicy struct {
	Share   float64       // of the deliveries within Window that failed in a way which may pass
	Window  time.Duration // looked back
	Least   int           // deliveries within Window, below which nothing is concluded
	Probe   time.Duration // between two automatic deliveries to a destination that is down
	Release int           // automatic deliveries per second once it is up again, until the backlog is gone
}

// BreakerState is what a breaker has concluded of its destination.
type BreakerState string

// The states of a breaker.
const (
	Closed    BreakerState = "closed"    // up: everything goes through
	Open      BreakerState = "open"      // down: one probe at a time
	Releasing BreakerState = "releasing" // up again: the backlog goes through at a bounded rate
)

// Breaker holds automatic deliveries to one destination back while it is plainly down, so that they do not use up their attempts.
// What people order and what platforms send goes through, and counts.
type Breaker struct {
	policy BreakerPolicy
	now    func() time.Time

	mu      sync.Mutex
	state   BreakerState
	since   time.Time // of the state
	results []result  // of the window, oldest first
	next    time.Time // of the next probe
	tokens  float64   // deliveries that may be released now
	filled  time.Time // when tokens were counted last
}

type result struct {
	at     time.Time
	failed bool
}

// mostResults bounds what is remembered of a busy destination.
const mostResults = 1000

// NewBreaker makes a breaker that is closed.
func NewBreaker(policy BreakerPolicy, now func() time.Time) *Breaker {
	return &Breaker{policy: policy, now: now, state: Closed, since: now()}
}

// State answers what is concluded of the destination, and since when.
func (b *Breaker) State() (BreakerState, time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state, b.since
}

// ProbeNow lets the next automatic delivery to a destination that is down go at once.
func (b *Breaker) ProbeNow() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next = b.now()
}

// Admit answers how many of the automatic deliveries that wait may begin now, and when to ask again; 0: when there are more. more says
// that others may wait besides, for which there is no place at the moment.
func (b *Breaker) Admit(waiting int, more bool) (n int, again time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	switch b.state {
	case Open:
		if wait := b.next.Sub(now); wait > 0 || waiting == 0 {
			return 0, max(wait, 0)
		}
		b.next = now.Add(b.policy.Probe)
		return 1, b.policy.Probe
	case Releasing:
		return b.release(waiting, more, now)
	}
	return waiting, 0
}

// release gives out what the rate allows. A backlog that does not use it up is gone.
func (b *Breaker) release(waiting int, more bool, now time.Time) (n int, again time.Duration) {
	rate := float64(b.policy.Release)
	b.tokens = min(rate, b.tokens+rate*now.Sub(b.filled).Seconds())
	b.filled = now
	if !more && float64(waiting) < rate && b.tokens >= rate {
		b.enter(Closed, now)
		return waiting, 0
	}
	n = min(waiting, int(b.tokens))
	b.tokens -= float64(n)
	missing := max(0, 1-b.tokens)
	if n == waiting {
		missing = rate - b.tokens // to conclude that the backlog is gone
	}
	return n, time.Duration(math.Ceil(missing / rate * float64(time.Second)))
}

// Note takes down how a delivery ended: whether it failed in a way which may pass.
func (b *Breaker) Note(transient bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	b.results = append(b.results, result{now, transient})
	b.forget(now)
	switch {
	case b.state != Open && transient && b.isDown():
		b.enter(Open, now)
		b.next = now.Add(b.policy.Probe)
	case b.state == Open && !transient:
		// It answered: what it did not like is no sign that it is down.
		b.enter(Releasing, now)
		b.tokens, b.filled = 0, now
		b.results = nil
	}
}

func (b *Breaker) enter(s BreakerState, at time.Time) { b.state, b.since = s, at }

func (b *Breaker) forget(now time.Time) {
	from := max(0, len(b.results)-mostResults)
	for from < len(b.results) && now.Sub(b.results[from].at) > b.policy.Window {
		from++
	}
	b.results = b.results[from:]
}

func (b *Breaker) isDown() bool {
	failed := 0
	for _, r := range b.results {
		if r.failed {
			failed++
		}
	}
	return len(b.results) >= b.policy.Least && float64(failed) >= b.policy.Share*float64(len(b.results))
}
