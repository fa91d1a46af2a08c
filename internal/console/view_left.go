package console

import (
	"context"

	"dlqdesk/internal/deadletter"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

// stillOn answers the queue that still has the message of a message, which it forgets one day, and when that is; the
// zero value: none is known to have it.
func (c *Console) stillOn(ctx context.Context, id deadletter.ID) page.StillOn {
	for _, q := range c.Queues {
		if q.Left == nil {
			continue
		}
		for _, l := range q.Left() {
			if l.Message != id {
				continue
			}
			depth, err := q.Depth(ctx)
			if expires := l.SentAt.Add(depth.Retention); err == nil && depth.Retention > 0 && expires.After(c.Now()) {
				return page.StillOn{Queue: printable(q.Name), Expires: ui.At(expires)}
			}
		}
	}
	return page.StillOn{}
}
