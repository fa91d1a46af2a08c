package worker

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/store"
	"dlqdesk/internal/telemetry"
)

// claimItems claims up to free deliveries for jobs. It returns how long to wait for more: not at all, until a job's
// rate allows them, or forever.
func (s *sourceLoop) claimItems(ctx context.Context, free int) (claims []claimed, wait time.Duration, err error) {
	wait = forever
	running, err := s.w.store.RunningJobs(ctx)
	if err != nil {
		return nil, wait, err
	}
	s.w.jobRates.keepOnly(running)
	running = slices.DeleteFunc(running, func(j deadletter.Job) bool {
		return !j.Delivers() || j.Action.Redrives() || j.Sparing
	})
	s.prefetched = ofJobs(s.prefetched, running)
	s.jobsWaiting = false
	s.jobsBegun++
	for i := range running {
		j := running[(i+s.jobsBegun)%len(running)] // where a rate lets few through, each job is the first in turn
		// Each job gets its share, so that a small one does not wait for a large one.
		share := (free - len(claims) + len(running) - i - 1) / (len(running) - i)
		opened, jobWait, err := s.claimJobItems(ctx, j, share)
		claims, wait = append(claims, opened...), sooner(wait, jobWait)
		if err != nil {
			return claims, wait, err
		}
	}
	return claims, wait, nil
}

func (s *sourceLoop) claimJobItems(ctx context.Context, j deadletter.Job, share int) ([]claimed, time.Duration, error) {
	breaker := s.source.Breaker.Status()
	if err := s.nextStep(ctx, j); err != nil {
		return nil, forever, err
	}
	// Before the items are read: a place that is free has released the next message of its order key.
	share, err := s.places(ctx, j, share)
	if err != nil {
		return nil, forever, err
	}
	items, err := s.nextItems(ctx, breaker, j)
	if err != nil || len(items) == 0 {
		return nil, forever, err
	}
	s.jobsWaiting, s.prefetched[j.ID] = true, items
	// At the time of the count: what a later time would allow finds more places free.
	n, wait := s.w.jobRates.claim(j, min(share, len(items)), s.counted)
	if n == 0 {
		return nil, wait, nil
	}
	allowed := s.source.Breaker.Allow(n, true) // true: only due decides whether the backlog is gone
	s.w.jobRates.undo(j, n-allowed.Count)
	if n = allowed.Count; n == 0 {
		return nil, allowed.RetryIn, nil
	}
	opened, err := s.openItems(ctx, j, items[:n])
	s.prefetched[j.ID] = s.prefetched[j.ID][n:]
	if allowed.Probe {
		delete(s.prefetched, j.ID) // one that goes on waiting follows
	}
	if allowed.Probe {
		s.causes.probed(breaker, candidate{items[0].Cause, items[0].Message}, true)
		for i := range opened {
			opened[i].probe = true
		}
	}
	if unsent := n - len(opened); unsent > 0 { // they were skipped
		s.w.jobRates.undo(j, unsent)
		s.source.Breaker.GiveBack(unsent)
	}
	return opened, 0, err
}

// nextStep has a job begin its next step, or halt, if it is time.
func (s *sourceLoop) nextStep(ctx context.Context, j deadletter.Job) error {
	timeout := s.source.Destination.Timeout
	p := deadletter.JobProgress{Latency: s.latencies.average(), Timeout: timeout}
	if j.Step > 0 && p.Latency > timeout/2 {
		defer s.latencies.reset() // one who resumes the job gives the destination another try
	}
	return s.w.nextStep(ctx, j, p)
}

// places returns how many more deliveries of a job may be in flight to this destination, of those that are free.
func (s *sourceLoop) places(ctx context.Context, j deadletter.Job, free int) (int, error) {
	if j.Places == 0 {
		return free, nil
	}
	inFlight, err := s.w.store.ItemsInFlight(ctx, j.ID)
	return max(0, min(free, j.Places-inFlight[s.source.Name])), err
}

// ofJobs returns what was read of jobs that are still running.
func ofJobs(items map[deadletter.JobID][]store.Item, running []deadletter.Job) map[deadletter.JobID][]store.Item {
	kept := map[deadletter.JobID][]store.Item{}
	for _, j := range running {
		if len(items[j.ID]) > 0 {
			kept[j.ID] = items[j.ID]
		}
	}
	return kept
}

// nextItems returns messages of a job that it has not begun with, in the order in which they go: more than are claimed
// at once, so that they need not be read for each claim. openItem checks each again. While the breaker is open it is
// one, and while it is half-open those whose cause has failed go last.
func (s *sourceLoop) nextItems(
	ctx context.Context, is delivery.BreakerStatus, j deadletter.Job,
) ([]store.Item, error) {
	if is.State == delivery.Open {
		return s.probeItem(ctx, is, j)
	}
	items := s.prefetched[j.ID]
	if len(items) == 0 || j.StepSize() > 0 || j.Sequence == deadletter.SequenceKey { // others follow than were read
		var err error
		if items, err = s.w.store.PendingItems(ctx, j, s.source.Name, jobBatch); err != nil {
			return nil, err
		}
	}
	if is.State == delivery.Closed {
		return items, nil
	}
	failing := s.causes.failingCauses(is)
	hasFailed := func(i store.Item) bool { return slices.Contains(failing, i.Cause) }
	if items = lastIf(items, hasFailed); len(items) == 0 || !hasFailed(items[0]) {
		return items, nil
	}
	atEnds, err := s.w.store.PendingItemsAtEnds(ctx, j, s.source.Name, jobBatch)
	return lastIf(atEnds, hasFailed), err
}

// openItems claims messages of a job. It reads and edits them before the transaction, because all writers share one
// connection.
func (s *sourceLoop) openItems(ctx context.Context, j deadletter.Job, items []store.Item) ([]claimed, error) {
	read, err := s.w.store.Latest(ctx, items)
	if err != nil {
		return nil, err
	}
	edited, err := s.w.editsOf(ctx, j, read)
	if err != nil {
		return nil, err
	}
	var claims []claimed
	err = s.w.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		claims = claims[:0]
		return s.w.forEachItem(ctx, tx, j.ID, items, func(j deadletter.Job, item store.Item) error {
			c, err := s.openItem(ctx, tx, j, item, read[item.Message], edited)
			if err == nil {
				claims = append(claims, c)
			}
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return claims, nil
}

// openItem claims a message as it was read, or as it is now if it was changed since.
func (s *sourceLoop) openItem(
	ctx context.Context, tx *store.Tx, j deadletter.Job, item store.Item, read store.Latest, edited edits,
) (claimed, error) {
	c, err := s.openRead(ctx, tx, j, item, read, edited)
	if deadletter.KindOf(err) != deadletter.Conflict {
		return c, err
	}
	if read, err = tx.Latest(ctx, item.Message); err != nil {
		return claimed{}, err
	}
	return s.openRead(ctx, tx, j, item, read, edited)
}

// openRead requests the delivery of a message for its job and claims it in one transaction.
func (s *sourceLoop) openRead(
	ctx context.Context, tx *store.Tx, j deadletter.Job, item store.Item, read store.Latest, edited edits,
) (claimed, error) {
	revision, at := read.Revision, s.w.now()
	if revision.IsHead() && j.Action == deadletter.ActEdit {
		var err error
		if revision, err = tx.Revision(ctx, read.Message.ID, revision.Number); err != nil {
			return claimed{}, err
		}
	}
	if err := s.w.checkOrder(ctx, tx, j, item, read.Message); err != nil {
		return claimed{}, err
	}
	requested, err := j.ChangeOf(read.Message, item.Version, revision, edited.of(ctx, read.Message, item), at)
	if err != nil {
		return claimed{}, err
	}
	if requested.Revision != nil {
		revision = *requested.Revision
	}
	trace := telemetry.TraceParent(read.Message.ID, read.Message.Queue.TraceParent, revision.Headers)
	opened, err := requested.After.Claim(s.lease(at), trace, at)
	if err != nil {
		return claimed{}, err
	}
	if err := tx.ApplyRequestAndClaim(ctx, requested, opened); err != nil {
		return claimed{}, err
	}
	if begun, err := tx.BeginItem(ctx, item); err != nil || !begun {
		return claimed{}, undoBatch(cmp.Or(err, errBegun))
	}
	return claimed{message: opened.After, attempt: *opened.Attempt, revision: revision}, nil
}

// errBegun cannot happen: a message that a job has begun with has another version.
var errBegun = errors.New("the job has begun with this message before")
