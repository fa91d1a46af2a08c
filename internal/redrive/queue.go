// Package redrive sends messages back to the SQS queues that they came from. It finds the queue, keeps the order of
// FIFO groups, and reports the outcome. It must not choose messages or change them: the worker claims them and stores
// the outcome, and the desk decides who may redrive.
//
// Example: a message was read from orders-dlq, which the configuration lists under queues. SQS named orders as its
// source when it moved the message there, so a redrive sends it to orders.
package redrive

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/envelope"
	"dlqdesk/internal/queue"
)

// Settings is a DLQ as it is configured.
type Settings struct {
	Name      string // its key below queues
	URL       string
	Region    string // "": that of the URL
	SourceURL string // the queue that its messages go back to; "": the message or SQS names it
}

// Queue is a DLQ whose messages can be sent back. It may not be open yet: a queue that SQS refuses must not keep the
// program from starting.
type Queue struct {
	Settings

	mu     sync.Mutex
	sqs    *queue.SQS // nil until it is open
	origin *Origin
	err    error // why it is not open
}

var errUnopened = errors.New("this queue was not opened yet")

// NewQueue returns a queue that is not open yet.
func NewQueue(s Settings) *Queue { return &Queue{Settings: s, err: errUnopened} }

// Open connects to the queue. If it returns an error, the queue is not open, and Open may be called again.
func (q *Queue) Open(ctx context.Context) error {
	sqs, err := queue.NewSQS(ctx, q.URL, q.Region)
	var origin *Origin
	if err == nil {
		origin = NewOrigin(sqs, q.SourceURL, "set queues."+q.Name+".source_queue_url and restart")
	}
	if err == nil && q.SourceURL == "" && sqs.StartError() == nil {
		origin.Refresh(ctx) // a redrive that was requested before a restart needs the sources at once
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sqs, q.origin, q.err = sqs, origin, err
	return err
}

// reopenEvery is how often a queue is tried again that SQS refused.
const reopenEvery = time.Minute

// Read calls read once the queue is open, and keeps its sources up to date until read returns. It closes the queue.
func (q *Queue) Read(ctx context.Context, read func(sqs *queue.SQS) error) error {
	sqs, err := q.SQS()
	for ; err != nil; sqs, err = q.SQS() {
		if q.Open(ctx) == nil {
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
	refreshing.Go(func() { q.origin.Run(ctx) })
	defer func() { sqs.Close(context.WithoutCancel(ctx)) }()
	return read(sqs)
}

// Depth returns the depth of the queue, or the error that Open returned last.
func (q *Queue) Depth(ctx context.Context) (queue.Depth, error) {
	sqs, err := q.SQS()
	if err != nil {
		return queue.Depth{}, err
	}
	return sqs.Depth(ctx)
}

// SQS returns the queue once it is open, or the error that Open returned last.
func (q *Queue) SQS() (*queue.SQS, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.sqs, q.err
}

// To returns the URL of the queue that a message goes back to. It returns Conflict with the reason if there is none.
func (q *Queue) To(m deadletter.Message) (string, error) {
	if _, err := q.SQS(); err != nil {
		return "", deadletter.Errorf(deadletter.Conflict,
			"the queue %s cannot be used at the moment: the log says why", q.Name)
	}
	moved := m.Queue.Service == envelope.ServiceSQS
	if q.SourceURL == "" && m.Queue.Service != "" && !moved {
		deliver := "replay it to deliver it over HTTP"
		if m.Source == "" {
			deliver = "set queues." + q.Name + ".source to deliver it over HTTP"
		}
		return "", deadletter.Errorf(deadletter.Conflict,
			"%s put this message on the DLQ, so it came from no queue: %s, or set queues.%s.source_queue_url",
			m.Queue.Service, deliver, q.Name)
	}
	arn := ""
	if moved {
		arn = m.Queue.SourceARN
	}
	find := q.origin.Find
	if m.Queue.Drained {
		find = q.origin.FindConfirmed
	}
	to, err := find(arn)
	if err != nil {
		return "", deadletter.Errorf(deadletter.Conflict, "%s", err)
	}
	return to, nil
}

// Send sends a message to the queue that To returned. Its errors are those of queue.SQS.SendTo.
func (q *Queue) Send(ctx context.Context, queueURL string, m queue.Outgoing) (messageID string, err error) {
	sqs, err := q.SQS()
	if err != nil {
		return "", err
	}
	return sqs.SendTo(ctx, queueURL, m)
}

// FIFO reports whether the queue is a FIFO queue, which keeps the order of each message group.
func (q *Queue) FIFO() bool { return strings.HasSuffix(q.URL, ".fifo") }

// MaxMessageBytes returns the largest size of a message on the DLQ, which is taken for that of its source queue too. It
// is 0 while the queue is not open.
func (q *Queue) MaxMessageBytes() int {
	sqs, err := q.SQS()
	if err != nil {
		return 0
	}
	return sqs.MaxMessageBytes()
}
