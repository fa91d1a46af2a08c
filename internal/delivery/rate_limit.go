package delivery

import (
	"context"
	"math"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// RateLimit spaces the requests to a destination evenly. All senders share one sequence of slots: a webhook waits for
// the next free slot within its timeout; the worker reserves slots for its backlog at most a second ahead. So neither
// starves the other, and no attempt is used up by waiting. A nil RateLimit limits nothing.
//
// Example: at 10 a second the slots are 100 ms apart. The worker reserves 5 of them for retries; a webhook that arrives
// meanwhile gets the sixth, 500 ms later.
type RateLimit struct {
	limiter *rate.Limiter
	now     func() time.Time

	mu       sync.Mutex
	reserved time.Time // the latest slot that was reserved
}

// reserveAhead is the longest time ahead for which slots can be reserved.
const reserveAhead = time.Second

// NewRateLimit returns a limit of perSecond requests; nil, which is no limit, for 0.
func NewRateLimit(perSecond float64, now func() time.Time) *RateLimit {
	if perSecond <= 0 {
		return nil
	}
	return &RateLimit{limiter: rate.NewLimiter(rate.Limit(perSecond), 1), now: now}
}

func (l *RateLimit) String() string {
	return strconv.FormatFloat(float64(l.limiter.Limit()), 'f', -1, 64) + " requests a second"
}

// wait waits for the next slot. It fails at once if ctx ends before that.
func (l *RateLimit) wait(ctx context.Context) error {
	if l == nil {
		return nil
	}
	return l.limiter.Wait(ctx)
}

// Available returns how many slots may be reserved now. If there are none, it returns when to ask again.
func (l *RateLimit) Available() (n int, retryIn time.Duration) {
	if l == nil {
		return math.MaxInt, 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	const half = reserveAhead / 2
	if ahead := l.reserved.Sub(l.now()); ahead > half {
		return 0, ahead - half
	}
	return max(1, int(float64(l.limiter.Limit())*half.Seconds())), 0
}

// Reserve reserves the next slot for the caller and returns the time until it begins.
func (l *RateLimit) Reserve() time.Duration {
	if l == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	wait := l.limiter.ReserveN(now, 1).DelayFrom(now)
	l.reserved = now.Add(wait)
	return wait
}
