package store_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/sqlite"
	"dlqdesk/internal/store"
	"dlqdesk/migrations"
)

// withAdded returns the desk's migrations and one more.
func withAdded(t *testing.T) fs.FS {
	t.Helper()
	files := fstest.MapFS{"99999_added.sql": {
		Data: []byte("-- +goose Up\nALTER TABLE messages ADD COLUMN added TEXT NOT NULL DEFAULT '';"),
	}}
	names, err := fs.Glob(migrations.Desk(), "*.sql")
	for _, name := range names {
		text, failed := fs.ReadFile(migrations.Desk(), name)
		files[name], err = &fstest.MapFile{Data: text}, errors.Join(err, failed)
	}
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestMigratedStoreKeepsEverything(t *testing.T) {
	t.Parallel()
	s, path := setup(t)
	fill := func(s *store.Store, from int) {
		for i := from; i < from+3; i++ {
			c := failure(fmt.Sprintf("a-%d", i), 422, start.Add(time.Duration(i)*time.Minute))
			c.EventType = "conversation:updated"
			receive(t, s, c)
		}
		replay(t, s, deadletter.ID(fmt.Sprintf("a-%d", from)), false, 200)
		replay(t, s, deadletter.ID(fmt.Sprintf("a-%d", from+1)), false, 503)
	}
	fill(s, 0)
	want := everything(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	migrated, err := store.OpenWith(t.Context(), path, key, slog.New(slog.DiscardHandler), withAdded(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := migrated.Close(); err != nil {
			t.Error(err)
		}
	})
	if got := everything(t, migrated); got != want {
		t.Errorf("the migrated file has\n%s\nwant\n%s", got, want)
	}
	desktest.Search(t, migrated, nil)
	searched(t, migrated)
	if got := found(t, migrated, "422"); !slices.Equal(got, []string{"a-2", "a-0"}) {
		t.Errorf("a search finds %v", got)
	}
	other, _ := setup(t)
	fill(other, 0)
	fill(other, 3)
	fill(migrated, 3)
	if got, want := everything(t, migrated), everything(t, other); got != want {
		t.Errorf("a migrated file that went on has\n%s\nwant\n%s", got, want)
	}
}

func TestStoreOfNewerVersionIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "desk.db")
	s, err := store.OpenWith(t.Context(), path, key, slog.New(slog.DiscardHandler), withAdded(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = store.Open(t.Context(), path, key, slog.New(slog.DiscardHandler))
	if !errors.Is(err, sqlite.ErrNewer) {
		t.Errorf("opening it returns %v", err)
	}
}

// everything is what the desk shows of a store, in words.
func everything(t *testing.T, s *store.Store) string {
	t.Helper()
	counts, err := s.Counts(t.Context(), store.Filter{})
	checked, fault := s.VerifyAudit(t.Context())
	text := fmt.Sprintf("%v; %d events\n", counts, checked.Events)
	err = errors.Join(err, fault)
	for _, step := range []time.Duration{time.Minute, time.Hour} {
		text += tallies(
			t, s,
			store.TallyQuery{From: start.Truncate(step), To: start.Add(240 * time.Hour).Truncate(step), Step: step},
		) + "\n"
	}
	types, fault := s.EventTypes(t.Context())
	err = errors.Join(err, fault)
	causes, fault := s.TopCauses(t.Context(), "", 10)
	err = errors.Join(err, fault)
	lines, fault := s.Ledger(t.Context(), store.LedgerQuery{Rows: 100})
	err = errors.Join(err, fault)
	page, fault := s.Messages(t.Context(), store.MessageQuery{Limit: 100})
	err = errors.Join(err, fault)
	for _, m := range page.Items {
		attempts, fault := s.Attempts(t.Context(), m.ID)
		r, missing := s.Revision(t.Context(), m.ID, 0)
		err = errors.Join(err, fault, missing)
		text += fmt.Sprintf("%s %s %d %v %s %v\n", m.ID, m.Status, m.Attempts, len(attempts), r.Body, r.Headers)
	}
	for _, q := range []store.EventFilter{
		{By: "anna"}, {By: "system"}, {From: start.Add(time.Minute)}, {To: start.Add(time.Minute)},
	} {
		trail, fault := s.Events(t.Context(), store.EventQuery{EventFilter: q, Limit: 100})
		err = errors.Join(err, fault)
		text += fmt.Sprintf("%d events of %+v\n", len(trail.Items), q)
	}
	if err != nil {
		t.Fatal(err)
	}
	return text + fmt.Sprintf("%v\n%+v\n%+v", types, causes, lines)
}

// A time range of the trail begins and ends to the event, wherever its index has an entry.
func TestEventTimeRange(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	const events = 200
	err := s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		for i := range events {
			if err := tx.Record(
				ctx,
				deadletter.Event{At: start.Add(time.Duration(i) * time.Second), Action: "user.sign_in", By: "anna"},
			); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, bounds := range [][2]int{
		{0, events}, {62, 65}, {63, 64}, {64, 130}, {127, 128}, {150, 150}, {190, events},
	} {
		t.Run(fmt.Sprintf("%d to %d", bounds[0], bounds[1]), func(t *testing.T) {
			f := store.EventFilter{
				From: start.Add(time.Duration(bounds[0]) * time.Second),
				To:   start.Add(time.Duration(bounds[1]) * time.Second),
			}
			page, err := s.Events(t.Context(), store.EventQuery{EventFilter: f, Limit: 2 * events})
			if want := bounds[1] - bounds[0]; err != nil || len(page.Items) != want ||
				want > 0 && page.Items[want-1].Sequence != int64(bounds[0]+1) {
				t.Errorf("from %d to %d there are %d events, %v", bounds[0], bounds[1], len(page.Items), err)
			}
		})
	}
}
