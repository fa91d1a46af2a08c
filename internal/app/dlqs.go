package app

import (
	"context"

	"dlqdesk/internal/config"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/ingest"
	"dlqdesk/internal/queue"
	"dlqdesk/internal/redrive"
	"dlqdesk/internal/worker"
)

// dlq is a DLQ of the list queues. If it cannot be opened, the rest of the program runs, and it is tried again.
type dlq struct {
	config.DLQ
	*redrive.Queue
}

// openDLQs opens the queues of the list.
func (a *App) openDLQs(ctx context.Context, q *queues) {
	for _, cfg := range a.cfg.Queues {
		d := &dlq{cfg, redrive.NewQueue(redrive.Settings{
			Name: cfg.Name, URL: cfg.URL, Region: cfg.Region, SourceURL: cfg.SourceQueueURL,
		})}
		if err := d.Open(ctx); err != nil {
			a.log.ErrorContext(ctx, "a queue of the list cannot be read; it is tried again every minute",
				"queue", cfg.Name, "err", err)
		}
		q.list = append(q.list, d)
		q.shown = append(q.shown, a.dlqGauge(d))
	}
}

func (a *App) startDLQs(q *queues, deps ingest.Deps) {
	for _, d := range q.list {
		if d.Source != "" {
			source, _ := a.cfg.Source(d.Source)
			adopter := desk.Adopter{
				Store: a.store, Queue: d.Name, Source: d.Source, SignsID: source.Dedup.Signed,
				OrderKey: a.cfg.OrderKey(source), Now: a.now, Log: a.log.With("component", "adopt"),
			}
			a.run("source of the messages of "+d.Name, adopter.Run)
		}
		of := deps
		of.ConfigName, of.Undeleted = d.Name, q.undeleted(d.Name)
		of.Log = a.log.With("component", "ingest", "queue", d.Name)
		a.run("ingest from queue "+d.Name, func(ctx context.Context) error {
			return d.Read(ctx, func(sqs *queue.SQS) error {
				of.Queue = sqs
				return ingest.New(of).Run(ctx)
			})
		})
	}
}

// dlqGauge tells the depth of a queue as soon as it is open.
func (a *App) dlqGauge(d *dlq) desk.Queue {
	return desk.Queue{
		Name: d.Name, Holds: "Messages of the list", Depth: queue.NewDepthCache(d.Depth, a.now).Depth,
	}
}

// redriveSlots is how many messages of a queue are sent back side by side.
const redriveSlots = 16

func redrivers(list []*dlq) (queues []worker.Queue, origins map[string]desk.Origin) {
	origins = map[string]desk.Origin{}
	for _, d := range list {
		queues = append(queues, worker.Queue{Name: d.Name, Route: d.Queue, Slots: redriveSlots})
		origins[d.Name] = d.Queue
	}
	return queues, origins
}
