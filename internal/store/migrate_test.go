package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
	"dlqdesk/migrations"
)

// A file of an older schema keeps what is in it, and goes on counting where it stood.
func TestOlderFileKeepsEverything(t *testing.T) {
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
	downTo(t, path, 11)
	again, err := store.Open(t.Context(), path, key, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := again.Close(); err != nil {
			t.Error(err)
		}
	})
	if got := everything(t, again); got != want {
		t.Errorf("of an older file there is\n%s\nwant\n%s", got, want)
	}
	desktest.Search(t, again, nil)
	if got := found(t, again, "422"); !slices.Equal(got, []string{"a-2", "a-0"}) {
		t.Errorf("in it are found %v", got)
	}
	other, _ := setup(t)
	fill(other, 0)
	fill(other, 3)
	fill(again, 3)
	if got, want := everything(t, again), everything(t, other); got != want {
		t.Errorf("an older file that went on has\n%s\nwant\n%s", got, want)
	}
}

func downTo(t *testing.T, path string, version int64) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, migrations.Desk())
	if err == nil {
		_, err = provider.DownTo(t.Context(), version)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

// everything is what the desk shows of a store, in words.
func everything(t *testing.T, s *store.Store) string {
	t.Helper()
	counts, err := s.Counts(t.Context(), store.Filter{})
	events, fault := s.VerifyAudit(t.Context())
	text := fmt.Sprintf("%v; %d events\n", counts, events)
	err = errors.Join(err, fault)
	for _, step := range []time.Duration{time.Minute, time.Hour} {
		text += tallies(
			t,
			s,
			store.TallyQuery{From: start.Truncate(step), To: start.Add(240 * time.Hour).Truncate(step), Step: step},
		) + "\n"
	}
	types, fault := s.EventTypes(t.Context())
	err = errors.Join(err, fault)
	groups, fault := s.TopCauses(t.Context(), "", 10)
	err = errors.Join(err, fault)
	page, fault := s.Messages(t.Context(), store.MessageQuery{Limit: 100})
	err = errors.Join(err, fault)
	for _, l := range page.Items {
		attempts, fault := s.Attempts(t.Context(), l.ID)
		r, missing := s.Revision(t.Context(), l.ID, 0)
		err = errors.Join(err, fault, missing)
		text += fmt.Sprintf("%s %s %d %v %s %v\n", l.ID, l.Status, l.Attempts, len(attempts), r.Body, r.Headers)
	}
	for _, q := range []store.EventFilter{{By: "anna"}, {By: "system"}, {From: start.Add(time.Minute)}, {To: start.Add(time.Minute)}} {
		trail, fault := s.Events(t.Context(), store.EventQuery{EventFilter: q, Limit: 100})
		err = errors.Join(err, fault)
		text += fmt.Sprintf("%d events of %+v\n", len(trail.Items), q)
	}
	if err != nil {
		t.Fatal(err)
	}
	return text + fmt.Sprintf("%v\n%+v", types, groups)
}

// A time range of the trail begins and ends to the event, wherever its index has an entry.
func TestTimeRangeOfTheTrail(t *testing.T) {
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
	for _, bounds := range [][2]int{{0, events}, {62, 65}, {63, 64}, {64, 130}, {127, 128}, {150, 150}, {190, events}} {
		f := store.EventFilter{
			From: start.Add(time.Duration(bounds[0]) * time.Second),
			To:   start.Add(time.Duration(bounds[1]) * time.Second),
		}
		page, err := s.Events(t.Context(), store.EventQuery{EventFilter: f, Limit: 2 * events})
		if want := bounds[1] - bounds[0]; err != nil || len(page.Items) != want ||
			want > 0 && page.Items[want-1].Sequence != int64(bounds[0]+1) {
			t.Errorf("from %d to %d there are %d events, %v", bounds[0], bounds[1], len(page.Items), err)
		}
	}
}
