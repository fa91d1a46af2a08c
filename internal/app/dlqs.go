package app

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"dlqdesk/internal/config"
	"dlqdesk/internal/console"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/envelope"
	"dlqdesk/internal/ingest"
	"dlqdesk/internal/queue"
	"dlqdesk/internal/worker"
)

// dlq is a DLQ of the list. One that cannot be used holds up nothing else: it is tried again.
type dlq struct {
	config.DLQ

	mu   sync.Mutex
	sqs  *queue.SQS // nil: it could not be opened yet
	from *queue.Origin
	err  error // why not
}

// reopenEvery is how often a queue is tried again that SQS refused.
const reopenEvery = time.Minute

var errUnopened = errors.New("this queue was not opened yet")

// openDLQs begins with the queues of the list.
func (a *App) openDLQs(ctx context.Context, q *queues) {
	for _, cfg := range a.cfg.Queues {
		d := &dlq{DLQ: cfg, err: errUnopened}
		if !d.open(ctx) {
			a.log.ErrorContext(
				ctx,
				"a queue of the list cannot be read; it is tried again every minute",
				"queue",
				d.Name,
				"err",
				d.fault(),
			)
		}
		q.list = append(q.list, d)
		q.shown = append(q.shown, a.dlqGauge(d))
	}
}

// open makes the queue ready, and answers whether it is.
func (d *dlq) open(ctx context.Context) bool {
	sqs, err := queue.NewSQS(ctx, d.URL, d.Region)
	var from *queue.Origin
	if err == nil {
		from = queue.NewOrigin(sqs, d.SourceURL, "set queues."+d.Name+".source_url and restart")
	}
	if err == nil && d.SourceURL == "" && sqs.Unreached() == nil {
		from.Ask(ctx) // a redrive that was ordered before a restart needs the answer at once
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sqs, d.from, d.err = sqs, from, err
	return err == nil
}

func (d *dlq) fault() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.err
}

// read moves messages to the store until ctx ends, once the queue is open.
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
	asking.Go(func() { _ = d.from.Run(ctx) })
	defer func() { d.sqs.Close(context.WithoutCancel(ctx)) }()
	return start(d.sqs).Run(ctx)
}

func (a *App) startDLQs(q *queues, settings ingest.Settings, arrived func()) {
	for _, d := range q.list {
		if d.Source != "" {
			a.run("source of the messages of "+d.Name, func(ctx context.Context) error { return a.adopt(ctx, d) })
		}
		of := settings
		of.From, of.Unfinished = d.Name, q.unfinished(d.Name)
		a.run("ingest from queue "+d.Name, func(ctx context.Context) error {
			return d.read(ctx, func(q *queue.SQS) *ingest.Ingest {
				return ingest.New(
					q,
					a.store,
					of,
					arrived,
					a.now,
					a.roll,
					a.log.With("component", "ingest", "from", d.Name),
				)
			})
		})
	}
}

// dlqGauge tells the depth of a queue as soon as it is open.
func (a *App) dlqGauge(d *dlq) console.Queue {
	gauge := queue.NewGauge(measured{d}, a.now)
	return console.Queue{
		Name:  d.Name,
		Holds: "Messages of the list",
		Depth: func(ctx context.Context) (console.Depth, error) {
			depth, err := gauge.Depth(ctx)
			return console.Depth(depth), err
		},
	}
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

// origin is where messages of a queue came from, as far as that is known while the queue may not be open.
type origin struct{ *dlq }

// To answers the queue that a message goes back to.
func (o origin) To(l deadletter.Message) (string, error) {
	if err := o.fault(); err != nil {
		return "", deadletter.Errorf(
			deadletter.Conflict,
			"the queue %s cannot be used at the moment: the log says why",
			o.Name,
		)
	}
	if o.SourceURL == "" && l.Queue.Service != "" && l.Queue.Service != envelope.ServiceSQS {
		return "", deadletter.Errorf(
			deadletter.Conflict,
			"%s put this message on the DLQ, so it came from no queue: set queues.%s.source to deliver it over HTTP, or queues.%s.source_url",
			l.Queue.Service,
			o.Name,
			o.Name,
		)
	}
	arn := ""
	if l.Queue.Service == envelope.ServiceSQS {
		arn = l.Queue.SourceARN
	}
	find := o.from.Of
	if l.Queue.Drained {
		find = o.from.Confirmed
	}
	to, err := find(arn)
	if err != nil {
		return "", deadletter.Errorf(deadletter.Conflict, "%s", err)
	}
	return to, nil
}

// Send puts a message on its queue.
func (o origin) Send(ctx context.Context, to string, m queue.Outgoing) (string, error) {
	return o.from.Send(ctx, to, m)
}

func (o origin) FIFO() bool { return strings.HasSuffix(o.URL, ".fifo") }

// MaxMessageBytes is what the DLQ takes, which the queue before it takes as well, as far as anybody can tell.
func (o origin) MaxMessageBytes() int {
	if o.fault() != nil {
		return 0
	}
	return o.sqs.MaxMessageBytes()
}

// redriveSlots is how many messages of a queue are sent back side by side.
const redriveSlots = 16

func redrivers(list []*dlq) (queues []worker.Queue, origins map[string]desk.Origin) {
	origins = map[string]desk.Origin{}
	for _, d := range list {
		queues = append(queues, worker.Queue{Name: d.Name, Origin: origin{d}, Slots: redriveSlots})
		origins[d.Name] = origin{d}
	}
	return queues, origins
}
