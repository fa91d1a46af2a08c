package app

import (
	"context"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/ledger"
	"dlqdesk/internal/queue"
	"dlqdesk/internal/telemetry"
)

// startLedger keeps account of every webhook, and looks whether the account balances.
func (a *App) startLedger(ctx context.Context, q *queues) error {
	log := a.log.With("component", "ledger")
	books, err := ledger.Begin(ctx, a.store, a.now, log)
	if err != nil {
		return err
	}
	a.onStop("ledger", books.End)
	a.run("saving of the ledger", books.Run)
	settings := ledger.Settings{Messages: waiting(q.messagesWait), Every: a.ledgerEvery, Settle: a.ledgerSettle}
	if a.anyBuffered() && !a.sharesProcessing() {
		settings.Processing = waiting(q.webhooksWait)
	}
	a.books = ownBooks{books, a.metrics}
	a.ledger = ledger.NewChecker(a.store, books, settings, a.now, log)
	a.run("check of the ledger", a.ledger.Run)
	return nil
}

// sharesProcessing tells whether other processes may deliver what buffered sources took.
func (a *App) sharesProcessing() bool { return a.cfg.Queue.ProcessingURL != "" }

// waiting counts what is on queues at this moment: each in turn, because a message may be on the way from one to the
// next, and is then better counted twice than not at all.
func waiting(list []queue.Measured) ledger.Waiting {
	return func(ctx context.Context) (ledger.Held, error) {
		var held ledger.Held
		for _, q := range list {
			depth, err := q.Depth(ctx)
			if err != nil {
				return ledger.Held{}, err
			}
			held.Messages += depth.Total()
			held.Retention = max(held.Retention, depth.Retention)
		}
		return held, nil
	}
}

// ownBooks are those of this data folder.
type ownBooks struct {
	*ledger.Recorder
	*telemetry.Metrics
}

// strangersBooks are those of a receiver without a store: the desk that its messages reach accounts for them.
type strangersBooks struct{ *telemetry.Metrics }

func (strangersBooks) Name() string                                 { return "" }
func (strangersBooks) Number(*deadletter.Capture)                   {}
func (strangersBooks) Book(deadletter.Capture, deadletter.Receipts) {}
func (strangersBooks) Save(context.Context) error                   { return nil }
