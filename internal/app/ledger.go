package app

import (
	"context"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/ledger"
	"dlqdesk/internal/queue"
	"dlqdesk/internal/telemetry"
)

// startLedger starts counting webhooks, and the check that the counts balance.
func (a *App) startLedger(ctx context.Context, q *queues) error {
	log := a.log.With("component", "ledger")
	recorder, err := ledger.Begin(ctx, a.store, a.now, log)
	if err != nil {
		return err
	}
	a.life.OnStop("ledger", recorder.End)
	a.run("saving of the ledger", recorder.Run)
	settings := ledger.Settings{DLQ: waiting(q.messagesWait), Every: a.ledgerEvery, Settle: a.ledgerSettle}
	if a.anyBuffered() && !a.sharesProcessing() {
		settings.Processing = waiting(q.webhooksWait)
	}
	a.counts = countedHere{recorder, a.metrics}
	a.ledger = ledger.NewChecker(a.store, recorder, settings, a.now, log)
	a.run("check of the ledger", a.ledger.Run)
	return nil
}

// sharesProcessing reports whether other processes may deliver webhooks of buffered sources.
func (a *App) sharesProcessing() bool { return a.cfg.Queue.ProcessingURL != "" }

// waiting counts the messages on queues at this moment: each in turn, because a message may be on the way from one to
// the next, and is then better counted twice than not at all.
func waiting(list []queue.DepthReader) ledger.CountWaiting {
	return func(ctx context.Context) (ledger.Waiting, error) {
		var sum ledger.Waiting
		for _, q := range list {
			depth, err := q.Depth(ctx)
			if err != nil {
				return ledger.Waiting{}, err
			}
			sum.Messages += depth.Total()
			sum.Retention = max(sum.Retention, depth.Retention)
		}
		return sum, nil
	}
}

// countedHere counts webhooks in the ledger of this data folder.
type countedHere struct {
	*ledger.Recorder
	*telemetry.Metrics
}

// unledgered is the ledger of a receiver without a store: the desk that its messages reach counts them.
type unledgered struct{ *telemetry.Metrics }

func (unledgered) RunID() string                            { return "" }
func (unledgered) Number(*deadletter.Capture)               {}
func (unledgered) Record(deadletter.Capture, ledger.Counts) {}
func (unledgered) Save(context.Context) error               { return nil }
