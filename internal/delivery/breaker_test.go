package delivery_test

import (
	"slices"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desktest"
)

// testBreaker is a breaker with its clock.
type testBreaker struct {
	*delivery.Breaker
	clock *desktest.Clock
}

func newBreaker() testBreaker {
	policy := delivery.BreakerPolicy{
		FailureRate:   0.5,
		Window:        time.Minute,
		MinDeliveries: 4,
		ProbeInterval: 15 * time.Second,
		ProbeTimeout:  10 * time.Second,
		RampStart:     10,
	}
	return newBreakerWith(policy)
}

func newBreakerWith(policy delivery.BreakerPolicy) testBreaker {
	clock := desktest.NewClock()
	return testBreaker{delivery.NewBreaker(policy, func() {}, clock.Now), clock}
}

func (b testBreaker) note(failed ...bool) {
	for _, one := range failed {
		a := deadletter.Attempt{Outcome: deadletter.Delivered, StatusCode: 200}
		if one {
			a = deadletter.Attempt{Outcome: deadletter.ErrorResponse, StatusCode: 503}
		}
		b.Record("a-1", a)
	}
}

func (b testBreaker) is(t *testing.T, want delivery.BreakerState) {
	t.Helper()
	if got := b.Status().State; got != want {
		t.Errorf("the breaker is %s, want %s", got, want)
	}
}

func (b testBreaker) allows(t *testing.T, waiting, n int, again time.Duration) {
	t.Helper()
	state := b.Status().State
	want := delivery.Allowance{Count: n, RetryIn: again, Probe: state == delivery.Open && n == 1}
	if got := b.Allow(waiting, waiting >= 100); got != want {
		t.Errorf("of %d waiting it allows %+v, want %+v", waiting, got, want)
	}
}

const good, bad = false, true

func TestBreakerOpensAtTheThreshold(t *testing.T) {
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
			b := newBreaker()
			b.note(c.results...)
			b.is(t, c.want)
		})
	}
}

func TestBreakerForgetsOutcomesOutsideItsWindow(t *testing.T) {
	t.Parallel()
	b := newBreaker()
	b.note(bad, bad, bad)
	b.clock.Add(time.Minute + time.Second)
	b.note(bad)
	b.is(t, delivery.Closed)
	b.note(bad, bad, bad)
	b.is(t, delivery.Open)
}

// A busy destination is judged by its latest deliveries, however many its window has.
func TestBreakerForgetsOldOutcomesOfABusyDestination(t *testing.T) {
	t.Parallel()
	b := newBreaker()
	b.note(slices.Repeat([]bool{good}, 1000)...)
	b.note(slices.Repeat([]bool{bad}, 499)...)
	b.is(t, delivery.Closed)
	b.note(bad)
	b.is(t, delivery.Open)
}

func TestOpenBreakerPermitsOneProbe(t *testing.T) {
	t.Parallel()
	b := newBreaker()
	b.allows(t, 100, 100, 0)
	b.note(bad, bad, bad, bad)
	opened := b.clock.Now()
	b.allows(t, 100, 0, 15*time.Second)
	b.clock.Add(10 * time.Second)
	b.allows(t, 100, 0, 5*time.Second)
	b.clock.Add(5 * time.Second)
	b.allows(t, 0, 0, 0)
	b.allows(t, 100, 1, 15*time.Second)
	b.note(bad)
	b.allows(t, 100, 0, 15*time.Second)
	b.ProbeNow()
	b.allows(t, 100, 1, 15*time.Second)
	if since := b.Status().Since; since != opened {
		t.Errorf("it is down since %s, want %s: a failed probe begins nothing new", since, opened)
	}
}

func TestBacklogBeyondTheRateGoesLater(t *testing.T) {
	t.Parallel()
	b := newBreaker()
	b.note(bad, bad, bad, bad, good)
	b.allows(t, 0, 0, time.Second)
	b.clock.Add(time.Hour)
	b.allows(t, 100, 10, 200*time.Millisecond)
	b.clock.Add(time.Second)
	if n := b.Allow(4, true).Count; n != 4 {
		t.Errorf("it allows %d, want 4", n)
	}
	b.is(t, delivery.HalfOpen)
	b.clock.Add(time.Second)
	b.allows(t, 4, 4, 0)
	b.is(t, delivery.Closed)
}

func TestBreakerClosesWhenNothingWaits(t *testing.T) {
	t.Parallel()
	b := newBreaker()
	b.note(bad, bad, bad, bad, good)
	b.allows(t, 0, 0, time.Second)
	b.clock.Add(time.Second)
	b.allows(t, 0, 0, 0)
	b.is(t, delivery.Closed)
}

func TestBreakerOpensAgainWhenTheReleaseFails(t *testing.T) {
	t.Parallel()
	b := newBreaker()
	b.note(bad, bad, bad, bad, good)
	b.is(t, delivery.HalfOpen)
	b.note(bad, bad, bad)
	b.is(t, delivery.HalfOpen)
	b.note(bad)
	b.is(t, delivery.Open)
}

// A probe that hangs is given up; until then no other begins, however short the time between two probes is.
func TestHangingProbeTimesOut(t *testing.T) {
	t.Parallel()
	b := newBreakerWith(
		delivery.BreakerPolicy{
			FailureRate:   0.5,
			Window:        time.Minute,
			MinDeliveries: 1,
			ProbeInterval: time.Second,
			ProbeTimeout:  10 * time.Second,
			RampStart:     10,
		},
	)
	b.note(bad)
	b.clock.Add(time.Second)
	b.allows(t, 5, 1, 10*time.Second)
	b.clock.Add(9 * time.Second)
	b.allows(t, 5, 0, time.Second)
	b.clock.Add(time.Second)
	b.allows(t, 5, 1, 10*time.Second)
	b.clock.Add(100 * time.Millisecond)
	b.note(bad) // it has ended
	b.allows(t, 5, 0, 900*time.Millisecond)
	b.clock.Add(900 * time.Millisecond)
	b.allows(t, 5, 1, 10*time.Second)
}

// "Later, in two minutes" holds all that can wait, and the messages that waited are then sent on the ramp.
func TestRetryAfterPausesRetriesAndJobs(t *testing.T) {
	t.Parallel()
	later := func(code int, after time.Duration) deadletter.Attempt {
		return deadletter.Attempt{Outcome: deadletter.ErrorResponse, StatusCode: code, RetryAfter: after}
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
			b := newBreaker()
			b.Record("a-1", c.answer)
			if got := max(0, b.Status().PausedUntil.Sub(b.clock.Now())); got != c.paused {
				t.Fatalf("it is paused for %v, want %v", got, c.paused)
			}
			if c.paused == 0 {
				b.allows(t, 100, 100, 0)
				return
			}
			b.allows(t, 100, 0, c.paused)
			b.clock.Add(time.Minute)
			b.Record("a-1", later(429, time.Second)) // another answer shortens nothing
			b.note(good)
			b.allows(t, 100, 0, c.paused-time.Minute)
			b.clock.Add(c.paused - time.Minute)
			b.allows(t, 100, 0, 200*time.Millisecond)
			b.is(t, delivery.HalfOpen)
			b.clock.Add(time.Second)
			b.allows(t, 100, 10, 200*time.Millisecond)
		})
	}
}

func TestProbeNowIgnoresRetryAfter(t *testing.T) {
	t.Parallel()
	b := newBreaker()
	b.note(bad, bad, bad, bad)
	b.Record(
		"a-1",
		deadletter.Attempt{Outcome: deadletter.ErrorResponse, StatusCode: 503, RetryAfter: 10 * time.Minute},
	)
	b.clock.Add(time.Minute)
	b.allows(t, 100, 0, 9*time.Minute)
	b.ProbeNow()
	b.allows(t, 100, 1, 15*time.Second)
	b.allows(t, 100, 0, 15*time.Second)
}

// A destination with little traffic is down after a few different messages in a row, however slowly they come; one
// message that fails again and again says nothing about it.
func TestBreakerOpensAfterDifferentMessagesInARow(t *testing.T) {
	t.Parallel()
	down := deadletter.Attempt{Outcome: deadletter.ErrorResponse, StatusCode: 503}
	refused := deadletter.Attempt{Outcome: deadletter.ErrorResponse, StatusCode: 422}
	for name, c := range map[string]struct {
		ids   string // of the failed messages; a "-" is a response that shows that the destination is up
		every time.Duration
		want  delivery.BreakerState
	}{
		"five in fifty minutes":     {"abcde", 12 * time.Minute, delivery.Open},
		"four":                      {"abcd", time.Minute, delivery.Closed},
		"five within over an hour":  {"abcde", 16 * time.Minute, delivery.Closed},
		"one message, and again":    {"aaaaaaaaa", 2 * time.Minute, delivery.Closed},
		"one of them came through":  {"abc-defg", 2 * time.Minute, delivery.Closed},
		"five after one that came":  {"ab-cdefg", 2 * time.Minute, delivery.Open},
		"five, some of them twice":  {"aabbccdde", 2 * time.Minute, delivery.Open},
		"old ones are not counted":  {"abcdefgh", 16 * time.Minute, delivery.Closed},
		"with the rate under limit": {"abcde", 2 * time.Minute, delivery.Open},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBreakerWith(delivery.BreakerPolicy{
				FailureRate: 0.5, Window: time.Minute, MinDeliveries: 10, Consecutive: 5,
			})
			for _, id := range c.ids {
				b.clock.Add(c.every)
				if id == '-' {
					b.Record("up", refused)
				} else {
					b.Record(deadletter.ID(id), down)
				}
			}
			b.is(t, c.want)
		})
	}
}

// A half-open breaker counts failures in a row from zero.
func TestFailuresInARowBeginAnewWhenHalfOpen(t *testing.T) {
	t.Parallel()
	b := newBreakerWith(delivery.BreakerPolicy{
		FailureRate: 0.5, Window: time.Minute, MinDeliveries: 10, Consecutive: 2, RampStart: 1,
	})
	down := deadletter.Attempt{Outcome: deadletter.Unknown}
	b.Record("a", down)
	b.Record("b", down)
	b.is(t, delivery.Open)
	b.note(good)
	b.is(t, delivery.HalfOpen)
	b.Record("c", down)
	b.is(t, delivery.HalfOpen)
	b.Record("d", down)
	b.is(t, delivery.Open)
}

// A pause that the destination asked for ends when a probe is delivered, and with no other delivery.
func TestDeliveredProbeEndsAPause(t *testing.T) {
	t.Parallel()
	b := newBreaker()
	b.Record("a", deadletter.Attempt{Outcome: deadletter.ErrorResponse, StatusCode: 429, RetryAfter: time.Hour})
	probe := deadletter.Attempt{Outcome: deadletter.ErrorResponse, StatusCode: 429, Probe: true}
	b.Record("b", probe)
	b.note(good)
	if !b.Waits() {
		t.Fatal("the pause ended without a delivered probe")
	}
	probe.Outcome, probe.StatusCode = deadletter.Delivered, 200
	b.Record("b", probe)
	b.is(t, delivery.HalfOpen)
	if b.Waits() {
		t.Error("the pause goes on")
	}
}

// A clock that was ahead leaves times of the future. From then on they count as now, and do not move on with it.
func TestBreakerCountsFromNowAfterTheClockWasSetBack(t *testing.T) {
	t.Parallel()
	b := newBreaker()
	b.note(true, true, true, true)
	b.clock.Add(-12 * time.Hour)
	set := b.clock.Now()
	if is := b.Status(); is.State != delivery.Open || !is.Since.Equal(set) {
		t.Errorf("it is %s since %s, want since %s", is.State, is.Since, set)
	}
	b.clock.Add(15 * time.Second)
	if is := b.Status(); !is.Since.Equal(set) {
		t.Errorf("it is open since %s, want %s", is.Since, set)
	}
	if a := b.Allow(1, false); !a.Probe {
		t.Errorf("no probe may begin: %+v", a)
	}
}

func TestPauseEndsAfterTheClockWasSetBack(t *testing.T) {
	t.Parallel()
	b := newBreaker()
	b.Record("a-1", deadletter.Attempt{
		Outcome: deadletter.ErrorResponse, StatusCode: 429, RetryAfter: 10 * time.Minute,
	})
	b.clock.Add(-12 * time.Hour)
	if a := b.Allow(1, false); a.Count != 0 || a.RetryIn > time.Hour {
		t.Errorf("after a pause of 10 minutes it allows %+v", a)
	}
	b.clock.Add(time.Hour)
	if a := b.Allow(1, false); a.RetryIn > time.Second {
		t.Errorf("an hour later it allows %+v", a)
	}
}
