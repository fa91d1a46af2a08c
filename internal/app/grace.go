package app

import (
	"context"
	"time"
)

// lastWords is how much of the grace is kept for writing down what became of the deliveries that it cuts off, a third
// at most.
const lastWords = 5 * time.Second

// cutOffInTime cuts off what is still being delivered shortly before ctx ends, and at the latest when the caller
// calls stop.
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
