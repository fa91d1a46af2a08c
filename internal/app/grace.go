package app

import (
	"context"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/receiver"
)

// cutter is a sender whose deliveries can be cut off, so that stopping takes no longer than it may. What was cut off is written down as
// any other delivery that got no answer.
type cutter struct {
	receiver.Sender
	off context.Context
}

// Send delivers.
func (c cutter) Send(ctx context.Context, to delivery.Destination, r delivery.Request) deadletter.Attempt {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.off, cancel)()
	a := c.Sender.Send(ctx, to, r)
	if c.off.Err() == nil {
		return a
	}
	switch a.Outcome {
	case deadletter.Unknown:
		a.Error = "dlqdesk was stopped before the handler answered: it may have processed it"
	case deadletter.Unreachable:
		a.Error = "Not sent: dlqdesk was stopped"
	case deadletter.Delivered, deadletter.Rejected:
	}
	return a
}

// lastWords is how much of the grace is kept for writing down what became of the deliveries that it cuts off, a third at most.
const lastWords = 5 * time.Second

// cutOffInTime cuts off what is still being delivered shortly before ctx ends, and at the latest when the caller calls stop.
func (a *App) cutOffInTime(ctx context.Context) (stop func()) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return a.cutOff
	}
	left := time.Until(deadline)
	timer := time.AfterFunc(left-min(lastWords, left/3), a.cutOff)
	return func() {
		timer.Stop()
		a.cutOff()
	}
}
