package delivery_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
)

// halfOpen returns a breaker whose destination has just responded again.
func halfOpen(t *testing.T, start int, limit float64) testBreaker {
	t.Helper()
	b := newBreakerWith(delivery.BreakerPolicy{
		FailureRate: 1, Window: time.Minute, MinDeliveries: 1000, Consecutive: 5, RampStart: start, RateLimit: limit,
	})
	for _, id := range []deadletter.ID{"a", "b", "c", "d", "e"} {
		b.Record(id, deadletter.Attempt{Outcome: deadletter.Unreachable})
	}
	b.is(t, delivery.Open)
	b.note(good)
	b.is(t, delivery.HalfOpen)
	return b
}

// pass lets a backlog without end through for some time, at a destination that responds at once.
func (b testBreaker) pass(lasting time.Duration, result bool) (sent int) {
	const step = 10 * time.Millisecond
	for ; lasting > 0; lasting -= step {
		b.clock.Add(step)
		n := b.Allow(math.MaxInt, true).Count
		for range n {
			b.note(result)
		}
		sent += n
	}
	return sent
}

func TestRampDoublesWithEachSecondOfSuccess(t *testing.T) {
	t.Parallel()
	b := halfOpen(t, 20, 0)
	total := 0
	for second, want := range []float64{40, 80, 160, 320, 640, 1280, 2560, 5120} {
		total += b.pass(time.Second, good)
		if got := b.Status().Rate; got < 0.85*want || got > 1.1*want {
			t.Errorf("after %d seconds of success it lets %f a second through, want about %f", second+1, got, want)
		}
	}
	if total < 5000 {
		t.Errorf("in 8 seconds it let %d through", total)
	}
	b.is(t, delivery.HalfOpen) // more wait
}

// However slow a rate is, it lets deliveries through a few times a second, and not one by one.
func TestRampLetsBatchesThrough(t *testing.T) {
	t.Parallel()
	b := halfOpen(t, 20, 0)
	b.allows(t, 100, 0, 250*time.Millisecond)
	b.clock.Add(200 * time.Millisecond)
	b.allows(t, 100, 0, 50*time.Millisecond)
	b.clock.Add(50 * time.Millisecond)
	b.allows(t, 100, 5, 250*time.Millisecond)
	b.allows(t, 100, 0, 250*time.Millisecond)
	slow := halfOpen(t, 1, 0)
	slow.clock.Add(time.Second)
	slow.allows(t, 100, 1, time.Second)
}

func TestRampFallsBackOnFailures(t *testing.T) {
	t.Parallel()
	b := halfOpen(t, 20, 0)
	b.pass(4*time.Second, good)
	before := b.Status().Rate
	b.note(bad)
	if got := b.Status().Rate; got != before/2 {
		t.Errorf("after a failure it lets %f of %f a second through", got, before)
	}
	for range 10 {
		b.note(bad, good)
	}
	if got := b.Status().Rate; got < 20 || got > 21 {
		t.Errorf("after ten more it lets %f a second through, want the start", got)
	}
}

// A handler that recovers for two seconds and then fails again gets no more than one batch before the breaker is open.
func TestRampSendsNoBurstToAFailingHandler(t *testing.T) {
	t.Parallel()
	b := halfOpen(t, 20, 0)
	b.pass(2*time.Second, good)
	rate, sent := b.Status().Rate, 0
	for _, id := range []deadletter.ID{"a", "b", "c", "d", "e"} {
		b.clock.Add(250 * time.Millisecond)
		sent += b.Allow(1000, true).Count
		b.Record(id, deadletter.Attempt{Outcome: deadletter.ErrorResponse, StatusCode: 503})
	}
	b.is(t, delivery.Open)
	if float64(sent) > rate {
		t.Errorf("while it failed again %d were let through, at %f a second", sent, rate)
	}
}

// Other deliveries, such as new webhooks, raise the rate no more than those would that it let through. A rate that is
// not used up is not raised, and its status says so.
func TestRampRisesByItsOwnDeliveries(t *testing.T) {
	t.Parallel()
	b := halfOpen(t, 20, 0)
	for range 1000 {
		b.note(good)
	}
	if is := b.Status(); is.Rate != 20 || is.RateUnused {
		t.Errorf("webhooks alone make it %+v", is)
	}
	for range 100 { // as a job does at a rate of 5 a second
		b.clock.Add(200 * time.Millisecond)
		b.Allow(1, true)
		b.note(good)
	}
	if is := b.Status(); is.Rate > 25 || !is.RateUnused {
		t.Errorf("a slow job makes it %+v", is)
	}
}

// A batch that is not sent leaves its place to others.
func TestRampTakesBackWhatIsNotSent(t *testing.T) {
	t.Parallel()
	b := halfOpen(t, 20, 0)
	b.clock.Add(time.Second)
	b.allows(t, 100, 20, 250*time.Millisecond)
	b.GiveBack(15)
	b.allows(t, 100, 15, 250*time.Millisecond)
}

// Whatever happens, the ramp stays between its start and the limit of its destination, and lets no more through than
// its rate, but for one second's worth that was saved.
func TestRampStaysWithinItsBounds(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // a test
		start, limit := 1+random.IntN(50), float64(random.IntN(200))
		b := halfOpen(t, start, limit)
		lowest := float64(start)
		if limit > 0 {
			lowest = min(lowest, limit)
		}
		let, most := 0, 0.0
		for range 500 {
			step := time.Duration(random.IntN(300)) * time.Millisecond
			b.clock.Add(step)
			rate := b.Status().Rate
			most += rate * step.Seconds()
			let += b.Allow(random.IntN(500), true).Count
			if rate < lowest || limit > 0 && rate > limit {
				t.Fatalf("seed %d: the rate %f is out of its bounds %f to %f", seed, rate, lowest, limit)
			}
			if saved := max(1, rate); float64(let) > most+saved {
				t.Fatalf("seed %d: %d were let through, at most %f may be", seed, let, most+saved)
			}
			for range random.IntN(20) {
				status := 422 + random.IntN(2)*81 // or 503
				b.Record("a", deadletter.Attempt{Outcome: deadletter.ErrorResponse, StatusCode: status})
			}
			if b.Status().State != delivery.HalfOpen {
				t.Fatalf("seed %d: it is %s", seed, b.Status().State)
			}
		}
	}
}

// A pause that the destination asked for begins the ramp anew.
func TestRampBeginsAnewAfterAPause(t *testing.T) {
	t.Parallel()
	b := halfOpen(t, 20, 0)
	b.pass(4*time.Second, good)
	b.Record("a", deadletter.Attempt{Outcome: deadletter.ErrorResponse, StatusCode: 429, RetryAfter: 5 * time.Second})
	b.clock.Add(5 * time.Second)
	b.allows(t, 100, 0, 250*time.Millisecond)
	if is := b.Status(); is.Rate != 20 {
		t.Errorf("it goes on with %f a second", is.Rate)
	}
}

// An order lets an open breaker probe at once, but neither beside another probe nor within a pause.
func TestProbeSoon(t *testing.T) {
	t.Parallel()
	b := newBreaker()
	b.note(bad, bad, bad, bad)
	b.ProbeSoon()
	b.allows(t, 100, 1, 15*time.Second)
	b.ProbeSoon()
	b.allows(t, 100, 0, 15*time.Second)
	b.note(bad)
	b.ProbeSoon()
	b.Record("a", deadletter.Attempt{Outcome: deadletter.ErrorResponse, StatusCode: 503, RetryAfter: time.Minute})
	b.allows(t, 100, 0, time.Minute)
	b.clock.Add(time.Minute)
	b.allows(t, 100, 1, 15*time.Second)
}
