package delivery

import (
	"context"
	"errors"
	"io"
	"time"
)

// errSilent is why a request ended whose destination said nothing for too long.
var errSilent = errors.New("the destination fell silent")

// silence ends a request when its destination says nothing for a time. A nil silence never does.
type silence struct {
	limit time.Duration
	timer *time.Timer
	end   context.CancelCauseFunc
}

// listen answers a context that ends when the destination falls silent. The silence is counted from begin on.
func (to Destination) listen(ctx context.Context) (context.Context, *silence) {
	if to.Read <= 0 || to.Read >= to.Timeout {
		return ctx, nil
	}
	ctx, end := context.WithCancelCause(ctx)
	s := &silence{limit: to.Read, end: end, timer: time.AfterFunc(to.Timeout, func() { end(errSilent) })}
	return ctx, s
}

// begin counts anew.
func (s *silence) begin() {
	if s != nil {
		s.timer.Reset(s.limit)
	}
}

func (s *silence) stop() {
	if s != nil {
		s.timer.Stop()
		s.end(nil)
	}
}

// over counts anew with each part of a body that arrives.
func (s *silence) over(body io.ReadCloser) io.ReadCloser {
	if s == nil {
		return body
	}
	return heard{body, s}
}

type heard struct {
	io.ReadCloser
	silence *silence
}

func (h heard) Read(p []byte) (int, error) {
	n, err := h.ReadCloser.Read(p)
	if n > 0 {
		h.silence.begin()
	}
	return n, err
}
