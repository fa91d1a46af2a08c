package app

import (
	"context"
	"fmt"

	"dlqdesk/internal/queue"
)

// startReceiver starts a receiver without store and desk: its messages reach those over SQS.
func (a *App) startReceiver(ctx context.Context) error {
	if err := a.cfg.CheckReceiver(); err != nil {
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
	if err := a.newTracker(nil); err != nil {
		return err
	}
	front := a.newReceiver(queues)
	if err := a.serveMetrics(ctx, queues); err != nil {
		return err
	}
	a.receiver, err = a.serveReceiver(ctx, a.receiverRoutes(front, queues), nil)
	return err
}

// warnOfStranded warns of messages that stay on this machine's disk, or may come to, because SQS does not accept them.
func (a *App) warnOfStranded(ctx context.Context, q *queues) error {
	const (
		mayStay = "a webhook that fails and is too large for the queue, even compressed, stays on this machine's " +
			"disk: " +
			"lower max_body"
		stays = "messages that are too large for the queue are on this machine's disk: " +
			"dlqdesk serve on this data folder shows them"
	)
	limit := q.dlq.MaxMessageBytes()
	for _, s := range a.cfg.Sources {
		if s.MaxBody > int64(limit) {
			a.log.WarnContext(ctx, mayStay, "source", s.Name, "max_body", s.MaxBody, "queue_accepts", limit)
		}
	}
	for _, from := range q.messages {
		stranded, ok := from.(*queue.Embedded)
		if !ok {
			continue
		}
		depth, err := stranded.Depth(ctx)
		if err != nil {
			return fmt.Errorf("find messages that are too large for the queue: %w", err)
		}
		if n := depth.Visible + depth.InFlight; n > 0 {
			a.log.WarnContext(ctx, stays, "messages", n)
		}
	}
	return nil
}
