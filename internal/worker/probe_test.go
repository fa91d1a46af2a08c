package worker_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
)

// Probes of a destination that is down use up no attempts of a message.
func TestProbesCountNoAttempts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.destination.Set(desktest.Answer(http.StatusBadGateway, `{}`))
	for range breaker.MinDeliveries {
		b.breaker.Record("a-1", deadletter.Attempt{Outcome: deadletter.Unknown})
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
		b.breaker.Record("a-1", deadletter.Attempt{Outcome: deadletter.Unknown})
	}
	b.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	desktest.Receive(t, b.store, desktest.Failure("a-1", 503, b.clock.Now()))
	b.run(t)
	if err := b.Probe(t.Context(), anna, "genesys"); err != nil {
		t.Fatal(err)
	}
	b.becomes(t, "a-1", deadletter.Resolved)
	if got := b.attempts(t, "a-1")[0]; got.Trigger != deadletter.TriggerProbe || got.Actor != "anna" {
		t.Errorf("the probe was %+v", got)
	}
}

// Webhooks that are delivered close the breaker, without a waiting message or a user.
func TestBreakerClosesWithoutWaitingMessages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.run(t)
	for range breaker.MinDeliveries {
		b.breaker.Record("a-1", deadletter.Attempt{Outcome: deadletter.Unknown})
	}
	b.settles(t, delivery.Open)
	b.breaker.Record("a-1", deadletter.Attempt{Outcome: deadletter.Delivered, StatusCode: 200})
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

// poisoned makes the destination refuse the messages whose id begins with "p" with 500 for good, and take the others.
func (b bundle) poisoned() {
	b.destination.Set(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Header.Get("Webhook-Id"), "p") {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
}

func failure(id string, code int, at time.Time) deadletter.Capture {
	c := desktest.Failure(id, code, at)
	c.Reason = http.StatusText(code)
	return c
}

// The first and the newest messages fail with 500 for good, the others wait because of a 503 that is over: the second
// probe takes the other cause, and then they go first, although the 500s were due before them.
func TestProbesTakeAnotherCauseEachTime(t *testing.T) {
	t.Parallel()
	const waiting = 12
	b := setup(t)
	for i := range 20 {
		desktest.Receive(t, b.store, failure(fmt.Sprintf("p-%02d", i), 500, b.clock.Now()))
		b.clock.Add(time.Millisecond)
	}
	for i := range waiting {
		desktest.Receive(t, b.store, failure(fmt.Sprintf("w-%02d", i), 503, b.clock.Now()))
		b.clock.Add(time.Millisecond)
	}
	desktest.Receive(t, b.store, failure("p-99", 500, b.clock.Now()))
	b.clock.Add(time.Hour) // all are due
	b.poisoned()
	b.fuse()
	source := (*b.sources.Load())[0]
	source.Destination.Signer = &signer{func() {}} // its loop goes on for all that
	b.configure(source)
	b.run(t)
	for i := range 2 {
		b.tick(breaker.ProbeInterval)
		b.received(t, i+1)
	}
	for i, want := range []string{"p-99", "w-11"} {
		if got := b.destination.Received()[i].Header.Get("Webhook-Id"); got != want {
			t.Errorf("probe %d was made with %s, want %s", i+1, got, want)
		}
	}
	b.settles(t, delivery.HalfOpen)
	for i := range waiting - 1 {
		b.until(t, func() bool {
			b.tick(100 * time.Millisecond)
			return len(b.destination.Received()) > i+2
		})
	}
	poison := 0
	for _, r := range b.destination.Received() {
		if strings.HasPrefix(r.Header.Get("Webhook-Id"), "p") {
			poison++
		}
	}
	// Some may be sent before the result of the first is known; by due time alone, all would be poison.
	if poison > waiting/2 || b.breaker.Status().State == delivery.Open {
		t.Errorf("%d of the first %d deliveries were poison, and the breaker is %s", poison, waiting+1,
			b.breaker.Status().State)
	}
}

// The same holds for the messages of a job.
func TestProbesByAJobTakeAnotherCauseEachTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.employ(t, deadletter.Operator)
	for _, id := range []string{"p-1", "p-2", "p-3", "w-1", "w-2", "p-4"} {
		c := failure(id, 422, b.clock.Now())
		c.Reason = id[:1]
		desktest.Receive(t, b.store, c)
		b.clock.Add(time.Millisecond)
	}
	b.poisoned()
	b.fuse()
	b.run(t)
	b.begin(t, deadletter.ActReplay, deadletter.JobInput{})
	for i := range 2 {
		b.tick(breaker.ProbeInterval)
		b.received(t, i+1)
	}
	b.settles(t, delivery.HalfOpen)
	if got := b.destination.Received()[1].Header.Get("Webhook-Id"); got != "w-2" {
		t.Errorf("the second probe was made with %s, want w-2", got)
	}
}

// A message that a person probes with is sent at once, whatever it waits for, and one success makes the breaker
// half-open.
func TestProbeWithAMessageOpensTheWay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fuse()
	b.run(t)
	b.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	m := desktest.Receive(t, b.store, desktest.Failure("a-1", 422, b.clock.Now()))
	if _, err := b.ProbeWith(
		t.Context(),
		anna,
		desk.Ref{ID: m.ID, Version: m.Version},
		desk.SendCommand{},
	); err != nil {
		t.Fatal(err)
	}
	b.becomes(t, "a-1", deadletter.Resolved)
	b.settles(t, delivery.HalfOpen)
}
