// Package ingest moves messages from a DLQ into the store. A message leaves the queue only after its message is
// committed; one that comes again is one more arrival of the same message.
package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/envelope"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/queue"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/store"
	"dlqdesk/internal/telemetry"
)

// Queue is what ingest asks of a DLQ.
type Queue interface {
	queue.Extender
	telemetry.Queue
	Visibility() time.Duration
	Receive(ctx context.Context, limit int, wait time.Duration) ([]queue.Message, error)
	Delete(ctx context.Context, messages []queue.Message) []error
	Release(ctx context.Context, messages []queue.Message) []error
}

// Settings are the parts of the configuration that decide what becomes of a new message.
type Settings struct {
	// the name of the queue in the configuration; "": it is the program's own
	From          string
	DefaultSource string // of messages of the program's own queue
	// the source of messages of a queue, by its name in the configuration
	SourceOf  map[string]string
	Retry     map[string]deadletter.RetryPolicy // by configured source
	EventType map[string][]payload.Path         // by configured source; of others, any that is known
	Masks     map[string]redact.Rules           // by source
	Pollers   int                               // receivers that wait side by side
	Helpers   int                               // that join them while there is more than they can carry
	Dedup     map[string]payload.Dedup          // by configured source; of others, Webhook-Id alone
	// for bodies that are unpacked, of all who share it; nil: one of its own
	Room       *Room
	Unfinished *Unfinished // is told what stays on the queue; nil: nobody asks
}

// Ingest reads one queue.
type Ingest struct {
	queue    Queue
	store    *store.Store
	settings Settings
	arrived  func()
	now      func() time.Time
	roll     func() float64
	log      *slog.Logger
	helpers  chan struct{} // holds one for each that is at work
	heavy    atomic.Bool   // the latest messages are large
	running  sync.WaitGroup
	trouble  telemetry.Trouble
}

// New makes an ingest. arrived is called after messages were committed and must not block.
func New(
	q Queue,
	s *store.Store,
	settings Settings,
	arrived func(),
	now func() time.Time,
	roll func() float64,
	log *slog.Logger,
) *Ingest {
	if settings.Unfinished == nil {
		settings.Unfinished = &Unfinished{}
	}
	if settings.Room == nil {
		settings.Room = NewRoom()
	}
	return &Ingest{
		queue:    q,
		store:    s,
		settings: settings,
		arrived:  arrived,
		now:      now,
		roll:     roll,
		log:      log,
		helpers:  make(chan struct{}, settings.Helpers),
	}
}

const (
	batch    = 10               // messages of one receive, SQS's limit
	longPoll = 20 * time.Second // SQS's limit

	// lightBatch is how many bytes a batch has at most of which as many are moved at once as there are helpers.
	lightBatch = 256 << 10

	// batchLimit bounds the work on one batch, which stays hidden meanwhile.
	batchLimit = time.Minute

	// releaseLimit bounds giving back what could not be kept.
	releaseLimit = 10 * time.Second

	awsTrace = "AWSTraceHeader" // the trace of a message, which SQS carries beside it

	// firstPause and longestPause bound the wait after a fault of queue or store.
	firstPause   = 500 * time.Millisecond
	longestPause = 5 * time.Second
)

// Run moves messages until ctx ends, and returns when the last batch is done.
func (i *Ingest) Run(ctx context.Context) error {
	for range max(1, i.settings.Pollers) {
		i.running.Go(func() { i.poll(ctx) })
	}
	i.running.Wait()
	return nil
}

func (i *Ingest) poll(ctx context.Context) {
	pause := firstPause
	for ctx.Err() == nil {
		_, err := i.Once(ctx, longPoll)
		if err == nil {
			pause = firstPause
			if lasted, tell := i.trouble.Over(i.now()); tell {
				i.log.InfoContext(
					ctx,
					"messages are moved from the queue to the store again",
					"queue",
					i.queue.Name(),
					"after",
					lasted,
				)
			}
			continue
		}
		if ctx.Err() != nil {
			return
		}
		if times, tell := i.trouble.Met(i.now()); tell {
			i.log.ErrorContext(
				ctx,
				"cannot move messages from the queue to the store; trying again",
				"queue",
				i.queue.Name(),
				"faults",
				times,
				"err",
				err,
			)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, longestPause)
	}
}

// help has one more receiver work for as long as batches are full, and not so large that many at once take much
// memory. A queue with a backlog is emptied by many, so that one commit is of many batches; an idle one is asked by
// few, because SQS charges for each call.
func (i *Ingest) help(ctx context.Context) {
	select {
	case i.helpers <- struct{}{}:
	default:
		return // everybody is at work
	}
	i.running.Go(func() {
		defer func() { <-i.helpers }()
		for ctx.Err() == nil {
			if n, err := i.Once(ctx, 0); err != nil || n < batch || i.heavy.Load() {
				return // a fault is met, and told of, by who waits for messages
			}
		}
	})
}

// Once moves one batch, waiting for it at most so long, and returns how many messages it took off the queue.
func (i *Ingest) Once(ctx context.Context, wait time.Duration) (int, error) {
	messages, err := i.queue.Receive(ctx, batch, wait)
	if err != nil || len(messages) == 0 {
		return 0, err
	}
	heavy := weight(messages) > lightBatch
	i.heavy.Store(heavy)
	if len(messages) == batch && !heavy {
		i.help(ctx)
	}
	// What was received is finished even when the program stops: the batch is small and each step has its own limit.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), batchLimit)
	defer cancel()
	stop := queue.StartHeartbeat(ctx, i.queue, messages, i.queue.Visibility())
	kept, lost, err := i.keep(ctx, messages)
	stop()
	if len(kept) > 0 {
		i.arrived()
		i.delete(ctx, kept)
	}
	if len(lost) > 0 {
		for _, m := range lost {
			i.log.WarnContext(
				telemetry.About(ctx, i.leave(m, false)),
				"a message could not be kept, and stays on the queue",
				"queue",
				i.queue.Name(),
			)
		}
		// It may be for lack of time that they were not kept.
		releasing, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseLimit)
		defer cancel()
		err = errors.Join(err, errors.Join(i.queue.Release(releasing, lost)...))
	}
	return len(kept), err
}

func weight(messages []queue.Message) (bytes int) {
	for _, m := range messages {
		bytes += len(m.Body)
	}
	return bytes
}

// delete takes messages off the queue whose messages are kept. What cannot be deleted comes again and is recognised.
func (i *Ingest) delete(ctx context.Context, kept []queue.Message) {
	for n, err := range i.queue.Delete(ctx, kept) {
		if err == nil {
			i.settings.Unfinished.drop(kept[n])
			continue
		}
		i.log.WarnContext(
			telemetry.About(ctx, i.leave(kept[n], true)),
			"a message is kept, and its message could not be deleted from the queue",
			"queue",
			i.queue.Name(),
			"err",
			err,
		)
	}
}

// leave notes that a message is still on the queue, and returns the message that it brings.
func (i *Ingest) leave(m queue.Message, kept bool) deadletter.ID {
	message := i.decode(m, func(int64) bool { return false }).ID
	i.settings.Unfinished.add(m, queue.Undeleted{ID: string(message), SentAt: m.SentAt, Stored: kept})
	return message
}

// keep writes a batch, and returns which messages are safe and which are not. What has to be unpacked is written one
// by one.
func (i *Ingest) keep(ctx context.Context, messages []queue.Message) (kept, lost []queue.Message, err error) {
	plain, packed := i.read(messages)
	kept, lost, err = i.keepPlain(ctx, plain)
	errs := []error{err}
	for _, p := range packed {
		if err := i.keepPacked(ctx, p); err != nil {
			errs, lost = append(errs, err), append(lost, p.Message)
			continue
		}
		kept = append(kept, p.Message)
	}
	return kept, lost, errors.Join(errs...)
}

// keepPlain writes in one transaction. Where that fails each is tried alone, so that one which the store cannot take
// holds up no other, unless the store takes nothing at all.
func (i *Ingest) keepPlain(ctx context.Context, list []read) (kept, lost []queue.Message, err error) {
	err = i.write(ctx, list...)
	switch {
	case err == nil:
		return messagesOf(list), nil, nil
	case deadletter.KindOf(err) == deadletter.Unavailable:
		return nil, messagesOf(list), err
	}
	var errs []error
	for _, r := range list {
		if err := i.write(ctx, r); err != nil {
			errs, lost = append(errs, err), append(lost, r.Message)
			continue
		}
		kept = append(kept, r.Message)
	}
	return kept, lost, errors.Join(errs...)
}

// write keeps messages in one transaction. What can be made ready before is: everybody waits for who is at writing.
func (i *Ingest) write(ctx context.Context, list ...read) error {
	if len(list) == 0 {
		return nil
	}
	changes, spans := make([]deadletter.Change, len(list)), make([]telemetry.Span, len(list))
	for n := range list {
		c := &list[n].Capture
		_, spans[n] = telemetry.Process(ctx, i.queue, list[n].Message.ID, c)
		c.Queue.TraceParent = cmp.Or(spans[n].TraceParent(), c.Queue.TraceParent)
		changes[n] = deadletter.NewMessage(*c, i.settings.Retry[c.Source], i.roll(), i.now())
	}
	err := i.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		return i.take(ctx, tx, list, changes)
	})
	for _, span := range spans {
		span.End(err)
	}
	return err
}

func (i *Ingest) decode(m queue.Message, unpack func(int64) bool) deadletter.Capture {
	c := envelope.Decode(envelope.Raw{
		Queue:           i.queue.Name(),
		From:            i.settings.From,
		MessageID:       m.ID,
		Body:            m.Body,
		Attributes:      attributes(m.Attributes),
		System:          m.System,
		SentAt:          m.SentAt,
		ReceiveCount:    m.ReceiveCount,
		GroupID:         m.GroupID,
		DeduplicationID: m.DeduplicationID,
		Unpack:          unpack,
	}, i.now())
	switch {
	case c.Source != "":
	case c.Queue.From != "":
		c.Source = i.settings.SourceOf[c.Queue.From]
	default:
		c.Source = i.settings.DefaultSource
	}
	c.Queue.TraceParent = cmp.Or(c.Queue.TraceParent, telemetry.FromAWS(m.System[awsTrace]))
	hideSecrets(&c, i.settings.Masks[c.Source])
	paths, ok := i.settings.EventType[c.Source]
	if !ok {
		paths = payload.AnyEventType()
	}
	c.EventType = payload.EventType(c.Body, paths)
	if c.WebhookID == "" && !c.Foreign {
		c.WebhookID = i.dedup(c).ID(c.Headers, c.Body)
	}
	return c
}

func (i *Ingest) dedup(c deadletter.Capture) payload.Dedup {
	if d, ok := i.settings.Dedup[c.Source]; ok {
		return d
	}
	return payload.Dedup{Window: payload.DefaultDedupWindow}
}

func attributes(from map[string]queue.Attribute) []deadletter.QueueAttribute {
	var list []deadletter.QueueAttribute
	for name, a := range from {
		list = append(list, deadletter.QueueAttribute{Name: name, Type: a.Type, Value: a.String, Binary: a.Binary})
	}
	slices.SortFunc(list, func(a, b deadletter.QueueAttribute) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// take keeps what messages bring. In the ledger a receipt counts once, however often the queue hands it out.
func (i *Ingest) take(ctx context.Context, tx *store.Tx, list []read, received []deadletter.Change) error {
	fresh, changes := make([]int, 0, len(list)), make([]*deadletter.Change, 0, len(list))
	for n := range list {
		c := &list[n].Capture
		back, err := i.takeBack(ctx, tx, c)
		if err != nil {
			return fmt.Errorf("take back message %s: %w", c.ID, err)
		}
		if !back {
			fresh, changes = append(fresh, n), append(changes, &received[n])
		}
	}
	added, err := tx.Add(ctx, changes...)
	if err != nil {
		return err
	}
	for at, n := range fresh {
		c := &list[n].Capture
		if added[at] {
			tx.RecordArrival(c, false)
			continue
		}
		if err := i.takeAgain(ctx, tx, c, &received[n]); err != nil {
			return fmt.Errorf("keep message %s: %w", c.ID, err)
		}
	}
	return nil
}

// takeAgain keeps a capture whose message id or Webhook-Id is known already.
func (i *Ingest) takeAgain(
	ctx context.Context,
	tx *store.Tx,
	c *deadletter.Capture,
	received *deadletter.Change,
) error {
	known, err := tx.FindExisting(ctx, *c)
	if err != nil {
		return err
	}
	original, err := tx.Revision(ctx, known.ID, 0)
	if err != nil {
		return err
	}
	again, err := tx.HasArrived(ctx, *c)
	if err != nil {
		return err
	}
	covered := known.Covers(*c, original, i.dedup(*c).Window)
	if !again {
		tx.RecordArrival(c, covered)
	}
	if covered {
		return tx.Apply(ctx, known.ArriveAgain(*c, original, i.now()))
	}
	if err := tx.Supersede(ctx, known.ID); err != nil {
		return err
	}
	return tx.Apply(ctx, *received)
}
