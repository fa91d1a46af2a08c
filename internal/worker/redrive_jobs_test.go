package worker_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
)

// A job sends no faster than it was asked to, however much is free.
func jobKeepsRate(t *testing.T, b redriveBundle) {
	t.Helper()
	b.employ(t, deadletter.Operator)
	b.queued(t, 5, noGroup)
	b.run(t)
	id := b.begin(t, deadletter.ActRedrive, deadletter.JobInput{JobPace: deadletter.JobPace{Rate: 2}})
	for sent := 1; sent < 5; sent++ {
		j := b.awaitJob(
			t, id, "sending",
			func(j deadletter.Job) bool { return j.Items.Done >= sent && j.Items.InFlight == 0 },
		)
		if j.Items.Done != sent {
			t.Errorf("after %d half seconds %d are sent", sent-1, j.Items.Done)
		}
		b.tick(500 * time.Millisecond)
	}
	if j := b.finished(t, id); j.Items.Done != 5 {
		t.Errorf("in the end it is %+v", j.Items)
	}
	want := map[string]int{"message.redrive": 5, "attempt.started": 5, "attempt.redriven": 5}
	if got := b.eventsOfJob(t, id); !maps.Equal(got, want) {
		t.Errorf("the job caused %v, want %v", got, want)
	}
}

// jobPausesAndCancels checks that messages in flight are sent when a job is paused or cancelled, and none after them.
func jobPausesAndCancels(t *testing.T, b redriveBundle) {
	t.Helper()
	b.employ(t, deadletter.Operator)
	b.queued(t, 20, noGroup)
	release := make(chan struct{})
	b.origin.fault = func(string) error { <-release; return nil }
	b.run(t)
	id := b.begin(t, deadletter.ActRedrive, deadletter.JobInput{})
	inFlight := func(j deadletter.Job) bool { return j.Items.InFlight == 8 }
	still := func(j deadletter.Job) bool { return j.Items.InFlight == 0 }
	b.awaitJob(t, id, "in flight", inFlight)
	if err := b.PauseJob(t.Context(), anna, id); err != nil {
		t.Fatal(err)
	}
	for range 8 {
		release <- struct{}{}
	}
	if j := b.awaitJob(t, id, "still", still); j.Items != (deadletter.JobItems{Pending: 12, Done: 8}) ||
		j.State != deadletter.JobPaused {
		t.Fatalf("paused %+v", j)
	}
	if err := b.ResumeJob(t.Context(), anna, id, ""); err != nil {
		t.Fatal(err)
	}
	b.awaitJob(t, id, "in flight", inFlight)
	if err := b.CancelJob(t.Context(), anna, id); err != nil {
		t.Fatal(err)
	}
	close(release)
	if j := b.awaitJob(t, id, "still", still); j.Items != (deadletter.JobItems{Pending: 4, Done: 16}) ||
		j.State != deadletter.JobCancelled {
		t.Errorf("cancelled %+v", j)
	}
	if got := b.arrived(t)[""]; len(got) != 16 {
		t.Errorf("%d messages arrived", len(got))
	}
	for _, l := range []deadletter.ID{"q-016", "q-017", "q-018", "q-019"} {
		b.becomes(t, l, deadletter.Failed)
	}
}

// lostAnswerStopsGroup checks that after one lost response of SQS nothing more of the group is sent, and all of other
// groups.
func lostAnswerStopsGroup(t *testing.T, b redriveBundle) {
	t.Helper()
	b.employ(t, deadletter.Operator)
	b.queued(t, 12, func(i int) string { return fmt.Sprintf("g-%d", i%2) })
	b.origin.after = func(body string) error {
		if body == "q-005" { // of the group g-1
			return errors.New("the connection broke")
		}
		return nil
	}
	b.run(t)
	j := b.finished(t, b.begin(t, deadletter.ActRedrive, deadletter.JobInput{}))
	if j.Items != (deadletter.JobItems{Done: 8, Failed: 1, Skipped: 3}) {
		t.Errorf("of the messages came %+v", j.Items)
	}
	want := map[string][]string{
		"g-0": {"q-000", "q-002", "q-004", "q-006", "q-008", "q-010"},
		"g-1": {"q-001", "q-003", "q-005"},
	}
	for group, bodies := range b.arrived(t) {
		if !slices.Equal(bodies, want[group]) {
			t.Errorf("group %s came as %v", group, bodies)
		}
	}
}
