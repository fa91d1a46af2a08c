package delivery

import (
	"context"
	"math"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Pace spreads the requests to a destination evenly, so that it gets at most so many a second. All stand in one line
// for their turn: a webhook waits for it within its timeout, and who works off a backlog books turns a little ahead,
// so that neither starves the other and no attempt is spent on waiting. A nil Pace is no limit.
type Pace struct {
	limiter *rate.Limiter
	now     func() time.Time

	mu     sync.Mutex
	booked time.Time // the latest turn that was booked
}

// bookAhead is how far, of its own turns, a backlog books ahead at most.
const bookAhead = time.Second

// NewPace makes a pace of so many requests per second; 0 is no limit.
func NewPace(perSecond float64, now func() time.Time) *Pace {
	if perSecond <= 0 {
		return nil
	}
	return &Pace{limiter: rate.NewLimiter(rate.Limit(perSecond), 1), now: now}
}

func (p *Pace) String() string {
	return strconv.FormatFloat(float64(p.limiter.Limit()), 'f', -1, 64) + " requests a second"
}

// turn waits for the next one, and fails at once where that comes too late for the context.
func (p *Pace) turn(ctx context.Context) error {
	if p == nil {
		return nil
	}
	return p.limiter.Wait(ctx)
}

// Room answers how many turns may be booked now, and, where that is none, when to ask again.
func (p *Pace) Room() (n int, again time.Duration) {
	if p == nil {
		return math.MaxInt, 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	const half = bookAhead / 2
	if ahead := p.booked.Sub(p.now()); ahead > half {
		return 0, ahead - half
	}
	return max(1, int(float64(p.limiter.Limit())*half.Seconds())), 0
}

// Book answers how long it is until the next turn, which is the caller's from now on.
func (p *Pace) Book() time.Duration {
	if p == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	wait := p.limiter.ReserveN(now, 1).DelayFrom(now)
	p.booked = now.Add(wait)
	return wait
}
