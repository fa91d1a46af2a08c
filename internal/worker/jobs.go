package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/store"
	"dlqdesk/internal/telemetry"
)

const (
	// jobBatch is how many messages of a job change in one transaction where nothing is delivered.
	jobBatch = 100
	// draftLife is how long a draft waits to be started.
	draftLife = time.Hour
	// tidyEvery is how often drafts are looked after.
	tidyEvery = time.Minute
)

// carryOut does with messages of a job what do says, unless the job is no longer to be worked on: who answers for it
// must still be somebody who may. A message that refuses is skipped with the reason.
func (w *Worker) carryOut(
	ctx context.Context,
	tx *store.Tx,
	id deadletter.JobID,
	items []store.Item,
	do func(deadletter.Job, store.Item) error,
) error {
	j, err := tx.Job(ctx, id)
	if err != nil || j.State != deadletter.JobRunning {
		return err
	}
	if why, err := w.mayGoOn(ctx, tx, j); err != nil || why != "" {
		if err != nil {
			return err
		}
		change, err := j.PauseBySystem(why, w.now())
		if err != nil {
			return err
		}
		return tx.ApplyJob(ctx, change)
	}
	if j.Delivers() {
		items = items[:j.MayBegin(len(items))]
	}
	for _, item := range items {
		err := do(j, item)
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

// mayGoOn answers why a job has to wait: a person who was taken out, or may no longer do this, does nothing by a job
// either.
func (w *Worker) mayGoOn(ctx context.Context, tx *store.Tx, j deadletter.Job) (why string, err error) {
	if j.By.Kind != deadletter.ActorUser {
		return "", nil
	}
	user, err := tx.User(ctx, j.By.Name)
	if deadletter.KindOf(err) == deadletter.NotFound {
		return fmt.Sprintf("%s is no user any more: somebody else must resume it", j.By.Name), nil
	}
	if err != nil {
		return "", err
	}
	if !user.Role.Allows(j.Action) {
		return fmt.Sprintf("%s may not %s any more: somebody who may must resume it", j.By.Name, j.Action), nil
	}
	return "", nil
}

// claimItems opens up to free deliveries for jobs. What is due by itself, or was ordered by a person for one message,
// was asked before. It answers how long to wait for more: not at all, until a job's rate allows them, or for ever.
func (l *lane) claimItems(ctx context.Context, free int) (claims []claimed, again time.Duration, err error) {
	again = forever
	running, err := l.w.store.RunningJobs(ctx)
	if err != nil {
		return nil, again, err
	}
	l.w.paces.forget(running)
	l.jobsWait = false
	for i, j := range running {
		if !j.Delivers() || j.Action.Redrives() {
			continue
		}
		// Each job gets its share, so that a small one does not wait for a large one.
		share := (free - len(claims) + len(running) - i - 1) / (len(running) - i)
		opened, wait, err := l.claimOf(ctx, j, share)
		claims, again = append(claims, opened...), sooner(again, wait)
		if err != nil {
			return claims, again, err
		}
	}
	return claims, again, nil
}

func (l *lane) claimOf(ctx context.Context, j deadletter.Job, share int) ([]claimed, time.Duration, error) {
	items, err := l.nextItems(ctx, j.ID, share)
	if err != nil || len(items) == 0 {
		return nil, forever, err
	}
	l.jobsWait = true
	n, wait, err := l.w.mayBegin(ctx, j, len(items))
	if err != nil || n == 0 {
		return nil, wait, err
	}
	allowed := l.source.Breaker.Allow(n, true) // whether the backlog is gone is concluded where nothing waits
	l.w.paces.giveBack(j, n-allowed.Count)
	if n = allowed.Count; n == 0 {
		return nil, allowed.RetryIn, nil
	}
	opened, err := l.openItems(ctx, j.ID, items[:n])
	if l.ahead.items = l.ahead.items[n:]; j.Canary > 0 {
		l.ahead = ahead{} // of these fewer may have begun
	}
	if allowed.Probe {
		opened = l.asProbe(opened)
	}
	return opened, 0, err
}

// asProbe lends a message of a job to test its destination, unless that message did not take the order.
func (l *lane) asProbe(opened []claimed) []claimed {
	for i := range opened {
		opened[i].probe = true
	}
	if len(opened) == 0 {
		l.source.Breaker.ProbeNow()
	}
	return opened
}

// ahead are messages of a job that were read already.
type ahead struct {
	of    deadletter.JobID
	items []store.Item
}

// nextItems answers messages that a job has not begun with, and leaves them in l.ahead. They are read in larger
// pieces than they are worked on; what was read early is looked at again where it is begun with.
func (l *lane) nextItems(ctx context.Context, id deadletter.JobID, n int) ([]store.Item, error) {
	if l.ahead.of != id || len(l.ahead.items) == 0 {
		items, err := l.w.store.PendingItems(ctx, id, l.source.Name, max(n, jobBatch))
		if err != nil {
			return nil, err
		}
		l.ahead = ahead{id, items}
	}
	return l.ahead.items[:min(n, len(l.ahead.items))], nil
}

// openItems begins with messages of a job. They are read before it is the writer's turn, who works for everybody.
func (l *lane) openItems(ctx context.Context, id deadletter.JobID, items []store.Item) ([]claimed, error) {
	read, err := l.w.store.Latest(ctx, items)
	if err != nil {
		return nil, err
	}
	var claims []claimed
	err = l.w.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		claims = claims[:0]
		return l.w.carryOut(ctx, tx, id, items, func(j deadletter.Job, item store.Item) error {
			c, err := l.openItem(ctx, tx, j, item, read[item.Message])
			if err == nil {
				claims = append(claims, c)
			}
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return claims, nil
}

// openItem begins with a message as it was read, or as it is now where that was changed.
func (l *lane) openItem(
	ctx context.Context,
	tx *store.Tx,
	j deadletter.Job,
	item store.Item,
	read store.Latest,
) (claimed, error) {
	c, err := l.openRead(ctx, tx, j, item, read)
	if deadletter.KindOf(err) != deadletter.Conflict {
		return c, err
	}
	if read, err = tx.Latest(ctx, item.Message); err != nil {
		return claimed{}, err
	}
	return l.openRead(ctx, tx, j, item, read)
}

// openRead orders the delivery of a message for its job and claims it in one go, so that what is ordered is in flight.
func (l *lane) openRead(
	ctx context.Context,
	tx *store.Tx,
	j deadletter.Job,
	item store.Item,
	read store.Latest,
) (claimed, error) {
	revision, at := read.Revision, l.w.now()
	ordered, err := j.ChangeOf(read.Message, item.Version, revision, payload.MergePatch, at)
	if err != nil {
		return claimed{}, err
	}
	if ordered.Revision != nil {
		revision = *ordered.Revision
	}
	opened, err := ordered.After.Claim(
		l.lease(at),
		telemetry.TraceParent(read.Message.ID, read.Message.Queue.TraceParent, revision.Headers),
		at,
	)
	if err != nil {
		return claimed{}, err
	}
	if err := tx.ApplyBoth(ctx, ordered, opened); err != nil {
		return claimed{}, err
	}
	if begun, err := tx.BeginItem(ctx, item); err != nil || !begun {
		return claimed{}, halfDone(cmp.Or(err, errBegun))
	}
	return claimed{message: opened.After, attempt: *opened.Attempt, revision: revision}, nil
}

// errBegun cannot be: a message that a job has begun with is another version.
var errBegun = errors.New("the job has begun with this message before")

// halfDone makes whatever went wrong while a change was written undo the whole batch: no message is skipped with half
// of it.
func halfDone(err error) error {
	return &deadletter.Error{Kind: deadletter.Internal, Text: "a change could not be written", Err: err}
}

// clerk does what jobs ask for without a delivery, and looks after drafts.
type clerk struct {
	w      *Worker
	kicked chan struct{}
}

func (c *clerk) wake() {
	select {
	case c.kicked <- struct{}{}:
	default:
	}
}

// run works until ctx ends.
func (c *clerk) run(ctx context.Context) {
	tidy := time.NewTicker(tidyEvery)
	defer tidy.Stop()
	for ctx.Err() == nil {
		worked, err := c.once(ctx)
		if err != nil && ctx.Err() == nil {
			c.w.log.ErrorContext(ctx, "cannot go on with jobs; trying again", "err", err)
		}
		if worked && err == nil {
			continue
		}
		var again <-chan time.Time
		if err != nil {
			again = time.After(storeRetry)
		}
		select {
		case <-ctx.Done():
		case <-c.kicked:
		case <-tidy.C:
		case <-again:
		}
	}
}

// once takes one batch of each running job. It answers false when there was nothing to do.
func (c *clerk) once(ctx context.Context) (worked bool, err error) {
	if worked, err = c.w.store.DeleteOldDraft(ctx, c.w.now().Add(-draftLife)); err != nil {
		return false, err
	}
	running, err := c.w.store.RunningJobs(ctx)
	if err != nil {
		return worked, err
	}
	for _, j := range running {
		sources, err := c.w.store.PendingSources(ctx, j.ID)
		if err != nil {
			return worked, err
		}
		for _, source := range sources {
			if c.w.delivers(j, source) {
				continue
			}
			if err := c.batch(ctx, j.ID, source); err != nil {
				return worked, err
			}
			worked = true
		}
	}
	return worked, nil
}

// delivers tells whether a lane of its own does what a job wants of a source, or a redriver what it wants of a queue.
func (w *Worker) delivers(j deadletter.Job, of string) bool {
	ok := false
	if j.Action.Redrives() {
		_, ok = w.redrives[of]
	} else if j.Delivers() {
		_, ok = w.lanes[of]
	}
	return ok
}

func (c *clerk) batch(ctx context.Context, id deadletter.JobID, source string) error {
	items, err := c.w.store.PendingItems(ctx, id, source, jobBatch)
	if err != nil {
		return err
	}
	return c.w.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		return c.w.carryOut(
			ctx,
			tx,
			id,
			items,
			func(j deadletter.Job, item store.Item) error { return c.item(ctx, tx, j, item, source) },
		)
	})
}

func (c *clerk) item(ctx context.Context, tx *store.Tx, j deadletter.Job, item store.Item, source string) error {
	switch {
	case j.Action.Redrives():
		return deadletter.Message{Queue: deadletter.QueueFacts{From: source}}.CheckOrigin(false)
	case j.Delivers():
		return deadletter.Message{Source: source}.CheckDestination(false)
	}
	message, err := tx.Message(ctx, item.Message)
	if err != nil {
		return err
	}
	change, err := j.ChangeOf(message, item.Version, deadletter.Revision{}, payload.MergePatch, c.w.now())
	if err != nil {
		return err
	}
	if err := tx.Apply(ctx, change); err != nil {
		return halfDone(err)
	}
	return tx.SettleItem(ctx, item, deadletter.ItemDone, "", c.w.now())
}
