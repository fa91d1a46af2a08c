package store_test

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"testing"
	"time"

	"dlqdesk/internal/desktest"
	"dlqdesk/internal/ledger"
	"dlqdesk/internal/store"
)

// failingRefusals is a store that saves refusals on demand, and counts how often it was asked.
type failingRefusals struct {
	*store.Store
	fail  bool
	saves int
}

func (f *failingRefusals) SaveRefusals(ctx context.Context, n map[ledger.RefusalKey]ledger.Refusals) error {
	f.saves++
	if f.fail {
		return errors.New("disk full")
	}
	return f.Store.SaveRefusals(ctx, n)
}

// Refused requests are counted by source and reason, across restarts, and saved in few writes.
func TestRefusalsOutlastARestart(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/desk.db"
	clock := desktest.NewClock()
	start := clock.Now()
	tooLarge := ledger.RefusalKey{Source: "genesys", Reason: ledger.RefusedTooLarge}
	for life := range 2 {
		s, err := store.Open(t.Context(), path, key, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		f := &failingRefusals{Store: s, fail: true}
		r, err := ledger.Begin(t.Context(), f, clock.Now, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		for range 1000 {
			r.Refused(tooLarge, "first")
			r.Refused(ledger.RefusalKey{Reason: ledger.RefusedUnknownSource}, "no such source")
		}
		if err := r.Save(t.Context()); err == nil {
			t.Error("a failure to save is not reported")
		}
		f.fail = false
		clock.Add(9 * time.Second)
		r.Refused(tooLarge, "latest")
		for range 5 {
			if err := r.Save(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if f.saves != 1 {
			t.Errorf("saved %d times within ten seconds", f.saves)
		}
		if life == 0 {
			clock.Add(2 * time.Second)
			if err := r.Save(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if err := r.End(t.Context()); err != nil {
			t.Fatal(err)
		}
		got, err := s.Refusals(t.Context(), "genesys")
		want := []store.ReasonRefusals{
			{
				ledger.RefusedTooLarge,
				ledger.Refusals{
					Count:    1001 * (life + 1),
					First:    start,
					LatestAt: start.Add(time.Duration(9+life*11) * time.Second),
					Why:      "latest",
				},
			},
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("life %d: %+v, %v, want %+v", life, got, err, want)
		}
		unknown, err := s.Refusals(t.Context(), "")
		if err != nil || len(unknown) != 1 || unknown[0].Count != 1000*(life+1) {
			t.Errorf("of no source: %+v, %v", unknown, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
