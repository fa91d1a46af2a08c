package delivery

import (
	"maps"
	"net/http"
	"sync"
	"time"

	"dlqdesk/internal/deadletter"
)

// BreakerPolicy sets when a breaker opens, how it probes the destination, and how fast it lets the backlog through.
type BreakerPolicy struct {
	FailureRate   float64       // share of transient failures within Window at which the breaker opens
	Window        time.Duration // how far back deliveries count
	MinDeliveries int           // within Window, below which the share does not count
	Consecutive   int           // failures of different messages in a row at which it opens as well; 0: never
	ProbeInterval time.Duration // between two probes while the breaker is open
	ProbeTimeout  time.Duration // after which a probe without a result is given up
	RampStart     int           // automatic deliveries per second with which a half-open breaker begins
	RateLimit     float64       // requests per second that the destination takes at most; 0: no limit
}

// BreakerState is the state of a circuit breaker.
type BreakerState string

// The states of a circuit breaker.
const (
	Closed   BreakerState = "closed"    // the destination is up: all automatic deliveries may begin
	Open     BreakerState = "open"      // it is down: one probe at a time
	HalfOpen BreakerState = "half-open" // it responded again: the backlog goes through, at a rate that grows
)

// BreakerStates lists every state.
func BreakerStates() []BreakerState { return []BreakerState{Closed, Open, HalfOpen} }

// BreakerStatus is the state of a breaker at one moment, for pages, metrics and logs.
type BreakerStatus struct {
	State       BreakerState `json:"state"`
	Since       time.Time    `json:"since"`                // when State began
	PausedUntil time.Time    `json:"pausedUntil,omitzero"` // from the destination's Retry-After; may be past
	DeliveredAt time.Time    `json:"deliveredAt,omitzero"` // when the latest successful delivery ended; zero: not known
	NextProbe   time.Time    `json:"-"`                    // while open: when the next probe may begin
	Rate        float64      `json:"-"`                    // automatic deliveries per second while half-open
	RateUnused  bool         `json:"-"`                    // something else lets through fewer than Rate
}

// Pace returns what bounds the deliveries to a destination with a rate limit (0: none), and with places for the
// deliveries of jobs.
func (is BreakerStatus) Pace(rateLimit float64, places int) deadletter.Pace {
	p := deadletter.Pace{PausedUntil: is.PausedUntil, RateLimit: rateLimit, Places: places}
	switch {
	case is.State == Open:
		p.OpenSince = is.Since
	case is.State == HalfOpen && !is.RateUnused:
		p.Ramp = is.Rate
	}
	return p
}

// Breaker is the circuit breaker of one destination. It delays automatic deliveries (retries and the messages of
// jobs) while the destination is down, so that they do not use up their attempts, and while the destination asked for
// a pause. Replays of single messages and incoming webhooks pass it by; their results are recorded all the same.
//
// Example: MinDeliveries is 10, FailureRate 0.5 and Consecutive 5. After 5 failures of 10 deliveries within a minute
// the breaker is open; at a destination that gets ten webhooks an hour, after 5 webhooks in a row that failed. One
// probe begins every ProbeInterval. The first probe that gets a response makes it half-open: the backlog goes through
// at a rate that starts at RampStart and doubles with each second of success, see ramp. It closes when the backlog
// needs less than that, and opens again when deliveries fail as before.
type Breaker struct {
	policy   BreakerPolicy
	now      func() time.Time
	onChange func() // called without the lock

	mu           sync.Mutex
	status       BreakerStatus
	results      []result                    // within the window, oldest first
	inARow       map[deadletter.ID]time.Time // messages that failed since the latest delivery that did not
	probeStarted time.Time                   // zero: no probe is in flight
	ramp         ramp                        // while half-open
}

type result struct {
	at     time.Time
	failed bool
}

const (
	// maxResults bounds how many results a breaker remembers of a busy destination.
	maxResults = 1000

	// consecutiveWindow is how far apart failures in a row may be: destinations that get five webhooks an hour count.
	consecutiveWindow = time.Hour

	// maxPause bounds how long a destination can delay all its retries, so that a mistaken header cannot stop a
	// source for days. A single message waits as long as its own response demanded, up to its retry policy's bound.
	maxPause = time.Hour
)

// NewBreaker returns a closed breaker. onChange is called when the state changes and when a probe is requested; it must
// not block.
func NewBreaker(policy BreakerPolicy, onChange func(), now func() time.Time) *Breaker {
	return &Breaker{
		policy: policy, now: now, onChange: onChange, status: BreakerStatus{State: Closed, Since: now()},
		inARow: map[deadletter.ID]time.Time{},
	}
}

// follow makes the breaker go on in its state by another policy.
func (b *Breaker) follow(policy BreakerPolicy) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.policy = policy
	b.ramp.follow(policy)
}

// Status returns the current state.
func (b *Breaker) Status() BreakerStatus {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	b.capTimes(now)
	is := b.status
	if is.State == HalfOpen {
		is.Rate, is.RateUnused = b.ramp.rate, !b.ramp.isUsed(now)
	}
	return is
}

// Waits reports whether automatic deliveries wait for a probe, or for the end of a pause.
func (b *Breaker) Waits() bool {
	is := b.Status()
	return is.State == Open || is.PausedUntil.After(b.now())
}

// ProbeNow lets the next automatic delivery begin at once, even during a pause that the destination asked for.
func (b *Breaker) ProbeNow() {
	b.update(func(now time.Time) { b.status.NextProbe, b.status.PausedUntil = now, time.Time{} })
	b.onChange()
}

// GiveBack reports that n of the deliveries that Allow let through are not sent: others may go in their place.
func (b *Breaker) GiveBack(n int) {
	b.update(func(now time.Time) {
		switch b.status.State {
		case Open:
			b.status.NextProbe, b.probeStarted = now, time.Time{}
		case HalfOpen:
			b.ramp.giveBack(n)
		case Closed:
		}
	})
}

// ProbeSoon lets the next probe of an open breaker begin at once, unless one is in flight. A pause that the destination
// asked for goes on.
func (b *Breaker) ProbeSoon() {
	b.update(func(now time.Time) {
		if b.status.State == Open && b.probeStarted.IsZero() {
			b.status.NextProbe = now
		}
	})
}

// restore continues from the status before a restart. An open breaker may probe at once.
func (b *Breaker) restore(s BreakerStatus) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	b.status.State, b.status.Since, b.status.PausedUntil = s.State, s.Since, s.PausedUntil
	b.status.DeliveredAt = s.DeliveredAt
	b.status.NextProbe, b.ramp = now, newRamp(b.policy, now)
}

// update calls do under the lock, and onChange after it if the state changed.
func (b *Breaker) update(do func(now time.Time)) {
	b.mu.Lock()
	before, now := b.status.State, b.now()
	b.capTimes(now)
	do(now)
	after := b.status.State
	b.mu.Unlock()
	if before != after {
		b.onChange()
	}
}

// capTimes brings back times of the future that a clock left which was ahead, so that nothing waits until it is that
// time.
func (b *Breaker) capTimes(now time.Time) {
	s := &b.status
	s.Since = earlier(s.Since, now)
	s.PausedUntil = earlier(s.PausedUntil, now.Add(maxPause))
	s.NextProbe = earlier(s.NextProbe, now.Add(max(b.policy.ProbeInterval, b.policy.ProbeTimeout)))
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// Allowance is how many automatic deliveries may begin.
type Allowance struct {
	Count   int
	Probe   bool          // the one delivery tests a destination that is down, and its failure costs no attempt
	RetryIn time.Duration // when to ask again; 0: when more deliveries wait
}

// Allow returns how many of the waiting automatic deliveries may begin now. more reports that others wait besides,
// for which the caller has no room at the moment.
func (b *Breaker) Allow(waiting int, more bool) (a Allowance) {
	b.update(func(now time.Time) { a = b.allow(waiting, more, now) })
	return a
}

func (b *Breaker) allow(waiting int, more bool, now time.Time) Allowance {
	if !b.status.PausedUntil.IsZero() {
		if wait := b.status.PausedUntil.Sub(now); wait > 0 {
			return Allowance{RetryIn: wait}
		}
		b.status.PausedUntil = time.Time{}
		switch b.status.State { // the whole backlog at once would be too much again
		case Closed:
			b.halfOpen(now)
		case HalfOpen:
			b.ramp = newRamp(b.policy, now)
		case Open:
		}
	}
	switch b.status.State {
	case Open:
		return b.allowProbe(waiting, now)
	case HalfOpen:
		return b.allowOnRamp(waiting, more, now)
	case Closed:
	}
	return Allowance{Count: waiting}
}

func (b *Breaker) allowProbe(waiting int, now time.Time) Allowance {
	if wait := b.status.NextProbe.Sub(now); wait > 0 || waiting == 0 {
		return Allowance{RetryIn: max(wait, 0)}
	}
	wait := max(b.policy.ProbeInterval, b.policy.ProbeTimeout)
	b.probeStarted, b.status.NextProbe = now, now.Add(wait)
	return Allowance{Count: 1, Probe: true, RetryIn: wait}
}

// allowOnRamp allows as many deliveries as the ramp does. It closes the breaker when the backlog does not use that up.
func (b *Breaker) allowOnRamp(waiting int, more bool, now time.Time) Allowance {
	b.ramp.refill(now)
	if !more && float64(waiting) < b.ramp.second() && b.ramp.isIdle() {
		b.setState(Closed, now)
		return Allowance{Count: waiting}
	}
	n, retryIn := b.ramp.take(waiting)
	if n == waiting && !more {
		retryIn = max(batchTime, b.ramp.until(b.ramp.second())) // until the breaker can close
	}
	return Allowance{Count: n, RetryIn: retryIn}
}

// Record counts the result of a delivery of a message, whatever triggered it. A successful probe ends a pause.
func (b *Breaker) Record(of deadletter.ID, a deadletter.Attempt) {
	b.update(func(now time.Time) { b.record(of, a, now) })
}

func (b *Breaker) record(of deadletter.ID, a deadletter.Attempt, now time.Time) {
	if until := now.Add(requestedPause(a)); until.After(now) && until.After(b.status.PausedUntil) {
		b.status.PausedUntil = until
	}
	if a.Outcome == deadletter.Delivered {
		b.status.DeliveredAt = now
	}
	failed := a.Transient()
	b.results = append(b.results, result{now, failed})
	b.dropOldResults(now)
	b.countInARow(of, failed, now)
	switch {
	case a.Probe && a.Outcome == deadletter.Delivered && b.status.PausedUntil.After(now):
		b.status.PausedUntil = time.Time{}
		b.halfOpen(now)
	case b.status.State != Open && failed && (b.tooManyFailed() || b.allFail()):
		b.setState(Open, now)
		b.status.NextProbe, b.probeStarted = now.Add(b.policy.ProbeInterval), time.Time{}
	case b.status.State == Open && failed:
		// The probe ended, or another delivery shows the same: the next one need not wait for ProbeTimeout.
		if next := b.probeStarted.Add(b.policy.ProbeInterval); !b.probeStarted.IsZero() &&
			next.Before(b.status.NextProbe) {
			b.status.NextProbe = next
		}
		b.probeStarted = time.Time{}
	case b.status.State == Open:
		b.halfOpen(now) // it responded: even a permanent error response shows that it is up
	case b.status.State == HalfOpen:
		b.ramp.record(failed, now)
	}
}

// requestedPause returns the Retry-After of a response that says "too many requests" or "unavailable".
func requestedPause(a deadletter.Attempt) time.Duration {
	if a.StatusCode == http.StatusTooManyRequests || a.StatusCode == http.StatusServiceUnavailable {
		return min(a.RetryAfter, maxPause)
	}
	return 0
}

// halfOpen begins to let the backlog through. Earlier results no longer count.
func (b *Breaker) halfOpen(now time.Time) {
	b.setState(HalfOpen, now)
	b.ramp, b.results, b.status.NextProbe = newRamp(b.policy, now), nil, time.Time{}
	clear(b.inARow)
}

func (b *Breaker) setState(s BreakerState, now time.Time) { b.status.State, b.status.Since = s, now }

func (b *Breaker) dropOldResults(now time.Time) {
	from := max(0, len(b.results)-maxResults)
	for from < len(b.results) && now.Sub(b.results[from].at) > b.policy.Window {
		from++
	}
	b.results = b.results[from:]
}

func (b *Breaker) tooManyFailed() bool {
	failed := 0
	for _, r := range b.results {
		if r.failed {
			failed++
		}
	}
	return len(b.results) >= b.policy.MinDeliveries &&
		float64(failed) >= b.policy.FailureRate*float64(len(b.results))
}

// countInARow counts different messages: one that fails again and again says nothing new about its destination.
func (b *Breaker) countInARow(id deadletter.ID, failed bool, now time.Time) {
	if !failed {
		clear(b.inARow)
		return
	}
	maps.DeleteFunc(b.inARow, func(_ deadletter.ID, at time.Time) bool { return now.Sub(at) > consecutiveWindow })
	if len(b.inARow) < b.policy.Consecutive {
		b.inARow[id] = now
	}
}

func (b *Breaker) allFail() bool {
	return b.policy.Consecutive > 0 && len(b.inARow) >= b.policy.Consecutive
}
