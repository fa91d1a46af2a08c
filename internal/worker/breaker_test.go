package worker_test

import (
	"net/http"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
)

func (b bundle) fuse() {
	for range breaker.MinDeliveries {
		b.breaker.Record("a-1", deadletter.Attempt{Outcome: deadletter.Unknown})
	}
}

// tick lets the next probe be due.
func (b bundle) tick(by time.Duration) {
	b.clock.Add(by)
	b.worker.Kick()
}

// A job whose destination is down keeps its messages: one at a time tests the destination, and none fails for that.
func TestJobPausesWhileTheDestinationIsDown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.employ(t, deadletter.Operator)
	b.destination.Set(desktest.Answer(http.StatusBadGateway, `{}`))
	b.failed(t, 9)
	b.fuse()
	b.run(t)
	id := b.begin(t, deadletter.ActReplay, deadletter.JobInput{})
	b.received(t, 1) // the order tests the destination at once
	b.tick(time.Second)
	single := desktest.Receive(t, b.store, desktest.Failure("single", 422, b.clock.Now()))
	b.replay(t, single, 0) // what a person asks of one message goes at once, and alone
	b.received(t, 2)
	const probes = 4
	for i := range probes {
		b.tick(breaker.ProbeInterval)
		b.received(t, 3+i)
	}
	held := deadletter.JobItems{Pending: 9}
	b.awaitJob(t, id, "as it was", func(j deadletter.Job) bool { return j.Items == held })
	if err := b.PauseJob(t.Context(), anna, id); err != nil {
		t.Fatal(err)
	}
	b.tick(breaker.ProbeInterval)
	if j := b.awaitJob(
		t, id, "paused", func(j deadletter.Job) bool { return j.State == deadletter.JobPaused },
	); j.Items != held {
		t.Errorf("paused with %+v", j.Items)
	}
	if err := b.CancelJob(t.Context(), anna, id); err != nil {
		t.Fatal(err)
	}
	if j := b.awaitJob(
		t, id, "cancelled", func(j deadletter.Job) bool { return j.State == deadletter.JobCancelled },
	); j.Items != held {
		t.Errorf("cancelled with %+v", j.Items)
	}
}

// A message that does not take the order tests nothing: the next one does, at once.
func TestProbeByAJobSkipsUnsendableMessages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.employ(t, deadletter.Operator)
	b.destination.Set(desktest.Answer(http.StatusBadGateway, `{}`))
	ids := b.failed(t, 4)
	b.fuse()
	id := b.begin(t, deadletter.ActReplay, deadletter.JobInput{})
	for _, skipped := range ids[1:] { // the newest are tried first
		if _, err := b.Archive(t.Context(), anna, desk.Ref{ID: skipped}, "known"); err != nil {
			t.Fatal(err)
		}
	}
	b.run(t)
	b.received(t, 1)
	if got := b.destination.Received()[0].Header.Get("Webhook-Id"); got != string(ids[0]) {
		t.Errorf("the probe was made of %s", got)
	}
	b.awaitJob(
		t, id, "waiting",
		func(j deadletter.Job) bool { return j.Items == deadletter.JobItems{Pending: 1, Skipped: 3} },
	)
}

// An edit is made once, however often its message tests the destination.
func TestProbeByAJobEditsOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.employ(t, deadletter.Operator)
	b.destination.Set(desktest.Answer(http.StatusBadGateway, `{}`))
	b.failed(t, 1)
	b.fuse()
	b.run(t)
	b.begin(
		t,
		deadletter.ActEdit,
		deadletter.JobInput{Recipe: deadletter.Recipe{Text: `{"id":"x"}`}, Reason: "the id was missing"},
	)
	for i := range 3 {
		b.received(t, i+1)
		b.tick(breaker.ProbeInterval)
	}
	b.received(t, 4)
	if l := desktest.Message(t, b.store, "l-00000"); l.Revision != 1 || l.Attempts != 5 {
		t.Errorf("it has revision %d after %d attempts", l.Revision, l.Attempts)
	}
}
