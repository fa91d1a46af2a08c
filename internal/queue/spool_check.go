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
	checkInterval = 5 * time.Second

	// toldLately is for how long what became of a message is all that there is to know.
	freshResult = checkInterval / 2
)

// Watch finds out that an idle queue is away, or back, before a message has to. It ends with ctx.
func (s *Spool) Watch(ctx context.Context, q DepthReader) error {
	tick := time.NewTicker(checkInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			s.Check(ctx, q)
		}
	}
}

// Look asks the queue once, unless what became of a message told lately. That it answers says nothing of a queue
// which took no message: only the next message does.
func (s *Spool) Check(ctx context.Context, q DepthReader) {
	s.mu.Lock()
	fresh, unsent := s.now().Sub(s.lastResult) < freshResult, s.outage.Err != nil && !s.byCheck
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
	case s.now().Sub(s.lastResult) < freshResult: // a message was faster
	case err == nil:
		s.setAvailable()
	case isOutage(err):
		s.setUnavailable(err)
		s.byCheck = true
	}
}

// noAnswer reports whether a queue is away or gone, as against refusing to tell of itself.
func isOutage(err error) bool {
	refusal, refused := errors.AsType[smithy.APIError](err)
	if !refused {
		return true
	}
	_, deleted := errors.AsType[*types.QueueDoesNotExist](err)
	return deleted || isTemporary(refusal, err)
}
