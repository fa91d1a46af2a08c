package receiver

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/semaphore"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/envelope"
	"dlqdesk/internal/ledger"
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
	room   *semaphore.Weighted // bytes, for bodies that were compressed: each is unpacked until it is dealt with
	tried  sync.Map            // receipts, by the ids of messages whose messages nobody took
	// ids of messages that were dealt with and could not be deleted: they come again, and are not delivered again
	done sync.Map
}

// NewProcessor makes a processor of the queue that the receiver fills.
func NewProcessor(r *Receiver, q ProcessingQueue) *Processor {
	return &Processor{Receiver: r, queue: q, room: semaphore.NewWeighted(unpackedRoom)}
}

const (
	// unpackedRoom is how much bodies may have together that were compressed, so that one which takes its time does
	// not hold up all others.
	unpackedRoom = 2 * envelope.MaxUnpacked

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
		p.errors.Report(ctx, p.log, p.queue.Name(), err, p.now())
		if err == nil {
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(faultPause):
		}
	}
}

// Once delivers one batch side by side, waiting for it at most so long. Each webhook leaves the queue when it is
// delivered or is on the DLQ; one that is neither, or could not be sent before ctx ended, becomes visible again.
func (p *Processor) Once(ctx context.Context, wait time.Duration) error {
	messages, err := p.queue.Receive(ctx, processorBatch, wait)
	if err != nil || len(messages) == 0 {
		return err
	}
	stopping := ctx.Done()
	ctx = context.WithoutCancel(ctx) // what was received is finished; each delivery has its timeout
	stop := queue.StartHeartbeat(ctx, p.queue, messages, p.queue.Visibility())
	errs := make([]error, len(messages))
	var running sync.WaitGroup
	for i, m := range messages {
		running.Go(func() { errs[i] = p.process(ctx, stopping, m) })
	}
	running.Wait()
	stop()
	var done, open []queue.Message
	for i, m := range messages {
		if errs[i] == nil {
			done = append(done, m)
		} else {
			open = append(open, m)
		}
	}
	if len(done) > 0 {
		errs = append(errs, p.delete(ctx, done)...)
	}
	if len(open) > 0 {
		errs = append(errs, p.queue.Release(ctx, open)...)
	}
	return errors.Join(errs...)
}

// delete takes messages off the queue that were dealt with. Their counts are saved first: one that a crash leaves
// on the queue is counted again, while one that was gone and not counted would be missing.
func (p *Processor) delete(ctx context.Context, done []queue.Message) []error {
	if err := p.ledger.Save(ctx); err != nil {
		p.log.WarnContext(ctx, "what became of buffered webhooks is not in the ledger yet", "err", err)
	}
	errs := p.queue.Delete(ctx, done)
	for i, m := range done {
		if errs[i] != nil {
			p.done.Store(m.ID, true)
		} else {
			p.done.Delete(m.ID)
		}
	}
	return errs
}

// errNotSent says of a webhook that it is delivered after the next start.
var errNotSent = errors.New("it could not be sent before dlqdesk was stopped")

func (p *Processor) process(ctx context.Context, stopping <-chan struct{}, m queue.Message) (err error) {
	if _, ok := p.done.Load(m.ID); ok {
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
			return p.room.Acquire(ctx, bytes) == nil // ctx has no end
		},
	}, p.now())
	defer func() { p.room.Release(unpacked) }()
	ctx, span := telemetry.Process(telemetry.About(ctx, c.ID), p.queue, m.ID, &c)
	c.Queue.TraceParent = cmp.Or(span.TraceParent(), c.Queue.TraceParent)
	defer func() {
		if span.End(err); err != nil {
			p.log.WarnContext(
				ctx,
				"a buffered webhook could not be dealt with, and stays on the queue",
				"source",
				c.Source,
				"queue",
				p.queue.Name(),
				"err",
				err,
			)
		}
	}()
	counts := ledger.Counts{}
	ours := c.Run == ""
	if ours { // no process has counted it yet
		c.Run, counts.Received = p.ledger.RunID(), 1
	}
	source, ok := p.sources[c.Source]
	if ok && p.deliver(ctx, source, &c) {
		counts.Delivered = 1
		p.ledger.Record(c, counts)
		return nil
	}
	select {
	case <-stopping:
		if ok && c.FirstAttempt.Outcome == deadletter.Unreachable {
			return errNotSent
		}
	default:
	}
	if !ok {
		c.Reason = "Not sent: the source of this webhook is not configured any more"
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
	if ours {
		p.ledger.Number(&c)
	}
	c.ReceiveID = p.receipt(m, c)
	if err := p.keep(ctx, p.dlq, c); err != nil {
		p.tried.Store(m.ID, c.ReceiveID)
		p.ledger.Record(c, ledger.Counts{}) // its number is given out, and must be settled
		return err
	}
	p.tried.Delete(m.ID)
	counts.Queued = 1
	p.ledger.Record(c, counts)
	return nil
}

// receipt names a message in the ledger. A webhook that was handed out before may have been kept before, by a process
// that was killed or by another one, and is then kept, and counted, again.
func (p *Processor) receipt(m queue.Message, c deadletter.Capture) string {
	if before, ok := p.tried.Load(m.ID); ok {
		return before.(string)
	}
	if m.ReceiveCount > 1 {
		return uuid.Must(uuid.NewV7()).String()
	}
	return c.ReceiveID
}
