package delivery

import (
	"context"
	"errors"
	"io"
	"time"
)

// errReadTimeout is the cause of a request's end when its destination sent nothing for too long.
var errReadTimeout = errors.New("the destination sent nothing for too long")

// readTimer ends a request when its destination sends nothing for Destination.Read. A nil readTimer never does.
type readTimer struct {
	limit  time.Duration
	timer  *time.Timer
	cancel context.CancelCauseFunc
}

// withReadTimeout returns a context that ends at the read timeout. The time counts from the first reset on.
func (to Destination) withReadTimeout(ctx context.Context) (context.Context, *readTimer) {
	if to.Read <= 0 || to.Read >= to.Timeout {
		return ctx, nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(to.Timeout, func() { cancel(errReadTimeout) })
	return ctx, &readTimer{limit: to.Read, cancel: cancel, timer: timer}
}

// reset restarts the timer.
func (t *readTimer) reset() {
	if t != nil {
		t.timer.Reset(t.limit)
	}
}

func (t *readTimer) stop() {
	if t != nil {
		t.timer.Stop()
		t.cancel(nil)
	}
}

// wrap returns a body that resets the timer with each part that arrives.
func (t *readTimer) wrap(body io.ReadCloser) io.ReadCloser {
	if t == nil {
		return body
	}
	return timedBody{body, t}
}

type timedBody struct {
	io.ReadCloser
	timer *readTimer
}

func (b timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.timer.reset()
	}
	return n, err
}
