package queue

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// polls are receives that wait at SQS. One that is broken off may still be handed messages, of all things those that
// others release because they stop as well, and nobody would see these before their visibility ends. So a receive
// that is given up goes on, and releases what it is handed.
type receives struct {
	open     context.Context
	end      context.CancelFunc
	running  sync.WaitGroup
	released atomic.Int64 // how often one that was given up was handed something
}

const (
	// settled is how long it is quiet before the receives that were given up are taken to be handed nothing any more.
	quietTime = 250 * time.Millisecond

	// giveBack bounds releasing what a receive was handed that was given up.
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

// receive is poll, unless ctx ends before.
func (p *receives) receive(
	ctx context.Context,
	poll func(context.Context) ([]Message, error),
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

// close waits until those that were given up are over, or are handed nothing any more.
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
