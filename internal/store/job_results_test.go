package store_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

// startedJob starts a job over some messages.
func startedJob(t *testing.T, s *store.Store, messages int, at time.Time) deadletter.Job {
	t.Helper()
	for i := range messages {
		desktest.Receive(t, s, desktest.Failure(fmt.Sprintf("l-%04d", i), 422, at))
	}
	anna := deadletter.User("anna", deadletter.Operator, "")
	draft, err := deadletter.NewJob(anna, deadletter.ActReplay, at)
	if err != nil {
		t.Fatal(err)
	}
	j, err := s.DraftJob(t.Context(), draft, store.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	started, err := j.Start(anna, deadletter.JobInput{}, at)
	if err == nil {
		err = s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error { return tx.ApplyJob(ctx, started) })
	}
	if err != nil {
		t.Fatal(err)
	}
	return started.After
}

// Each result of a job counts once, at its time, in bars of any width that a job can have by then.
func TestResultsOfAJobAreCountedByTime(t *testing.T) {
	t.Parallel()
	s, clock := desktest.NewStore(t), desktest.NewClock()
	began := clock.Now()
	results := []struct {
		after time.Duration
		state deadletter.ItemState
	}{
		{-time.Minute, deadletter.ItemSkipped}, // the clock was set back
		{0, deadletter.ItemDone},
		{900 * time.Millisecond, deadletter.ItemFailed},
		{59 * time.Second, deadletter.ItemDone},
		{64 * time.Second, deadletter.ItemSkipped},
		{65 * time.Second, deadletter.ItemDone},
		{3 * time.Hour, deadletter.ItemDone},
	}
	j := startedJob(t, s, len(results), began)
	items, err := s.PendingItems(t.Context(), j, "genesys", len(results))
	if err != nil || len(items) != len(results) {
		t.Fatalf("%d items, %v", len(items), err)
	}
	for i, r := range results {
		err := s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			return tx.SettleItem(ctx, items[i], r.state, "", began.Add(r.after))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for width, want := range map[time.Duration][]deadletter.JobResults{
		5 * time.Second: {
			{After: 0, Done: 1, Failed: 1, Skipped: 1},
			{After: 55 * time.Second, Done: 1},
			{After: time.Minute, Skipped: 1},
			{After: 65 * time.Second, Done: 1},
			{After: 3 * time.Hour, Done: 1},
		},
		5 * time.Minute: {{After: 0, Done: 3, Failed: 1, Skipped: 2}, {After: 3 * time.Hour, Done: 1}},
	} {
		got, err := s.JobResults(t.Context(), j.ID, width)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("in bars of %s: %+v, %v, want %+v", width, got, err, want)
		}
	}
	if j, err := s.Job(t.Context(), j.ID); err != nil || j.State != deadletter.JobDone {
		t.Errorf("the job is %s, %v", j.State, err)
	}
}

// The rows of a job's results are few, however many messages it has and however long it takes.
func TestResultsOfALongJobAreFewRows(t *testing.T) {
	t.Parallel()
	s, clock := desktest.NewStore(t), desktest.NewClock()
	const messages = 400
	began := clock.Now()
	j := startedJob(t, s, messages, began)
	items, err := s.PendingItems(t.Context(), j, "genesys", messages)
	if err != nil {
		t.Fatal(err)
	}
	const hour = time.Hour
	for i, item := range items { // the last minutes of an hour
		err := s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			return tx.SettleItem(
				ctx,
				item,
				deadletter.ItemDone,
				"",
				began.Add(hour-messages*time.Second).Add(time.Duration(i)*time.Second),
			)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.JobResults(t.Context(), j.ID, time.Second)
	if err != nil || len(got) > messages/60+1 {
		t.Errorf("%d rows, %v", len(got), err)
	}
}
