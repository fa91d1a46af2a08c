package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"dlqdesk/internal/config"
	"dlqdesk/internal/console"
	"dlqdesk/internal/ingest"
	"dlqdesk/internal/queue"
)

// dlq is a dead letter queue of the list. One that cannot be used holds up nothing else: it is tried again.
type dlq struct {
	config.DLQ

	mu     sync.Mutex
	sqs    *queue.SQS // nil: it could not be opened yet
	origin *queue.Origin
	err    error // why not
}

// reopenEvery is how often a queue is tried again that SQS refused.
const reopenEvery = time.Minute

var errUnopened = errors.New("this queue was not opened yet")

// openDLQs begins with the queues of the list.
func (a *App) openDLQs(ctx context.Context, q *queues) {
	for _, cfg := range a.cfg.Queues {
		d := &dlq{DLQ: cfg, err: errUnopened}
		if !d.open(ctx) {
			a.log.ErrorContext(ctx, "a queue of the list cannot be read; it is tried again every minute", "queue", d.Name, "err", d.fault())
		}
		q.list = append(q.list, d)
		q.shown = append(q.shown, a.dlqGauge(d))
	}
}

// open makes the queue ready, and answers whether it is.
func (d *dlq) open(ctx context.Context) bool {
	sqs, err := queue.NewSQS(ctx, d.URL, d.Region)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sqs, d.err = sqs, err
	if err == nil {
		d.origin = queue.NewOrigin(sqs, d.SourceURL, "set queues."+d.Name+".source_url and restart")
	}
	return err == nil
}

func (d *dlq) fault() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}

// read moves letters to the store until ctx ends, once the queue is open.
func (d *dlq) read(ctx context.Context, start func(*queue.SQS) *ingest.Ingest) error {
	for d.fault() != nil && !d.open(ctx) {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(reopenEvery):
		}
	}
	var asking sync.WaitGroup
	defer asking.Wait()
	asking.Go(func() { _ = d.origin.Run(ctx) })
	return start(d.sqs).Run(ctx)
}

func (a *App) startDLQs(list []*dlq, settings ingest.Settings, arrived func()) {
	for _, d := range list {
		of := settings
		of.From, of.DefaultSource = d.Name, d.Source
		a.run("ingest from queue "+d.Name, func(ctx context.Context) error {
			return d.read(ctx, func(q *queue.SQS) *ingest.Ingest {
				return ingest.New(q, a.store, of, arrived, a.now, a.roll, a.log.With("component", "ingest", "queue", d.Name))
			})
		})
	}
}

// dlqGauge tells the depth of a queue as soon as it is open.
func (a *App) dlqGauge(d *dlq) console.Queue {
	gauge := queue.NewGauge(measured{d}, a.now)
	return console.Queue{Name: d.Name, Holds: "Letters of the list", Depth: func(ctx context.Context) (console.Depth, error) {
		depth, err := gauge.Depth(ctx)
		return console.Depth(depth), err
	}}
}

// measured lets a gauge ask a queue that may not be open.
type measured struct{ *dlq }

func (m measured) Name() string { return m.dlq.Name }

func (m measured) Depth(ctx context.Context) (queue.Depth, error) {
	if err := m.fault(); err != nil {
		return queue.Depth{}, err
	}
	return m.sqs.Depth(ctx)
}
