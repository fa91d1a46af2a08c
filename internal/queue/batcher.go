package queue

import (
	"context"
	"sync"
	"time"
)

// BatchSender is a queue that reports the result of each message of a call as soon as it knows it.
type BatchSender interface {
	Name() string
	MaxMessageBytes() int
	SendEach(ctx context.Context, list []Outgoing, settled func(i int, err error))
}

// Batcher merges messages that are sent at the same time into common calls. It returns to each sender the results of
// its own messages.
//
// Example: senders a and b send one message each at the same time, for the first time. a is alone, so its call starts
// at once. b's message opens the next call, which starts when a's ends or after 4 ms, with all messages that were sent
// in between. 40 senders that keep sending make four or five calls of ten messages, not 40 calls.
type Batcher struct {
	to     BatchSender
	linger time.Duration
	budget time.Duration
	calls  sync.WaitGroup
	idle   chan *pendingCall // the next call, for a goroutine that has made one
	closed chan struct{}

	mu       sync.Mutex
	open     *pendingCall // collects messages for the next call; nil: none
	inFlight int          // calls
	latest   int          // number of messages of the call that ended last
	ended    time.Time    // when that call ended
}

const (
	// maxLinger is the longest time that a message waits for others. It waits only if others are expected.
	maxLinger = 4 * time.Millisecond

	// recently is the time after a call within which the next one is expected to have as many messages.
	recently = 10 * time.Millisecond

	// idleTime is how long a goroutine that has made a call waits for another one.
	idleTime = time.Second
)

// NewBatcher returns a batcher for a queue. A call may take as long as budget. The caller closes it.
func NewBatcher(to BatchSender, budget time.Duration) *Batcher {
	return &Batcher{
		to:     to,
		linger: maxLinger,
		budget: budget,
		idle:   make(chan *pendingCall),
		closed: make(chan struct{}),
	}
}

// Close returns when no call is under way. Send must not be called after it.
func (b *Batcher) Close() {
	close(b.closed)
	b.calls.Wait()
}

// Name returns the name of the queue.
func (b *Batcher) Name() string { return b.to.Name() }

// MaxMessageBytes returns the size of the largest message that the queue accepts.
func (b *Batcher) MaxMessageBytes() int { return b.to.MaxMessageBytes() }

// Send sends messages together with those of others. It returns an error for each message that the queue has not
// confirmed. If ctx ends before that, the queue may have the message or not.
func (b *Batcher) Send(ctx context.Context, list []Outgoing) []error {
	results := make([]<-chan error, len(list))
	for i, o := range list {
		results[i] = b.join(o)
	}
	errs := make([]error, len(list))
	for i, result := range results {
		select {
		case errs[i] = <-result:
		case <-ctx.Done():
			errs[i] = ctx.Err()
		}
	}
	return errs
}

// pendingCall is a call that has not been made yet.
type pendingCall struct {
	list    []Outgoing
	bytes   int
	results []chan error
	full    chan struct{} // closed when the call takes no more messages
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
	g, result := b.open, make(chan error, 1)
	g.list, g.bytes, g.results = append(g.list, o), g.bytes+size, append(g.results, result)
	b.sendIfReady()
	return result
}

// start passes a call to an idle goroutine, or to a new one. An idle one is faster, because the SDK has grown its stack
// already.
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

// next returns the next call to make; nil if none comes within idleTime.
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

// sendIfReady sends the open call when waiting gains nothing: it is full, or no other call is under way and it has as
// many messages as the last one. Senders that wait for a result send again when they have it, and a call for each would
// cost the queue ten times as much. A sender that is alone never waits.
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

// close ends the collecting of messages for the open call, so that it is made.
func (b *Batcher) close() {
	close(b.open.full)
	b.open = nil
	b.inFlight++
}

// call waits for more messages and makes the call. It does not end with a sender's context, because it is made for
// several.
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
	b.to.SendEach(ctx, g.list, func(i int, err error) { g.results[i] <- err })
	b.end(g)
}

func (b *Batcher) closeLate(g *pendingCall) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open == g {
		b.close()
	}
}

// end records the end of a call, and sends the open one if it is ready.
func (b *Batcher) end(g *pendingCall) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.inFlight--
	b.latest, b.ended = len(g.list), time.Now()
	b.sendIfReady()
}
