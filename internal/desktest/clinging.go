package desktest

import (
	"context"
	"errors"

	"dlqdesk/internal/queue"
)

// Clinging is a queue that deletes nothing while it clings: what was dealt with comes again.
type Clinging struct {
	*queue.Embedded
	Clings bool
}

// Delete deletes the messages, or shows them again and returns an error for each.
func (q *Clinging) Delete(ctx context.Context, messages []queue.Message) []error {
	if !q.Clings {
		return q.Embedded.Delete(ctx, messages)
	}
	errs := q.Release(ctx, messages)
	for i := range errs {
		errs[i] = errors.New("the queue is away")
	}
	return errs
}
