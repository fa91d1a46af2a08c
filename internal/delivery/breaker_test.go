package delivery_test

import (
	"slices"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desktest"
)

// fuse is a breaker with its clock.
type fuse struct {
	*delivery.Breaker
	clock *desktest.Clock
}

func newFuse() fuse {
	policy := delivery.BreakerPolicy{
		Share:   0.5,
		Window:  time.Minute,
		Least:   4,
		Probe:   15 * time.Second,
		Hang:    10 * time.Second,
		Release: 10,
	}
	return newFuseOf(policy)
}

func newFuseOf(policy delivery.BreakerPolicy) fuse {
	clock := desktest.NewClock()
	return fuse{delivery.NewBreaker(policy, clock.Now), clock}
}

func (f fuse) note(failed ...bool) {
	for _, one := range failed {
		a := deadletter.Attempt{Outcome: deadletter.Delivered, StatusCode: 200}
		if one {
			a = deadletter.Attempt{Outcome: deadletter.Rejected, StatusCode: 503}
		}
		f.Note(a)
	}
}

func (f fuse) is(t *testing.T, want delivery.BreakerState) {
	t.Helper()
	if got := f.Standing().State; got != want {
		t.Errorf("the breaker is %s, want %s", got, want)
	}
}

func (f fuse) admits(t *testing.T, waiting, n int, again time.Duration) {
	t.Helper()
	state := f.Standing().State
	if got, want := f.Admit(
		waiting,
		waiting >= 100,
	), (delivery.Admission{N: n, Again: again, Probe: state == delivery.Open && n == 1}); got != want {
		t.Errorf("of %d waiting it admits %+v, want %+v", waiting, got, want)
	}
}

const good, bad = false, true

func TestBreakerOpensOnceItIsPlain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		results []bool
		want    delivery.BreakerState
	}{
		"too few":        {[]bool{bad, bad, bad}, delivery.Closed},
		"enough":         {[]bool{bad, bad, bad, bad}, delivery.Open},
		"half":           {[]bool{good, good, bad, bad}, delivery.Open},
		"less than half": {[]bool{good, good, good, bad, bad}, delivery.Closed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFuse()
			f.note(c.results...)
			f.is(t, c.want)
		})
	}
}

func TestBreakerForgetsWhatIsOutsideItsWindow(t *testing.T) {
	t.Parallel()
	f := newFuse()
	f.note(bad, bad, bad)
	f.clock.Add(time.Minute + time.Second)
	f.note(bad)
	f.is(t, delivery.Closed)
	f.note(bad, bad, bad)
	f.is(t, delivery.Open)
}

// A busy destination is judged by its latest deliveries, however many its window has.
func TestBreakerForgetsWhatABusyDestinationDidLongAgo(t *testing.T) {
	t.Parallel()
	f := newFuse()
	f.note(slices.Repeat([]bool{good}, 1000)...)
	f.note(slices.Repeat([]bool{bad}, 499)...)
	f.is(t, delivery.Closed)
	f.note(bad)
	f.is(t, delivery.Open)
}

func TestBreakerHoldsAllButOneProbe(t *testing.T) {
	t.Parallel()
	f := newFuse()
	f.admits(t, 100, 100, 0)
	f.note(bad, bad, bad, bad)
	opened := f.clock.Now()
	f.admits(t, 100, 0, 15*time.Second)
	f.clock.Add(10 * time.Second)
	f.admits(t, 100, 0, 5*time.Second)
	f.clock.Add(5 * time.Second)
	f.admits(t, 0, 0, 0)
	f.admits(t, 100, 1, 15*time.Second)
	f.note(bad)
	f.admits(t, 100, 0, 15*time.Second)
	f.ProbeNow()
	f.admits(t, 100, 1, 15*time.Second)
	if since := f.Standing().Since; since != opened {
		t.Errorf("it is down since %s, want %s: a failed probe begins nothing new", since, opened)
	}
}

func TestBacklogIsReleasedAtABoundedRate(t *testing.T) {
	t.Parallel()
	f := newFuse()
	f.note(bad, bad, bad, bad, good)
	f.is(t, delivery.Releasing)
	f.admits(t, 100, 0, 100*time.Millisecond)
	for range 20 {
		f.clock.Add(100 * time.Millisecond)
		f.admits(t, 100, 1, 100*time.Millisecond)
	}
	f.clock.Add(time.Hour)
	f.admits(t, 100, 10, 100*time.Millisecond)
	f.clock.Add(time.Second)
	f.admits(t, 4, 4, 0)
	f.is(t, delivery.Closed)
}

func TestBacklogThatDoesNotFitIsNotGone(t *testing.T) {
	t.Parallel()
	f := newFuse()
	f.note(bad, bad, bad, bad, good)
	f.admits(t, 0, 0, time.Second)
	f.clock.Add(time.Hour)
	if n := f.Admit(4, true).N; n != 4 {
		t.Errorf("it admits %d, want 4", n)
	}
	f.is(t, delivery.Releasing)
}

func TestBreakerClosesWhenNothingWaits(t *testing.T) {
	t.Parallel()
	f := newFuse()
	f.note(bad, bad, bad, bad, good)
	f.admits(t, 0, 0, time.Second)
	f.clock.Add(time.Second)
	f.admits(t, 0, 0, 0)
	f.is(t, delivery.Closed)
}

func TestBreakerOpensAgainWhenTheReleaseFails(t *testing.T) {
	t.Parallel()
	f := newFuse()
	f.note(bad, bad, bad, bad, good)
	f.is(t, delivery.Releasing)
	f.note(bad, bad, bad)
	f.is(t, delivery.Releasing)
	f.note(bad)
	f.is(t, delivery.Open)
}

// A probe that hangs is given up; until then no other begins, however short the time between two probes is.
func TestProbeThatHangsIsGivenUp(t *testing.T) {
	t.Parallel()
	f := newFuseOf(
		delivery.BreakerPolicy{
			Share:   0.5,
			Window:  time.Minute,
			Least:   1,
			Probe:   time.Second,
			Hang:    10 * time.Second,
			Release: 10,
		},
	)
	f.note(bad)
	f.clock.Add(time.Second)
	f.admits(t, 5, 1, 10*time.Second)
	f.clock.Add(9 * time.Second)
	f.admits(t, 5, 0, time.Second)
	f.clock.Add(time.Second)
	f.admits(t, 5, 1, 10*time.Second)
	f.clock.Add(100 * time.Millisecond)
	f.note(bad) // it has ended
	f.admits(t, 5, 0, 900*time.Millisecond)
	f.clock.Add(900 * time.Millisecond)
	f.admits(t, 5, 1, 10*time.Second)
}

// "Later, in two minutes" holds all that can wait, and what piled up meanwhile comes bit by bit.
func TestRetryAfterHoldsEverythingThatCanWait(t *testing.T) {
	t.Parallel()
	later := func(code int, after time.Duration) deadletter.Attempt {
		return deadletter.Attempt{Outcome: deadletter.Rejected, StatusCode: code, RetryAfter: after}
	}
	for name, c := range map[string]struct {
		answer deadletter.Attempt
		paused time.Duration
	}{
		"429":                 {later(429, 2*time.Minute), 2 * time.Minute},
		"503":                 {later(503, 2*time.Minute), 2 * time.Minute},
		"no time":             {later(503, 0), 0},
		"too long to believe": {later(429, 24*time.Hour), time.Hour},
		"of something else":   {later(500, 2*time.Minute), 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFuse()
			f.Note(c.answer)
			if got := max(0, f.Standing().PausedUntil.Sub(f.clock.Now())); got != c.paused {
				t.Fatalf("it is paused for %v, want %v", got, c.paused)
			}
			if c.paused == 0 {
				f.admits(t, 100, 100, 0)
				return
			}
			f.admits(t, 100, 0, c.paused)
			f.clock.Add(time.Minute)
			f.Note(later(429, time.Second)) // another answer shortens nothing
			f.note(good)
			f.admits(t, 100, 0, c.paused-time.Minute)
			f.clock.Add(c.paused - time.Minute)
			f.admits(t, 100, 0, 100*time.Millisecond)
			f.is(t, delivery.Releasing)
			f.clock.Add(time.Second)
			f.admits(t, 100, 10, 100*time.Millisecond)
		})
	}
}

func TestProbeNowGoesPastWhatTheDestinationAskedFor(t *testing.T) {
	t.Parallel()
	f := newFuse()
	f.note(bad, bad, bad, bad)
	f.Note(deadletter.Attempt{Outcome: deadletter.Rejected, StatusCode: 503, RetryAfter: 10 * time.Minute})
	f.clock.Add(time.Minute)
	f.admits(t, 100, 0, 9*time.Minute)
	f.ProbeNow()
	f.admits(t, 100, 1, 15*time.Second)
	f.admits(t, 100, 0, 15*time.Second)
}
