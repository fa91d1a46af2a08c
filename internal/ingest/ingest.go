// Package ingest moves queue messages from a DLQ into the store. A queue message is deleted only after its message is
// committed; one that arrives again counts as another arrival of the same message. It must not change what arrived,
// except that it masks secrets in error texts of other programs.
package ingest

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/envelope"
	"dlqdesk/internal/memory"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/queue"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/store"
	"dlqdesk/internal/telemetry"
)

// Queue is the DLQ that is read.
type Queue interface {
	queue.Extender
	telemetry.Queue
	Visibility() time.Duration
	Receive(ctx context.Context, limit int, wait time.Duration) ([]queue.Message, error)
	Delete(ctx context.Context, messages []queue.Message) []error
	Release(ctx context.Context, messages []queue.Message) []error
}

// Settings are the parts of the configuration that apply to new messages.
type Settings struct {
	DefaultSource string                            // of messages of the program's own queue
	SourceOf      map[string]string                 // the source of messages of a queue, by its configured name
	Retry         map[string]deadletter.RetryPolicy // by configured source
	EventType     map[string][]payload.Path         // by configured source; other sources: any known path
	Masks         *redact.Masks
	Dedup         map[string]payload.Dedup // by configured source; other sources: Webhook-Id alone
}

// Deps are the parts that an ingest needs.
type Deps struct {
	Queue        Queue
	Store        *store.Store
	ConfigName   string          // the queue's name in the configuration; "": the program's own
	Settings     func() Settings // as configured at the moment
	Pollers      int             // receivers that wait for messages at all times
	Helpers      int             // receivers that join them while there is a backlog
	Arrived      func()          // called after messages were committed; must not block
	UnpackMemory *memory.Budget  // shared by all that ingest; see UnpackBudget
	Undeleted    *Undeleted      // lists the messages that were read and are still on the queue
	Now          func() time.Time
	Random       func() float64 // in [0,1), for the jitter of retries
	Log          *slog.Logger
}

// UnpackBudget is the memory for bodies that are unpacked, in bytes: one of the largest, or many smaller ones. A
// message on a queue can grow a thousandfold when it is unpacked, and many batches are processed at a time.
const UnpackBudget = envelope.MaxUnpacked

// Ingest reads one queue.
type Ingest struct {
	Deps
	helpers chan struct{} // has one entry for each helper that runs
	large   atomic.Bool   // whether the latest batch was large
	running sync.WaitGroup
	errors  telemetry.RepeatedError
}

// New returns an ingest. It does nothing before Run.
func New(d Deps) *Ingest { return &Ingest{Deps: d, helpers: make(chan struct{}, d.Helpers)} }

const (
	batchSize = 10               // messages of one receive, SQS's limit
	longPoll  = 20 * time.Second // SQS's limit

	// smallBatch is the size up to which a batch is small, in bytes. Only small ones are moved by many helpers.
	smallBatch = 256 << 10

	// batchLimit bounds the work on one batch, which stays hidden meanwhile.
	batchLimit = time.Minute

	// releaseLimit bounds making messages visible again that could not be stored.
	releaseLimit = 10 * time.Second

	// firstPause and longestPause bound the wait after an error of queue or store.
	firstPause   = 500 * time.Millisecond
	longestPause = 5 * time.Second
)

// Run moves messages until ctx ends. It returns when the last batch is done.
func (i *Ingest) Run(ctx context.Context) error {
	for range max(1, i.Pollers) {
		i.running.Go(func() { i.poll(ctx) })
	}
	i.running.Wait()
	return nil
}

func (i *Ingest) poll(ctx context.Context) {
	pause := firstPause
	for ctx.Err() == nil {
		_, err := i.Once(ctx, longPoll)
		if err != nil && ctx.Err() != nil {
			return
		}
		i.errors.Report(ctx, i.Log, i.Queue.Name(), err, i.Now())
		if err == nil {
			pause = firstPause
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, longestPause)
	}
}

// startHelper starts one more receiver, which runs for as long as batches are full and small: many large ones at once
// would need much memory. Many receivers work off a backlog, so that one commit covers many batches; few wait at an
// idle queue, because SQS charges for each call.
func (i *Ingest) startHelper(ctx context.Context) {
	select {
	case i.helpers <- struct{}{}:
	default:
		return // all of them run
	}
	i.running.Go(func() {
		defer func() { <-i.helpers }()
		for ctx.Err() == nil {
			if n, err := i.Once(ctx, 0); err != nil || n < batchSize || i.large.Load() {
				return // poll meets the same error, and reports it
			}
		}
	})
}

// Once moves one batch and returns how many messages it stored. It waits for messages at most so long.
func (i *Ingest) Once(ctx context.Context, wait time.Duration) (int, error) {
	messages, err := i.Queue.Receive(ctx, batchSize, wait)
	if err != nil || len(messages) == 0 {
		return 0, err
	}
	large := totalBytes(messages) > smallBatch
	i.large.Store(large)
	if len(messages) == batchSize && !large {
		i.startHelper(ctx)
	}
	// A received batch is finished even when the program stops: it is small, and each step has its own limit.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), batchLimit)
	defer cancel()
	stop := queue.StartHeartbeat(ctx, i.Queue, messages, i.Queue.Visibility())
	stored, remaining, err := i.store(ctx, messages)
	stop()
	if len(stored) > 0 {
		i.Arrived()
		i.delete(ctx, stored)
	}
	if len(remaining) > 0 {
		err = errors.Join(err, i.release(ctx, remaining))
	}
	return len(stored), err
}

func totalBytes(messages []queue.Message) (bytes int) {
	for _, m := range messages {
		bytes += len(m.Body)
	}
	return bytes
}

// delete deletes stored messages from the queue. One that cannot be deleted arrives again, and is recognised then.
func (i *Ingest) delete(ctx context.Context, stored []queue.Message) {
	for n, err := range i.Queue.Delete(ctx, stored) {
		if err == nil {
			i.Undeleted.remove(stored[n])
			continue
		}
		i.Log.WarnContext(telemetry.About(ctx, i.addUndeleted(stored[n], true)),
			"a message was stored, but could not be deleted from the queue", "queue", i.Queue.Name(), "err", err)
	}
}

// release makes messages visible again that could not be stored. Lack of time may be the reason for that, so it has a
// limit of its own.
func (i *Ingest) release(ctx context.Context, remaining []queue.Message) error {
	for _, m := range remaining {
		i.Log.WarnContext(telemetry.About(ctx, i.addUndeleted(m, false)),
			"a message could not be stored, and stays on the queue", "queue", i.Queue.Name())
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseLimit)
	defer cancel()
	return errors.Join(i.Queue.Release(ctx, remaining)...)
}

// addUndeleted lists a message that is still on the queue, and returns the id of its message in the store.
func (i *Ingest) addUndeleted(m queue.Message, stored bool) deadletter.ID {
	id := i.decode(m, func(int64) bool { return false }).ID
	i.Undeleted.add(m, queue.Undeleted{ID: string(id), SentAt: m.SentAt, Stored: stored})
	return id
}

// Coalesce returns a function that calls do once for all of its calls within a time.
func Coalesce(do func(), after time.Duration) func() {
	var waiting atomic.Bool
	return func() {
		if waiting.CompareAndSwap(false, true) {
			time.AfterFunc(after, func() {
				waiting.Store(false)
				do()
			})
		}
	}
}
