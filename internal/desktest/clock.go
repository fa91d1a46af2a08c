package desktest

import (
	"sync"
	"time"

	"dlqdesk/internal/pressure"
)

// Clock stands still until it is moved.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// NewClock starts a clock at a fixed moment.
func NewClock() *Clock {
	return &Clock{at: time.Date(2026, 3, 2, 10, 15, 5, 0, time.UTC)}
}

// Now is the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// Add moves the clock on.
func (c *Clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// Busy is how long goroutines of a machine wait for a processor that cannot do everything; see pressure.New.
func Busy() time.Duration { return time.Second }

// Capture makes webhooks fail evenly for a while, so many and so slow to capture that the gauge is high. It needs the
// clock of a synctest bubble.
func Capture(g *pressure.Gauge, d time.Duration) {
	for begun := time.Now(); time.Since(begun) < d; {
		g.Captured(time.Second)
		time.Sleep(time.Millisecond)
	}
}
