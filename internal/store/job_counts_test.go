package store_test

import (
	"context"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

// The counts include the jobs past the limit of RunningJobs.
func TestJobsAreCountedByState(t *testing.T) {
	t.Parallel()
	s, clock := desktest.NewStore(t), desktest.NewClock()
	anna := deadletter.User("anna", deadletter.Operator, "")
	desktest.Receive(t, s, desktest.Failure("a-1", 422, clock.Now()))
	const drafts, running = 3, 60
	for n := range drafts + running {
		draft, err := deadletter.NewJob(anna, deadletter.ActReplay, clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		j, err := s.DraftJob(t.Context(), draft, store.Filter{Status: deadletter.Failed})
		if err != nil {
			t.Fatal(err)
		}
		if n < drafts {
			continue
		}
		started, err := j.Start(anna, deadletter.JobInput{}, clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Write(
			t.Context(), func(ctx context.Context, tx *store.Tx) error { return tx.ApplyJob(ctx, started) },
		); err != nil {
			t.Fatal(err)
		}
	}
	counts, err := s.JobCounts(t.Context())
	if err != nil || counts[deadletter.JobDraft] != drafts || counts[deadletter.JobRunning] != running ||
		counts[deadletter.JobDone] != 0 {
		t.Errorf("the counts are %v, %v", counts, err)
	}
}
