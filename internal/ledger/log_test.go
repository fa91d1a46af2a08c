package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/ledger"
)

// The log reports of an imbalance once, and of what keeps the ledger from being checked, unless it is the end of the
// program.
func TestEachImbalanceIsLoggedOnce(t *testing.T) {
	t.Parallel()
	h := setup(t)
	var log bytes.Buffer
	var away error
	messages := func(ctx context.Context) (ledger.Waiting, error) {
		if away != nil {
			return ledger.Waiting{}, away
		}
		return waiting(h.dlq, 0)(ctx)
	}
	settings := ledger.Settings{DLQ: messages, Settle: settle}
	h.run.checker = ledger.NewChecker(
		h.store, h.run.recorder, settings, h.clock.Now, slog.New(slog.NewTextHandler(&log, nil)),
	)
	told := func(text string) int { return strings.Count(log.String(), text) }
	for n := range 2 {
		h.post("genesys", 1, http.StatusServiceUnavailable)
		h.take(h.dlq)
		for range 2 {
			h.verdict()
		}
		if got := told("the ledger does not balance"); got != n+1 {
			t.Errorf("of %d imbalances %d were told:\n%s", n+1, got, &log)
		}
		h.clock.Add(time.Hour) // so that the next is one of another hour
	}
	away = errors.New("SQS is away")
	ended, end := context.WithCancel(t.Context())
	end()
	for n, ctx := range []context.Context{ended, t.Context()} {
		if h.run.checker.Once(ctx); told("the ledger cannot be checked now") != n {
			t.Errorf("what was cut off is told as a fault, or a fault is not told:\n%s", &log)
		}
	}
}
