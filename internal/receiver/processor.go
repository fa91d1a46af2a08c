package receiver

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/envelope"
	"dlqdesk/internal/ledger"
	"dlqdesk/internal/memory"
	"dlqdesk/internal/queue"
	"dlqdesk/internal/telemetry"
)

// ProcessingQueue is where webhooks of buffered sources wait for their delivery.
type ProcessingQueue interface {
	Queue
	queue.Extender
	Visibility() time.Duration
	Receive(ctx context.Context, limit int, wait time.Duration) ([]queue.Message, error)
	Release(ctx context.Context, messages []queue.Message) []error
	Delete(ctx context.Context, messages []queue.Message) []error
}

// Processor delivers the webhooks of buffered sources.
type Processor struct {
	*Receiver
	queue  ProcessingQueue
	errors telemetry.RepeatedError
	unpack *memory.Budget // bytes, for compressed bodies that are unpacked
	// receipt ids by the ids of queue messages that the DLQ did not accept: they are tried again under the same receipt
	failed sync.Map
	// ids of queue messages that are finished and could not be deleted: they come again, and are not delivered again
	finished sync.Map
}

// NewProcessor returns a processor of the queue that the receiver fills.
func NewProcessor(r *Receiver, q ProcessingQueue) *Processor {
	return &Processor{Receiver: r, queue: q, unpack: memory.NewBudget(unpackLimit)}
}

const (
	// unpackLimit bounds the unpacked bodies in memory, in bytes. Two of the largest fit, so that a slow one does not
	// delay all others.
	unpackLimit = 2 * envelope.MaxUnpacked

	processorBatch = 10
	longPoll       = 20 * time.Second
	pollers        = 4
	faultPause     = time.Second
)

// Run delivers until ctx ends, and returns when the last delivery is done.
func (p *Processor) Run(ctx context.Context) error {
	var running sync.WaitGroup
	for range pollers {
		running.Go(func() { p.poll(ctx) })
	}
	running.Wait()
	return nil
}

func (p *Processor) poll(ctx context.Context) {
	for ctx.Err() == nil {
		err := p.Once(ctx, longPoll)
		if ctx.Err() != nil {
			return
		}
		p.errors.ReportQueue(ctx, p.log, p.queue.Name(), err, p.now())
		if err == nil {
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(faultPause):
		}
	}
}

// Once delivers one batch concurrently. It waits for messages at most so long. A webhook that is delivered or on the
// DLQ is deleted from the queue; one that is neither, or could not be sent before ctx ended, becomes visible again.
func (p *Processor) Once(ctx context.Context, wait time.Duration) error {
	messages, err := p.queue.Receive(ctx, processorBatch, wait)
	if err != nil || len(messages) == 0 {
		return err
	}
	stopping := ctx.Done()
	ctx = context.WithoutCancel(ctx) // received messages are finished; each delivery has its timeout
	stop := queue.StartHeartbeat(ctx, p.queue, messages, p.queue.Visibility())
	errs := make([]error, len(messages))
	var running sync.WaitGroup
	for i, m := range messages {
		running.Go(func() { errs[i] = p.process(ctx, stopping, m) })
	}
	running.Wait()
	stop()
	var finished, remaining []queue.Message
	for i, m := range messages {
		if errs[i] == nil {
			finished = append(finished, m)
		} else {
			remaining = append(remaining, m)
		}
	}
	if len(finished) > 0 {
		errs = append(errs, p.delete(ctx, finished)...)
	}
	if len(remaining) > 0 {
		errs = append(errs, p.queue.Release(ctx, remaining)...)
	}
	return errors.Join(errs...)
}

// delete deletes finished messages from the queue. It saves their counts first: after a crash in between they are
// delivered and counted again, while a deleted message without its count would be missing in the ledger.
func (p *Processor) delete(ctx context.Context, finished []queue.Message) []error {
	if err := p.ledger.Save(ctx); err != nil {
		p.log.WarnContext(ctx, "what became of buffered webhooks is not in the ledger yet", "err", err)
	}
	errs := p.queue.Delete(ctx, finished)
	for i, m := range finished {
		if errs[i] != nil {
			p.finished.Store(m.ID, true)
		} else {
			p.finished.Delete(m.ID)
		}
	}
	return errs
}

// errNotSent is the error of a webhook that will be delivered after the next start.
var errNotSent = errors.New("it could not be sent before dlqdesk was stopped")

// process delivers one webhook, and sends it to the DLQ if that fails.
func (p *Processor) process(ctx context.Context, stopping <-chan struct{}, m queue.Message) (err error) {
	if _, ok := p.finished.Load(m.ID); ok {
		return nil
	}
	unpacked := int64(0)
	c := envelope.Decode(envelope.Raw{
		Queue:        p.queue.Name(),
		MessageID:    m.ID,
		Body:         m.Body,
		SentAt:       m.SentAt,
		ReceiveCount: m.ReceiveCount,
		Unpack: func(bytes int64) bool {
			unpacked = bytes
			return p.unpack.Acquire(ctx, bytes) == nil // ctx has no end
		},
	}, p.now())
	defer func() { p.unpack.Release(unpacked) }()
	ctx, span := telemetry.Process(telemetry.About(ctx, c.ID), p.queue, m.ID, &c)
	c.Queue.TraceParent = cmp.Or(span.TraceParent(), c.Queue.TraceParent)
	defer func() {
		if span.End(err); err != nil {
			p.log.WarnContext(ctx, "a buffered webhook could not be dealt with, and stays on the queue",
				"source", c.Source, "queue", p.queue.Name(), "err", err)
		}
	}()
	counts := ledger.Counts{}
	uncounted := c.Run == "" // no process has counted it yet
	if uncounted {
		c.Run, counts.Received = p.ledger.RunID(), 1
	}
	source, ok := p.source(c.Source)
	switch {
	case !ok:
		p.failUnconfigured(&c)
	case p.deliver(ctx, source, &c):
		counts.Delivered = 1
		p.ledger.Record(c, counts)
		return nil
	case c.FirstAttempt.Outcome == deadletter.Unreachable && isClosed(stopping):
		return errNotSent
	}
	if uncounted {
		p.ledger.Number(&c)
	}
	return p.sendToDLQ(ctx, m, c, counts)
}

func isClosed(stopping <-chan struct{}) bool {
	select {
	case <-stopping:
		return true
	default:
		return false
	}
}

// failUnconfigured adds the failed attempt of a webhook whose source was removed from the configuration.
func (p *Processor) failUnconfigured(c *deadletter.Capture) {
	c.Reason = "Not sent: the source of this webhook is not configured. Add it under sources, or archive the message"
	c.FirstAttempt = &deadletter.Attempt{
		Number:    1,
		Trigger:   deadletter.TriggerReceive,
		Actor:     deadletter.System().Name,
		StartedAt: p.now(),
		Done:      true,
		Outcome:   deadletter.Unreachable,
		Error:     c.Reason,
	}
}

func (p *Processor) sendToDLQ(ctx context.Context, m queue.Message, c deadletter.Capture, counts ledger.Counts) error {
	c.ReceiveID = p.receiptID(m, c)
	if err := p.enqueue(ctx, p.dlq, c); err != nil {
		p.failed.Store(m.ID, c.ReceiveID)
		p.ledger.Record(c, ledger.Counts{}) // its number is given out, and must be settled
		return err
	}
	p.failed.Delete(m.ID)
	counts.Queued = 1
	p.ledger.Record(c, counts)
	return nil
}

// receiptID returns the id under which the ledger counts a webhook. One that is delivered again may have been queued
// before, by a process that was killed or by another one. It gets a new id, because it is queued and counted again.
func (p *Processor) receiptID(m queue.Message, c deadletter.Capture) string {
	if before, ok := p.failed.Load(m.ID); ok {
		return before.(string)
	}
	if m.Redelivered {
		return uuid.Must(uuid.NewV7()).String()
	}
	return c.ReceiveID
}
