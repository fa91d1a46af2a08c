package worker

import (
	"context"
	"slices"
	"sync"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// jobWindows remembers what the latest messages of each job came to, so that a job which went well for a long time
// halts soon after it no longer does, and how fast it goes. After a restart it begins anew.
type jobWindows struct {
	mu sync.Mutex
	of map[deadletter.JobID]*jobWindow
}

// jobWindow has a job when its window began, when the next one did, and now: there are JobWindow results to judge at
// most, and after the first ones half as many at least.
type jobWindow struct{ began, next, now jobCount }

type jobCount struct {
	items    deadletter.JobItems
	forgiven int
	at       time.Time
}

// results returns how many messages have their result.
func (c jobCount) results() int { return c.items.Done + c.items.Failed + c.items.Skipped }

// see notes how far a job is, and returns its window.
func (w *jobWindows) see(j deadletter.Job, at time.Time) jobWindow {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.of == nil {
		w.of = map[deadletter.JobID]*jobWindow{}
	}
	now := jobCount{j.Items, j.Forgiven, at}
	of, ok := w.of[j.ID]
	if !ok || of.now.forgiven != j.Forgiven { // it was resumed
		of = &jobWindow{now, now, now}
		w.of[j.ID] = of
	}
	if of.now = now; now.results()-of.next.results() >= deadletter.JobWindow/2 {
		of.began, of.next = of.next, now
	}
	return *of
}

// failed returns of how many results in the window, skipped messages apart, how many failed.
func (w jobWindow) failed() (results, failed int) {
	failed = w.now.items.Failed - w.began.items.Failed
	return w.now.items.Done - w.began.items.Done + failed, failed
}

// keepOnly forgets the windows of jobs that are not running any more.
func (w *jobWindows) keepOnly(running []deadletter.Job) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id := range w.of {
		if !slices.ContainsFunc(running, func(j deadletter.Job) bool { return j.ID == id }) {
			delete(w.of, id)
		}
	}
}

// JobRate returns how many messages a running job works on per second, as it did with its latest ones; 0 while that is
// not known.
func (w *Worker) JobRate(id deadletter.JobID) float64 {
	w.jobWindows.mu.Lock()
	defer w.jobWindows.mu.Unlock()
	of := w.jobWindows.of[id]
	if of == nil {
		return 0
	}
	took := of.now.at.Sub(of.began.at)
	if took < time.Second {
		return 0
	}
	return float64(of.now.results()-of.began.results()) / took.Seconds()
}

// nextStep has a job with steps begin its next step, or halt, if it is time.
func (w *Worker) nextStep(ctx context.Context, j deadletter.Job, p deadletter.JobProgress) error {
	p.Results, p.Failed = w.jobWindows.see(j, w.now()).failed()
	if j.Step == 0 {
		return nil
	}
	var err error
	if j.Items.Failed > j.Forgiven {
		if p.Again, err = w.store.CauseAgain(ctx, j.ID); err != nil {
			return err
		}
	}
	if _, due, err := j.NextStep(p, w.now()); err != nil || !due {
		return err
	}
	var change deadletter.JobChange
	var due bool
	err = w.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		j, err := tx.Job(ctx, j.ID)
		if err != nil {
			return err
		}
		if change, due, err = j.NextStep(p, w.now()); err != nil || !due {
			return err
		}
		return tx.ApplyJob(ctx, change)
	})
	if err != nil || !due {
		return err
	}
	w.Kick()
	return nil
}

// latencies keeps how long a destination took to answer the latest deliveries for jobs.
type latencies struct {
	mu  sync.Mutex
	of  []time.Duration
	sum time.Duration
}

const (
	// latencyWindow is how many deliveries the average is of.
	latencyWindow = 50
	// latencyLeast is how many it needs.
	latencyLeast = 5
)

func (l *latencies) add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.of, l.sum = append(l.of, d), l.sum+d
	if len(l.of) > latencyWindow {
		l.sum -= l.of[0]
		l.of = l.of[1:]
	}
}

// average returns the average; 0 while it has too few.
func (l *latencies) average() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.of) < latencyLeast {
		return 0
	}
	return l.sum / time.Duration(len(l.of))
}

// reset forgets every delivery.
func (l *latencies) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.of, l.sum = nil, 0
}
