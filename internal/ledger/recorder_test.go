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

func TestWhatCouldNotBeSavedIsSavedLater(t *testing.T) {
	t.Parallel()
	h := setup(t)
	at := h.clock.Now()
	h.post("genesys", 2, http.StatusOK)
	ended, end := context.WithCancel(t.Context())
	end()
	if err := h.run.books.Save(ended); err == nil {
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
	if killed, err := h.store.KilledRuns(t.Context(), time.Time{}, h.run.books.Name()); err != nil || len(killed) != 0 {
		t.Errorf("killed were %v, %v", killed, err)
	}
}

// Counts are saved about once a second, and looked at as often as the settings say.
func TestBooksAreSavedAndChecked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, log := desktest.NewStore(t), slog.New(slog.DiscardHandler)
		books, err := ledger.Begin(t.Context(), s, time.Now, log)
		if err != nil {
			t.Fatal(err)
		}
		none := func(context.Context) (ledger.Held, error) { return ledger.Held{}, nil }
		checker := ledger.NewChecker(
			s,
			books,
			ledger.Settings{Messages: none, Every: 10 * time.Second, Settle: settle},
			time.Now,
			log,
		)
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = books.Run(ctx) })
		running.Go(func() { _ = checker.Run(ctx) })
		begun := time.Now()
		books.Book(
			deadletter.Capture{Source: "genesys", Run: books.Name(), ReceivedAt: begun},
			deadletter.Receipts{Received: 1, Delivered: 1},
		)
		time.Sleep(25 * time.Second)
		synctest.Wait()
		if p, err := s.Ledger(
			ctx,
			store.LedgerQuery{Rows: 10},
		); err != nil || len(p.Lines) != 1 ||
			p.Lines[0].Received != 1 {
			t.Errorf("saved is %+v, %v", p.Lines, err)
		}
		if at := checker.State().At; at.Sub(begun) != 20*time.Second {
			t.Errorf("the books were checked %v after the begin", at.Sub(begun))
		}
		cancel()
		running.Wait()
	})
}
