package deadletter

import (
	"strings"
	"time"
)

// maxRetryAfter bounds how long a destination can delay a retry, so that a mistaken header cannot bury a message.
const maxRetryAfter = 24 * time.Hour

// RetryPolicy decides when a message is delivered again automatically. Example: MaxAttempts 6, Base 5 s, Factor 4 and
// Cap 15 min wait about 5 s, 20 s, 1 min, 5 min and 15 min.
type RetryPolicy struct {
	MaxAttempts int // every automatic delivery counts, the receiver's included
	Base, Cap   time.Duration
	Factor      float64 // by which each wait is longer than the one before; under 1 counts as 1
}

// jitter is the share of a wait that is random, so that messages that failed together are not sent again together.
const jitter = 0.25

// Delay returns the wait before the delivery that follows n automatic ones; roll is a random number in [0,1). It is at
// most the wait of the schedule, and shorter by up to a quarter.
func (p RetryPolicy) Delay(n int, roll float64) time.Duration {
	wait := p.wait(n)
	return wait - time.Duration(jitter*(1-roll)*float64(wait))
}

// wait returns the longest wait before the delivery that follows n automatic ones.
func (p RetryPolicy) wait(n int) time.Duration {
	wait, factor := min(p.Base, p.Cap), max(1, p.Factor)
	for i := 1; i < n && factor > 1 && 0 < wait && wait < p.Cap; i++ {
		if float64(wait) >= float64(p.Cap)/factor {
			return p.Cap
		}
		wait = max(wait+1, time.Duration(float64(wait)*factor)) // a nanosecond times 1.1 would be one nanosecond
	}
	return wait
}

// Schedule returns the wait before each automatic retry, the longest that it can be.
func (p RetryPolicy) Schedule() []time.Duration {
	var waits []time.Duration
	for n := 1; n < p.MaxAttempts; n++ {
		waits = append(waits, p.wait(n))
	}
	return waits
}

// next returns when to deliver again after a failed attempt that ended at a time, after n automatic deliveries. It
// returns false if only a person can help.
func (p RetryPolicy) next(a Attempt, n int, roll float64, at time.Time) (time.Time, bool) {
	if !a.Transient() || n >= p.MaxAttempts {
		return time.Time{}, false
	}
	return at.Add(max(p.Delay(n, roll), min(a.RetryAfter, maxRetryAfter))), true
}

// Transient reports whether an automatic retry may help: no answer at all, 5xx, and the 4xx that say "later".
func (a Attempt) Transient() bool {
	switch a.Outcome {
	case Unreachable, Unknown:
		return true
	case ErrorResponse:
		switch a.StatusCode {
		case 408, 425, 429:
			return true
		}
		return a.StatusCode >= 500
	}
	return false
}

// ShortDuration writes a duration without the zeros that Go puts at its end: 10s, 1m30s, 2h.
func ShortDuration(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-len("0s")]
		}
	}
	return text
}
