package worker_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/pressure"
	"dlqdesk/internal/worker"
)

// timed is a sender whose deliveries all succeed. It lists when each came.
type timed chan time.Time

func (s timed) Send(context.Context, delivery.Destination, delivery.Request) deadletter.Attempt {
	s <- time.Now()
	return deadletter.Attempt{StartedAt: time.Now(), Done: true, Outcome: deadletter.Delivered, StatusCode: 200}
}

// While webhooks fail faster than the machine can do everything, retries have a turn once a second. Afterwards they
// catch up.
func TestRetriesYieldToCaptures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const retries, underPressure = 8, 3
		const between = 100 * time.Millisecond // no turn comes just when they are counted
		s, sender := desktest.NewStore(t), make(timed, retries)
		for n := range retries {
			desktest.Receive(t, s, desktest.Failure(fmt.Sprintf("a-%d", n), 503, time.Now()))
		}
		time.Sleep(time.Minute) // they are due
		tracker := delivery.NewTracker(delivery.TrackerDeps{
			Policies: map[string]delivery.BreakerPolicy{"genesys": breaker}, OnChange: func() {}, Now: time.Now,
		})
		gauge := pressure.New(desktest.Busy)
		w := worker.New(worker.Deps{
			Masks: desktest.NoMasks, Store: s, Sender: sender, Pressure: gauge, Now: time.Now,
			Sources: desktest.Always([]worker.Source{{
				Name: "genesys", Retry: desktest.Policy(), Slots: 1, Breaker: tracker.Breaker("genesys"),
				Destination: delivery.Destination{Source: "genesys", Timeout: time.Second, MaxConcurrent: 1},
			}}),
			Random: func() float64 { return 0.5 }, Log: desktest.Log(t),
		})
		desktest.Capture(gauge, time.Second)
		ctx, stop := context.WithCancel(t.Context())
		ended, begun := make(chan error), time.Now()
		go func() { ended <- w.Run(ctx) }()
		desktest.Capture(gauge, underPressure*time.Second-between)
		if n := len(sender); n != underPressure {
			t.Errorf("%d retries in %v of pressure", n, time.Since(begun))
		}
		time.Sleep(time.Second + 2*between)
		if n := len(sender); n != retries {
			t.Errorf("%d of %d retries a second afterwards", n, retries)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
