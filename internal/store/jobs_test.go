package store_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
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
	// Many writers, so that one of them waits whenever a piece ends, also on a machine that is busy with other things.
	const writers = 16
	var between atomic.Bool
	var writing, started sync.WaitGroup
	frozen := make(chan struct{})
	started.Add(writers)
	for range writers {
		writing.Go(func() {
			for first := true; ; first = false {
				err := s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
					if j, err := tx.Job(ctx, 1); err == nil && j.Items.Pending > 0 && j.Items.Pending < messages {
						between.Store(true)
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
				if first {
					started.Done()
				}
				select {
				case <-frozen:
					return
				default:
				}
			}
		})
	}
	started.Wait()
	draft, err := deadletter.NewJob(deadletter.User("anna", deadletter.Operator, ""), deadletter.ActReplay, clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	j, err := s.DraftJob(t.Context(), draft, store.Filter{Status: deadletter.Failed})
	close(frozen)
	writing.Wait()
	if err != nil || j.Items.Pending != messages {
		t.Fatalf("draft %+v, %v", j, err)
	}
	if !between.Load() {
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

func TestMessagesOfAJobAreReadInPartsWithTheirResults(t *testing.T) {
	t.Parallel()
	s, clock := desktest.NewStore(t), desktest.NewClock()
	for i := range 5 {
		desktest.Receive(t, s, desktest.Failure(fmt.Sprintf("l-%d", i), 422, clock.Now()))
	}
	draft, err := deadletter.NewJob(deadletter.User("anna", deadletter.Operator, ""), deadletter.ActReplay, clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	j, err := s.DraftJob(t.Context(), draft, store.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	items, err := s.PendingItems(t.Context(), j, "genesys", 1)
	if err != nil || len(items) != 1 {
		t.Fatalf("%d items, %v", len(items), err)
	}
	err = s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		return tx.SettleItem(ctx, items[0], deadletter.ItemSkipped, "resolved already", clock.Now())
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for cursor, calls := "", 0; calls == 0 || cursor != ""; calls++ {
		list, next, err := s.JobMessages(t.Context(), j.ID, cursor, 2)
		if err != nil || len(list) > 2 {
			t.Fatalf("%d messages, %v", len(list), err)
		}
		for _, m := range list {
			got = append(got, fmt.Sprint(m.ID, " ", m.State, " ", m.Error, " ", m.Cause == m.Fingerprint))
		}
		cursor = next
	}
	want := []string{"l-0 skipped resolved already true"}
	for i := range 4 {
		want = append(want, fmt.Sprintf("l-%d pending  true", i+1))
	}
	if !slices.Equal(got, want) {
		t.Errorf("it has %q, want %q", got, want)
	}
}
