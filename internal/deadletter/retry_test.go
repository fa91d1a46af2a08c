package deadletter_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
)

const nearlyOne = 1 - 1.0/(1<<53)

func TestDelayIsUpToAQuarterShorterThanItsSchedule(t *testing.T) {
	t.Parallel()
	p := deadletter.RetryPolicy{MaxAttempts: 6, Base: 5 * time.Second, Factor: 4, Cap: 15 * time.Minute}
	schedule := []time.Duration{
		5 * time.Second,
		20 * time.Second,
		80 * time.Second,
		320 * time.Second,
		15 * time.Minute,
	}
	if got := p.Schedule(); !slices.Equal(got, schedule) {
		t.Errorf("the schedule is %v, want %v", got, schedule)
	}
	for i, want := range append(schedule, 15*time.Minute) {
		t.Run(fmt.Sprintf("%d deliveries", i+1), func(t *testing.T) {
			if got := p.Delay(i+1, 0); got != want*3/4 {
				t.Errorf("the least delay is %s, want %s", got, want*3/4)
			}
			if got := p.Delay(i+1, 0.5); got != want*7/8 {
				t.Errorf("half the roll is %s, want %s", got, want*7/8)
			}
			if got := p.Delay(i+1, nearlyOne); got > want || got < want-time.Microsecond {
				t.Errorf("the longest delay is %s, want nearly %s", got, want)
			}
		})
	}
	if got := (deadletter.RetryPolicy{MaxAttempts: 1, Base: time.Second, Cap: time.Second}).Schedule(); len(got) > 0 {
		t.Errorf("without retries the schedule is %v", got)
	}
	same := deadletter.RetryPolicy{MaxAttempts: 4, Base: time.Second, Cap: time.Hour}
	if got := same.Schedule(); !slices.Equal(got, slices.Repeat([]time.Duration{time.Second}, 3)) {
		t.Errorf("without a factor the schedule is %v", got)
	}
}

func TestDelayNeverOverflows(t *testing.T) {
	t.Parallel()
	for _, p := range []deadletter.RetryPolicy{
		{Base: time.Nanosecond, Cap: math.MaxInt64, Factor: 1.1},
		{Base: time.Nanosecond, Cap: math.MaxInt64, Factor: 1e300},
		{Base: math.MaxInt64/2 + 1, Cap: math.MaxInt64, Factor: 2},
		{Base: math.MaxInt64, Cap: math.MaxInt64},
		{Base: time.Hour, Cap: time.Minute},
		{Base: 0, Cap: time.Hour},
		{Base: time.Second, Cap: 0},
	} {
		t.Run(fmt.Sprintf("%s up to %s", p.Base, p.Cap), func(t *testing.T) {
			last := time.Duration(0)
			for _, n := range []int{math.MinInt, -1, 0, 1, 2, 40, 64, 65, 1000, math.MaxInt} {
				got := p.Delay(n, 0.5)
				if got < last || got > p.Cap {
					t.Errorf("%+v after %d deliveries: %s, want from %s to %s", p, n, got, last, p.Cap)
				}
				last = got
			}
		})
	}
}

func FuzzDelay(f *testing.F) {
	f.Add(int64(2*time.Second), int64(15*time.Minute), 4.0, 3, 0.7)
	f.Add(int64(math.MaxInt64), int64(math.MaxInt64), math.Inf(1), math.MaxInt, nearlyOne)
	f.Fuzz(func(t *testing.T, base, ceiling int64, factor float64, n int, roll float64) {
		if base < 0 || ceiling < 0 || !(roll >= 0 && roll < 1) {
			t.Skip()
		}
		p := deadletter.RetryPolicy{Base: time.Duration(base), Cap: time.Duration(ceiling), Factor: factor}
		// A float has 53 bits: next to the longest duration the product is rounded.
		if got := p.Delay(n, roll); got < 0 || ceiling < 1<<52 && got > p.Cap {
			t.Errorf("%+v.Delay(%d, %v) = %s", p, n, roll, got)
		}
	})
}

func TestWhichFailuresAreTransient(t *testing.T) {
	t.Parallel()
	transient := map[int]bool{408: true, 425: true, 429: true}
	for code := 100; code < 1000; code++ {
		if got, want := (deadletter.Attempt{Outcome: deadletter.ErrorResponse, StatusCode: code}).Transient(),
			transient[code] ||
				code >= 500; got != want {
			t.Errorf("%d: transient %t, want %t", code, got, want)
		}
	}
	for outcome, want := range map[deadletter.Outcome]bool{
		deadletter.Unreachable: true,
		deadletter.Unknown:     true, deadletter.Delivered: false, "": false,
	} {
		t.Run(fmt.Sprintf("%q", outcome), func(t *testing.T) {
			if got := (deadletter.Attempt{Outcome: outcome}).Transient(); got != want {
				t.Errorf("%q: transient %t, want %t", outcome, got, want)
			}
		})
	}
}

// finished returns the message after one more delivery with that result, so many automatic ones having been made.
func finished(t *testing.T, made int, a deadletter.Attempt, p deadletter.RetryPolicy, roll float64) deadletter.Message {
	t.Helper()
	l := inFlight(deadletter.TriggerAuto)
	l.AutoAttempts = made
	c, err := l.Finish(l.Lease.Token, a, p, roll, now)
	if err != nil {
		t.Fatal(err)
	}
	return c.After
}

func TestMaxAttemptsCountTheReceivers(t *testing.T) {
	t.Parallel()
	p := deadletter.RetryPolicy{MaxAttempts: 3, Base: time.Second, Cap: time.Minute}
	down := deadletter.Attempt{Outcome: deadletter.ErrorResponse, StatusCode: 503, Error: "down", Done: true}

	l := deadletter.NewMessage(deadletter.Capture{ID: "a", Source: "genesys", FirstAttempt: &down}, p, 0, now).After
	deliveries := 1
	for l.Status == deadletter.Retrying {
		claimed, err := l.Claim(deadletter.Lease{Token: "t", Until: now.Add(time.Minute)}, "", l.DueAt)
		if err != nil {
			t.Fatal(err)
		}
		done, err := claimed.After.Finish("t", down, p, 0, now)
		if err != nil {
			t.Fatal(err)
		}
		l = done.After
		deliveries++
	}
	if deliveries != 3 || l.Status != deadletter.Failed || !l.DueAt.IsZero() || l.AutoAttempts != 3 ||
		l.Reason != "down" {
		t.Errorf("%d deliveries, then %s due %s after %d automatic ones; want 3, then failed", deliveries, l.Status,
			l.DueAt, l.AutoAttempts)
	}
}

func TestReplaysDoNotUseUpAutomaticAttempts(t *testing.T) {
	t.Parallel()
	p := deadletter.RetryPolicy{MaxAttempts: 3, Base: time.Second, Cap: time.Minute}
	l := messageIn(deadletter.Failed)
	l.AutoAttempts = 2
	ordered, err := l.Replay(anna, deadletter.TriggerReplay, l.Revision, l.Version, now)
	if err != nil {
		t.Fatal(err)
	}
	claimed, err := ordered.After.Claim(deadletter.Lease{Token: "t"}, "", now)
	if err != nil {
		t.Fatal(err)
	}
	if claimed.After.AutoAttempts != 2 || claimed.After.Attempts != l.Attempts+1 {
		t.Errorf("a replay counts as automatic: %+v", claimed.After)
	}
	done, err := claimed.After.Finish(
		"t", deadletter.Attempt{Outcome: deadletter.Unknown, Error: "no answer"}, p, 0.5, now,
	)
	if err != nil {
		t.Fatal(err)
	}
	if done.After.Status != deadletter.Retrying || !done.After.DueAt.Equal(now.Add(875*time.Millisecond)) {
		t.Errorf("with an automatic attempt left it is %s, due %s", done.After.Status, done.After.DueAt)
	}
}

func TestPermanentFailuresAreNotRetried(t *testing.T) {
	t.Parallel()
	p := deadletter.RetryPolicy{MaxAttempts: 5, Base: time.Second, Cap: time.Minute}
	for _, code := range []int{301, 302, 400, 401, 403, 404, 409, 410, 413, 422} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			l := finished(
				t, 1,
				deadletter.Attempt{Outcome: deadletter.ErrorResponse, StatusCode: code, Error: fmt.Sprint(code)},
				p, 0,
			)
			if l.Status != deadletter.Failed || !l.DueAt.IsZero() || l.StatusCode != code ||
				l.Reason != fmt.Sprint(code) {
				t.Errorf("%d: %s, due %s, code %d, reason %q", code, l.Status, l.DueAt, l.StatusCode, l.Reason)
			}
		})
	}
}

func TestRetryAfterIsHonouredAndBounded(t *testing.T) {
	t.Parallel()
	p := deadletter.RetryPolicy{MaxAttempts: 5, Base: 10 * time.Second, Cap: time.Minute}
	for _, c := range []struct{ after, want time.Duration }{
		{0, 8750 * time.Millisecond},
		{-time.Hour, 8750 * time.Millisecond},
		{time.Second, 8750 * time.Millisecond}, // the backoff is longer
		{90 * time.Second, 90 * time.Second},
		{24 * time.Hour, 24 * time.Hour},
		{1000 * time.Hour, 24 * time.Hour},
		{math.MaxInt64, 24 * time.Hour},
	} {
		t.Run(c.after.String(), func(t *testing.T) {
			l := finished(
				t, 1, deadletter.Attempt{Outcome: deadletter.ErrorResponse, StatusCode: 429, RetryAfter: c.after},
				p, 0.5,
			)
			if l.Status != deadletter.Retrying || l.DueAt.Sub(now) != c.want {
				t.Errorf("Retry-After %s: %s, due in %s, want in %s", c.after, l.Status, l.DueAt.Sub(now), c.want)
			}
		})
	}
}

// A message that was lent to test a destination which is down has as many attempts left as before; one that is
// refused, or delivered, is dealt with like any other.
func TestFailedProbesUseUpNothing(t *testing.T) {
	t.Parallel()
	p := deadletter.RetryPolicy{MaxAttempts: 2, Base: time.Second, Cap: time.Minute}
	for _, c := range []struct {
		attempt deadletter.Attempt
		want    deadletter.Status
		made    int
	}{
		{deadletter.Attempt{Outcome: deadletter.Unreachable, Probe: true}, deadletter.Retrying, 1},
		{deadletter.Attempt{Outcome: deadletter.ErrorResponse, StatusCode: 503, Probe: true}, deadletter.Retrying, 1},
		{deadletter.Attempt{Outcome: deadletter.ErrorResponse, StatusCode: 503}, deadletter.Failed, 2},
		{deadletter.Attempt{Outcome: deadletter.ErrorResponse, StatusCode: 404, Probe: true}, deadletter.Failed, 2},
		{deadletter.Attempt{Outcome: deadletter.Delivered, Probe: true}, deadletter.Resolved, 2},
	} {
		t.Run(fmt.Sprintf("%s %d", c.attempt.Outcome, c.attempt.StatusCode), func(t *testing.T) {
			if l := finished(t, 2, c.attempt, p, 0.5); l.Status != c.want || l.AutoAttempts != c.made {
				t.Errorf("after %+v it is %s, with %d attempts used up", c.attempt, l.Status, l.AutoAttempts)
			}
		})
	}
}

// A probe is a delivery that a person requests, before the retry is due and at no cost to its attempts.
func TestProbeIsDeliveredBeforeItsRetryIsDue(t *testing.T) {
	t.Parallel()
	p := deadletter.RetryPolicy{MaxAttempts: 3, Base: time.Second, Cap: time.Minute}
	m := messageIn(deadletter.Retrying)
	m.DueAt, m.Lease, m.AutoAttempts = now.Add(time.Hour), deadletter.Lease{}, 2
	c, err := m.Probe(anna, m.Version, now)
	if err != nil || c.After.Status != deadletter.Replaying || !c.After.DueAt.Equal(now) ||
		c.Event.Action != "destination.probe" || c.Event.By != "anna" ||
		c.After.LastChange.Action != "sent as a probe" {
		t.Fatalf("%+v, %v", c, err)
	}
	if _, err := c.After.Probe(anna, c.After.Version, now); deadletter.KindOf(err) != deadletter.Conflict ||
		!strings.Contains(err.Error(), "already sent as a probe by anna") {
		t.Errorf("a second one: %v", err)
	}
	claimed, err := c.After.Claim(deadletter.Lease{Token: "t"}, "", now)
	if err != nil || claimed.Attempt.Trigger != deadletter.TriggerProbe {
		t.Fatalf("%+v, %v", claimed, err)
	}
	failed := deadletter.Attempt{Outcome: deadletter.ErrorResponse, StatusCode: 503, Error: "down"}
	done, err := claimed.After.Finish("t", failed, p, 0, now)
	if err != nil || done.After.Status != deadletter.Retrying || done.After.AutoAttempts != 2 {
		t.Errorf("after it has failed: %+v, %v", done.After, err)
	}
}

func TestClaimEarlyTakesARetryThatIsDueLater(t *testing.T) {
	t.Parallel()
	m := messageIn(deadletter.Retrying)
	m.DueAt, m.Lease = now.Add(time.Hour), deadletter.Lease{}
	if _, err := m.Claim(deadletter.Lease{Token: "t"}, "", now); deadletter.KindOf(err) != deadletter.Conflict {
		t.Errorf("a claim before it is due: %v", err)
	}
	if c, err := m.ClaimEarly(deadletter.Lease{Token: "t"}, "", now); err != nil || c.After.Lease.Token != "t" {
		t.Errorf("an early claim: %+v, %v", c.After, err)
	}
	for _, status := range []deadletter.Status{deadletter.Failed, deadletter.Resolved, deadletter.Archived} {
		m := messageIn(status)
		m.DueAt, m.Lease = time.Time{}, deadletter.Lease{}
		if _, err := m.ClaimEarly(
			deadletter.Lease{Token: "t"},
			"",
			now,
		); deadletter.KindOf(err) != deadletter.Conflict {
			t.Errorf("%s: %v", status, err)
		}
	}
}
