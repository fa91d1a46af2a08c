package delivery

import (
	"math"
	"time"
)

// ramp is the rate at which a half-open breaker lets the backlog through. It starts low. Each delivery that succeeds
// raises it by as much as doubles it within a second, and each that fails halves it, down to the start. Retries and
// jobs share it.
//
// Example: it starts at 20 a second. While all deliveries succeed it is at 40 after one second, and at 640 after five.
// Two failures later it is at 160.
type ramp struct {
	start, limit float64 // the lowest rate; the highest, which is the destination's own; no limit: 0
	rate         float64 // deliveries per second that may begin
	tokens       float64 // deliveries that may begin now: up to those of one second
	refilled     time.Time
	begun        int // deliveries that it let through and whose result may still raise the rate
}

const (
	// batchTime is how often a rate lets deliveries through, those of that time at once. So a slow rate reads and
	// commits a few times a second, and not for each delivery.
	batchTime = time.Second / 4

	// growth is what each success adds to the rate. Those of a batch make it 1.19 times as high, and those of the four
	// batches of a second twice.
	growth = 0.75
)

func newRamp(p BreakerPolicy, now time.Time) ramp {
	r := ramp{refilled: now}
	r.follow(p)
	r.rate = r.start
	return r
}

// follow makes the ramp go on within the bounds of another policy.
func (r *ramp) follow(p BreakerPolicy) {
	r.start, r.limit = float64(p.RampStart), p.RateLimit
	if r.limit > 0 {
		r.start = min(r.start, r.limit)
	}
	r.setRate(r.rate)
}

func (r *ramp) setRate(rate float64) {
	r.rate = max(rate, r.start)
	if r.limit > 0 {
		r.rate = min(r.rate, r.limit)
	}
}

func (r *ramp) refill(now time.Time) {
	r.tokens = min(r.second(), r.tokens+r.rate*now.Sub(r.refilled).Seconds())
	r.refilled = now
}

// second is how many deliveries may begin within a second, and batch how many begin at once at the least.
func (r *ramp) second() float64 { return max(1, r.rate) }
func (r *ramp) batch() float64  { return max(1, math.Floor(r.rate*batchTime.Seconds())) }

// until returns how long it takes until so many deliveries may begin.
func (r *ramp) until(tokens float64) time.Duration {
	return time.Duration(math.Ceil(max(0, tokens-r.tokens) / r.rate * float64(time.Second)))
}

// isUsed reports whether the rate bounds the deliveries. It does not where their number in flight, or the rate of a
// job, lets through fewer.
func (r *ramp) isUsed(now time.Time) bool {
	r.refill(now)
	return r.tokens < max(1, r.second()/2)
}

// isIdle reports whether no delivery began for a second.
func (r *ramp) isIdle() bool { return r.tokens >= r.second() }

// take returns how many of the waiting deliveries may begin now, and when to ask again for the others.
func (r *ramp) take(waiting int) (n int, retryIn time.Duration) {
	if r.tokens < r.batch() {
		return 0, r.until(r.batch())
	}
	n = min(waiting, int(r.tokens))
	r.tokens -= float64(n)
	r.begun += n
	if n == waiting {
		return n, 0
	}
	return n, r.until(r.batch())
}

// giveBack undoes the take of n deliveries.
func (r *ramp) giveBack(n int) {
	r.tokens = min(r.second(), r.tokens+float64(n))
	r.begun = max(0, r.begun-n)
}

// record changes the rate by the result of a delivery. The results of others, such as new webhooks, raise it no more
// than those would that it let through, and a rate that is not used up is not raised.
func (r *ramp) record(failed bool, now time.Time) {
	r.refill(now)
	switch {
	case failed:
		r.setRate(r.rate / 2)
	case r.begun > 0 && r.isUsed(now):
		r.setRate(r.rate + growth)
	}
	r.begun = max(0, r.begun-1)
	r.tokens = min(r.tokens, r.second())
}
