package app

import (
	"context"
	"fmt"

	"dlqdesk/internal/config"
	"dlqdesk/internal/queue"
)

// startReceiver starts a receiver without store and desk: its messages reach those over SQS.
func (a *App) startReceiver(ctx context.Context) error {
	if err := a.sharesQueues(); err != nil {
		return err
	}
	dir, err := a.lockDataDir()
	if err != nil {
		return err
	}
	queues, err := a.openQueues(ctx, dir)
	if err != nil {
		return err
	}
	if err := a.warnOfStranded(ctx, queues); err != nil {
		return err
	}
	tracker, err := a.newTracker(nil, nil)
	if err != nil {
		return err
	}
	front, err := a.newReceiver(queues)
	if err != nil {
		return err
	}
	if err := a.serveMetrics(ctx, tracker, queues); err != nil {
		return err
	}
	a.receiver, err = a.serveReceiver(ctx, a.receiverRoutes(front, queues), nil)
	return err
}

// sharesQueues finds queues that only this process would see.
func (a *App) sharesQueues() error {
	var faults config.Faults
	missing := func(key, why string) {
		faults = append(
			faults,
			config.Fault{Where: a.cfg.File, Key: key, Text: "must be the URL of an SQS queue: " + why},
		)
	}
	if a.cfg.Queue.DLQURL == "" {
		missing("queue.dlq_url", "a receiver alone hands what fails to the desk over it")
	}
	if a.anyBuffered() && a.cfg.Queue.ProcessingURL == "" {
		missing("queue.processing_url", "what a buffered source took has to outlive this machine")
	}
	if len(faults) > 0 {
		return faults
	}
	return nil
}

// warnOfStranded says what stays on this machine's disk, or may come to, because SQS does not take it.
func (a *App) warnOfStranded(ctx context.Context, q *queues) error {
	most := q.dlq.MaxMessageBytes()
	for _, s := range a.cfg.Sources {
		if s.MaxBody > int64(most) {
			a.log.WarnContext(
				ctx,
				"a webhook that fails and is too large for the queue, even compressed, stays on this machine's "+
					"disk: lower max_body",
				"source",
				s.Name,
				"max_body",
				s.MaxBody,
				"queue_takes",
				most,
			)
		}
	}
	for _, from := range q.messages {
		stranded, ok := from.(*queue.Embedded)
		if !ok {
			continue
		}
		depth, err := stranded.Depth(ctx)
		if err != nil {
			return fmt.Errorf("look for messages that are too large for the queue: %w", err)
		}
		if n := depth.Visible + depth.InFlight; n > 0 {
			a.log.WarnContext(
				ctx,
				"messages that are too large for the queue are on this machine's disk: dlqdesk serve on this "+
					"data folder shows them",
				"messages",
				n,
			)
		}
	}
	return nil
}
