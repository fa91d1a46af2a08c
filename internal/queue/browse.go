package queue

import (
	"context"

	"dlqdesk/internal/store"
)

// Browse shows messages of the queue to see, oldest first, and changes nothing about them. The query's Queue is this one.
func (e *Embedded) Browse(ctx context.Context, q store.HeldQuery, see func(store.Held) error) error {
	q.Queue = e.name
	return e.file.Held(ctx, q, e.now(), see)
}
