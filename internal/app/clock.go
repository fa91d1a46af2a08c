package app

import (
	"sync"
	"time"
)

// steadyClock tells the time of day and never goes back, because retries, hidden messages and sessions would be put
// off by as much as the machine's clock was set back, and lists by time would come out of order. After such a step it
// goes on from where it was, at half speed, until the time of day has caught up.
type steadyClock struct {
	read    func() (at time.Time, running time.Duration) // the time of day, and how long the program runs
	stepped func(by time.Duration)                       // told of each step back

	mu      sync.Mutex
	at      time.Time // as it was told last
	running time.Duration
	behind  bool // the time of day is behind it
}

const (
	// leastStep is a step back that is worth a word.
	leastStep = time.Second

	// mostAhead bounds how far the clock is ahead of the time of day: a machine that was a year ahead is right at once.
	mostAhead = 24 * time.Hour
)

// machineTime reads the machine's two clocks.
func machineTime() func() (time.Time, time.Duration) {
	begun := time.Now()
	return func() (time.Time, time.Duration) {
		now := time.Now()
		return now.Round(0), now.Sub(begun)
	}
}

// now answers the time.
func (c *steadyClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	day, running := c.read()
	steady := c.at.Add((running - c.running) / 2)
	ahead := steady.Sub(day)
	if ahead <= 0 || ahead > mostAhead {
		c.at, c.behind = day, false
	} else {
		c.at = steady
	}
	if ahead > leastStep && !c.behind {
		c.behind = ahead <= mostAhead
		c.stepped(ahead)
	}
	c.running = running
	return c.at
}

func (a *App) clockStepped(by time.Duration) {
	a.log.Warn(
		"the machine's clock was set back: times are ahead of it until it has caught up",
		"by",
		by.Round(time.Second),
	)
}
