package delivery

import (
	"math"
	"net/http"
	"sync"
	"time"

	"dlqdesk/internal/deadletter"
)

// BreakerPolicy says when a destination counts as down, and how it is tested and taken up again.
type BreakerPolicy struct {
	Share   float64       // of the deliveries within Window that failed in a way which may pass
	Window  time.Duration // looked back
	Least   int           // deliveries within Window, below which nothing is concluded
	Probe   time.Duration // between two automatic deliveries to a destination that is down
	Hang    time.Duration // that a probe may take: one of which nothing is heard is given up then
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

// BreakerStates lists every state.
func BreakerStates() []BreakerState { return []BreakerState{Closed, Open, Releasing} }

// Standing is where a breaker stands.
type Standing struct {
	State BreakerState `json:"state"`
	Since time.Time    `json:"since"`
	// while it is open: when an automatic delivery may test the destination next
	NextProbe time.Time `json:"-"`
	// until when the destination asked to be left alone; may be past
	PausedUntil time.Time `json:"pausedUntil,omitzero"`
}

// Breaker holds automatic deliveries, which are retries and the messages of jobs, back from one destination while it
// is plainly down, so that they do not use up their attempts, and while it has asked for time. What people order of
// one message and what platforms send goes through, and counts.
type Breaker struct {
	policy  BreakerPolicy
	now     func() time.Time
	changed func() // called, without the lock, when others should look again

	mu      sync.Mutex
	at      Standing
	results []result  // of the window, oldest first
	probed  time.Time // when the latest probe was let through
	tokens  float64   // deliveries that may be released now
	filled  time.Time // when tokens were counted last
}

type result struct {
	at     time.Time
	failed bool
}

const (
	// mostResults bounds what is remembered of a busy destination.
	mostResults = 1000

	// maxPause bounds how long a destination can put all its retries off, so that a mistaken header cannot bury a
	// source. One message waits as long as the answer to it said, up to the bound of its retry policy.
	maxPause = time.Hour
)

// NewBreaker makes a breaker that is closed.
func NewBreaker(policy BreakerPolicy, now func() time.Time) *Breaker {
	return &Breaker{policy: policy, now: now, changed: func() {}, at: Standing{State: Closed, Since: now()}}
}

// Standing answers what is concluded of the destination.
func (b *Breaker) Standing() Standing {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.at
}

// ProbeNow lets the next automatic delivery go at once, whatever holds it.
func (b *Breaker) ProbeNow() {
	b.change(func(now time.Time) { b.at.NextProbe, b.at.PausedUntil = now, time.Time{} })
	b.changed()
}

// recall goes on from what was known before a restart. A destination that was down is tested at once.
func (b *Breaker) recall(s Standing) {
	b.change(func(now time.Time) {
		b.at = s
		b.at.NextProbe, b.filled = now, now
	})
}

// change does something under the lock, and tells others where the state is another then.
func (b *Breaker) change(do func(now time.Time)) {
	b.mu.Lock()
	before := b.at.State
	do(b.now())
	after := b.at.State
	b.mu.Unlock()
	if before != after {
		b.changed()
	}
}

// Admission says how many automatic deliveries may begin.
type Admission struct {
	N int
	// the one tests a destination that is down: its failure is nothing that the message has to answer for
	Probe bool
	Again time.Duration // when to ask again; 0: when there are more
}

// Admit answers how many of the automatic deliveries that wait may begin now. more says that others may wait besides,
// for which there is no place at the moment.
func (b *Breaker) Admit(waiting int, more bool) (a Admission) {
	b.change(func(now time.Time) { a = b.admit(waiting, more, now) })
	return a
}

func (b *Breaker) admit(waiting int, more bool, now time.Time) Admission {
	if !b.at.PausedUntil.IsZero() {
		if wait := b.at.PausedUntil.Sub(now); wait > 0 {
			return Admission{Again: wait}
		}
		b.at.PausedUntil = time.Time{}
		if b.at.State == Closed {
			b.release(now) // what has piled up meanwhile would be too much again
		}
	}
	switch b.at.State {
	case Open:
		if wait := b.at.NextProbe.Sub(now); wait > 0 || waiting == 0 {
			return Admission{Again: max(wait, 0)}
		}
		again := max(b.policy.Probe, b.policy.Hang)
		b.probed, b.at.NextProbe = now, now.Add(again)
		return Admission{N: 1, Probe: true, Again: again}
	case Releasing:
		n, again := b.released(waiting, more, now)
		return Admission{N: n, Again: again}
	case Closed:
	}
	return Admission{N: waiting}
}

// released gives out what the rate allows. A backlog that does not use it up is gone.
func (b *Breaker) released(waiting int, more bool, now time.Time) (n int, again time.Duration) {
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

// Note takes down how a delivery ended, whoever ordered it.
func (b *Breaker) Note(a deadletter.Attempt) {
	b.change(func(now time.Time) { b.note(a, now) })
}

func (b *Breaker) note(a deadletter.Attempt, now time.Time) {
	failed := a.Transient()
	if asked := min(
		a.RetryAfter,
		maxPause,
	); asked > 0 &&
		(a.StatusCode == http.StatusTooManyRequests || a.StatusCode == http.StatusServiceUnavailable) {
		if until := now.Add(asked); until.After(b.at.PausedUntil) {
			b.at.PausedUntil = until
		}
	}
	b.results = append(b.results, result{now, failed})
	b.forget(now)
	switch {
	case b.at.State != Open && failed && b.isDown():
		b.enter(Open, now)
		b.at.NextProbe = now.Add(b.policy.Probe)
	case b.at.State == Open && failed:
		// The probe has ended, or what ended besides says the same.
		if next := b.probed.Add(b.policy.Probe); !b.probed.IsZero() && next.Before(b.at.NextProbe) {
			b.at.NextProbe, b.probed = next, time.Time{}
		}
	case b.at.State == Open:
		// It answered: what it did not like is no sign that it is down.
		b.release(now)
	}
}

// release begins to let go what waited. What was seen before says nothing any more.
func (b *Breaker) release(now time.Time) {
	b.enter(Releasing, now)
	b.tokens, b.filled, b.results, b.at.NextProbe = 0, now, nil, time.Time{}
}

func (b *Breaker) enter(s BreakerState, now time.Time) { b.at.State, b.at.Since = s, now }

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
