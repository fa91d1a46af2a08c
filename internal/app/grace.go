package app

import (
	"context"
	"sync"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/receiver"
)

// deliverer is how everybody in the program delivers: no two deliveries of a message at once, and none that outlasts
// the grace. What was cut off is written down as any other delivery that got no answer.
type deliverer struct {
	receiver.Sender
	off     context.Context
	turns   *turns
	metrics *metrics
	now     func() time.Time
}

func (a *App) sender(s receiver.Sender) deliverer {
	return deliverer{s, a.deliveries, &a.turns, a.metrics, a.now}
}

const stoppedUnsent = "Not sent: dlqdesk was stopped"

// Send delivers.
func (d deliverer) Send(ctx context.Context, to delivery.Destination, r delivery.Request) deadletter.Attempt {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(d.off, cancel)()
	leave, ok := d.turns.take(ctx, r.Message)
	if ok {
		defer leave()
	}
	if !ok || d.off.Err() != nil { // whose turn is over may have been cut off just now
		return deadletter.Attempt{Outcome: deadletter.Unreachable, Error: stoppedUnsent, StartedAt: d.now(), Done: true}
	}
	a := d.Sender.Send(ctx, to, r)
	d.metrics.delivered(to.Source, a)
	if d.off.Err() == nil {
		return a
	}
	switch a.Outcome {
	case deadletter.Unknown:
		a.Error = "dlqdesk was stopped before the handler answered: it may have processed it"
	case deadletter.Unreachable:
		a.Error = stoppedUnsent
	case deadletter.Delivered, deadletter.Rejected:
	}
	return a
}

// turns lets one delivery of each message be made at a time. The store sees to that for messages that it has; a
// buffered webhook that was in flight when a process died may be on both queues, to be delivered from the one while
// its message is retried from the other.
type turns struct {
	mu    sync.Mutex
	taken map[deadletter.ID]chan struct{} // closed when the turn is over
}

// take waits for a message's turn; false: ctx ended before.
func (t *turns) take(ctx context.Context, id deadletter.ID) (leave func(), ok bool) {
	for ctx.Err() == nil { // whoever had the turn before may have ended for the same reason
		other := t.try(id)
		if other == nil {
			return func() { t.leave(id) }, true
		}
		select {
		case <-other:
		case <-ctx.Done():
		}
	}
	return nil, false
}

// try takes a message's turn, or answers the one that is not over.
func (t *turns) try(id deadletter.ID) (other chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if other := t.taken[id]; other != nil {
		return other
	}
	if t.taken == nil {
		t.taken = map[deadletter.ID]chan struct{}{}
	}
	t.taken[id] = make(chan struct{})
	return nil
}

func (t *turns) leave(id deadletter.ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.taken[id])
	delete(t.taken, id)
}

// lastWords is how much of the grace is kept for writing down what became of the deliveries that it cuts off, a third
// at most.
const lastWords = 5 * time.Second

// cutOffInTime cuts off what is still being delivered shortly before ctx ends, and at the latest when the caller
// calls stop.
func (a *App) cutOffInTime(ctx context.Context) (stop func()) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return a.cutOff
	}
	left := time.Until(deadline)
	timer := time.AfterFunc(left-min(lastWords, left/3), a.cutOff)
	return func() {
		timer.Stop()
		a.cutOff()
	}
}
