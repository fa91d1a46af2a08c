package worker_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
)

// However long a destination is down, probing it takes no message's attempts: they are all there when it is up again.
func TestProbesCountNoAttempts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.destination.Set(desktest.Answer(http.StatusBadGateway, `{}`))
	for range breaker.MinDeliveries {
		b.breaker.Record(deadletter.Attempt{Outcome: deadletter.Unknown})
	}
	ids := []deadletter.ID{"a-0", "a-1"}
	for _, id := range ids {
		desktest.Receive(t, b.store, desktest.Failure(string(id), 503, b.clock.Now()))
	}
	b.run(t)
	probes := 3 * desktest.Policy().MaxAttempts
	for i := range probes {
		b.clock.Add(time.Hour) // whatever the delay after the probe before was
		b.worker.Kick()
		b.received(t, i+1)
	}
	attempts := 0
	for _, id := range ids {
		l := desktest.Message(t, b.store, id)
		if l.Status != deadletter.Retrying || l.AutoAttempts != 1 {
			t.Errorf("message %s is %s after %d of its attempts", id, l.Status, l.AutoAttempts)
		}
		attempts += l.Attempts - 1
	}
	if attempts != probes {
		t.Errorf("the messages tell of %d probes, %d were made", attempts, probes)
	}
	b.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	b.until(t, func() bool {
		b.clock.Add(time.Minute)
		b.worker.Kick()
		return b.breaker.Status().State == delivery.Closed
	})
	for _, id := range ids {
		b.becomes(t, id, deadletter.Resolved)
	}
}

// An operator's probe does not wait for the time of a retry, nor for that of the next probe.
func TestProbeOnRequest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range breaker.MinDeliveries {
		b.breaker.Record(deadletter.Attempt{Outcome: deadletter.Unknown})
	}
	b.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	desktest.Receive(t, b.store, desktest.Failure("a-1", 503, b.clock.Now()))
	b.run(t)
	if err := b.Probe(t.Context(), anna, "genesys"); err != nil {
		t.Fatal(err)
	}
	b.becomes(t, "a-1", deadletter.Resolved)
	if got := b.attempts(t, "a-1")[0]; got.Trigger != deadletter.TriggerAuto || got.Actor != "system" {
		t.Errorf("the probe was %+v", got)
	}
}

// What platforms send brings a destination back as well: nothing needs to be waiting, and no person needs to look.
func TestBreakerClosesWithoutWaitingMessages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.run(t)
	for range breaker.MinDeliveries {
		b.breaker.Record(deadletter.Attempt{Outcome: deadletter.Unknown})
	}
	b.settles(t, delivery.Open)
	b.breaker.Record(deadletter.Attempt{Outcome: deadletter.Delivered, StatusCode: 200})
	b.settles(t, delivery.HalfOpen)
	b.clock.Add(2 * time.Second)
	b.settles(t, delivery.Closed) // by the worker, which was told
}

// A destination that says "in ten minutes" gets no retry and no message of a job until then; what a person asks of
// one message goes.
func TestRetryAfterPausesRetriesAndJobsOfTheWorker(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.employ(t, deadletter.Operator)
	b.destination.Set(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "600")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	asked := desktest.Receive(t, b.store, desktest.Failure("a-0", 422, b.clock.Now()))
	for i := range 4 {
		desktest.Receive(t, b.store, desktest.Failure(fmt.Sprintf("r-%d", i), 503, b.clock.Now()))
	}
	b.run(t)
	b.replay(t, asked, 0)
	b.received(t, 1)
	b.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	var refs []desk.Ref
	for _, id := range b.failed(t, 4) {
		refs = append(refs, desk.Ref{ID: id})
	}
	j, err := b.FreezeSelected(t.Context(), anna, deadletter.ActReplay, refs)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.StartJob(t.Context(), anna, j.ID, deadletter.JobInput{}); err != nil {
		t.Fatal(err)
	}
	b.clock.Add(9 * time.Minute)
	b.worker.Kick()
	b.replay(t, desktest.Receive(t, b.store, desktest.Failure("a-2", 422, b.clock.Now())), 0)
	b.received(t, 2)
	b.clock.Add(2 * time.Minute)
	b.until(t, func() bool {
		b.clock.Add(time.Second)
		b.worker.Kick()
		return len(b.destination.Received()) == 11 // with the message that was told to wait
	})
}
