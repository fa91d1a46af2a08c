package queue

import (
	"context"
	"sync"
	"time"
)

// Batched is a queue that answers for each message of a call as soon as it knows.
type BatchSender interface {
	Name() string
	MaxMessageBytes() int
	SendEach(ctx context.Context, list []Outgoing, settled func(i int, err error))
}

// Batcher puts messages that are sent at the same time into common calls, and returns each sender with what became of
// its own.
type Batcher struct {
	to     BatchSender
	linger time.Duration
	budget time.Duration
	calls  sync.WaitGroup
	idle   chan *pendingCall // taken by who has made a call and makes another
	closed chan struct{}

	mu       sync.Mutex
	open     *pendingCall // what the next call takes along; nil: nothing
	inFlight int
	latest   int       // how many messages the call took that ended last
	ended    time.Time // when it did
}

const (
	// usualLinger is how long a message waits for company at most, and only where there is reason to expect it.
	maxLinger = 4 * time.Millisecond

	// recently is for how long after a call as much company is expected as it had.
	recently = 10 * time.Millisecond

	// patience is for how long who has made a call waits for another.
	idleTime = time.Second
)

// NewBatcher makes a batcher for a queue. A call may take as long as budget. The caller closes it.
func NewBatcher(to BatchSender, budget time.Duration) *Batcher {
	return &Batcher{
		to:     to,
		linger: maxLinger,
		budget: budget,
		idle:   make(chan *pendingCall),
		closed: make(chan struct{}),
	}
}

// Close returns when no call is under way any more. Nothing may be sent after it.
func (b *Batcher) Close() {
	close(b.closed)
	b.calls.Wait()
}

// Name names the queue.
func (b *Batcher) Name() string { return b.to.Name() }

// MaxMessageBytes is the largest message that the queue takes.
func (b *Batcher) MaxMessageBytes() int { return b.to.MaxMessageBytes() }

// Send sends messages together with those of others, and returns for each whether the queue has it. When ctx ends
// before that, what becomes of a message is not known.
func (b *Batcher) Send(ctx context.Context, list []Outgoing) []error {
	answers := make([]<-chan error, len(list))
	for i, o := range list {
		answers[i] = b.join(o)
	}
	errs := make([]error, len(list))
	for i, answer := range answers {
		select {
		case errs[i] = <-answer:
		case <-ctx.Done():
			errs[i] = ctx.Err()
		}
	}
	return errs
}

// gathering is one call to be.
type pendingCall struct {
	list    []Outgoing
	bytes   int
	answers []chan error
	full    chan struct{} // closed when nothing more is waited for
}

// join adds a message to the next call.
func (b *Batcher) join(o Outgoing) <-chan error {
	b.mu.Lock()
	defer b.mu.Unlock()
	size := o.size()
	if b.open != nil && b.open.bytes+size > max(b.to.MaxMessageBytes(), minCallBytes) {
		b.close()
	}
	if b.open == nil {
		g := &pendingCall{full: make(chan struct{})}
		b.open = g
		b.start(g)
	}
	g, answer := b.open, make(chan error, 1)
	g.list, g.bytes, g.answers = append(g.list, o), g.bytes+size, append(g.answers, answer)
	b.sendIfReady()
	return answer
}

// start has a call made by who is idle: what the SDK does with a call grows a stack, and one that has grown stays so
// for the next.
func (b *Batcher) start(g *pendingCall) {
	select {
	case b.idle <- g:
	default:
		b.calls.Go(func() {
			for ; g != nil; g = b.next() {
				b.call(g)
			}
		})
	}
}

// next returns the next call to make; nil: there is none for long.
func (b *Batcher) next() *pendingCall {
	wait := time.NewTimer(idleTime)
	defer wait.Stop()
	select {
	case g := <-b.idle:
		return g
	case <-b.closed:
	case <-wait.C:
	}
	return nil
}

// goOn lets the open call go where nothing is to be gained by waiting: it is full, or no other call is under way and
// those are together that the last one was made for. Those who wait for their answers send again when they have them,
// and a call for each would cost the queue ten times as much; who is alone waits for nobody.
func (b *Batcher) sendIfReady() {
	if b.open == nil {
		return
	}
	expected := 1
	if time.Since(b.ended) < recently {
		expected = b.latest
	}
	if n := len(b.open.list); n == maxBatch || b.inFlight == 0 && n >= expected {
		b.close()
	}
}

// close lets the open call go.
func (b *Batcher) close() {
	close(b.open.full)
	b.open = nil
	b.inFlight++
}

// call waits for company and makes the call. It is not bound to one sender's context, because it is made for all of
// them.
func (b *Batcher) call(g *pendingCall) {
	linger := time.NewTimer(b.linger)
	defer linger.Stop()
	select {
	case <-g.full:
	case <-linger.C:
		b.closeLate(g)
	}
	ctx, cancel := context.WithTimeout(context.Background(), b.budget)
	defer cancel()
	b.to.SendEach(ctx, g.list, func(i int, err error) { g.answers[i] <- err })
	b.end(g)
}

func (b *Batcher) closeLate(g *pendingCall) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open == g {
		b.close()
	}
}

// end lets go who waits for nobody any more.
func (b *Batcher) end(g *pendingCall) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.inFlight--
	b.latest, b.ended = len(g.list), time.Now()
	b.sendIfReady()
}
