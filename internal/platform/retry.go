package platform

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
)

// How often, and after what time, a request is made again that nothing came of.
const (
	maxTries    = 5
	firstDelay  = time.Second
	longestWait = 30 * time.Second // of our own accord; a platform may ask for longer
)

// patient is a transport that keeps to a platform's rate limits, and tries again what may be tried again: after 429
// and 503, which say that nothing was done, any request; after other 5xx and broken connections those alone that do
// no harm twice.
type patient struct {
	base http.RoundTripper
	now  func() time.Time
	wait func(ctx context.Context, d time.Duration) error
	roll func() float64

	mu    sync.Mutex
	until time.Time // when the platform takes requests again
}

// harmless marks the context of a request that does no harm twice, although its method may.
type harmless struct{}

// RoundTrip sends a request as often as it takes.
func (p *patient) RoundTrip(r *http.Request) (*http.Response, error) {
	for try := 1; ; try++ {
		if err := p.pause(r.Context(), p.left()); err != nil {
			return nil, err
		}
		answer, err := p.base.RoundTrip(r)
		p.note(answer)
		if try == maxTries || r.Context().Err() != nil || !again(r, answer, err) {
			return answer, err
		}
		discard(answer)
		if r, err = repeat(r); err != nil {
			return nil, err
		}
		if err := p.pause(r.Context(), max(p.delay(try), p.left())); err != nil {
			return nil, err
		}
	}
}

// delay is how long to wait after so many tries. Half of it is certain: a platform that has trouble is never asked
// again at once.
func (p *patient) delay(tries int) time.Duration {
	return deadletter.RetryPolicy{Base: firstDelay, Cap: longestWait}.Delay(tries, (1+p.roll())/2)
}

func again(r *http.Request, answer *http.Response, err error) bool {
	twice := r.Method == http.MethodGet || r.Method == http.MethodPut || r.Method == http.MethodDelete ||
		r.Context().Value(harmless{}) != nil
	if err != nil {
		return twice
	}
	switch answer.StatusCode {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return true
	}
	return answer.StatusCode >= http.StatusInternalServerError && twice
}

func discard(answer *http.Response) {
	if answer == nil {
		return
	}
	_, _ = io.CopyN(io.Discard, answer.Body, maxAnswer) // so that the connection can be used again
	_ = answer.Body.Close()
}

func repeat(r *http.Request) (*http.Request, error) {
	r = r.Clone(r.Context())
	if r.GetBody == nil {
		return r, nil
	}
	body, err := r.GetBody()
	if err != nil {
		return nil, fmt.Errorf("send the request again: %w", err)
	}
	r.Body = body
	return r, nil
}

// note remembers what an answer says of when the next request may come: Retry-After, or the limit of Genesys Cloud,
// which is told with every answer, before it is reached.
func (p *patient) note(answer *http.Response) {
	if answer == nil {
		return
	}
	h := answer.Header
	asked := delivery.RetryAfter(h.Get("Retry-After"), p.now())
	if count, allowed := number(
		h,
		"inin-ratelimit-count",
	), number(
		h,
		"inin-ratelimit-allowed",
	); asked == 0 && allowed > 0 &&
		count >= allowed {
		asked = time.Duration(number(h, "inin-ratelimit-reset")) * time.Second
	}
	if asked > 0 {
		p.mu.Lock()
		p.until = p.now().Add(asked)
		p.mu.Unlock()
	}
}

func number(h http.Header, name string) int {
	n, err := strconv.Atoi(h.Get(name))
	if err != nil {
		return 0
	}
	return max(n, 0)
}

// left is how long the platform takes no request yet.
func (p *patient) left() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(0, p.until.Sub(p.now()))
}

// pause waits, unless that is longer than the whole may take: then there is no point in waiting at all.
func (p *patient) pause(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return nil
	}
	if end, ok := ctx.Deadline(); ok && time.Until(end) < d {
		return &Fault{
			Message: fmt.Sprintf(
				"the platform takes no request for %s, which is longer than is left",
				span(d.Round(time.Second)),
			),
			Fix: "run the command again after that time",
		}
	}
	return p.wait(ctx, d)
}

// sleep waits for a time, or for the end of the context.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
