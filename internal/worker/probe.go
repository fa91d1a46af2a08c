package worker

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/store"
)

// causeLog remembers how the causes of a source fare while its breaker is not closed, so that a cause whose messages
// fail for a reason of their own does not decide over the destination. Example: of 900 messages that failed with 503,
// and 100 that their handler refuses with 500 for good, each cause is probed in turn. Once the breaker is half-open and
// the first of the 500s has failed again, the 503s go first.
type causeLog struct {
	mu      sync.Mutex
	since   time.Time       // of the breaker's state that failing is about
	failing map[string]bool // causes of which a message has failed for a transient reason since then
	probes  map[string]int  // by cause and by message, since the breaker was closed
	byJobs  int             // probes with messages of jobs since the latest one with a retry
}

// use calls do with what is known in this state of the breaker.
func (l *causeLog) use(is delivery.BreakerStatus, do func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.since.Equal(is.Since) || l.failing == nil {
		l.since, l.failing = is.Since, map[string]bool{}
	}
	if is.State == delivery.Closed || l.probes == nil {
		l.probes = map[string]int{}
	}
	do()
}

// record notes the result of a delivery. One that shows that the destination is up proves that the cause can go.
func (l *causeLog) record(is delivery.BreakerStatus, cause string, a deadletter.Attempt) {
	if is.State == delivery.Closed {
		return
	}
	l.use(is, func() {
		if a.Transient() {
			l.failing[cause] = true
		} else {
			delete(l.failing, cause)
		}
	})
}

// failingCauses returns the causes of which a message has failed in this state of the breaker.
func (l *causeLog) failingCauses(is delivery.BreakerStatus) (causes []string) {
	l.use(is, func() { causes = slices.Collect(maps.Keys(l.failing)) })
	return causes
}

// candidate is a message that could test the destination.
type candidate struct {
	cause string
	id    deadletter.ID
}

// choose returns which of the waiting messages tests the destination: the one that was probed least often itself and
// as one of its cause. It also returns how often that was.
func (l *causeLog) choose(is delivery.BreakerStatus, waiting []candidate) (chosen, probes int) {
	l.use(is, func() {
		count := func(c candidate) int { return l.probes[c.cause] + l.probes[string(c.id)] }
		for i, c := range waiting {
			if count(c) < count(waiting[chosen]) {
				chosen = i
			}
		}
		probes = count(waiting[chosen])
	})
	return chosen, probes
}

// probed notes a probe.
func (l *causeLog) probed(is delivery.BreakerStatus, with candidate, byJob bool) {
	l.use(is, func() {
		l.probes[with.cause]++
		l.probes[string(with.id)]++
		if l.byJobs++; !byJob {
			l.byJobs = 0
		}
	})
}

// jobsInTurn is how many probes jobs may make in turn while the only retries that wait were probed before.
const jobsInTurn = 3

// turnLimit is how long retries wait for a job that cannot take its turn, because its deliveries are still in flight.
const turnLimit = time.Second

// jobsTurn reports whether the next probe is that of a job, given how often the retry was probed that is next.
func (l *causeLog) jobsTurn(is delivery.BreakerStatus, probes int) (turn bool) {
	l.use(is, func() { turn = l.byJobs == 0 && len(l.probes) > 0 || probes > 0 && l.byJobs < jobsInTurn })
	return turn
}

// dueProbe returns the message that tests the destination now, due or not. Retries and jobs take turns.
func (s *sourceLoop) dueProbe(
	ctx context.Context, is delivery.BreakerStatus,
) ([]deadletter.Message, delivery.Allowance, error) {
	waiting, err := s.w.store.ProbeCandidates(ctx, s.source.Name)
	if err != nil || len(waiting) == 0 {
		return nil, delivery.Allowance{}, err
	}
	candidates := make([]candidate, len(waiting))
	for i, m := range waiting {
		candidates[i] = candidate{m.Fingerprint, m.ID}
	}
	chosen, probes := s.causes.choose(is, candidates)
	if s.jobsWaiting && s.causes.jobsTurn(is, probes) {
		return nil, delivery.Allowance{RetryIn: turnLimit}, nil
	}
	allowed := s.source.Breaker.Allow(1, false)
	if allowed.Count == 0 {
		return nil, allowed, nil // the loop of messages without a source was quicker, or the breaker has changed
	}
	s.causes.probed(is, candidates[chosen], false)
	return waiting[chosen : chosen+1], allowed, nil
}

// failingLast returns up to limit due messages for a half-open breaker, those last whose cause has failed since it is
// half-open. Where only such are due first, it looks for due messages of other causes.
func (s *sourceLoop) failingLast(
	ctx context.Context, is delivery.BreakerStatus, due []deadletter.Message, limit int,
) ([]deadletter.Message, error) {
	failing := s.causes.failingCauses(is)
	if len(failing) == 0 || len(due) == 0 {
		return due, nil
	}
	due = lastIf(due, func(m deadletter.Message) bool { return slices.Contains(failing, m.Fingerprint) })
	if !slices.Contains(failing, due[0].Fingerprint) {
		return due, nil
	}
	others, err := s.w.store.DueExcept(ctx, s.source.Name, failing, s.w.now(), limit)
	if err != nil || len(others) > 0 {
		return others, err
	}
	return due, nil
}

// probeItem returns the message of a job that may test the destination, of those at both ends of the job.
func (s *sourceLoop) probeItem(
	ctx context.Context, is delivery.BreakerStatus, j deadletter.Job,
) ([]store.Item, error) {
	items, err := s.w.store.PendingItemsAtEnds(ctx, j, s.source.Name, jobBatch)
	if err != nil || len(items) == 0 {
		return nil, err
	}
	slices.Reverse(items)
	candidates := make([]candidate, len(items))
	for i, item := range items {
		candidates[i] = candidate{item.Cause, item.Message}
	}
	chosen, _ := s.causes.choose(is, candidates)
	return items[chosen : chosen+1], nil
}

// lastIf moves the elements that a function reports behind the others. Both keep their order.
func lastIf[T any](all []T, last func(T) bool) []T {
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b T) int {
		switch {
		case last(a) == last(b):
			return 0
		case last(a):
			return 1
		}
		return -1
	})
	return all
}
