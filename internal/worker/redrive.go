package worker

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/envelope"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/queue"
	"dlqdesk/internal/store"
	"dlqdesk/internal/telemetry"
)

// Queue is a DLQ whose messages can be sent back to where they came from.
type Queue struct {
	Name   string // in the configuration
	Origin Origin
	Slots  int // messages that may be on their way at once
}

// Origin knows where messages of a DLQ came from.
type Origin interface {
	// To answers the URL of the queue that a message goes back to; a Conflict says why there is none.
	To(l deadletter.Message) (string, error)
	// Send answers what SQS calls the message then; its errors are those of queue.Origin.
	Send(ctx context.Context, queueURL string, m queue.Outgoing) (messageID string, err error)
	// Limits of the queue.
	FIFO() bool
	MaxMessageBytes() int
}

func newRedriver(w *Worker, q Queue) *redriver {
	return &redriver{
		w:        w,
		queue:    q,
		kicked:   make(chan struct{}, 1),
		finished: make(chan string, max(1, q.Slots)),
		busy:     map[string]bool{},
	}
}

// redriver sends the messages of one queue back. Of a group of a FIFO queue one is on its way at a time, in the order
// in which they were received; where one could not be sent, those of its group that were to follow are not.
type redriver struct {
	w        *Worker
	queue    Queue
	kicked   chan struct{}
	finished chan string // the group of a message that is over
	inFlight int
	busy     map[string]bool // groups with a message on its way
}

// redrive is a message to send: the message under its lease, and what it is made of.
type redrive struct {
	claimed
	queued envelope.Message
}

// redriveLimit bounds one redrive.
const redriveLimit = 20 * time.Second

func (r *redriver) wake() {
	select {
	case r.kicked <- struct{}{}:
	default:
	}
}

// run claims and sends until ctx ends, then waits for what is on its way.
func (r *redriver) run(ctx context.Context) {
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

// group is what has an order; "" has none.
func (r *redriver) group(messageGroup string) string {
	if !r.queue.Origin.FIFO() {
		return ""
	}
	return messageGroup
}

func (r *redriver) begin(l deadletter.Message) {
	r.inFlight++
	if group := r.group(l.Queue.GroupID); group != "" {
		r.busy[group] = true
	}
}

func (r *redriver) ended(group string) {
	r.inFlight--
	delete(r.busy, group)
}

func (r *redriver) await(ctx context.Context, wait time.Duration) {
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

// claim opens up to free redrives: those that people ordered, then those of jobs. It answers how long to wait before
// there can be more.
func (r *redriver) claim(ctx context.Context, free int) ([]redrive, time.Duration, error) {
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
		return nil, forever, err // what is due waits for its group
	}
	return nil, next.Sub(r.w.now()), nil
}

func (r *redriver) claimDue(ctx context.Context, free int) ([]redrive, error) {
	due, err := r.w.store.DueRedrives(ctx, r.queue.Name, r.w.now(), jobBatch)
	if err != nil || len(due) == 0 {
		return nil, err
	}
	var chosen []deadletter.ID
	for _, i := range r.inOrder(len(due), free, func(i int) string { return due[i].Queue.GroupID }) {
		chosen = append(chosen, due[i].ID)
	}
	if len(chosen) == 0 {
		return nil, nil
	}
	var claims []redrive
	err = r.w.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		claims = claims[:0]
		for _, id := range chosen {
			l, err := tx.Message(ctx, id)
			if err != nil {
				return err
			}
			c, opened, err := r.open(ctx, tx, l)
			if deadletter.KindOf(err) == deadletter.Conflict {
				continue // somebody acted on it since it was listed
			}
			if err != nil {
				return deadletter.Concerning(id, fmt.Errorf("claim it: %w", err))
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

// inOrder answers which of n messages may be sent now, free of them at most: none whose group has one on its way, or
// one before it.
func (r *redriver) inOrder(n, free int, groupOf func(int) string) []int {
	var chosen []int
	taken := map[string]bool{}
	for i := 0; i < n && len(chosen) < free; i++ {
		group := r.group(groupOf(i))
		if group != "" && (r.busy[group] || taken[group]) {
			continue
		}
		taken[group] = true
		chosen = append(chosen, i)
	}
	return chosen
}

func (r *redriver) claimItems(ctx context.Context, free int) ([]redrive, time.Duration, error) {
	running, err := r.w.store.RunningJobs(ctx)
	if err != nil {
		return nil, 0, err
	}
	wait := forever
	for _, j := range running {
		if !j.Action.Redrives() {
			continue
		}
		claims, again, err := r.claimOf(ctx, j, free)
		if err != nil || len(claims) > 0 {
			return claims, 0, err
		}
		wait = sooner(wait, again)
	}
	return nil, wait, nil
}

// sooner answers the shorter of two waits, of which either may be for ever.
func sooner(a, b time.Duration) time.Duration {
	if a == forever || b != forever && b < a {
		return b
	}
	return a
}

// lookAhead is how many messages of a job are looked at for some whose groups are free.
const lookAhead = 500

func (r *redriver) claimOf(ctx context.Context, j deadletter.Job, free int) ([]redrive, time.Duration, error) {
	items, err := r.w.store.PendingRedrives(ctx, j.ID, r.queue.Name, lookAhead)
	if err != nil || len(items) == 0 {
		return nil, forever, err
	}
	chosen := r.inOrder(len(items), free, func(i int) string { return items[i].Group })
	n, wait, err := r.w.mayBegin(ctx, j, len(chosen))
	if err != nil || n == 0 {
		if len(chosen) == 0 {
			wait = forever // until a group is free
		}
		return nil, wait, err
	}
	var batch []store.Item
	for _, i := range chosen[:n] {
		batch = append(batch, items[i])
	}
	claims, err := r.openItems(ctx, j.ID, batch)
	if err == nil && len(claims) == 0 {
		return nil, 0, nil // they were skipped: look at the next
	}
	return claims, wait, err
}

func (r *redriver) openItems(ctx context.Context, id deadletter.JobID, items []store.Item) ([]redrive, error) {
	var claims []redrive
	err := r.w.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		claims = claims[:0]
		return r.w.carryOut(ctx, tx, id, items, func(j deadletter.Job, item store.Item) error {
			c, begun, err := r.openItem(ctx, tx, j, item)
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

// openItem orders the redrive of a message for its job and claims it in one go, so that what is ordered is on its way.
func (r *redriver) openItem(
	ctx context.Context,
	tx *store.Tx,
	j deadletter.Job,
	item store.Item,
) (redrive, bool, error) {
	l, err := tx.Message(ctx, item.Message)
	if err != nil {
		return redrive{}, false, err
	}
	if _, err := r.queue.Origin.To(l); err != nil {
		return redrive{}, false, err
	}
	if group := r.group(item.Group); group != "" {
		stopped, err := tx.GroupStopped(ctx, j.ID, r.queue.Name, group)
		if err != nil {
			return redrive{}, false, err
		}
		if stopped {
			return redrive{}, false, deadletter.Errorf(
				deadletter.Conflict,
				"an earlier message of its group was not sent back, and this one would overtake it",
			)
		}
	}
	latest, err := tx.Revision(ctx, l.ID, l.Revision)
	if err != nil {
		return redrive{}, false, err
	}
	ordered, err := j.ChangeOf(l, item.Version, latest, payload.MergePatch, r.w.now())
	if err != nil {
		return redrive{}, false, err
	}
	if begun, err := tx.OrderItem(ctx, item); err != nil || !begun {
		return redrive{}, false, err
	}
	c, opened, err := r.openOrdered(ctx, tx, ordered)
	if err == nil {
		err = tx.ApplyBoth(ctx, ordered, opened)
	}
	if err != nil {
		return redrive{}, false, halfDone(err)
	}
	return c, true, nil
}

func (r *redriver) open(ctx context.Context, tx *store.Tx, l deadletter.Message) (redrive, deadletter.Change, error) {
	return r.openOrdered(ctx, tx, deadletter.Change{After: l})
}

// openOrdered claims a message whose redrive is ordered, and makes its message.
func (r *redriver) openOrdered(
	ctx context.Context,
	tx *store.Tx,
	ordered deadletter.Change,
) (redrive, deadletter.Change, error) {
	l := ordered.After
	at := r.w.now()
	opened, err := l.Claim(deadletter.Lease{Token: rand.Text(), Until: at.Add(redriveLimit + leaseMargin)}, "", at)
	if err != nil {
		return redrive{}, opened, err
	}
	original, err := tx.Revision(ctx, l.ID, 0)
	if err != nil {
		return redrive{}, opened, err
	}
	revision := original
	switch number := opened.Attempt.Revision; {
	case ordered.Revision != nil:
		revision = *ordered.Revision
	case number > 0:
		if revision, err = tx.Revision(ctx, l.ID, number); err != nil {
			return redrive{}, opened, err
		}
	}
	m, err := envelope.Redrive(l, original, revision, opened.Attempt.Number, r.queue.Origin.MaxMessageBytes())
	if err != nil {
		return redrive{}, opened, err
	}
	opened.Attempt.SentDigest, opened.Attempt.TraceParent = m.Digest, telemetry.TraceParent(
		l.ID,
		l.Queue.TraceParent,
		revision.Headers,
	)
	return redrive{claimed{message: opened.After, attempt: *opened.Attempt, revision: revision}, m}, opened, nil
}

// send puts a message on its queue and records what became of it. Shutdown does not cut it short: its limit does.
func (r *redriver) send(ctx context.Context, c redrive) {
	defer func() { r.finished <- r.group(c.message.Queue.GroupID) }()
	ctx, span := telemetry.Attempt(telemetry.About(ctx, c.message.ID), &c.message, &c.attempt, c.revision.Headers)
	c.attempt.TraceParent = cmp.Or(span.TraceParent(), c.attempt.TraceParent)
	result := c.attempt
	started := time.Now()
	result.MessageID, result.Outcome, result.Error = r.put(context.WithoutCancel(ctx), c)
	result.Latency = time.Since(started)
	r.w.log.InfoContext(ctx, "redrive", "queue", r.queue.Name, "attempt", result.Number, "trigger", result.Trigger,
		"outcome", result.Outcome, "ms", result.Latency.Milliseconds())
	err := r.w.untilWritten(ctx, func(ctx context.Context) error { return r.record(ctx, c, result) })
	// a message that is back already has ended its redrive itself
	if err != nil && deadletter.KindOf(err) != deadletter.Conflict {
		r.w.log.ErrorContext(ctx, "the result of a redrive could not be written; it will count as unknown",
			"queue", r.queue.Name, "attempt", result.Number, "err", err)
	}
	span.Outcome(result)
	span.End(nil)
}

func (r *redriver) put(ctx context.Context, c redrive) (messageID string, outcome deadletter.Outcome, fault string) {
	ctx, cancel := context.WithTimeout(ctx, redriveLimit)
	defer cancel()
	to, err := r.queue.Origin.To(c.message)
	if err == nil {
		m := outgoing(c.queued)
		m.Trace = telemetry.ToAWS(c.attempt.TraceParent)
		messageID, err = r.queue.Origin.Send(ctx, to, m)
	}
	switch {
	case err == nil:
		return messageID, deadletter.SentBack, ""
	case deadletter.KindOf(err) != deadletter.Internal:
		return "", deadletter.Unreachable, "Not sent: " + deadletter.TextOf(err)
	case errors.Is(err, queue.ErrUnsent):
		r.w.log.WarnContext(ctx, "SQS cannot be reached for a redrive", "queue", r.queue.Name, "err", err)
		return "", deadletter.Unreachable, "Not sent: SQS cannot be reached"
	case refusedBySQS(err):
		return "", deadletter.Rejected, "SQS does not take it: " + err.Error()
	}
	r.w.log.WarnContext(ctx, "SQS did not confirm a redrive", "queue", r.queue.Name, "err", err)
	return "", deadletter.Unknown, "SQS did not confirm it: the message may be on its queue"
}

func refusedBySQS(err error) bool {
	for _, fault := range []error{queue.ErrRefused, queue.ErrTooLarge, queue.ErrIllegalBody, queue.ErrIllegalAttribute} {
		if errors.Is(err, fault) {
			return true
		}
	}
	return false
}

func outgoing(m envelope.Message) queue.Outgoing {
	out := queue.Outgoing{
		Body:            m.Body,
		GroupID:         m.GroupID,
		DeduplicationID: m.DeduplicationID,
		Attributes:      map[string]queue.Attribute{},
	}
	for _, a := range m.Attributes {
		out.Attributes[a.Name] = queue.Attribute{Type: a.Type, String: a.Value, Binary: a.Binary}
	}
	return out
}

// record writes what became of a redrive. Where a message of a group was not sent, what people ordered to follow it
// is not either.
func (r *redriver) record(ctx context.Context, c redrive, result deadletter.Attempt) error {
	return r.w.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		l, err := tx.Message(ctx, c.message.ID)
		if err != nil {
			return err
		}
		change, err := l.Finish(c.message.Lease.Token, result, deadletter.RetryPolicy{}, 0, r.w.now())
		if err != nil {
			return err
		}
		if err := tx.Apply(ctx, change); err != nil {
			return err
		}
		if group := r.group(l.Queue.GroupID); group != "" && result.Outcome != deadletter.SentBack {
			return r.stopFollowers(ctx, tx, group)
		}
		return nil
	})
}

func (r *redriver) stopFollowers(ctx context.Context, tx *store.Tx, group string) error {
	followers, err := tx.OrderedRedrives(ctx, r.queue.Name, group)
	if err != nil {
		return err
	}
	for _, id := range followers {
		if err := r.w.fail(
			ctx,
			tx,
			id,
			"Not sent: an earlier message of its group was not sent back, and this one would overtake it",
		); err != nil {
			return err
		}
	}
	return nil
}
