package worker

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/envelope"
	"dlqdesk/internal/redrive"
	"dlqdesk/internal/store"
	"dlqdesk/internal/telemetry"
)

// Queue is a DLQ whose messages can be sent back to where they came from.
type Queue struct {
	Name  string // in the configuration
	Route redrive.Route
	Slots int // messages that may be in flight at once
}

// redriveLoop sends the messages of one DLQ back. It claims those that people requested first, then those of jobs. If a
// message of a FIFO group could not be sent, it fails the requested ones of the group that follow.
type redriveLoop struct {
	w        *Worker
	queue    Queue
	order    *redrive.Order
	kicked   chan struct{}
	finished chan string // the message group of a redrive that ended
	inFlight int
}

// claimedRedrive is a message to send back: the message under its lease, and the queue message made from it.
type claimedRedrive struct {
	claimed
	queued envelope.Message
}

func newRedriveLoop(w *Worker, q Queue) *redriveLoop {
	return &redriveLoop{
		w:        w,
		queue:    q,
		order:    redrive.NewOrder(q.Route.FIFO()),
		kicked:   make(chan struct{}, 1),
		finished: make(chan string, max(1, q.Slots)),
	}
}

func (r *redriveLoop) wake() {
	select {
	case r.kicked <- struct{}{}:
	default:
	}
}

// run claims and sends until ctx ends, then waits for the redrives in flight.
func (r *redriveLoop) run(ctx context.Context) {
	for ctx.Err() == nil {
		claims, wait, err := r.claim(ctx, cap(r.finished)-r.inFlight)
		if err != nil && ctx.Err() == nil {
			r.w.log.ErrorContext(ctx, "cannot go on with redrives; trying again", "queue", r.queue.Name, "err", err)
			wait = storeRetry
		}
		for _, c := range claims {
			r.begin(c.message)
			go r.send(ctx, c)
		}
		r.await(ctx, wait)
	}
	for r.inFlight > 0 {
		r.ended(<-r.finished)
	}
}

func (r *redriveLoop) begin(m deadletter.Message) {
	r.inFlight++
	r.order.Begin(m.Queue.GroupID)
}

func (r *redriveLoop) ended(group string) {
	r.inFlight--
	r.order.End(group)
}

func (r *redriveLoop) await(ctx context.Context, wait time.Duration) {
	var due <-chan time.Time
	if wait >= 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-ctx.Done():
	case <-due:
	case <-r.kicked:
	case group := <-r.finished:
		r.ended(group)
	}
}

// claim claims up to free redrives: requested ones first, then those of jobs. It returns how long to wait before there
// can be more.
func (r *redriveLoop) claim(ctx context.Context, free int) ([]claimedRedrive, time.Duration, error) {
	if free == 0 {
		return nil, forever, nil
	}
	claims, err := r.claimDue(ctx, free)
	if err != nil || len(claims) > 0 {
		return claims, 0, err
	}
	claims, wait, err := r.claimItems(ctx, free)
	if err != nil || len(claims) > 0 || wait != forever {
		return claims, wait, err
	}
	next, err := r.w.store.NextRedrive(ctx, r.queue.Name)
	if err != nil || next.IsZero() || !next.After(r.w.now()) {
		return nil, forever, err // due messages wait for their groups
	}
	return nil, next.Sub(r.w.now()), nil
}

func (r *redriveLoop) claimDue(ctx context.Context, free int) ([]claimedRedrive, error) {
	due, err := r.w.store.DueRedrives(ctx, r.queue.Name, r.w.now(), jobBatch)
	if err != nil || len(due) == 0 {
		return nil, err
	}
	var chosen []deadletter.ID
	for _, i := range r.order.Choose(len(due), free, func(i int) string { return due[i].Queue.GroupID }) {
		chosen = append(chosen, due[i].ID)
	}
	if len(chosen) == 0 {
		return nil, nil
	}
	var claims []claimedRedrive
	err = r.w.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		claims = claims[:0]
		for _, id := range chosen {
			m, err := tx.Message(ctx, id)
			if err != nil {
				return err
			}
			c, opened, err := r.open(ctx, tx, deadletter.Change{After: m})
			if deadletter.KindOf(err) == deadletter.Conflict {
				continue // it was changed since it was listed
			}
			if err != nil {
				return deadletter.AboutMessage(id, fmt.Errorf("claim it: %w", err))
			}
			if err := tx.Apply(ctx, opened); err != nil {
				return err
			}
			claims = append(claims, c)
		}
		return nil
	})
	return claims, err
}

func (r *redriveLoop) claimItems(ctx context.Context, free int) ([]claimedRedrive, time.Duration, error) {
	running, err := r.w.store.RunningJobs(ctx)
	if err != nil {
		return nil, 0, err
	}
	wait := forever
	for _, j := range running {
		if !j.Action.Redrives() || j.Sparing {
			continue
		}
		claims, jobWait, err := r.claimJobItems(ctx, j, free)
		if err != nil || len(claims) > 0 {
			return claims, 0, err
		}
		wait = sooner(wait, jobWait)
	}
	return nil, wait, nil
}

// lookAhead is how many messages of a job are checked for some whose groups are free.
const lookAhead = 500

func (r *redriveLoop) claimJobItems(
	ctx context.Context, j deadletter.Job, free int,
) ([]claimedRedrive, time.Duration, error) {
	if err := r.w.nextStep(ctx, j, deadletter.JobProgress{}); err != nil {
		return nil, forever, err
	}
	items, err := r.w.store.PendingRedrives(ctx, j, r.queue.Name, lookAhead)
	if err != nil || len(items) == 0 {
		return nil, forever, err
	}
	chosen := r.order.Choose(len(items), free, func(i int) string { return items[i].MessageGroup })
	n, wait := r.w.jobRates.claim(j, len(chosen), r.w.now())
	if n == 0 {
		if len(chosen) == 0 {
			wait = forever // until a group is free
		}
		return nil, wait, nil
	}
	var batch []store.Item
	for _, i := range chosen[:n] {
		batch = append(batch, items[i])
	}
	claims, err := r.openItems(ctx, j, batch)
	if err == nil && len(claims) == 0 {
		return nil, 0, nil // they were skipped: try the next
	}
	return claims, wait, err
}

func (r *redriveLoop) openItems(
	ctx context.Context, j deadletter.Job, items []store.Item,
) ([]claimedRedrive, error) {
	var edited edits
	if j.Action.Edits() {
		read, err := r.w.store.Latest(ctx, items)
		if err != nil {
			return nil, err
		}
		if edited, err = r.w.editsOf(ctx, j, read); err != nil {
			return nil, err
		}
	}
	var claims []claimedRedrive
	err := r.w.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		claims = claims[:0]
		return r.w.forEachItem(ctx, tx, j.ID, items, func(j deadletter.Job, item store.Item) error {
			c, begun, err := r.openItem(ctx, tx, j, item, edited)
			if begun {
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

// openItem requests the redrive of a message for its job and claims it in one transaction. begun is false if the job
// had begun with it before.
func (r *redriveLoop) openItem(
	ctx context.Context, tx *store.Tx, j deadletter.Job, item store.Item, edited edits,
) (c claimedRedrive, begun bool, err error) {
	m, err := tx.Message(ctx, item.Message)
	if err != nil {
		return c, false, err
	}
	if _, err := r.queue.Route.To(m); err != nil {
		return c, false, err
	}
	if group := r.order.Group(item.MessageGroup); group != "" {
		stopped, err := tx.MessageGroupStopped(ctx, j.ID, r.queue.Name, group)
		if err != nil {
			return c, false, err
		}
		if stopped {
			return c, false, redrive.ErrOvertakes
		}
	}
	if err := r.w.checkOrder(ctx, tx, j, item, m); err != nil {
		return c, false, err
	}
	latest, err := tx.Revision(ctx, m.ID, m.Revision)
	if err != nil {
		return c, false, err
	}
	requested, err := j.ChangeOf(m, item.Version, latest, edited.of(ctx, m, item), r.w.now())
	if err != nil {
		return c, false, err
	}
	if begun, err := tx.BeginItem(ctx, item); err != nil || !begun {
		return c, false, err
	}
	c, opened, err := r.open(ctx, tx, requested)
	if err == nil {
		err = tx.ApplyRequestAndClaim(ctx, requested, opened)
	}
	if err != nil {
		return c, false, undoBatch(err)
	}
	return c, true, nil
}

// open claims a message whose redrive is requested, and makes the queue message. It writes nothing.
func (r *redriveLoop) open(
	ctx context.Context, tx *store.Tx, requested deadletter.Change,
) (c claimedRedrive, opened deadletter.Change, err error) {
	m, at := requested.After, r.w.now()
	opened, err = m.Claim(deadletter.Lease{Token: rand.Text(), Until: at.Add(redrive.Limit + leaseMargin)}, "", at)
	if err != nil {
		return c, opened, err
	}
	original, err := tx.Revision(ctx, m.ID, 0)
	if err != nil {
		return c, opened, err
	}
	revision := original
	switch number := opened.Attempt.Revision; {
	case requested.Revision != nil:
		revision = *requested.Revision
	case number > 0:
		if revision, err = tx.Revision(ctx, m.ID, number); err != nil {
			return c, opened, err
		}
	}
	queued, err := envelope.Redrive(m, original, revision, opened.Attempt.Number, r.queue.Route.MaxMessageBytes())
	if err != nil {
		return c, opened, err
	}
	opened.Attempt.SentDigest = queued.Digest
	opened.Attempt.TraceParent = telemetry.TraceParent(m.ID, m.Queue.TraceParent, revision.Headers)
	c = claimedRedrive{claimed{message: opened.After, attempt: *opened.Attempt, revision: revision}, queued}
	return c, opened, nil
}

// send sends a message back and records the result. Shutdown does not cut it short: redrive.Limit bounds it.
func (r *redriveLoop) send(ctx context.Context, c claimedRedrive) {
	defer func() { r.finished <- c.message.Queue.GroupID }()
	ctx, span := telemetry.Attempt(telemetry.About(ctx, c.message.ID), &c.message, &c.attempt, c.revision.Headers)
	c.attempt.TraceParent = cmp.Or(span.TraceParent(), c.attempt.TraceParent)
	log := r.w.log.With("queue", r.queue.Name, "attempt", c.attempt.Number)
	result := redrive.Send(context.WithoutCancel(ctx), r.queue.Route, c.message, c.queued, c.attempt, log)
	log.InfoContext(ctx, "redrive", "trigger", result.Trigger, "outcome", result.Outcome,
		"ms", result.Latency.Milliseconds())
	err := r.w.untilWritten(ctx, func(ctx context.Context) error { return r.record(ctx, c, result) })
	// A message that is back on the DLQ already has ended its redrive itself: that is the Conflict.
	if err != nil && deadletter.KindOf(err) != deadletter.Conflict {
		log.ErrorContext(ctx, "the result of a redrive could not be written; it will count as unknown", "err", err)
	}
	span.Outcome(result)
	span.End(nil)
}

// record stores the result of a redrive. If a message of a FIFO group was not sent, it fails the requested redrives of
// the group that were to follow.
func (r *redriveLoop) record(ctx context.Context, c claimedRedrive, result deadletter.Attempt) error {
	return r.w.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		m, err := tx.Message(ctx, c.message.ID)
		if err != nil {
			return err
		}
		change, err := m.Finish(c.message.Lease.Token, result, deadletter.RetryPolicy{}, 0, r.w.now())
		if err != nil {
			return err
		}
		if err := tx.Apply(ctx, change); err != nil {
			return err
		}
		if group := r.order.Group(m.Queue.GroupID); group != "" && result.Outcome != deadletter.OutcomeRedriven {
			return r.stopFollowers(ctx, tx, group)
		}
		return nil
	})
}

func (r *redriveLoop) stopFollowers(ctx context.Context, tx *store.Tx, group string) error {
	followers, err := tx.WaitingRedrives(ctx, r.queue.Name, group)
	if err != nil {
		return err
	}
	for _, id := range followers {
		if err := r.w.fail(ctx, tx, id, redrive.ErrOvertakes); err != nil {
			return err
		}
	}
	return nil
}
