package worker

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/store"
	"dlqdesk/internal/telemetry"
)

// lane delivers the messages of one source, so that a destination which hangs holds up nobody else's.
type lane struct {
	w        *Worker
	source   Source
	kicked   chan struct{}
	finished chan deadletter.Trigger // of a delivery that is over
	forJobs  int                     // deliveries for jobs that may be in flight at once
	ahead    ahead
	jobsWait bool // messages of jobs, when they were last asked for

	// The place of a delivery is free as soon as it is over, so that its result and what is claimed next share a
	// commit.
	results chan struct{} // holds one for each that is being written
	written chan struct{} // one was written
	running sync.WaitGroup
}

func newLane(w *Worker, s Source) *lane {
	slots := max(1, s.Slots)
	// A quarter of the places stays for retries and for single replays, which wait behind no job.
	return &lane{
		w:        w,
		source:   s,
		kicked:   make(chan struct{}, 1),
		finished: make(chan deadletter.Trigger, slots),
		forJobs:  slots - slots/4,
		results:  make(chan struct{}, slots),
		written:  make(chan struct{}, 1),
	}
}

func (l *lane) wake() {
	select {
	case l.kicked <- struct{}{}:
	default:
	}
}

// storeRetry is how long a lane waits when the store did not answer.
const storeRetry = time.Second

// run claims and delivers until ctx ends, then waits for the deliveries in flight and for their results.
func (l *lane) run(ctx context.Context) {
	inFlight := tally{}
	for ctx.Err() == nil {
		claims, wait, err := l.claimPaced(ctx, cap(l.finished)-inFlight.all, inFlight.jobs)
		if err != nil {
			l.w.log.ErrorContext(ctx, "cannot read what is due; trying again", "source", l.source.Name, "err", err)
			wait = storeRetry
		}
		for _, c := range claims {
			inFlight.add(c.attempt.Trigger, 1)
			slotIn := l.source.Destination.RateLimit.Reserve()
			l.running.Go(func() { l.deliver(ctx, c, slotIn) })
		}
		l.await(ctx, wait, &inFlight)
	}
	for inFlight.all > 0 {
		inFlight.add(<-l.finished, -1)
	}
	l.running.Wait()
}

// tally counts deliveries in flight, and those of them that jobs ordered.
type tally struct{ all, jobs int }

func (t *tally) add(trigger deadletter.Trigger, n int) {
	t.all += n
	if trigger.ByJob() {
		t.jobs += n
	}
}

// await blocks until a delivery finished, somebody kicked, or wait is over, and takes account of what finished. A
// negative wait is for ever.
func (l *lane) await(ctx context.Context, wait time.Duration, inFlight *tally) {
	var due <-chan time.Time
	if wait >= 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		due = timer.C
	}
	if wait != 0 {
		select {
		case <-ctx.Done():
		case <-due:
		case <-l.kicked:
		case <-l.freed(inFlight):
		case trigger := <-l.finished:
			inFlight.add(trigger, -1)
			l.gather(ctx, inFlight)
		}
	}
	for {
		select {
		case trigger := <-l.finished:
			inFlight.add(trigger, -1)
		default:
			return
		}
	}
}

// freed tells of results that were written, on which depends whether a job goes on. Whoever has as much in flight as
// it may needs not know.
func (l *lane) freed(inFlight *tally) <-chan struct{} {
	if inFlight.all == cap(l.finished) || inFlight.jobs >= l.forJobs {
		return nil
	}
	return l.written
}

// gathers is how long a lane waits for more deliveries to finish, so that as many are claimed by one commit.
const gathers = 2 * time.Millisecond

// gather takes account of what finishes together with what just did: what shared a commit does. It waits for no more
// than half of the places, and not for a delivery that is the only one.
func (l *lane) gather(ctx context.Context, inFlight *tally) {
	enough := time.NewTimer(gathers)
	defer enough.Stop()
	for inFlight.all > cap(l.finished)/2 {
		select {
		case trigger := <-l.finished:
			inFlight.add(trigger, -1)
		case <-l.kicked:
			l.wake() // somebody is to be served at once
			return
		case <-enough.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// claimed is a delivery to make: the message under its lease, and what to send.
type claimed struct {
	message  deadletter.Message
	attempt  deadletter.Attempt
	revision deadletter.Revision
	probe    bool
}

const forever = time.Duration(-1)

// claimPaced opens no more deliveries than will soon have their turn with the destination.
func (l *lane) claimPaced(ctx context.Context, free, jobs int) ([]claimed, time.Duration, error) {
	room, again := l.source.Destination.RateLimit.Available()
	if free > 0 && room == 0 {
		return nil, again, nil
	}
	claims, wait, err := l.claim(ctx, min(free, room), jobs)
	if wait == forever && len(claims) == room {
		wait = 0 // there may be more, once there is room again
	}
	return claims, wait, err
}

// claim opens up to free deliveries: what is due first, then what jobs (which have so many in flight) want. It
// answers how long to wait before there can be more.
func (l *lane) claim(ctx context.Context, free, jobs int) ([]claimed, time.Duration, error) {
	if free == 0 {
		return nil, forever, nil
	}
	due, allowed, err := l.due(ctx, free)
	if err != nil {
		return nil, 0, err
	}
	again := allowed.RetryIn
	claims, err := l.openDue(ctx, due, allowed.Probe)
	if err != nil {
		return nil, 0, err
	}
	more, pause := len(due) > 0, forever
	if rest := min(free-len(claims), l.forJobs-jobs); rest > 0 && len(due) < free {
		items, next, err := l.claimItems(ctx, rest)
		claims, more, pause = append(claims, items...), more || next == 0, next
		if err != nil {
			l.w.log.ErrorContext(ctx, "cannot go on with jobs", "source", l.source.Name, "err", err)
			return claims, storeRetry, nil
		}
	}
	switch {
	case len(claims) == free:
		return claims, forever, nil
	case more:
		return claims, 0, nil
	}
	wait, err := l.untilNext(ctx, again)
	return nil, sooner(wait, pause), err
}

// openDue claims deliveries that are due. probe says that the retry among them tests its destination.
func (l *lane) openDue(ctx context.Context, due []deadletter.Message, probe bool) ([]claimed, error) {
	if len(due) == 0 {
		return nil, nil
	}
	var claims []claimed
	err := l.w.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		claims = claims[:0]
		for _, message := range due {
			c, err := l.open(ctx, tx, message.ID)
			if deadletter.KindOf(err) == deadletter.Conflict {
				continue // somebody acted on it since it was listed
			}
			if err != nil {
				return deadletter.AboutMessage(message.ID, fmt.Errorf("claim it: %w", err))
			}
			c.probe = probe && message.Status == deadletter.Retrying
			claims = append(claims, c)
		}
		return nil
	})
	return claims, err
}

// due answers what may be delivered now: what people ordered, then the automatic retries that the breaker allows.
// Where these have to wait, it returns when to ask again.
func (l *lane) due(ctx context.Context, free int) ([]deadletter.Message, delivery.Allowance, error) {
	ordered, err := l.w.store.Due(ctx, l.source.Name, deadletter.Replaying, l.w.now(), free)
	if err != nil || len(ordered) == free {
		return ordered, delivery.Allowance{}, err
	}
	free -= len(ordered)
	retries, err := l.w.store.Due(ctx, l.source.Name, deadletter.Retrying, l.w.now(), free)
	if err != nil {
		return nil, delivery.Allowance{}, err
	}
	allowed := l.source.Breaker.Allow(len(retries), len(retries) == free || l.jobsWait)
	return append(ordered, retries[:allowed.Count]...), allowed, nil
}

// untilNext answers how long nothing is due. Retries that the breaker delays are not looked at before it is to be
// asked again.
func (l *lane) untilNext(ctx context.Context, again time.Duration) (time.Duration, error) {
	wait, err := l.until(ctx, deadletter.Replaying)
	if err != nil {
		return 0, err
	}
	retry := again
	if again == 0 {
		if retry, err = l.until(ctx, deadletter.Retrying); err != nil {
			return 0, err
		}
	}
	switch {
	case wait == forever:
		return retry, nil
	case retry == forever:
		return wait, nil
	}
	return min(wait, retry), nil
}

// until answers how long no message of a status is due.
func (l *lane) until(ctx context.Context, status deadletter.Status) (time.Duration, error) {
	next, err := l.w.store.NextDue(ctx, l.source.Name, status)
	if err != nil || next.IsZero() {
		return forever, err
	}
	return max(0, next.Sub(l.w.now())), nil
}

// leaseMargin is what a lease lasts beyond the timeout of the delivery, for writing the result.
const leaseMargin = 30 * time.Second

func (l *lane) lease(at time.Time) deadletter.Lease {
	return deadletter.Lease{Token: rand.Text(), Until: at.Add(l.source.Destination.Timeout + leaseMargin)}
}

func (l *lane) open(ctx context.Context, tx *store.Tx, id deadletter.ID) (claimed, error) {
	message, err := tx.Message(ctx, id)
	if err != nil {
		return claimed{}, err
	}
	number := message.Revision
	if message.Status == deadletter.Replaying {
		number = message.Request.Revision
	}
	revision, err := tx.Revision(ctx, id, number)
	if err != nil {
		return claimed{}, err
	}
	at := l.w.now()
	change, err := message.Claim(
		l.lease(at),
		telemetry.TraceParent(message.ID, message.Queue.TraceParent, revision.Headers),
		at,
	)
	if err != nil {
		return claimed{}, err
	}
	return claimed{message: change.After, attempt: *change.Attempt, revision: revision}, tx.Apply(ctx, change)
}

// deliver sends a claimed message when it is its turn and records what became of it. Shutdown does not cut a delivery
// short: its timeout does.
func (l *lane) deliver(ctx context.Context, c claimed, slotIn time.Duration) {
	ctx, span := telemetry.Attempt(telemetry.About(ctx, c.message.ID), &c.message, &c.attempt, c.revision.Headers)
	result := l.w.sender.Send(context.WithoutCancel(ctx), l.source.Destination, delivery.Request{
		Message:     c.message.ID,
		Body:        c.revision.Body,
		Headers:     c.revision.Headers,
		Query:       c.message.Query,
		WebhookID:   c.message.WebhookID,
		Attempt:     c.attempt.Number,
		TraceParent: c.attempt.TraceParent,
		Reserved:    true,
		SlotIn:      slotIn,
	})
	result.Number, result.Trigger, result.Actor, result.Revision = c.attempt.Number, c.attempt.Trigger, c.attempt.Actor, c.attempt.Revision
	result.StartedAt, result.TraceParent, result.Probe = c.attempt.StartedAt, c.attempt.TraceParent, c.probe
	l.w.log.InfoContext(
		ctx,
		"delivery",
		"source",
		c.message.Source,
		"attempt",
		result.Number,
		"trigger",
		result.Trigger,
		"outcome",
		result.Outcome,
		"status",
		result.StatusCode,
		"ms",
		result.Latency.Milliseconds(),
	)
	l.results <- struct{}{} // as many results may wait as deliveries may be in flight
	l.finished <- c.attempt.Trigger
	err := l.finish(ctx, c, result)
	<-l.results
	select {
	case l.written <- struct{}{}:
	default:
	}
	if err != nil {
		l.w.log.ErrorContext(ctx, "the result of a delivery could not be written; it will count as unknown",
			"source", c.message.Source, "attempt", result.Number, "err", err)
	}
	span.Outcome(result)
	span.End(err)
}

// finishLimit bounds how long a store that cannot be written holds up shutdown.
const finishLimit = 30 * time.Second

// finish writes the result. A store that cannot be written just now is asked until it can, because the delivery
// cannot be made undone; once ctx ends, no longer than finishLimit.
func (l *lane) finish(ctx context.Context, c claimed, result deadletter.Attempt) error {
	return l.w.untilWritten(ctx, func(ctx context.Context) error { return l.record(ctx, c, result) })
}

func (w *Worker) untilWritten(ctx context.Context, write func(ctx context.Context) error) error {
	stopping, writing := ctx.Done(), context.WithoutCancel(ctx)
	var limit <-chan time.Time
	for told := false; ; told = true {
		err := write(writing)
		if kind := deadletter.KindOf(err); err == nil || kind != deadletter.Internal && kind != deadletter.Unavailable {
			return err
		}
		if !told {
			w.log.WarnContext(ctx, "the result of a delivery cannot be written yet; trying again", "err", err)
		}
		select {
		case <-stopping:
			stopping, limit = nil, time.After(finishLimit)
		case <-limit:
			return err
		case <-time.After(storeRetry):
		}
	}
}

// record writes a result. It is made ready before it is the writer's turn, who works for everybody, and once more
// where the message was changed during the delivery: it may have arrived again.
func (l *lane) record(ctx context.Context, c claimed, result deadletter.Attempt) error {
	usual, err := c.message.Finish(c.message.Lease.Token, result, l.source.Retry, l.w.roll(), l.w.now())
	if err != nil {
		return err
	}
	return l.w.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.Apply(ctx, usual); deadletter.KindOf(err) != deadletter.Conflict {
			return err
		}
		message, err := tx.Message(ctx, c.message.ID)
		if err != nil {
			return err
		}
		change, err := message.Finish(c.message.Lease.Token, result, l.source.Retry, l.w.roll(), l.w.now())
		if err != nil {
			return err
		}
		return tx.Apply(ctx, change)
	})
}
