package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

const (
	// jobBatch is how many messages of a job change in one transaction where nothing is delivered.
	jobBatch = 100
	// draftLife is how long a draft can wait to be started before it is deleted.
	draftLife = time.Hour
	// tidyEvery is how often old drafts are deleted.
	tidyEvery = time.Minute
)

// forEachItem calls do with messages of a job, if the job is still running and its owner may still do this. A message
// whose change is refused is skipped with the reason.
func (w *Worker) forEachItem(
	ctx context.Context, tx *store.Tx, id deadletter.JobID, items []store.Item,
	do func(deadletter.Job, store.Item) error,
) error {
	j, err := tx.Job(ctx, id)
	if err != nil || j.State != deadletter.JobRunning {
		return err
	}
	reason, err := w.pauseReason(ctx, tx, j)
	if err != nil {
		return err
	}
	if reason != "" {
		change, err := j.PauseBySystem(reason, w.now())
		if err != nil {
			return err
		}
		return tx.ApplyJob(ctx, change)
	}
	for _, item := range items {
		err := do(j, item)
		if deadletter.KindOf(err) == deadletter.NeedsConfirmation {
			return w.pauseForOrder(ctx, tx, id, item, err)
		}
		var refused *deadletter.Error
		if errors.As(err, &refused) && refused.Kind != deadletter.Internal {
			err = tx.SettleItem(ctx, item, deadletter.ItemSkipped, refused.Text, w.now())
		}
		if err != nil {
			return deadletter.AboutMessage(item.Message, fmt.Errorf("job %d: %w", id, err))
		}
	}
	return nil
}

// pauseReason returns why a job has to pause: its owner was removed or disabled, or may no longer do this, or its token
// was revoked. It is "" otherwise.
func (w *Worker) pauseReason(ctx context.Context, tx *store.Tx, j deadletter.Job) (reason string, err error) {
	if reason, err = tokenReason(ctx, tx, j.By.Token); reason != "" || err != nil || j.By.Account() == "" {
		return reason, err
	}
	owner, err := account(ctx, tx, j.By.Account())
	return owner.JobPauseReason(j.Action), err
}

// tokenReason returns why what was ordered with a token has to stop; "" if it may go on, or was ordered without one.
func tokenReason(ctx context.Context, tx *store.Tx, id deadletter.TokenID) (string, error) {
	if id == 0 {
		return "", nil
	}
	token, err := tx.Token(ctx, id)
	return token.PauseReason(), err
}

// account returns the account of a user, who may have been deleted.
func account(ctx context.Context, tx *store.Tx, name string) (deadletter.Account, error) {
	user, err := tx.User(ctx, name)
	if deadletter.KindOf(err) == deadletter.NotFound {
		return deadletter.Account{Name: name, Deleted: true}, nil
	}
	return user.Account(), err
}

// checkOrder returns why a job does not send a message now, see deadletter.Job.CheckOrder.
func (w *Worker) checkOrder(
	ctx context.Context, tx *store.Tx, j deadletter.Job, item store.Item, m deadletter.Message,
) error {
	if m.OrderKey == 0 || j.Order == deadletter.OrderSend {
		return nil
	}
	newer, err := tx.Newer(ctx, m)
	if err != nil {
		return err
	}
	held, err := tx.OlderWaits(ctx, item)
	if err != nil {
		return err
	}
	source, _ := w.source(m.Source)
	newer.Thing = source.Thing
	return j.CheckOrder(newer, held)
}

// pauseForOrder pauses a job that asks whether to send a message.
func (w *Worker) pauseForOrder(
	ctx context.Context, tx *store.Tx, id deadletter.JobID, item store.Item, reason error,
) error {
	j, err := tx.Job(ctx, id) // as the items before this one in the transaction have left it
	if err != nil {
		return err
	}
	change, err := j.PauseForOrder(item.Message, reason, w.now())
	if err != nil {
		return err
	}
	return tx.ApplyJob(ctx, change)
}

// undoBatch makes an error of a write undo the whole batch, so that no message is skipped with half of its change
// written.
func undoBatch(err error) error {
	return &deadletter.Error{Kind: deadletter.Internal, Text: "a change could not be written", Err: err}
}

// jobLoop does the parts of jobs that need no delivery, such as archiving, and deletes old drafts.
type jobLoop struct {
	w      *Worker
	kicked chan struct{}
}

func (l *jobLoop) wake() {
	select {
	case l.kicked <- struct{}{}:
	default:
	}
}

// run works until ctx ends.
func (l *jobLoop) run(ctx context.Context) {
	for ctx.Err() == nil {
		worked, wait, err := l.once(ctx)
		if err != nil && ctx.Err() == nil {
			l.w.log.ErrorContext(ctx, "cannot go on with jobs; trying again", "err", err)
		}
		if worked && err == nil {
			continue
		}
		if err != nil {
			wait = storeRetry
		}
		again := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-l.kicked:
		case <-again.C:
		}
		again.Stop()
	}
}

// once begins with the jobs whose time has come, and processes one batch of each running job. It returns false if there
// was nothing to do, and how long there will be nothing.
func (l *jobLoop) once(ctx context.Context) (worked bool, wait time.Duration, err error) {
	if worked, err = l.w.store.DeleteOldDraft(ctx, l.w.now().Add(-draftLife)); err != nil {
		return false, 0, err
	}
	if wait, err = l.begin(ctx); err != nil {
		return worked, wait, err
	}
	batches, err := l.batches(ctx)
	return worked || batches, wait, err
}

// begin starts the jobs whose time has come. It returns how long none will be, tidyEvery at most.
func (l *jobLoop) begin(ctx context.Context) (time.Duration, error) {
	scheduled, err := l.w.store.ScheduledJobs(ctx)
	if err != nil {
		return 0, err
	}
	for _, j := range scheduled {
		if wait := j.Begins.Sub(l.w.now()); wait > 0 {
			return min(wait, tidyEvery), nil
		}
		err := l.w.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
			j, err := tx.Job(ctx, j.ID)
			if err != nil {
				return err
			}
			change, due, err := j.Begin(l.w.now())
			if err != nil || !due {
				return err // a person was faster
			}
			return tx.ApplyJob(ctx, change)
		})
		if err != nil {
			return 0, err
		}
		l.w.Kick()
	}
	return tidyEvery, nil
}

// batches processes one batch of each running job. It returns false if there was nothing to do.
func (l *jobLoop) batches(ctx context.Context) (worked bool, err error) {
	running, err := l.w.store.RunningJobs(ctx)
	if err != nil {
		return false, err
	}
	l.w.jobWindows.keepOnly(running)
	for _, j := range running {
		if j.Sparing {
			if err := l.spare(ctx, j); err != nil {
				return worked, err
			}
			worked = true
			continue
		}
		sources, err := l.w.store.PendingSources(ctx, j.ID)
		if err != nil {
			return worked, err
		}
		for _, source := range sources {
			if l.w.hasLoop(j, source) {
				continue
			}
			if err := l.batch(ctx, j, source); err != nil {
				return worked, err
			}
			worked = true
		}
		if err := l.w.nextStep(ctx, j, deadletter.JobProgress{}); err != nil {
			return worked, err
		}
	}
	return worked, nil
}

// hasLoop reports whether a loop of the source, or of the queue for redrives, does the work of a job.
func (w *Worker) hasLoop(j deadletter.Job, name string) bool {
	ok := false
	if j.Action.Redrives() {
		_, ok = w.redrives[name]
	} else if j.Delivers() {
		_, ok = w.source(name)
	}
	return ok
}

// spareBatch is how many messages that a job does not send are skipped in one transaction.
const spareBatch = 500

// spare skips some messages that the dry run of a job would not change. The last of them lets the job begin to send.
func (l *jobLoop) spare(ctx context.Context, j deadletter.Job) error {
	items, err := l.w.store.RefusedItems(ctx, j, spareBatch)
	if err != nil {
		return err
	}
	err = l.w.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		skipped := 0
		err := l.w.forEachItem(ctx, tx, j.ID, items, func(_ deadletter.Job, item store.Item) error {
			skipped++
			return deadletter.Errorf(deadletter.Invalid, "%s", item.Refusal)
		})
		if err != nil {
			return err
		}
		return tx.Spare(ctx, j.ID, skipped, len(items) == spareBatch)
	})
	l.w.Kick()
	return err
}

func (l *jobLoop) batch(ctx context.Context, j deadletter.Job, source string) error {
	items, err := l.w.store.PendingItems(ctx, j, source, jobBatch)
	if err != nil {
		return err
	}
	return l.w.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		return l.w.forEachItem(ctx, tx, j.ID, items, func(j deadletter.Job, item store.Item) error {
			return l.applyItem(ctx, tx, j, item, source)
		})
	})
}

// applyItem changes one message. No loop delivers to source: that refuses jobs that deliver or redrive.
func (l *jobLoop) applyItem(ctx context.Context, tx *store.Tx, j deadletter.Job, item store.Item, source string) error {
	switch {
	case j.Action.Redrives():
		return deadletter.Message{Queue: deadletter.QueueFacts{ConfigName: source}}.CheckOrigin(false)
	case j.Delivers():
		return deadletter.Message{Source: source}.CheckDestination(false)
	}
	message, err := tx.Message(ctx, item.Message)
	if err != nil {
		return err
	}
	change, err := j.ChangeOf(message, item.Version, deadletter.Revision{}, nil, l.w.now())
	if err != nil {
		return err
	}
	if err := tx.Apply(ctx, change); err != nil {
		return undoBatch(err)
	}
	return tx.SettleItem(ctx, item, deadletter.ItemDone, "", l.w.now())
}
