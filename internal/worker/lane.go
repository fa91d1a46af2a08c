package worker

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/store"
)

// lane delivers the letters of one source, so that a destination which hangs holds up nobody else's.
type lane struct {
	w        *Worker
	source   Source
	kicked   chan struct{}
	finished chan struct{}
}

func newLane(w *Worker, s Source) *lane {
	return &lane{w: w, source: s, kicked: make(chan struct{}, 1), finished: make(chan struct{}, max(1, s.Slots))}
}

func (l *lane) wake() {
	select {
	case l.kicked <- struct{}{}:
	default:
	}
}

// storeRetry is how long a lane waits when the store did not answer.
const storeRetry = time.Second

// run claims and delivers until ctx ends, then waits for the deliveries in flight.
func (l *lane) run(ctx context.Context) {
	inFlight := 0
	for ctx.Err() == nil {
		free := cap(l.finished) - inFlight
		claims, wait, err := l.claim(ctx, free)
		if err != nil {
			l.w.log.ErrorContext(ctx, "cannot read what is due; trying again", "source", l.source.Name, "err", err)
			wait = storeRetry
		}
		for _, c := range claims {
			inFlight++
			go l.deliver(ctx, c)
		}
		inFlight -= l.await(ctx, wait)
	}
	for ; inFlight > 0; inFlight-- {
		<-l.finished
	}
}

// await blocks until a delivery finished (it answers how many did), somebody kicked, or wait is over. A negative wait is for ever.
func (l *lane) await(ctx context.Context, wait time.Duration) int {
	if wait == 0 {
		return 0
	}
	var due <-chan time.Time
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-ctx.Done():
	case <-due:
	case <-l.kicked:
	case <-l.finished:
		return 1 + l.drainFinished()
	}
	return 0
}

func (l *lane) drainFinished() int {
	for n := 0; ; n++ {
		select {
		case <-l.finished:
		default:
			return n
		}
	}
}

// claimed is a delivery to make: the letter under its lease, and what to send.
type claimed struct {
	letter   deadletter.Letter
	attempt  deadletter.Attempt
	revision deadletter.Revision
}

const forever = time.Duration(-1)

// claim opens up to free deliveries that are due, and answers how long to wait before there can be more.
func (l *lane) claim(ctx context.Context, free int) ([]claimed, time.Duration, error) {
	if free == 0 {
		return nil, forever, nil
	}
	due, again, err := l.due(ctx, free)
	if err != nil {
		return nil, 0, err
	}
	if len(due) == 0 {
		wait, err := l.untilNext(ctx, again)
		return nil, wait, err
	}
	var claims []claimed
	err = l.w.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		claims = claims[:0]
		for _, letter := range due {
			c, err := l.open(ctx, tx, letter.ID)
			if deadletter.KindOf(err) == deadletter.Conflict {
				continue // somebody acted on it since it was listed
			}
			if err != nil {
				return fmt.Errorf("claim letter %s: %w", letter.ID, err)
			}
			claims = append(claims, c)
		}
		return nil
	})
	if err != nil {
		return nil, 0, err
	}
	if len(claims) == free {
		return claims, forever, nil
	}
	return claims, 0, nil
}

// due answers what may be delivered now: what people ordered, then the automatic retries that the gate lets through. Where these
// are held, it answers when to ask again.
func (l *lane) due(ctx context.Context, free int) ([]deadletter.Letter, time.Duration, error) {
	ordered, err := l.w.store.Due(ctx, l.source.Name, deadletter.Replaying, l.w.now(), free)
	if err != nil || len(ordered) == free {
		return ordered, 0, err
	}
	free -= len(ordered)
	retries, err := l.w.store.Due(ctx, l.source.Name, deadletter.Retrying, l.w.now(), free)
	if err != nil {
		return nil, 0, err
	}
	n, again := l.source.Gate.Admit(len(retries), len(retries) == free)
	return append(ordered, retries[:n]...), again, nil
}

// untilNext answers how long nothing is due. Retries that the gate holds are not looked at before it is to be asked again.
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

// until answers how long no letter of a status is due.
func (l *lane) until(ctx context.Context, status deadletter.Status) (time.Duration, error) {
	next, err := l.w.store.NextDue(ctx, l.source.Name, status)
	if err != nil || next.IsZero() {
		return forever, err
	}
	return max(0, next.Sub(l.w.now())), nil
}

// leaseMargin is what a lease lasts beyond the timeout of the delivery, for writing the result.
const leaseMargin = 30 * time.Second

func (l *lane) open(ctx context.Context, tx *store.Tx, id deadletter.ID) (claimed, error) {
	letter, err := tx.Letter(ctx, id)
	if err != nil {
		return claimed{}, err
	}
	number := letter.Revision
	if letter.Status == deadletter.Replaying {
		number = letter.Order.Revision
	}
	revision, err := tx.Revision(ctx, id, number)
	if err != nil {
		return claimed{}, err
	}
	at := l.w.now()
	lease := deadletter.Lease{Token: rand.Text(), Until: at.Add(l.source.Destination.Timeout + leaseMargin)}
	change, err := letter.Claim(lease, delivery.TraceParent(revision.Headers), at)
	if err != nil {
		return claimed{}, err
	}
	return claimed{change.After, *change.Attempt, revision}, tx.Apply(ctx, change)
}

// deliver sends a claimed letter and records what became of it. Shutdown does not cut a delivery short: its timeout does.
func (l *lane) deliver(ctx context.Context, c claimed) {
	defer func() { l.finished <- struct{}{} }()
	ctx = context.WithoutCancel(ctx)
	result := l.w.sender.Send(ctx, l.source.Destination, delivery.Request{
		Body: c.revision.Body, Headers: c.revision.Headers, Query: c.letter.Query, WebhookID: c.letter.WebhookID,
		Attempt: c.attempt.Number, TraceParent: c.attempt.TraceParent,
	})
	result.Number, result.Trigger, result.Actor, result.Revision = c.attempt.Number, c.attempt.Trigger, c.attempt.Actor, c.attempt.Revision
	result.StartedAt, result.TraceParent = c.attempt.StartedAt, c.attempt.TraceParent
	l.w.log.InfoContext(ctx, "delivery", "letter", c.letter.ID, "source", c.letter.Source, "attempt", result.Number, "trigger", result.Trigger,
		"outcome", result.Outcome, "status", result.StatusCode, "ms", result.Latency.Milliseconds())
	if err := l.finish(ctx, c, result); err != nil {
		l.w.log.ErrorContext(ctx, "the result of a delivery could not be written; it will count as unknown", "letter", c.letter.ID,
			"source", c.letter.Source, "attempt", result.Number, "err", err)
	}
}

// finishLimit bounds how long a store that cannot be written holds up shutdown.
const finishLimit = 30 * time.Second

// finish writes the result. A store that cannot be written just now is asked again, because the delivery cannot be made undone.
func (l *lane) finish(ctx context.Context, c claimed, result deadletter.Attempt) error {
	ctx, cancel := context.WithTimeout(ctx, finishLimit)
	defer cancel()
	for {
		err := l.record(ctx, c, result)
		if err == nil || deadletter.KindOf(err) != deadletter.Internal {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(storeRetry):
		}
	}
}

func (l *lane) record(ctx context.Context, c claimed, result deadletter.Attempt) error {
	return l.w.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		letter, err := tx.Letter(ctx, c.letter.ID)
		if err != nil {
			return err
		}
		change, err := letter.Finish(c.letter.Lease.Token, result, l.source.Retry, l.w.roll(), l.w.now())
		if err != nil {
			return err
		}
		return tx.Apply(ctx, change)
	})
}
