package desktest

import (
	"context"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// HaltedJob adds a job that was started at a time and that the program paused then for a reason.
func HaltedJob(t testing.TB, s *store.Store, reason string, at time.Time) (j deadletter.Job) {
	t.Helper()
	by := deadletter.User("anna", deadletter.Operator, "")
	draft, err := deadletter.NewJob(by, deadletter.ActReplay, at)
	if err == nil {
		err = s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
			j, err = tx.AddJob(ctx, draft)
			return err
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	j.Items.Pending = 1
	for _, step := range []func() (deadletter.JobChange, error){
		func() (deadletter.JobChange, error) { return j.Start(by, deadletter.JobInput{}, at) },
		func() (deadletter.JobChange, error) { return j.PauseBySystem(reason, at) },
	} {
		change, err := step()
		if err == nil {
			j = change.After
			err = s.Write(
				t.Context(),
				func(ctx context.Context, tx *store.Tx) error { return tx.ApplyJob(ctx, change) },
			)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return j
}
