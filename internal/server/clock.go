package server

import (
	"sync"
	"time"
)

// Clock returns the time of day and never goes back. Retries, hidden queue messages and sessions would otherwise be
// delayed by as much as the machine's clock is set back, and lists by time would be out of order. After such a step it
// runs at half speed until the time of day has caught up. Example: at 10:00 the machine is set back to 9:00. The clock
// continues from 10:00, shows 11:00 when the machine shows 11:00, and both run together from there.
type Clock struct {
	read   func() (at time.Time, running time.Duration)
	onStep func(back time.Duration)

	mu      sync.Mutex
	at      time.Time // as returned last
	running time.Duration
	ahead   bool // of the time of day
}

const (
	// minStep is the smallest step back that is reported.
	minStep = time.Second

	// maxAhead bounds how far the clock is ahead of the time of day: a machine that was a year ahead is right at once.
	maxAhead = 24 * time.Hour
)

// NewClock returns a clock over read, which returns the time of day and how long the process has run. onStep is called
// for each step back.
func NewClock(read func() (at time.Time, running time.Duration), onStep func(back time.Duration)) *Clock {
	return &Clock{read: read, onStep: onStep}
}

// MachineTime returns a function that reads the machine's two clocks, for NewClock.
func MachineTime() func() (at time.Time, running time.Duration) {
	started := time.Now()
	return func() (time.Time, time.Duration) {
		now := time.Now()
		return now.Round(0), now.Sub(started)
	}
}

// Now returns the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	day, running := c.read()
	steady := c.at.Add((running - c.running) / 2)
	ahead := steady.Sub(day)
	if ahead <= 0 || ahead > maxAhead {
		c.at, c.ahead = day, false
	} else {
		c.at = steady
	}
	if ahead > minStep && !c.ahead {
		c.ahead = ahead <= maxAhead
		c.onStep(ahead)
	}
	c.running = running
	return c.at
}
