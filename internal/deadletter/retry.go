package deadletter

import (
	"strings"
	"time"
)

// maxRetryAfter bounds how long a destination can delay a retry, so that a mistaken header cannot bury a message.
const maxRetryAfter = 24 * time.Hour

// RetryPolicy decides when a message is delivered again automatically.
type RetryPolicy struct {
	MaxAttempts int // every automatic delivery counts, the receiver's included
	Base, Cap   time.Duration
}

// Delay is the exponential backoff with full jitter before the delivery that follows n automatic ones; roll is a random
// number in [0,1). See "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
func (p RetryPolicy) Delay(n int, roll float64) time.Duration {
	ceiling := min(p.Base, p.Cap)
	for i := 1; i < n && 0 < ceiling && ceiling < p.Cap; i++ {
		ceiling += min(ceiling, p.Cap-ceiling) // doubled, but never past the cap
	}
	return time.Duration(roll * float64(ceiling))
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
