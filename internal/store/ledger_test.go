package store_test

import (
	"fmt"
	"log/slog"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/ledger"
	"dlqdesk/internal/store"
)

// What is in a file from before there was a ledger was received and has arrived, so that its hours balance.
func TestLedgerBeginsWithTheMessagesThatThereAre(t *testing.T) {
	t.Parallel()
	s, path := setup(t)
	for i := range 3 {
		receive(t, s, failure(fmt.Sprintf("a-%d", i), 422, start))
	}
	replay(t, s, "a-0", false, 200)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	downTo(t, path, 14)
	s, err := store.Open(t.Context(), path, key, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	p, err := s.Ledger(t.Context(), store.LedgerQuery{Rows: 10})
	if err != nil || len(p.Lines) != 1 {
		t.Fatalf("the ledger has %+v, %v", p, err)
	}
	l := p.Lines[0]
	if l.Received != 3 || l.Unsettled() != 0 || l.Messages[deadletter.Failed] != 2 ||
		l.Messages[deadletter.Resolved] != 1 ||
		!l.Hour.Equal(ledger.HourOf(start)) {
		t.Errorf("the line is %+v", l)
	}
	if open, err := s.OpenAccounts(t.Context(), start.AddDate(0, -1, 0)); err != nil || len(open) != 0 {
		t.Errorf("open accounts %+v, %v", open, err)
	}
}
