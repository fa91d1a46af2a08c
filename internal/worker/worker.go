// Package worker delivers what is due: automatic retries and the replays that people ordered. It writes the open
// attempt and its lease before a request is sent and finishes both after, so that a crash loses no delivery and hides
// none.
package worker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/store"
	"dlqdesk/internal/telemetry"
)

// Source is where the messages of a source go and how they are retried. The source named "" is that of messages whose
// message named none.
type Source struct {
	Name        string
	Destination delivery.Destination
	Retry       deadletter.RetryPolicy
	Slots       int // deliveries of this source that may be in flight at once
	Breaker     Breaker
}

// Breaker delays automatic deliveries (retries and the messages of jobs) while a destination is down or has asked for
// a pause. Replays of single messages pass it by.
type Breaker interface {
	// Allow returns how many of the waiting deliveries may begin. more reports that others may wait besides.
	Allow(waiting int, more bool) delivery.Allowance

	// ProbeNow reports that an allowed probe was not sent: the next delivery may go in its place.
	ProbeNow()
}

// Worker owns every delivery of a message, and what jobs do to messages. One Worker runs on a store at a time.
type Worker struct {
	store  *store.Store
	sender delivery.Sender
	now    func() time.Time
	roll   func() float64
	log    *slog.Logger
	lanes  map[string]*lane
	clerk  *clerk

	redrives map[string]*redriver // by queue
	paces    pacer                // of jobs
}

// Deps are the parts that a worker needs.
type Deps struct {
	Store   *store.Store
	Sender  delivery.Sender
	Sources []Source
	Queues  []Queue // those that messages can be redriven from
	Now     func() time.Time
	Random  func() float64 // in [0,1), for the jitter of retries
	Log     *slog.Logger
}

// New returns a worker. It does nothing before Run.
func New(d Deps) *Worker {
	w := &Worker{
		store:    d.Store,
		sender:   d.Sender,
		now:      d.Now,
		roll:     d.Random,
		log:      d.Log,
		lanes:    map[string]*lane{},
		redrives: map[string]*redriver{},
	}
	w.clerk = &clerk{w: w, kicked: make(chan struct{}, 1)}
	for _, source := range d.Sources {
		w.lanes[source.Name] = newLane(w, source)
	}
	for _, q := range d.Queues {
		w.redrives[q.Name] = newRedriver(w, q)
	}
	return w
}

// Kick says that something may be due now. It never blocks.
func (w *Worker) Kick() {
	for _, l := range w.lanes {
		l.wake()
	}
	for _, r := range w.redrives {
		r.wake()
	}
	w.clerk.wake()
}

// Run reclaims what a dead process left behind, then delivers until ctx ends. It answers when no delivery is in
// flight any more, which the timeouts of the destinations bound.
func (w *Worker) Run(ctx context.Context) error {
	err := w.recoverAtLast(ctx)
	if ctx.Err() != nil {
		return nil // it was stopped before it had begun
	}
	if err != nil {
		return err
	}
	var running sync.WaitGroup
	for _, l := range w.lanes {
		running.Go(func() { l.run(ctx) })
	}
	for _, r := range w.redrives {
		running.Go(func() { r.run(ctx) })
	}
	running.Go(func() { w.clerk.run(ctx) })
	running.Wait()
	return nil
}

// recoverAtLast is Recover that waits for a store which takes nothing just now.
func (w *Worker) recoverAtLast(ctx context.Context) error {
	for ctx.Err() == nil {
		err := w.Recover(ctx)
		if deadletter.KindOf(err) != deadletter.Unavailable {
			return err
		}
		w.log.WarnContext(ctx, "cannot reclaim what was in flight yet; trying again", "err", err)
		select {
		case <-ctx.Done():
		case <-time.After(storeRetry):
		}
	}
	return nil
}

// recoverBatch is how many messages are reclaimed in one transaction.
const recoverBatch = 200

// Recover ends the deliveries that a dead process left open, and hands messages of sources that are not configured
// any more to a person. It must not be called while the worker runs.
func (w *Worker) Recover(ctx context.Context) error {
	for {
		leased, err := w.store.Leased(ctx, recoverBatch)
		if err != nil || len(leased) == 0 {
			return errors.Join(err, w.abandonUnconfigured(ctx))
		}
		if err := w.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			for _, l := range leased {
				if err := w.reclaim(ctx, tx, l); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return fmt.Errorf("reclaim deliveries: %w", err)
		}
		for _, l := range leased {
			w.log.InfoContext(
				telemetry.About(ctx, l.ID),
				"a delivery was in flight when dlqdesk stopped; its outcome is unknown",
				"source",
				l.Source,
				"attempt",
				l.Attempts,
			)
		}
	}
}

func (w *Worker) reclaim(ctx context.Context, tx *store.Tx, l deadletter.Message) error {
	open, err := tx.OpenAttempt(ctx, l.ID)
	if err != nil {
		return err
	}
	change, err := l.Reclaim(open, w.policy(l.Source), w.roll(), w.now())
	if err != nil {
		return err
	}
	return tx.Apply(ctx, change)
}

func (w *Worker) policy(source string) deadletter.RetryPolicy {
	if l, ok := w.lanes[source]; ok {
		return l.source.Retry
	}
	return deadletter.RetryPolicy{}
}

// farFuture makes every message that waits count as due.
var farFuture = time.UnixMilli(1 << 50)

func (w *Worker) abandonUnconfigured(ctx context.Context) error {
	names, err := w.store.WaitingSources(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, ok := w.lanes[name]; ok {
			continue
		}
		waiting := func() ([]deadletter.Message, error) { return w.waiting(ctx, name) }
		if err := w.abandon(
			ctx,
			"Not sent: "+deadletter.TextOf(deadletter.Message{Source: name}.CheckDestination(false)),
			waiting,
		); err != nil {
			return fmt.Errorf("hand messages of source %q to a person: %w", name, err)
		}
	}
	return w.abandonUnlisted(ctx)
}

// abandonUnlisted does the same with messages that were to go back by a queue which is not on the list any more.
func (w *Worker) abandonUnlisted(ctx context.Context) error {
	names, err := w.store.RedriveQueues(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, ok := w.redrives[name]; ok {
			continue
		}
		waiting := func() ([]deadletter.Message, error) { return w.store.DueRedrives(ctx, name, farFuture, recoverBatch) }
		if err := w.abandon(
			ctx,
			"Not sent: "+deadletter.TextOf(
				deadletter.Message{Queue: deadletter.QueueFacts{From: name}}.CheckOrigin(false),
			),
			waiting,
		); err != nil {
			return fmt.Errorf("hand messages of queue %q to a person: %w", name, err)
		}
	}
	return nil
}

// abandon fails every waiting message that cannot go anywhere: an attempt that is never sent says why.
func (w *Worker) abandon(ctx context.Context, why string, list func() ([]deadletter.Message, error)) error {
	for {
		waiting, err := list()
		if err != nil || len(waiting) == 0 {
			return err
		}
		if err := w.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			for _, l := range waiting {
				if err := w.fail(ctx, tx, l.ID, why); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
}

func (w *Worker) waiting(ctx context.Context, name string) ([]deadletter.Message, error) {
	ordered, err := w.store.Due(ctx, name, deadletter.Replaying, farFuture, recoverBatch)
	if err != nil || len(ordered) > 0 {
		return ordered, err
	}
	return w.store.Due(ctx, name, deadletter.Retrying, farFuture, recoverBatch)
}

func (w *Worker) fail(ctx context.Context, tx *store.Tx, id deadletter.ID, why string) error {
	l, err := tx.Message(ctx, id)
	if err != nil {
		return err
	}
	at := w.now()
	l.DueAt = at
	opened, err := l.Claim(deadletter.Lease{Token: rand.Text(), Until: at}, "", at)
	if err != nil {
		return err
	}
	if err := tx.Apply(ctx, opened); err != nil {
		return err
	}
	attempt := *opened.Attempt
	attempt.Outcome, attempt.Error = deadletter.Unreachable, why
	closed, err := opened.After.Finish(opened.After.Lease.Token, attempt, deadletter.RetryPolicy{}, 0, at)
	if err != nil {
		return err
	}
	return tx.Apply(ctx, closed)
}
