package store_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

// The messages of a job are frozen in pieces, so that the write of one message does not wait for thousands.
func TestFreezingManyMessagesDoesNotBlockWrites(t *testing.T) {
	t.Parallel()
	s, clock := desktest.NewStore(t), desktest.NewClock()
	const messages = 4_500
	err := s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		for i := range messages {
			if err := tx.Apply(
				ctx,
				deadletter.NewMessage(
					desktest.Failure(fmt.Sprintf("l-%05d", i), 422, clock.Now()), desktest.Policy(), 0,
					clock.Now(),
				),
			); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	between, seen := make(chan int, 1), make(chan struct{})
	frozen := make(chan struct{})
	go func() {
		pieces := map[int]bool{}
		defer func() { between <- len(pieces) }()
		for first := true; ; first = false {
			err := s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
				if j, err := tx.Job(ctx, 1); err == nil && j.Items.Pending > 0 && j.Items.Pending < messages {
					pieces[j.Items.Pending] = true
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
			if first {
				close(seen)
			}
			select {
			case <-frozen:
				return
			default:
			}
		}
	}()
	<-seen
	draft, err := deadletter.NewJob(deadletter.User("anna", deadletter.Operator, ""), deadletter.ActReplay, clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	j, err := s.DraftJob(t.Context(), draft, store.Filter{Status: deadletter.Failed})
	close(frozen)
	if err != nil || j.Items.Pending != messages {
		t.Fatalf("draft %+v, %v", j, err)
	}
	if n := <-between; n == 0 {
		t.Error("no other writer came in between")
	}
	late, err := s.CountNotInJob(t.Context(), j.ID, store.Filter{Status: deadletter.Failed})
	if err != nil || late != 0 {
		t.Errorf("%d are late, %v", late, err)
	}
}

func TestMessagesOfAJobAreSearchedAndPaged(t *testing.T) {
	t.Parallel()
	s, clock := desktest.NewStore(t), desktest.NewClock()
	desktest.Search(t, s, nil)
	for i := range 7 {
		c := desktest.Failure(fmt.Sprintf("l-%d", i), 422, clock.Now())
		if i == 3 {
			c.Reason = "something rare"
		}
		desktest.Receive(t, s, c)
	}
	draft, err := deadletter.NewJob(deadletter.User("anna", deadletter.Operator, ""), deadletter.ActReplay, clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	j, err := s.DraftJob(t.Context(), draft, store.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	desktest.Receive(t, s, desktest.Failure("l-7", 422, clock.Now()))
	for name, want := range map[string]struct {
		filter   store.Filter
		messages int
	}{
		"all":     {store.Filter{Job: j.ID}, 7},
		"pending": {store.Filter{Job: j.ID, Result: deadletter.ItemPending}, 7},
		"failed":  {store.Filter{Job: j.ID, Result: deadletter.ItemFailed}, 0},
		"text":    {store.Filter{Job: j.ID, Result: deadletter.ItemPending, Text: "rare"}, 1},
		"another": {store.Filter{Job: j.ID + 1}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			q, n := store.MessageQuery{Filter: want.filter, Limit: 3}, 0
			for more := true; more; more = q.Cursor != "" {
				page, err := s.Messages(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				n, q.Cursor = n+len(page.Items), page.Older
			}
			counts, err := s.Counts(t.Context(), want.filter)
			if err != nil || n != want.messages || counts.ByStatus[deadletter.Failed] != want.messages {
				t.Errorf("%s: %d messages, counted %v, want %d (%v)", name, n, counts, want.messages, err)
			}
		})
	}
}

// Writes that share a commit see each other, so that no more messages begin than the test batch allows.
func TestTestBatchHoldsWithinACommit(t *testing.T) {
	t.Parallel()
	clock := desktest.NewClock()
	anna := deadletter.User("anna", deadletter.Operator, "")
	const lanes = 16
	for range 5 {
		s := desktest.NewStore(t)
		for i := range lanes {
			desktest.Receive(t, s, desktest.Failure(fmt.Sprintf("l-%02d", i), 422, clock.Now()))
		}
		draft, err := deadletter.NewJob(anna, deadletter.ActReplay, clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		j, err := s.DraftJob(t.Context(), draft, store.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		change, err := j.Start(anna, deadletter.JobInput{TestBatch: 3}, clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Write(
			t.Context(), func(ctx context.Context, tx *store.Tx) error { return tx.ApplyJob(ctx, change) },
		); err != nil {
			t.Fatal(err)
		}
		items, err := s.PendingItems(t.Context(), j.ID, "genesys", lanes)
		if err != nil || len(items) != lanes {
			t.Fatalf("%d messages, %v", len(items), err)
		}
		var begun sync.WaitGroup
		for _, item := range items {
			begun.Go(func() {
				err := s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
					if now, err := tx.Job(ctx, j.ID); err != nil || now.MayBegin(1) == 0 {
						return err
					}
					_, err := tx.BeginItem(ctx, item)
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		begun.Wait()
		if now, err := s.Job(t.Context(), j.ID); err != nil || now.Items.InFlight != 3 || now.Items.Pending != lanes-3 {
			t.Errorf("begun are %+v, %v", now.Items, err)
		}
	}
}
