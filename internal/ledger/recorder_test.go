package ledger_test

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/ledger"
	"dlqdesk/internal/store"
)

func TestUnsavedCountsAreSavedLater(t *testing.T) {
	t.Parallel()
	h := setup(t)
	at := h.clock.Now()
	h.post("genesys", 2, http.StatusOK)
	ended, end := context.WithCancel(t.Context())
	end()
	if err := h.run.recorder.Save(ended); err == nil {
		t.Fatal("it was saved")
	}
	h.post("genesys", 1, http.StatusOK)
	if l := h.afterSave("genesys", at); l.Received != 3 || l.Delivered != 3 {
		t.Errorf("saved are %+v", l)
	}
}

// A run that has ended was not killed, whatever it had left to save.
func TestRunThatEndedWasNotKilled(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.post("genesys", 1, http.StatusOK)
	h.save()
	h.end()
	h.begin()
	if killed, err := h.store.KilledRuns(t.Context(), time.Time{}, h.run.recorder.RunID()); err != nil || len(
		killed,
	) != 0 {
		t.Errorf("killed were %v, %v", killed, err)
	}
}

// Counts are saved about once a second, and checked at the configured interval.
func TestLedgerIsSavedAndChecked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, log := desktest.NewStore(t), slog.New(slog.DiscardHandler)
		recorder, err := ledger.Begin(t.Context(), s, time.Now, log)
		if err != nil {
			t.Fatal(err)
		}
		none := func(context.Context) (ledger.Waiting, error) { return ledger.Waiting{}, nil }
		checker := ledger.NewChecker(
			s, recorder, ledger.Settings{DLQ: none, Every: 10 * time.Second, Settle: settle}, time.Now, log,
		)
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = recorder.Run(ctx) })
		running.Go(func() { _ = checker.Run(ctx) })
		begun := time.Now()
		recorder.Record(
			deadletter.Capture{Source: "genesys", Run: recorder.RunID(), ReceivedAt: begun},
			ledger.Counts{Received: 1, Delivered: 1},
		)
		time.Sleep(25 * time.Second)
		synctest.Wait()
		if p, err := s.Ledger(ctx, store.LedgerQuery{Rows: 10}); err != nil || len(p.Lines) != 1 ||
			p.Lines[0].Received != 1 {
			t.Errorf("saved is %+v, %v", p.Lines, err)
		}
		if at := checker.State().At; at.Sub(begun) != 20*time.Second {
			t.Errorf("the ledger was checked %v after the begin", at.Sub(begun))
		}
		cancel()
		running.Wait()
	})
}
