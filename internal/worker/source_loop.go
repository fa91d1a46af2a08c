package worker

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/pressure"
	"dlqdesk/internal/store"
	"dlqdesk/internal/telemetry"
)

// sourceLoop claims and delivers the messages of one source, so that a destination which hangs delays no other source.
type sourceLoop struct {
	w           *Worker
	source      Source
	kicked      chan struct{}
	finished    chan deadletter.Trigger           // of each delivery that ended
	jobSlots    int                               // deliveries for jobs that may be in flight at once
	prefetched  map[deadletter.JobID][]store.Item // messages of jobs that were read and not begun with
	jobsWaiting bool                              // whether jobs had messages to deliver at the last check
	jobsTurn    bool                              // whether the next batch of a half-open breaker is one of jobs
	jobsBegun   int                               // how often jobs were asked for messages
	rulesDue    atomic.Bool                       // whether replays of rules are due
	causes      causeLog
	turns       *pressure.Turns // of automatic retries
	latencies   latencies
	counted     time.Time // when the deliveries in flight were counted

	// The slot of a delivery is free before its result is written, so that the result and the next claims share a
	// commit.
	results chan struct{} // has one entry for each result that is being written
	written chan struct{} // signals that a result was written
	running sync.WaitGroup
}

func newSourceLoop(w *Worker, s Source) *sourceLoop {
	slots := s.slots()
	return &sourceLoop{
		w:        w,
		source:   s,
		kicked:   make(chan struct{}, 1),
		finished: make(chan deadletter.Trigger, slots),
		jobSlots: s.JobSlots(),
		results:  make(chan struct{}, slots),
		written:  make(chan struct{}, 1),
		turns:    w.pressure.NewTurns(turnEvery),

		prefetched: map[deadletter.JobID][]store.Item{},
	}
}

func (s *sourceLoop) wake() {
	select {
	case s.kicked <- struct{}{}:
	default:
	}
}

// turnEvery is the time between two claims of automatic retries while webhooks fail faster than the machine can do
// everything.
const turnEvery = time.Second

// storeRetry is how long a loop waits after an error of the store.
const storeRetry = time.Second

// run claims and delivers until ctx ends, then waits for the deliveries in flight and for their results.
func (s *sourceLoop) run(ctx context.Context) {
	inFlight := inFlightCount{}
	s.counted = s.w.now()
	for ctx.Err() == nil {
		claims, wait, err := s.claimWithinRate(ctx, cap(s.finished)-inFlight.all, inFlight.jobs)
		if err != nil {
			s.w.log.ErrorContext(ctx, "cannot read what is due; trying again", "source", s.source.Name, "err", err)
			wait = storeRetry
		}
		for _, c := range claims {
			inFlight.add(c.attempt.Trigger, 1)
			slotIn := s.source.Destination.RateLimit.Reserve()
			s.running.Go(func() { s.deliver(ctx, c, slotIn) })
		}
		s.await(ctx, wait, &inFlight)
	}
	for inFlight.all > 0 {
		inFlight.add(<-s.finished, -1)
	}
	s.running.Wait()
}

// inFlightCount counts deliveries in flight, and how many of them are for jobs and rules.
type inFlightCount struct{ all, jobs int }

func (c *inFlightCount) add(trigger deadletter.Trigger, n int) {
	c.all += n
	if trigger.InBackground() {
		c.jobs += n
	}
}

// await blocks until a delivery finished, a kick came, or wait is over, and counts the deliveries that finished. A
// negative wait has no end.
func (s *sourceLoop) await(ctx context.Context, wait time.Duration, inFlight *inFlightCount) {
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
		case <-s.kicked:
		case <-s.resultWritten(inFlight):
		case trigger := <-s.finished:
			inFlight.add(trigger, -1)
			s.awaitMore(ctx, inFlight)
		}
	}
	s.counted = s.w.now()
	for {
		select {
		case trigger := <-s.finished:
			inFlight.add(trigger, -1)
		default:
			return
		}
	}
}

// resultWritten returns the channel that signals written results: a job may go on then. It returns nil while no slot is
// free for a job anyway.
func (s *sourceLoop) resultWritten(inFlight *inFlightCount) <-chan struct{} {
	if inFlight.all == cap(s.finished) || inFlight.jobs >= s.jobSlots {
		return nil
	}
	return s.written
}

// claimDelay is how long a loop waits for more deliveries to finish, so that one commit claims as many again.
const claimDelay = 2 * time.Millisecond

// awaitMore counts the deliveries that finish shortly after another: those whose claims shared a commit usually do. It
// waits until half of the slots are free at most.
func (s *sourceLoop) awaitMore(ctx context.Context, inFlight *inFlightCount) {
	limit := time.NewTimer(claimDelay)
	defer limit.Stop()
	for inFlight.all > cap(s.finished)/2 {
		select {
		case trigger := <-s.finished:
			inFlight.add(trigger, -1)
		case <-s.kicked:
			s.wake() // a replay was requested: claim it at once
			return
		case <-limit.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// claimed is a delivery to make: the message under its lease, the open attempt, and the revision to send.
type claimed struct {
	message  deadletter.Message
	attempt  deadletter.Attempt
	revision deadletter.Revision
	probe    bool
}

const forever = time.Duration(-1)

// claimWithinRate claims no more deliveries than the destination's rate limit soon has slots for.
func (s *sourceLoop) claimWithinRate(ctx context.Context, free, jobs int) ([]claimed, time.Duration, error) {
	available, retryIn := s.source.Destination.RateLimit.Available()
	if free > 0 && available == 0 {
		return nil, retryIn, nil
	}
	claims, wait, err := s.claim(ctx, min(free, available), jobs)
	if wait == forever && len(claims) == available {
		wait = 0 // more may be due, once slots are available again
	}
	return claims, wait, err
}

// claim claims up to free deliveries: due messages first, then those of jobs, which have so many in flight. It returns
// how long to wait before there can be more.
func (s *sourceLoop) claim(ctx context.Context, free, jobs int) ([]claimed, time.Duration, error) {
	if free == 0 {
		return nil, forever, nil
	}
	breakerWait := s.source.Breaker.Allow(0, true).RetryIn // while there is one, only replays go
	due, allowed, err := s.due(ctx, free, breakerWait == 0)
	if err != nil {
		return nil, 0, err
	}
	claims, err := s.claimDue(ctx, due, allowed.Probe)
	if err != nil {
		return nil, 0, err
	}
	more, pause := len(due) > 0, forever
	if rest := min(free-len(claims), s.jobSlots-jobs); breakerWait == 0 && rest > 0 && len(due) < free {
		ruled, err := s.claimRuled(ctx, rest)
		claims, rest, more = append(claims, ruled...), rest-len(ruled), more || len(ruled) > 0
		if err != nil {
			s.w.log.ErrorContext(ctx, "cannot go on with rules", "source", s.source.Name, "err", err)
			return claims, storeRetry, nil
		}
		if rest > 0 {
			waited := s.jobsWaiting
			items, next, err := s.claimItems(ctx, rest)
			claims, pause = append(claims, items...), next
			more = more || next == 0 || waited && !s.jobsWaiting // the breaker can close now
			if err != nil {
				s.w.log.ErrorContext(ctx, "cannot go on with jobs", "source", s.source.Name, "err", err)
				return claims, storeRetry, nil
			}
		}
	}
	switch {
	case len(claims) == free:
		return claims, forever, nil
	case more:
		return claims, 0, nil
	}
	wait, err := s.untilNextDue(ctx, max(breakerWait, allowed.RetryIn))
	return nil, sooner(wait, pause), err
}

// claimDue claims due messages. probe reports that the retry among them tests its destination.
func (s *sourceLoop) claimDue(ctx context.Context, due []deadletter.Message, probe bool) ([]claimed, error) {
	if len(due) == 0 {
		return nil, nil
	}
	var claims []claimed
	err := s.w.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		claims = claims[:0]
		for _, message := range due {
			c, err := s.claimMessage(ctx, tx, message.ID, probe)
			if deadletter.KindOf(err) == deadletter.Conflict {
				continue // it was changed since it was listed
			}
			if err != nil {
				return deadletter.AboutMessage(message.ID, fmt.Errorf("claim it: %w", err))
			}
			c.probe = c.attempt.Trigger == deadletter.TriggerProbe ||
				probe && c.attempt.Trigger == deadletter.TriggerAuto
			claims = append(claims, c)
		}
		return nil
	})
	return claims, err
}

// due returns the messages that may be delivered now: requested replays, and unless replays alone may go, the automatic
// retries that the breaker allows.
func (s *sourceLoop) due(ctx context.Context, free int, retries bool) (
	[]deadletter.Message, delivery.Allowance, error,
) {
	requested, err := s.w.store.Due(ctx, s.source.Name, deadletter.Replaying, s.w.now(), free)
	if err != nil || len(requested) == free || !retries {
		return requested, delivery.Allowance{}, err
	}
	allowed, a, err := s.dueRetries(ctx, free-len(requested))
	return append(requested, allowed...), a, err
}

// dueRetries returns up to limit automatic retries that the breaker allows. While it is half-open, retries and jobs
// take turns. While webhooks fail faster than the machine can do everything, it returns retries once in turnEvery.
func (s *sourceLoop) dueRetries(ctx context.Context, limit int) ([]deadletter.Message, delivery.Allowance, error) {
	if s.jobsTurn {
		s.jobsTurn = false
		return nil, delivery.Allowance{}, nil
	}
	if wait := s.turns.Wait(); wait > 0 {
		return nil, delivery.Allowance{RetryIn: wait}, nil
	}
	is := s.source.Breaker.Status()
	if is.State == delivery.Open {
		return s.dueProbe(ctx, is)
	}
	retries, err := s.w.store.Due(ctx, s.source.Name, deadletter.Retrying, s.w.now(), limit)
	if err != nil {
		return nil, delivery.Allowance{}, err
	}
	if is.State == delivery.HalfOpen {
		if retries, err = s.failingLast(ctx, is, retries, limit); err != nil {
			return nil, delivery.Allowance{}, err
		}
	}
	allowed := s.source.Breaker.Allow(len(retries), len(retries) == limit || s.jobsWaiting)
	s.jobsTurn = is.State == delivery.HalfOpen && s.jobsWaiting && allowed.Count > 0
	return retries[:allowed.Count], allowed, nil
}

// untilNextDue returns how long no message is due. breakerWait is how long the breaker delays retries; 0: not at all.
func (s *sourceLoop) untilNextDue(ctx context.Context, breakerWait time.Duration) (time.Duration, error) {
	replay, err := s.untilDue(ctx, deadletter.Replaying)
	if err != nil {
		return 0, err
	}
	retry := breakerWait
	if breakerWait == 0 {
		if retry, err = s.untilDue(ctx, deadletter.Retrying); err != nil {
			return 0, err
		}
	}
	return sooner(replay, retry), nil
}

// sooner returns the shorter of two waits, of which either may be forever.
func sooner(a, b time.Duration) time.Duration {
	if a == forever || b != forever && b < a {
		return b
	}
	return a
}

// untilDue returns how long no message of a status is due.
func (s *sourceLoop) untilDue(ctx context.Context, status deadletter.Status) (time.Duration, error) {
	next, err := s.w.store.NextDue(ctx, s.source.Name, status)
	if err != nil || next.IsZero() {
		return forever, err
	}
	return max(0, next.Sub(s.w.now())), nil
}

// leaseMargin is the time of a lease beyond the timeout of the delivery, for writing the result.
const leaseMargin = 30 * time.Second

func (s *sourceLoop) lease(at time.Time) deadletter.Lease {
	return deadletter.Lease{Token: rand.Text(), Until: at.Add(s.source.Destination.Timeout + leaseMargin)}
}

// claimMessage writes the lease and the open attempt of a delivery, before anything is sent. A probe need not be due.
func (s *sourceLoop) claimMessage(
	ctx context.Context, tx *store.Tx, id deadletter.ID, probe bool,
) (claimed, error) {
	message, err := tx.Message(ctx, id)
	if err != nil {
		return claimed{}, err
	}
	number := message.Revision
	if message.Status == deadletter.Replaying {
		number = message.Request.Revision
	}
	revision, err := tx.RevisionHead(ctx, id, number)
	if err != nil {
		return claimed{}, err
	}
	at := s.w.now()
	trace := telemetry.TraceParent(message.ID, message.Queue.TraceParent, revision.Headers)
	claim := message.Claim
	if probe && message.Status == deadletter.Retrying {
		claim = message.ClaimEarly
	}
	change, err := claim(s.lease(at), trace, at)
	if err != nil {
		return claimed{}, err
	}
	return claimed{message: change.After, attempt: *change.Attempt, revision: revision}, tx.Apply(ctx, change)
}

// deliver sends a claimed message once its slot comes, and stores the result. Shutdown does not cut a delivery short:
// its timeout does.
func (s *sourceLoop) deliver(ctx context.Context, c claimed, slotIn time.Duration) {
	ctx, span := telemetry.Attempt(telemetry.About(ctx, c.message.ID), &c.message, &c.attempt, c.revision.Headers)
	result := s.send(context.WithoutCancel(ctx), c, slotIn)
	s.causes.record(s.source.Breaker.Status(), c.message.Fingerprint, result)
	if c.attempt.Trigger.ByJob() {
		s.latencies.add(result.Latency)
	}
	result.Number, result.Trigger, result.Actor = c.attempt.Number, c.attempt.Trigger, c.attempt.Actor
	result.Revision, result.StartedAt = c.attempt.Revision, c.attempt.StartedAt
	result.TraceParent, result.Probe = c.attempt.TraceParent, c.probe
	s.w.log.InfoContext(ctx, "delivery",
		"source", c.message.Source, "attempt", result.Number, "trigger", result.Trigger,
		"outcome", result.Outcome, "status", result.StatusCode, "ms", result.Latency.Milliseconds())
	s.results <- struct{}{} // as many results may wait to be written as deliveries may be in flight
	s.finished <- c.attempt.Trigger
	err := s.w.untilWritten(ctx, func(ctx context.Context) error { return s.record(ctx, c, result) })
	<-s.results
	select {
	case s.written <- struct{}{}:
	default:
	}
	if err != nil {
		s.w.log.ErrorContext(ctx, "the result of a delivery could not be written; it will count as unknown",
			"source", c.message.Source, "attempt", result.Number, "err", err)
	}
	span.Outcome(result)
	span.End(err)
}

func (s *sourceLoop) send(ctx context.Context, c claimed, slotIn time.Duration) deadletter.Attempt {
	body, release, err := s.w.wholeBody(ctx, c)
	if err != nil {
		s.w.log.ErrorContext(ctx, "the body of a message could not be read", "source", c.message.Source, "err", err)
		return deadletter.Attempt{
			StartedAt: s.w.now(),
			Done:      true,
			Outcome:   deadletter.Unreachable,
			Error:     "Not sent: the body could not be read in time",
		}
	}
	defer release()
	masks := s.w.masks().Of(c.message.Queue.ConfigName, c.message.Source)
	a := s.w.sender.Send(ctx, s.source.Destination, delivery.Request{
		Message:     c.message.ID,
		Body:        body,
		Headers:     c.revision.Headers,
		Query:       c.message.Query,
		WebhookID:   c.message.DeliveredWebhookID(),
		Edited:      c.revision.Number > 0,
		Attempt:     c.attempt.Number,
		TraceParent: c.attempt.TraceParent,
		Reserved:    true,
		SlotIn:      slotIn,
		Probe:       c.probe,
		Masks:       masks,
	})
	if a.Outcome == deadletter.Delivered {
		s.w.delivered(c.message.Source, masks, c.revision.Headers, body)
	}
	return a
}

const (
	// largeBodies bounds the long bodies in memory that are being delivered, in bytes. One of the largest fits, so that
	// many at once wait for one another.
	largeBodies = 64 << 20

	// largeWait bounds how long a delivery waits for that memory. It is a part of the lease.
	largeWait = leaseMargin / 2
)

// wholeBody returns the body to deliver, and a function to call when it was sent. The claim has only the first part of
// a long body.
func (w *Worker) wholeBody(ctx context.Context, c claimed) (body []byte, release func(), err error) {
	if !c.revision.IsHead() {
		return c.revision.Body, func() {}, nil
	}
	bytes := min(int64(c.revision.Size), largeBodies)
	waiting, cancel := context.WithTimeout(ctx, largeWait)
	defer cancel()
	if err := w.large.Acquire(waiting, bytes); err != nil {
		return nil, nil, fmt.Errorf("wait for memory: %w", err)
	}
	revision, err := w.store.Revision(ctx, c.message.ID, c.revision.Number)
	if err != nil {
		w.large.Release(bytes)
		return nil, nil, err
	}
	return revision.Body, func() { w.large.Release(bytes) }, nil
}

// finishLimit bounds how long a store that cannot be written holds up shutdown.
const finishLimit = 30 * time.Second

// untilWritten writes a result, and tries again while the store cannot be written: the delivery cannot be undone. Once
// ctx has ended it goes on for finishLimit at most.
func (w *Worker) untilWritten(ctx context.Context, write func(ctx context.Context) error) error {
	stopping, writing := ctx.Done(), context.WithoutCancel(ctx)
	var limit <-chan time.Time
	for logged := false; ; logged = true {
		err := write(writing)
		if kind := deadletter.KindOf(err); err == nil || kind != deadletter.Internal && kind != deadletter.Unavailable {
			return err
		}
		if !logged {
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

// record writes a result. The change is prepared outside the transaction, because all writers share one connection; it
// is prepared again if the message was changed during the delivery, by another arrival for example.
func (s *sourceLoop) record(ctx context.Context, c claimed, result deadletter.Attempt) error {
	prepared, err := c.message.Finish(c.message.Lease.Token, result, s.source.Retry, s.w.roll(), s.w.now())
	if err != nil {
		return err
	}
	return s.w.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.Apply(ctx, prepared); deadletter.KindOf(err) != deadletter.Conflict {
			return err
		}
		message, err := tx.Message(ctx, c.message.ID)
		if err != nil {
			return err
		}
		change, err := message.Finish(c.message.Lease.Token, result, s.source.Retry, s.w.roll(), s.w.now())
		if err != nil {
			return err
		}
		return tx.Apply(ctx, change)
	})
}
