package queue

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// receives makes long polls at SQS. If a poll were cancelled, SQS might still send messages to it, and they would stay
// hidden until their visibility ends. So an abandoned poll goes on, and releases the messages that it gets.
type receives struct {
	open     context.Context
	end      context.CancelFunc
	running  sync.WaitGroup
	released atomic.Int64 // abandoned polls that received and released messages
}

const (
	// quietTime without a message is taken as proof that abandoned polls get no more.
	quietTime = 250 * time.Millisecond

	// releaseTimeout bounds releasing the messages of an abandoned poll.
	releaseTimeout = 5 * time.Second
)

func newReceives() receives {
	open, end := context.WithCancel(context.Background())
	return receives{open: open, end: end}
}

type received struct {
	messages []Message
	err      error
}

// receive returns the result of poll, unless ctx ends before.
func (p *receives) receive(
	ctx context.Context, poll func(context.Context) ([]Message, error),
	release func(context.Context, []Message) []error,
) ([]Message, error) {
	answer := make(chan received)
	p.running.Go(func() {
		polling, cancel := context.WithCancel(context.WithoutCancel(ctx))
		defer cancel()
		defer context.AfterFunc(p.open, cancel)()
		messages, err := poll(polling)
		select {
		case answer <- received{messages, err}:
			return
		case <-ctx.Done():
		}
		if len(messages) > 0 {
			releasing, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
			defer cancel()
			release(releasing, messages) // what cannot be released becomes visible when its time is over
			p.released.Add(1)
		}
	})
	select {
	case got := <-answer:
		return got.messages, got.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// close waits until abandoned polls have ended, or get nothing more.
func (p *receives) close(ctx context.Context) {
	over := make(chan struct{})
	go func() {
		defer close(over)
		p.running.Wait()
	}()
	defer func() { <-over }()
	defer p.end()
	for released := int64(-1); released != p.released.Load(); {
		released = p.released.Load()
		select {
		case <-over:
			return
		case <-ctx.Done():
			return
		case <-time.After(quietTime):
		}
	}
}
