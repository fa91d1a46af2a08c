package app

import (
	"context"
	"sync"
	"time"

	"dlqdesk/internal/config"
	"dlqdesk/internal/console"
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

// reopenEvery is how often a queue is tried again that SQS refused.
const reopenEvery = time.Minute

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

// read ingests the messages of a queue until ctx ends, once the queue is open.
func (d *dlq) read(ctx context.Context, start func(*queue.SQS) *ingest.Ingest) error {
	sqs, err := d.SQS()
	for ; err != nil; sqs, err = d.SQS() {
		if d.Open(ctx) == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(reopenEvery):
		}
	}
	var refreshing sync.WaitGroup
	defer refreshing.Wait()
	refreshing.Go(func() { d.Run(ctx) })
	defer func() { sqs.Close(context.WithoutCancel(ctx)) }()
	return start(sqs).Run(ctx)
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
			return d.read(ctx, func(sqs *queue.SQS) *ingest.Ingest {
				of.Queue = sqs
				return ingest.New(of)
			})
		})
	}
}

// dlqGauge tells the depth of a queue as soon as it is open.
func (a *App) dlqGauge(d *dlq) console.Queue {
	return console.Queue{
		Name:  d.Name,
		Holds: "Messages of the list",
		Depth: queue.NewDepthCache(measured{d}, a.now).Depth,
	}
}

// measured lets a gauge ask a queue that may not be open.
type measured struct{ *dlq }

func (m measured) Name() string { return m.dlq.Name }

func (m measured) Depth(ctx context.Context) (queue.Depth, error) {
	sqs, err := m.SQS()
	if err != nil {
		return queue.Depth{}, err
	}
	return sqs.Depth(ctx)
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
