package telemetry

import (
	"sync"
	"time"
)

// Trouble keeps a fault that many meet, again and again while it lasts, from filling the log. The zero Trouble has
// met none.
type Trouble struct {
	mu    sync.Mutex
	since time.Time // when the present fault was met first; zero: there is none
	told  time.Time // when one was told of last
	open  bool      // it was told of, and its end was not
	times int       // that one was met and not told of
}

// troubleTold is how often a fault that lasts is told of.
const troubleTold = time.Minute

// Met notes that something failed, and reports whether to tell of it and how often that happened since it was told
// last.
func (t *Trouble) Met(now time.Time) (times int, tell bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.times++
	if t.since.IsZero() {
		t.since = now
	}
	if !t.told.IsZero() && now.Sub(t.told) < troubleTold && !now.Before(t.told) {
		return 0, false
	}
	times, t.times, t.told, t.open = t.times, 0, now, true
	return times, true
}

// Over notes that something succeeded, and returns for how long it did not, where that was told of and is over.
func (t *Trouble) Over(now time.Time) (lasted time.Duration, tell bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	lasted, tell = now.Sub(t.since), t.open
	t.since, t.open = time.Time{}, false
	return lasted, tell
}
