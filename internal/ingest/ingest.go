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
	"dlqdesk/internal/pressure"
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
	MaxReceive() int
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
	OrderKey      map[string]payload.OrderKey       // by configured source
	Masks         *redact.Masks
	Dedup         map[string]payload.Dedup // by configured source; other sources: Webhook-Id alone
}

// Deps are the parts that an ingest needs.
type Deps struct {
	Queue        Queue
	Store        *store.Store
	ConfigName   string                            // the queue's name in the configuration; "": the program's own
	Settings     func() Settings                   // as configured at the moment
	Arrived      func()                            // called after messages were committed; must not block
	Keyed        func(keys ...deadletter.OrderKey) // called with the order keys of those; must not block; nil: not needed
	UnpackMemory *memory.Budget                    // shared by all that ingest; see UnpackBudget
	Undeleted    *Undeleted                        // lists the messages that were read and are still on the queue
	Pressure     *pressure.Gauge                   // while it is high, a batch is received once in turnEvery
	Now          func() time.Time
	Random       func() float64 // in [0,1), for the jitter of retries
	Log          *slog.Logger
}

// UnpackBudget is the memory for bodies that are unpacked, in bytes: one of the largest, or many smaller ones. A
// message on a queue can grow a thousandfold when it is unpacked, and many batches are processed at a time.
const UnpackBudget = envelope.MaxUnpacked

// Ingest reads one queue. One loop receives batches; each is stored and deleted while the loop receives the next ones.
type Ingest struct {
	Deps
	errors telemetry.RepeatedError

	// Only the loop that receives uses these.
	latest  int  // messages of the latest batch
	backlog bool // whether the queue may have had more of them
	turns   *pressure.Turns

	moving   sync.WaitGroup
	failures atomic.Int32 // batches that failed since one succeeded
}

// New returns an ingest. It does nothing before Run.
func New(d Deps) *Ingest { return &Ingest{Deps: d, turns: d.Pressure.NewTurns(turnEvery)} }

const (
	longPoll = 20 * time.Second // SQS's limit

	// maxMoving is how many batches are stored and deleted side by side. One that waits for memory delays no other.
	maxMoving = 4

	// batchLimit bounds the work on one batch, which stays hidden meanwhile.
	batchLimit = time.Minute

	// releaseLimit bounds making messages visible again that could not be stored.
	releaseLimit = 10 * time.Second

	// linger is the wait for more messages after a batch. A message that comes after a quiet time does not wait.
	linger = 50 * time.Millisecond

	// turnEvery is the time between two batches while webhooks fail faster than the machine can do everything.
	turnEvery = time.Second

	// firstPause and longestPause bound the wait after an error of queue or store.
	firstPause   = 500 * time.Millisecond
	longestPause = 5 * time.Second
)

// Run moves messages until ctx ends. It returns when the last batch is done.
func (i *Ingest) Run(ctx context.Context) error {
	defer i.moving.Wait()
	places := make(chan struct{}, maxMoving)
	for i.wait(ctx) {
		places <- struct{}{}
		messages, err := i.gather(ctx, longPoll)
		if err != nil && ctx.Err() != nil {
			break
		}
		if err != nil || len(messages) == 0 {
			<-places
			i.report(ctx, err)
			continue
		}
		i.moving.Go(func() {
			defer func() { <-places }()
			_, err := i.move(ctx, messages)
			i.report(ctx, err)
		})
	}
	return nil
}

// report logs an error that lasts, and its end.
func (i *Ingest) report(ctx context.Context, err error) {
	if err == nil {
		i.failures.Store(0)
	} else {
		i.failures.Add(1)
	}
	i.errors.ReportQueue(ctx, i.Log, i.Queue.Name(), err, i.Now())
}

// wait waits until the next batch may be received. It returns false once ctx has ended.
func (i *Ingest) wait(ctx context.Context) bool {
	sleep(ctx, i.pause())
	for ctx.Err() == nil {
		pause := i.turns.Wait()
		if pause == 0 {
			return true
		}
		sleep(ctx, pause)
	}
	return false
}

// sleep returns after d, or when ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func (i *Ingest) pause() time.Duration {
	if failures := i.failures.Load(); failures > 0 {
		return min(firstPause<<min(failures-1, 10), longestPause)
	}
	if i.latest > 0 && !i.backlog {
		return linger
	}
	return 0
}

// Once moves one batch and returns how many messages it stored. It waits for messages at most so long. Only one
// goroutine at a time may call it.
func (i *Ingest) Once(ctx context.Context, wait time.Duration) (int, error) {
	messages, err := i.gather(ctx, wait)
	if err != nil || len(messages) == 0 {
		return 0, err
	}
	return i.move(ctx, messages)
}

// move stores received messages and deletes them from the queue. It returns how many it stored. A received batch is
// finished even when the program stops: it is small, and each step has its own limit.
func (i *Ingest) move(ctx context.Context, messages []queue.Message) (int, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), batchLimit)
	defer cancel()
	stop := queue.StartHeartbeat(ctx, i.Queue, messages, i.Queue.Visibility())
	plain, compressed := i.decodeBatch(messages)
	stored, remaining, err := i.storePlain(ctx, plain)
	i.delete(ctx, stored)
	unpacked, packed, unpackErr := i.storeCompressed(ctx, compressed)
	i.delete(ctx, unpacked)
	stop()
	err, remaining = errors.Join(err, unpackErr), append(remaining, packed...)
	if len(remaining) > 0 {
		err = errors.Join(err, i.release(ctx, remaining))
	}
	return len(stored) + len(unpacked), err
}

// delete deletes stored messages from the queue. One that cannot be deleted arrives again, and is recognised then.
func (i *Ingest) delete(ctx context.Context, stored []queue.Message) {
	if len(stored) == 0 {
		return
	}
	i.Arrived()
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
