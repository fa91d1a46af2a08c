package worker

import (
	"context"
	"sync"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// jobWindows remembers what the latest messages of each job came to, so that a job which went well for a long time halts
// soon after it no longer does. After a restart it begins anew.
type jobWindows struct {
	mu  sync.Mutex
	ofs map[deadletter.JobID]*jobWindow
}

// jobWindow has the counts of a job when its window began, and those before, so that there are JobWindow results to
// judge but for the first ones.
type jobWindow struct{ began, next deadletter.JobItems }

// latest returns the results of the latest messages of a job, and how many of them failed.
func (w *jobWindows) latest(j deadletter.Job) (results, failed int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ofs == nil {
		w.ofs = map[deadletter.JobID]*jobWindow{}
	}
	of, ok := w.ofs[j.ID]
	if !ok || j.Items.Failed < of.began.Failed {
		of = &jobWindow{j.Items, j.Items}
		w.ofs[j.ID] = of
	}
	since := func(n deadletter.JobItems) int { return j.Items.Done + j.Items.Failed - n.Done - n.Failed }
	if since(of.next) >= deadletter.JobWindow/2 {
		of.began, of.next = of.next, j.Items
	}
	return since(of.began), j.Items.Failed - of.began.Failed
}

// forget makes the window of a job begin anew.
func (w *jobWindows) forget(id deadletter.JobID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.ofs, id)
}

// nextStep has a job with steps begin its next step, or halt, if it is time.
func (w *Worker) nextStep(ctx context.Context, j deadletter.Job, p deadletter.JobProgress) error {
	if j.Step == 0 {
		return nil
	}
	var err error
	p.Results, p.Failed = w.jobWindows.latest(j)
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
	if change.After.State == deadletter.JobPaused {
		w.jobWindows.forget(j.ID)
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
