package store_test

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// add adds messages in one write, and returns the ids of those that were new.
func add(t *testing.T, s *store.Store, list ...deadletter.Capture) (added []string) {
	t.Helper()
	changes := make([]*deadletter.Change, len(list))
	for i, c := range list {
		change := deadletter.NewMessage(c, policy, 0.5, c.ReceivedAt)
		changes[i] = &change
	}
	err := s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		isNew, err := tx.Add(ctx, changes...)
		added = nil
		for i, ok := range isNew {
			if ok {
				added = append(added, string(list[i].ID))
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return added
}

// Messages of one millisecond are listed in the order of their arrival, whether one run or several stored them. Known
// messages among them are recognised.
func TestMessagesOfOneMillisecondAreAllStored(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "desk.db")
	var want, all []string
	for run := range 3 {
		s, err := store.Open(t.Context(), path, key, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		var list []deadletter.Capture
		for i := range 12 {
			list = append(list, failure(fmt.Sprintf("run-%d-%d", run, i), 422, start))
		}
		same := failure("repeated", 422, start)
		same.WebhookID = list[5].WebhookID
		isNew := []string{}
		for _, c := range list {
			isNew = append(isNew, string(c.ID))
		}
		if run > 0 {
			list = slices.Insert(list, 3, failure("run-0-4", 422, start))
		}
		list = append(list, list[0], same)
		if got := add(t, s, list...); !slices.Equal(got, isNew) {
			t.Errorf("run %d added %v, want %v", run, got, isNew)
		}
		want = append(want, isNew...)
		page, err := s.Messages(t.Context(), store.MessageQuery{Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		all = nil
		for _, m := range page.Items {
			all = append(all, string(m.ID))
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	slices.Reverse(all) // the newest is the first
	if !slices.Equal(all, want) {
		t.Errorf("listed %v, want %v", all, want)
	}
}

// A message of a millisecond that was a thousand ago comes after those that were kept of it then.
func TestMessageOfAnEarlierMillisecondIsStored(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	var others []deadletter.Capture
	for i := range 1100 {
		others = append(others, failure(fmt.Sprint("other-", i), 422, start.Add(time.Duration(i+1)*time.Millisecond)))
	}
	add(t, s, failure("first", 422, start))
	for list := range slices.Chunk(others, 10) {
		add(t, s, list...)
	}
	if got, want := add(t, s, failure("second", 422, start), failure("third", 422, start)), []string{
		"second",
		"third",
	}; !slices.Equal(got, want) {
		t.Errorf("added %v, want %v", got, want)
	}
	page, err := s.Messages(
		t.Context(), store.MessageQuery{Filter: store.Filter{To: start.Add(time.Millisecond)}, Limit: 10},
	)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range page.Items {
		got = append(got, string(m.ID))
	}
	if want := []string{"third", "second", "first"}; !slices.Equal(got, want) {
		t.Errorf("listed %v, want %v", got, want)
	}
}
