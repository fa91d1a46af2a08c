package worker_test

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
)

// countingBreaker counts the deliveries that its breaker let through.
type countingBreaker struct {
	*delivery.Breaker
	mu  sync.Mutex
	let int
}

func (c *countingBreaker) Allow(waiting int, more bool) delivery.Allowance {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := c.Breaker.Allow(waiting, more)
	c.let += a.Count
	return a
}

func (c *countingBreaker) GiveBack(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.Breaker.GiveBack(n)
	c.let -= n
}

// sum returns how many deliveries were let through so far, and whether more may begin now.
func (c *countingBreaker) sum() (let int, more bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.let, c.Breaker.Allow(0, true).RetryIn == 0
}

// recovered starts a worker whose destination has just responded again to the probe of a job of all messages.
func (b bundle) recovered(t *testing.T) deadletter.JobID {
	t.Helper()
	b.fuse()
	b.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	b.run(t)
	id := b.begin(t, deadletter.ActReplay, deadletter.JobInput{})
	b.settles(t, delivery.HalfOpen)
	return id
}

// passSecond lets a second pass while there is a backlog, and waits until what the ramp lets through within it was
// delivered.
func (b bundle) passSecond(t *testing.T) {
	t.Helper()
	rate, received := b.breaker.Status().Rate, len(b.destination.Received())
	before, _ := b.breaker.sum()
	b.tick(time.Second)
	sent := 0
	b.until(t, func() bool {
		let, more := b.breaker.sum()
		leased, err := b.store.Leased(t.Context(), 1)
		sent = len(b.destination.Received()) - received
		return let > before && !more && sent == let-before && err == nil && len(leased) == 0
	})
	if float64(sent) > rate {
		t.Errorf("%d deliveries began within a second, at a rate of %f", sent, rate)
	}
}

// When the destination is up again, the job continues by itself, on the ramp, which doubles while it succeeds.
func TestJobContinuesOnTheRamp(t *testing.T) {
	t.Parallel()
	const messages = 40
	b := setup(t)
	b.employ(t, deadletter.Operator)
	b.failed(t, messages)
	id := b.recovered(t)
	for range 4 {
		before := b.breaker.Status().Rate
		b.passSecond(t)
		if after := b.breaker.Status().Rate; after < 1.3*before || after > 2*before {
			t.Errorf("a second of success made %f a second of %f", after, before)
		}
	}
	b.until(t, func() bool {
		b.tick(time.Second)
		return b.breaker.Status().State == delivery.Closed
	})
	if j := b.finished(t, id); j.Items != (deadletter.JobItems{Done: messages}) {
		t.Errorf("results %+v", j.Items)
	}
}

// Retries and jobs share the ramp: neither waits for the end of the other.
func TestRetriesAndJobsShareTheRamp(t *testing.T) {
	t.Parallel()
	const each = 50
	b := setup(t)
	b.employ(t, deadletter.Operator)
	var refs []desk.Ref
	for _, id := range b.failed(t, each) {
		refs = append(refs, desk.Ref{ID: id})
	}
	for i := range each {
		desktest.Receive(t, b.store, desktest.Failure(fmt.Sprintf("r-%02d", i), 503, b.clock.Now()))
	}
	b.fuse()
	b.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	j, err := b.FreezeSelected(t.Context(), anna, deadletter.ActReplay, refs)
	if err != nil {
		t.Fatal(err)
	}
	b.clock.Add(time.Minute) // all retries are due
	b.run(t)
	if err := b.StartJob(t.Context(), anna, j.ID, deadletter.JobInput{}); err != nil {
		t.Fatal(err)
	}
	b.settles(t, delivery.HalfOpen)
	for range 6 {
		b.passSecond(t)
	}
	retried, byJob := 0, 0
	for _, d := range b.destination.Received() {
		if d.Header.Get("Webhook-Id")[0] == 'r' {
			retried++
		} else {
			byJob++
		}
	}
	if retried < each/5 || byJob < each/5 {
		t.Errorf("%d retries and %d messages of the job went", retried, byJob)
	}
	b.until(t, func() bool {
		b.tick(time.Second)
		return len(b.destination.Received()) == 2*each
	})
}

// A handler that recovers for two seconds and fails then gets what is in flight, and no burst.
func TestHandlerThatFailsAgainGetsNoBurst(t *testing.T) {
	t.Parallel()
	const messages, burst = 60, 8
	b := setup(t)
	b.employ(t, deadletter.Operator)
	b.failed(t, messages)
	id := b.recovered(t)
	b.passSecond(t)
	b.passSecond(t)
	b.destination.Set(desktest.Answer(http.StatusServiceUnavailable, `{}`))
	before := len(b.destination.Received())
	b.until(t, func() bool {
		b.tick(100 * time.Millisecond)
		return b.breaker.Status().State == delivery.Open
	})
	b.settles(t, delivery.Open)
	if n := len(b.destination.Received()) - before; n > before+burst {
		t.Errorf("after %d deliveries it failed %d times before the breaker opened", before, n)
	}
	j := b.awaitJob(t, id, "waiting", func(j deadletter.Job) bool { return j.Items.InFlight == 0 })
	if sent := j.Items.Done + j.Items.Failed; j.Items.Pending != messages-sent || j.State != deadletter.JobRunning {
		t.Errorf("job %s with %+v", j.State, j.Items)
	}
}

// Messages that a job skips take nothing of the ramp: they are many where retries were quicker.
func TestSkippedMessagesTakeNothingOfTheRamp(t *testing.T) {
	t.Parallel()
	const messages, archived = 40, 30
	b := setup(t)
	b.employ(t, deadletter.Operator)
	ids := b.failed(t, messages)
	b.fuse()
	b.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	id := b.begin(t, deadletter.ActReplay, deadletter.JobInput{})
	for _, gone := range ids[5 : 5+archived] {
		if _, err := b.Archive(t.Context(), anna, desk.Ref{ID: gone}, "known"); err != nil {
			t.Fatal(err)
		}
	}
	b.run(t)
	b.until(t, func() bool {
		b.tick(time.Second)
		j, err := b.store.Job(t.Context(), id)
		return err == nil && j.State == deadletter.JobDone
	})
	if let, _ := b.breaker.sum(); let != messages-archived {
		t.Errorf("the breaker let %d through, want %d", let, messages-archived)
	}
	if j := b.finished(t, id); j.Items != (deadletter.JobItems{Done: messages - archived, Skipped: archived}) {
		t.Errorf("results %+v", j.Items)
	}
}

// Two jobs have their turns, however few the ramp lets through.
func TestJobsTakeTurnsOnTheRamp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.employ(t, deadletter.Operator)
	ids := b.failed(t, 80)
	b.fuse()
	b.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	var jobs []deadletter.JobID
	for _, part := range [][]deadletter.ID{ids[:40], ids[40:]} {
		var refs []desk.Ref
		for _, id := range part {
			refs = append(refs, desk.Ref{ID: id})
		}
		j, err := b.FreezeSelected(t.Context(), anna, deadletter.ActReplay, refs)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.StartJob(t.Context(), anna, j.ID, deadletter.JobInput{}); err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, j.ID)
	}
	b.run(t)
	b.settles(t, delivery.HalfOpen)
	for range 4 {
		b.passSecond(t)
	}
	for _, id := range jobs {
		if j, err := b.store.Job(t.Context(), id); err != nil || j.Items.Done < 3 {
			t.Errorf("job %+v, %v", j.Items, err)
		}
	}
}

// A slow job claims some of its messages at a time, and keeps to its rate.
func TestSlowJobBeginsInBatches(t *testing.T) {
	t.Parallel()
	const messages, perSecond, batch = 20, 20, 5
	b := setup(t)
	b.employ(t, deadletter.Operator)
	b.failed(t, messages)
	var inFlight, most atomic.Int64
	all := make(chan struct{}, messages)
	release := make(chan struct{})
	b.destination.Set(func(http.ResponseWriter, *http.Request) {
		if n := inFlight.Add(1); n > most.Load() {
			most.Store(n)
		}
		all <- struct{}{}
		<-release
		inFlight.Add(-1)
	})
	b.run(t)
	id := b.begin(t, deadletter.ActReplay, deadletter.JobInput{JobPace: deadletter.JobPace{Rate: perSecond}})
	for range messages / batch {
		for range batch {
			<-all
		}
		if n := most.Load(); n != batch {
			t.Fatalf("%d messages began at once, want %d", n, batch)
		}
		for range batch {
			release <- struct{}{}
		}
		b.settles(t, delivery.Closed)
		b.tick(time.Second / 4)
	}
	if j := b.finished(t, id); j.Items.Done != messages {
		t.Errorf("results %+v", j.Items)
	}
}
