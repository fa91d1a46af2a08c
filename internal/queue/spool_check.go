package queue

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
)

const (
	// checkInterval is how often an idle queue is checked.
	checkInterval = 5 * time.Second

	// freshResult is the time after the result of a message during which no check is needed.
	freshResult = checkInterval / 2
)

// Watch checks an idle queue regularly, so that an outage or its end is known before a message has to find out. It ends
// with ctx.
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

// Check reads the depth of the queue once, unless a message was sent recently. A successful check does not end an
// outage that a message noticed: only the next message does.
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

// isOutage reports whether a queue is unavailable or deleted. A queue that refuses to report its depth is neither.
func isOutage(err error) bool {
	refusal, refused := errors.AsType[smithy.APIError](err)
	if !refused {
		return true
	}
	_, deleted := errors.AsType[*types.QueueDoesNotExist](err)
	return deleted || isTemporary(refusal, err)
}
