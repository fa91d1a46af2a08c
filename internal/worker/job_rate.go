package worker

import (
	"sync"
	"time"

	"dlqdesk/internal/deadletter"
)

// jobRates keeps jobs to their configured rate.
type jobRates struct {
	mu   sync.Mutex
	next map[deadletter.JobID]time.Time // when the next message of a job may begin
}

// rateBatch is how often a job's rate lets messages begin, those of that time at once. So a slow job reads and commits
// a few times a second, and not for each message. It is also how much of a rate is made up for, if nothing could begin.
const rateBatch = time.Second / 4

// claim returns how many of n messages of a job may begin now, and how long to wait for the next.
func (r *jobRates) claim(j deadletter.Job, n int, now time.Time) (int, time.Duration) {
	if j.Rate == 0 || n == 0 {
		return n, 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next == nil {
		r.next = map[deadletter.JobID]time.Time{}
	}
	each := time.Second / time.Duration(j.Rate)
	batch := max(1, rateBatch/each)
	ready := (batch - 1) * each // a batch may begin once its first message could have begun so long ago
	next := r.next[j.ID]
	if earliest := now.Add(-max(rateBatch, each)); next.IsZero() {
		next = now.Add(-ready)
	} else if next.Before(earliest) {
		next = earliest
	}
	claimed := 0
	if now.Sub(next) >= ready {
		for claimed < n && !next.After(now) {
			next = next.Add(each)
			claimed++
		}
	}
	r.next[j.ID] = next
	return claimed, max(0, next.Add(ready).Sub(now))
}

// undo returns the claims of n messages of a job that could not begin after all.
func (r *jobRates) undo(j deadletter.Job, n int) {
	if j.Rate == 0 || n == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next[j.ID] = r.next[j.ID].Add(-time.Duration(n) * (time.Second / time.Duration(j.Rate)))
}

// keepOnly drops the rates of jobs that are not running any more.
func (r *jobRates) keepOnly(running []deadletter.Job) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.next) <= len(running) {
		return
	}
	next := map[deadletter.JobID]time.Time{}
	for _, j := range running {
		if at, ok := r.next[j.ID]; ok {
			next[j.ID] = at
		}
	}
	r.next = next
}
