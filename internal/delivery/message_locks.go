package delivery

import (
	"context"
	"sync"
	"time"

	"dlqdesk/internal/deadletter"
)

// Sender makes one delivery and returns its outcome.
type Sender interface {
	Send(ctx context.Context, to Destination, r Request) deadletter.Attempt
}

// Exclusive makes at most one delivery of a message at a time, and none after the program has stopped. It cancels the
// deliveries that are in flight then, and their errors say so.
//
// The store already ensures this for its messages. But a buffered webhook that was in flight when a
// process died may be on both queues: the processor delivers it from the one while the worker retries its message.
type Exclusive struct {
	ExclusiveDeps
	locks messageLocks
}

// ExclusiveDeps are the parts of an Exclusive.
type ExclusiveDeps struct {
	Sender  Sender
	Stop    context.Context                           // once it is done, deliveries are cut off
	Observe func(source string, a deadletter.Attempt) // called after each delivery
	Now     func() time.Time
}

// NewExclusive returns a sender that wraps d.Sender.
func NewExclusive(d ExclusiveDeps) *Exclusive {
	return &Exclusive{ExclusiveDeps: d, locks: messageLocks{held: map[deadletter.ID]chan struct{}{}}}
}

const stoppedUnsent = "Not sent: dlqdesk was stopped"

// Send waits until no other delivery of the message is in flight, then delivers.
func (e *Exclusive) Send(ctx context.Context, to Destination, r Request) deadletter.Attempt {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.Stop, cancel)()
	unlock, ok := e.locks.lock(ctx, r.Message)
	if ok {
		defer unlock()
	}
	if !ok || e.Stop.Err() != nil { // the delivery before it may have been cut off just now
		return deadletter.Attempt{Outcome: deadletter.Unreachable, Error: stoppedUnsent, StartedAt: e.Now(), Done: true}
	}
	a := e.Sender.Send(ctx, to, r)
	e.Observe(to.Source, a)
	if e.Stop.Err() == nil {
		return a
	}
	switch a.Outcome {
	case deadletter.Unknown:
		a.Error = "dlqdesk was stopped before the handler answered: it may have processed it"
	case deadletter.Unreachable:
		a.Error = stoppedUnsent
	case deadletter.Delivered, deadletter.ErrorResponse:
	}
	return a
}

// messageLocks is one lock for each message id.
type messageLocks struct {
	mu   sync.Mutex
	held map[deadletter.ID]chan struct{} // closed when the lock is released
}

// lock waits for the lock of a message. It returns false if ctx ends first.
func (l *messageLocks) lock(ctx context.Context, id deadletter.ID) (unlock func(), ok bool) {
	for ctx.Err() == nil { // checked first: the holder may have ended because ctx did
		released := l.tryLock(id)
		if released == nil {
			return func() { l.unlock(id) }, true
		}
		select {
		case <-released:
		case <-ctx.Done():
		}
	}
	return nil, false
}

// tryLock acquires the lock and returns nil, or returns a channel that is closed when its holder releases it.
func (l *messageLocks) tryLock(id deadletter.ID) (released chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if released := l.held[id]; released != nil {
		return released
	}
	l.held[id] = make(chan struct{})
	return nil
}

func (l *messageLocks) unlock(id deadletter.ID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.held[id])
	delete(l.held, id)
}
