package worker

import (
	"context"
	"sync"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// pacer keeps jobs to the rate that was asked for.
type pacer struct {
	mu   sync.Mutex
	next map[deadletter.JobID]time.Time // when the next message of a job may begin
}

// paceWindow is how much of a job's rate may be made up for at once, where nothing could begin for a while.
const paceWindow = 100 * time.Millisecond

// take answers how many of n messages of a job may begin now, and how long to wait for the next.
func (p *pacer) take(j deadletter.Job, n int, now time.Time) (int, time.Duration) {
	if j.Rate == 0 || n == 0 {
		return n, 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next == nil {
		p.next = map[deadletter.JobID]time.Time{}
	}
	each := time.Second / time.Duration(j.Rate)
	next := p.next[j.ID]
	if next.IsZero() {
		next = now
	}
	if earliest := now.Add(-max(paceWindow, each)); next.Before(earliest) {
		next = earliest
	}
	taken := 0
	for taken < n && !next.After(now) {
		next = next.Add(each)
		taken++
	}
	p.next[j.ID] = next
	return taken, max(0, next.Sub(now))
}

// giveBack makes up for n messages of a job that could not begin after all.
func (p *pacer) giveBack(j deadletter.Job, n int) {
	if j.Rate == 0 || n == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next[j.ID] = p.next[j.ID].Add(-time.Duration(n) * (time.Second / time.Duration(j.Rate)))
}

// forget drops the jobs that are not at work any more.
func (p *pacer) forget(running []deadletter.Job) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.next) <= len(running) {
		return
	}
	kept := map[deadletter.JobID]time.Time{}
	for _, j := range running {
		if next, ok := p.next[j.ID]; ok {
			kept[j.ID] = next
		}
	}
	p.next = kept
}

// mayBegin answers how many of n messages of a job may begin now, and how long to wait before there can be more
// (forever: something else will say so). A job whose canary has its results is paused.
func (w *Worker) mayBegin(ctx context.Context, j deadletter.Job, n int) (int, time.Duration, error) {
	if left := j.MayBegin(n); left < n {
		switch {
		case left == 0 && j.Items.InFlight == 0:
			return 0, forever, w.endCanary(ctx, j.ID)
		case left == 0:
			return 0, forever, nil // a result will say so
		}
		n = left
	}
	n, wait := w.paces.take(j, n, w.now())
	return n, wait, nil
}

func (w *Worker) endCanary(ctx context.Context, id deadletter.JobID) error {
	return w.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		j, err := tx.Job(ctx, id)
		if err != nil {
			return err
		}
		change, over, err := j.EndCanary(w.now())
		if err != nil || !over {
			return err
		}
		return tx.ApplyJob(ctx, change)
	})
}
