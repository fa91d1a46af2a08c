package delivery_test

import (
	"testing"
	"time"

	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desktest"
)

// fuse is a breaker with its clock.
type fuse struct {
	*delivery.Breaker
	clock *desktest.Clock
}

func newFuse() fuse {
	clock := desktest.NewClock()
	policy := delivery.BreakerPolicy{Share: 0.5, Window: time.Minute, Least: 4, Probe: 15 * time.Second, Release: 10}
	return fuse{delivery.NewBreaker(policy, clock.Now), clock}
}

func (f fuse) note(failed ...bool) {
	for _, one := range failed {
		f.Note(one)
	}
}

func (f fuse) is(t *testing.T, want delivery.BreakerState) {
	t.Helper()
	if got, _ := f.State(); got != want {
		t.Errorf("the breaker is %s, want %s", got, want)
	}
}

func (f fuse) admits(t *testing.T, waiting, n int, again time.Duration) {
	t.Helper()
	if gotN, gotAgain := f.Admit(waiting, waiting >= 100); gotN != n || gotAgain != again {
		t.Errorf("of %d waiting it admits %d and then after %v, want %d and %v", waiting, gotN, gotAgain, n, again)
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
	if _, since := f.State(); since != opened {
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
	if n, _ := f.Admit(4, true); n != 4 {
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
