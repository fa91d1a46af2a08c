package app

import (
	"context"

	"dlqdesk/internal/queue"
	"dlqdesk/internal/receiver"
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
	if err := a.newTracker(nil); err != nil {
		return err
	}
	var stranded []queue.DepthReader
	for _, from := range queues.messages {
		if onDisk, ok := from.(*queue.Embedded); ok {
			stranded = append(stranded, onDisk)
		}
	}
	if err := receiver.WarnOfStranded(ctx, a.settings.Load().Receiver, queues.dlq, stranded, a.log); err != nil {
		return err
	}
	front := a.newReceiver(queues)
	if err := a.serveMetrics(ctx, queues); err != nil {
		return err
	}
	a.receiver, err = a.serveReceiver(ctx, a.receiverRoutes(front, queues), nil)
	return err
}
