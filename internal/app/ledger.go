package app

import (
	"context"

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
	settings := ledger.Settings{DLQ: countWaiting(q.messagesWait), Every: a.ledgerEvery, Settle: a.ledgerSettle}
	if !a.sharesProcessing() {
		settings.Processing = countWaiting(q.webhooksWait)
	}
	a.counts = countedHere{recorder, a.metrics}
	a.ledger = ledger.NewChecker(a.store, recorder, settings, a.now, log)
	a.run("check of the ledger", a.ledger.Run)
	return nil
}

// sharesProcessing reports whether other processes may deliver webhooks of buffered sources.
func (a *App) sharesProcessing() bool { return a.cfg.Queue.ProcessingURL != "" }

func countWaiting(list []queue.DepthReader) ledger.CountWaiting {
	return func(ctx context.Context) (w ledger.Waiting, err error) {
		w.Messages, w.Retention, err = queue.TotalDepth(ctx, list)
		return w, err
	}
}

// countedHere counts webhooks in the ledger of this data folder.
type countedHere struct {
	*ledger.Recorder
	*telemetry.Metrics
}
