package queue

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
)

const (
	// watchEvery is how often a queue that nothing is sent to is asked whether it is there.
	watchEvery = 5 * time.Second

	// toldLately is for how long what became of a message is all that there is to know.
	toldLately = watchEvery / 2
)

// Watch finds out that an idle queue is away, or back, before a message has to. It ends with ctx.
func (s *Spool) Watch(ctx context.Context, q Measured) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			s.Look(ctx, q)
		}
	}
}

// Look asks the queue once, unless what became of a message told lately. That it answers says nothing of a queue
// which took no message: only the next message does.
func (s *Spool) Look(ctx context.Context, q Measured) {
	s.mu.Lock()
	fresh, unsent := s.now().Sub(s.told) < toldLately, s.away.Err != nil && !s.idle
	s.mu.Unlock()
	if fresh || unsent {
		return
	}
	asking, cancel := context.WithTimeout(ctx, sendBudget)
	defer cancel()
	_, err := q.Depth(asking)
	if ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.now().Sub(s.told) < toldLately: // a message was faster
	case err == nil:
		s.setBack()
	case noAnswer(err):
		s.setGone(err)
		s.idle = true
	}
}

// noAnswer tells whether a queue is away or gone, as against refusing to tell of itself.
func noAnswer(err error) bool {
	refusal, refused := errors.AsType[smithy.APIError](err)
	if !refused {
		return true
	}
	_, deleted := errors.AsType[*types.QueueDoesNotExist](err)
	return deleted || passes(refusal, err)
}
