package worker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
	"dlqdesk/internal/telemetry"
)

// recoverUntilWritten calls Recover, again and again while the store cannot be written.
func (w *Worker) recoverUntilWritten(ctx context.Context) error {
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

// Recover ends the deliveries that a dead process left open, and fails waiting messages of sources and queues that are
// no longer configured. It must not be called while the worker runs.
func (w *Worker) Recover(ctx context.Context) error {
	for {
		leased, err := w.store.Leased(ctx, recoverBatch)
		if err != nil || len(leased) == 0 {
			return errors.Join(err, w.abandonUnconfigured(ctx))
		}
		if err := w.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			for _, m := range leased {
				if err := w.reclaim(ctx, tx, m); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return fmt.Errorf("reclaim deliveries: %w", err)
		}
		for _, m := range leased {
			w.log.InfoContext(telemetry.About(ctx, m.ID),
				"a delivery was in flight when dlqdesk stopped; its outcome is unknown",
				"source", m.Source, "attempt", m.Attempts)
		}
	}
}

func (w *Worker) reclaim(ctx context.Context, tx *store.Tx, m deadletter.Message) error {
	open, err := tx.OpenAttempt(ctx, m.ID)
	if err != nil {
		return err
	}
	var policy deadletter.RetryPolicy
	if s, ok := w.source(m.Source); ok {
		policy = s.Retry
	}
	change, err := m.Reclaim(open, policy, w.roll(), w.now())
	if err != nil {
		return err
	}
	return tx.Apply(ctx, change)
}

// farFuture is a time at which every waiting message is due.
var farFuture = time.UnixMilli(1 << 50)

// abandonUnconfigured fails waiting messages whose source, or the queue to redrive them to, is no longer configured.
func (w *Worker) abandonUnconfigured(ctx context.Context) error {
	sources, err := w.store.WaitingSources(ctx)
	if err != nil {
		return err
	}
	for _, name := range sources {
		if _, ok := w.source(name); ok {
			continue
		}
		if err := w.abandonSource(ctx, name); err != nil {
			return fmt.Errorf("fail messages of source %q: %w", name, err)
		}
	}
	queues, err := w.store.RedriveQueues(ctx)
	if err != nil {
		return err
	}
	for _, name := range queues {
		if _, ok := w.redrives[name]; ok {
			continue
		}
		refusal := deadletter.Message{Queue: deadletter.QueueFacts{ConfigName: name}}.CheckOrigin(false)
		waiting := func() ([]deadletter.Message, error) {
			return w.store.DueRedrives(ctx, name, farFuture, recoverBatch)
		}
		never := func() bool { return false } // queues are read at the start alone
		if err := w.abandon(ctx, refusal, never, waiting); err != nil {
			return fmt.Errorf("fail messages of queue %q: %w", name, err)
		}
	}
	return nil
}

// abandon fails every message that list returns, until it returns none or the source is configured again: a message
// that was listed before may have been replayed since. Each gets an attempt with the refusal.
func (w *Worker) abandon(
	ctx context.Context, refusal error, configured func() bool, list func() ([]deadletter.Message, error),
) error {
	for !configured() {
		waiting, err := list()
		if err != nil || len(waiting) == 0 {
			return err
		}
		if err := w.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			if configured() {
				return nil
			}
			for _, m := range waiting {
				if err := w.fail(ctx, tx, m.ID, refusal); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// waiting returns messages of a source that wait for a delivery.
func (w *Worker) waiting(ctx context.Context, name string) ([]deadletter.Message, error) {
	replays, err := w.store.Due(ctx, name, deadletter.Replaying, farFuture, recoverBatch)
	if err != nil || len(replays) > 0 {
		return replays, err
	}
	return w.store.Due(ctx, name, deadletter.Retrying, farFuture, recoverBatch)
}

// fail ends the delivery or redrive that a message waits for: its attempt was not sent, because of refusal.
func (w *Worker) fail(ctx context.Context, tx *store.Tx, id deadletter.ID, refusal error) error {
	m, err := tx.Message(ctx, id)
	if err != nil {
		return err
	}
	at := w.now()
	m.DueAt = at
	opened, err := m.Claim(deadletter.Lease{Token: rand.Text(), Until: at}, "", at)
	if err != nil {
		return err
	}
	if err := tx.Apply(ctx, opened); err != nil {
		return err
	}
	attempt := *opened.Attempt
	attempt.Outcome, attempt.Error = deadletter.Unreachable, "Not sent: "+deadletter.TextOf(refusal)
	closed, err := opened.After.Finish(opened.After.Lease.Token, attempt, deadletter.RetryPolicy{}, 0, at)
	if err != nil {
		return err
	}
	return tx.Apply(ctx, closed)
}
