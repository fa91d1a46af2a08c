package delivery_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desktest"
)

func newTracker(
	t *testing.T, policies map[string]delivery.BreakerPolicy, now func() time.Time,
) *delivery.Tracker {
	t.Helper()
	return delivery.NewTracker(delivery.TrackerDeps{Client: setup(t), Policies: policies, Now: now})
}

func TestTrackerCountsFailuresInARow(t *testing.T) {
	t.Parallel()
	clock := desktest.NewClock()
	policy := delivery.BreakerPolicy{FailureRate: 1, Window: time.Hour, MinDeliveries: 100, Consecutive: 100}
	h := newTracker(t, map[string]delivery.BreakerPolicy{"genesys": policy}, clock.Now)
	url, _ := destination(t, func(w http.ResponseWriter, r *http.Request) {
		code, err := strconv.Atoi(r.Header.Get("X-Answer"))
		if err != nil {
			t.Error(err)
		}
		w.WriteHeader(code)
	})
	if got := h.Health("genesys"); !got.LatestAt.IsZero() {
		t.Fatalf("before a delivery it is %+v", got)
	}
	var since, delivered time.Time
	for _, step := range []struct {
		code, failures, refusals int
	}{
		{200, 0, 0},
		{422, 0, 1},
		{400, 0, 2},
		{503, 1, 0},
		{429, 2, 0},
		{500, 3, 0},
		{404, 0, 1},
		{503, 1, 0},
		{204, 0, 0},
	} {
		clock.Add(time.Minute)
		at := clock.Now()
		a := h.Send(t.Context(), to(url), request("{}", deadletter.Headers{"X-Answer": {strconv.Itoa(step.code)}}))
		if a.StatusCode != step.code {
			t.Fatalf("answered %+v", a)
		}
		if step.failures == 1 {
			since = at
		}
		if a.Outcome == deadletter.Delivered {
			delivered = at
		}
		got := h.Health("genesys")
		if got.Failures != step.failures || got.ErrorResponses != step.refusals || !got.LatestAt.Equal(at) ||
			!got.Breaker.DeliveredAt.Equal(delivered) ||
			got.Latest.StatusCode != step.code {
			t.Errorf("after a %d it is %+v", step.code, got)
		}
		want := time.Time{}
		if step.failures > 0 {
			want = since
		}
		if !got.FailingSince.Equal(want) {
			t.Errorf("after a %d it fails since %s, want %s", step.code, got.FailingSince, want)
		}
	}
	if got := h.Health("cxone"); !got.LatestAt.IsZero() {
		t.Errorf("another source is %+v", got)
	}
}

func TestTrackerCountsRefusedConnections(t *testing.T) {
	t.Parallel()
	clock := desktest.NewClock()
	h := newTracker(t, nil, clock.Now)
	for range 2 {
		h.Send(t.Context(), to("http://127.0.0.1:1"), request("{}", nil))
	}
	if got := h.Health(
		"genesys",
	); got.Failures != 2 || !got.FailingSince.Equal(clock.Now()) || got.Latest.Outcome != deadletter.Unreachable ||
		got.Latest.Error == "" {
		t.Errorf("it is %+v", got)
	}
}

// A delivery that waited in vain says nothing about its destination.
func TestTrackerIgnoresDeliveriesThatWereNotTried(t *testing.T) {
	t.Parallel()
	policy := delivery.BreakerPolicy{FailureRate: 0.1, Window: time.Minute, MinDeliveries: 1}
	h := newTracker(t, map[string]delivery.BreakerPolicy{"genesys": policy}, time.Now)
	url, _ := destination(t, ok)
	there := hurried(url)
	there.RateLimit = delivery.NewRateLimit(0.1, time.Now)
	there.RateLimit.Reserve()
	for _, test := range []struct {
		reserved bool
		want     deadletter.Outcome
	}{{false, deadletter.Unreachable}, {true, deadletter.Delivered}} {
		t.Run(fmt.Sprintf("reserved=%t", test.reserved), func(t *testing.T) {
			r := request("{}", nil)
			r.Reserved = test.reserved
			a := h.Send(t.Context(), there, r)
			if got := h.Health("genesys"); a.Outcome != test.want || got.Failures != 0 ||
				h.Breaker("genesys").Status().State != delivery.Closed {
				t.Errorf("after %+v it is %+v", a, got)
			}
		})
	}
}

// After a restart a destination that was down has been down since the same time, and is probed at once. A destination
// that was up starts without a state.
func TestTrackerRestoresSnapshots(t *testing.T) {
	t.Parallel()
	clock := desktest.NewClock()
	policy := delivery.BreakerPolicy{
		FailureRate:   0.5,
		Window:        time.Minute,
		MinDeliveries: 2,
		ProbeInterval: time.Minute,
		ProbeTimeout:  time.Second,
		RampStart:     1,
	}
	policies := map[string]delivery.BreakerPolicy{"down": policy, "shaky": policy, "up": policy, "busy": policy}
	changes := 0
	before := delivery.NewTracker(delivery.TrackerDeps{
		Client: setup(t), Policies: policies, OnChange: func() { changes++ }, Now: clock.Now,
	})
	url, _ := destination(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/busy":
			w.Header().Set("Retry-After", "600")
			w.WriteHeader(http.StatusTooManyRequests)
		case "/down", "/shaky":
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	for _, source := range []string{"down", "down", "shaky", "up", "busy"} {
		there := to(url + "/" + source)
		there.Source = source
		before.Send(t.Context(), there, request("{}", nil))
		clock.Add(time.Second)
	}
	if changes != 1 {
		t.Errorf("%d changes were told", changes)
	}
	text, err := json.Marshal(before.Snapshots())
	if err != nil {
		t.Fatal(err)
	}
	var memory map[string]delivery.Snapshot
	if err := json.Unmarshal(text, &memory); err != nil {
		t.Fatal(err)
	}
	if _, ok := memory["up"]; ok {
		t.Error("it remembers that a destination was up")
	}
	clock.Add(time.Minute)
	delete(policies, "shaky") // a source that is no longer configured is forgotten
	after := delivery.NewTracker(delivery.TrackerDeps{
		Client: setup(t), Policies: policies, Restore: memory, Now: clock.Now,
	})
	got, want := after.Health("down"), before.Health("down")
	if !got.FailingSince.Equal(want.FailingSince) || !got.LatestAt.Equal(want.LatestAt) || got.Failures != 2 ||
		got.Latest.StatusCode != 502 ||
		got.Latest.Error != want.Latest.Error {
		t.Errorf("down: %+v, before %+v", got, want)
	}
	b := after.Breaker("down")
	if at := b.Status(); at.State != delivery.Open || !at.Since.Equal(before.Breaker("down").Status().Since) {
		t.Errorf("down: %+v", at)
	}
	if a := b.Allow(5, false); a.Count != 1 || !a.Probe {
		t.Errorf("down: it allows %+v", a)
	}
	if got := after.Health("up"); !got.LatestAt.IsZero() {
		t.Errorf("up: %+v", got)
	}
	paused := after.Health("busy").Breaker.PausedUntil.Sub(clock.Now())
	if paused < 8*time.Minute || paused > 9*time.Minute {
		t.Errorf("busy: paused for %v", paused)
	}
}

// The tracker reports a breaker that lets deliveries through again, after a successful delivery as well as after an
// ordered probe.
func TestTrackerReportsBreakerChanges(t *testing.T) {
	t.Parallel()
	clock, told := desktest.NewClock(), 0
	policy := delivery.BreakerPolicy{
		FailureRate:   0.5,
		Window:        time.Minute,
		MinDeliveries: 1,
		ProbeInterval: time.Hour,
		RampStart:     10,
	}
	h := delivery.NewTracker(delivery.TrackerDeps{
		Client:   setup(t),
		Policies: map[string]delivery.BreakerPolicy{"genesys": policy},
		OnChange: func() { told++ },
		Now:      clock.Now,
	})
	b := h.Breaker("genesys")
	for n, do := range []func(){
		func() { b.Record("a-1", deadletter.Attempt{Outcome: deadletter.Unreachable}) },
		b.ProbeNow,
		func() { b.Record("a-1", deadletter.Attempt{Outcome: deadletter.Delivered}) },
	} {
		if do(); told != n+1 {
			t.Errorf("after step %d they were told %d times", n+1, told)
		}
	}
}

// A delivery that dlqdesk cancelled itself is no failure of its destination.
func TestTrackerIgnoresDeliveriesThatWereCutOff(t *testing.T) {
	t.Parallel()
	policy := delivery.BreakerPolicy{FailureRate: 0.1, Window: time.Minute, MinDeliveries: 1}
	h := newTracker(t, map[string]delivery.BreakerPolicy{"genesys": policy}, time.Now)
	ctx, cutOff := context.WithCancel(t.Context())
	url, _ := destination(t, func(_ http.ResponseWriter, r *http.Request) {
		cutOff()
		<-r.Context().Done()
	})
	a := h.Send(ctx, to(url), request("{}", nil))
	if got := h.Health("genesys"); a.Outcome != deadletter.Unknown || !got.LatestAt.IsZero() ||
		h.Breaker("genesys").Status().State != delivery.Closed {
		t.Errorf("after %+v it is %+v", a, got)
	}
}

// A pause that a destination asked for by Retry-After survives a restart.
func TestSnapshotKeepsAnUnexpiredPause(t *testing.T) {
	t.Parallel()
	clock := desktest.NewClock()
	policy := delivery.BreakerPolicy{FailureRate: 0.5, Window: time.Minute, MinDeliveries: 4, RampStart: 1}
	h := newTracker(t, map[string]delivery.BreakerPolicy{"genesys": policy}, clock.Now)
	h.Breaker("genesys").
		Record("a-1",
			deadletter.Attempt{
				Outcome: deadletter.ErrorResponse, StatusCode: http.StatusTooManyRequests,
				RetryAfter: 10 * time.Minute,
			},
		)
	until := clock.Now().Add(10 * time.Minute)
	if got := h.Snapshots()["genesys"].PausedUntil; !got.Equal(until) {
		t.Errorf("it is remembered to be paused until %s, want %s", got, until)
	}
	clock.Add(10 * time.Minute)
	if memory := h.Snapshots(); len(memory) != 0 {
		t.Errorf("once that is over %+v is remembered", memory)
	}
}

// A reload goes on with the breakers as they stand, by their new policies.
func TestConfigureKeepsBreakersAsTheyStand(t *testing.T) {
	t.Parallel()
	policy := delivery.BreakerPolicy{FailureRate: 0.1, Window: time.Minute, MinDeliveries: 1, RampStart: 2}
	h := newTracker(t, map[string]delivery.BreakerPolicy{"down": policy, "gone": policy}, time.Now)
	h.Breaker("down").Record("a-1", deadletter.Attempt{Outcome: deadletter.Unreachable, Done: true})
	if state := h.BreakerStatuses()["down"].State; state != delivery.Open {
		t.Fatalf("the breaker is %s", state)
	}
	before := h.Breaker("down")
	policy.RampStart = 7
	h.Configure(map[string]delivery.BreakerPolicy{"down": policy, "new": policy})
	after := h.BreakerStatuses()
	if h.Breaker("down") != before || after["down"].State != delivery.Open {
		t.Errorf("the breaker that stays is %+v", after["down"])
	}
	if h.Breaker("gone") != nil || after["new"].State != delivery.Closed || len(after) != 2 {
		t.Errorf("the breakers are %+v", after)
	}
	before.Record("a-1", deadletter.Attempt{Outcome: deadletter.Delivered, Done: true})
	if is := before.Status(); is.State != delivery.HalfOpen || is.Rate != 7 {
		t.Errorf("half-open it is %+v", is)
	}
}

// A breaker that opens and recovers is recorded, also if the store could not be written at first.
func TestBreakerChangesAreRecorded(t *testing.T) {
	t.Parallel()
	clock, saved := desktest.NewClock(), make(chan []deadletter.Event)
	policy := delivery.BreakerPolicy{
		FailureRate: 0.5, Window: time.Minute, MinDeliveries: 1, ProbeInterval: time.Hour, RampStart: 10,
	}
	h := delivery.NewTracker(delivery.TrackerDeps{
		Client: setup(t), Policies: map[string]delivery.BreakerPolicy{"genesys": policy}, Now: clock.Now,
		Log: slog.New(slog.DiscardHandler),
		Save: func(_ context.Context, _ map[string][]byte, events []deadletter.Event) error {
			saved <- events
			return errors.New("the file is locked")
		},
	})
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = h.Run(ctx) })
	defer running.Wait()
	defer stop()
	told := func() (text string) {
		for _, e := range <-saved {
			text += e.Action + " " + e.Target + " " + e.Source + " " + string(e.After) + "\n"
		}
		return text
	}
	h.Breaker("genesys").Record("a-1", deadletter.Attempt{Outcome: deadletter.Unreachable})
	const opened = `breaker.open genesys genesys {"outcome":""}` + "\n"
	if got := told(); got != opened {
		t.Errorf("recorded was %s", got)
	}
	clock.Add(90 * time.Second)
	h.Breaker("genesys").Record("a-1", deadletter.Attempt{Outcome: deadletter.Delivered})
	if got := told(); got != opened+`breaker.recover genesys genesys {"down":"1m30s"}`+"\n" {
		t.Errorf("recorded was %s", got)
	}
}
