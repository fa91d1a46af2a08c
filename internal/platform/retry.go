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

// Retries of a request that failed.
const (
	maxTries    = 5
	firstDelay  = time.Second
	longestWait = 30 * time.Second // unless the platform asks for longer
)

// retryTransport is a transport that observes a platform's rate limits and retries. After 429 and 503, which mean that
// nothing was done, it repeats every request; after other 5xx and broken connections only idempotent ones.
type retryTransport struct {
	base http.RoundTripper
	now  func() time.Time
	wait func(ctx context.Context, d time.Duration) error
	roll func() float64

	mu    sync.Mutex
	until time.Time // when the platform accepts requests again
}

// idempotent marks the context of a request that may be repeated, whatever its method.
type idempotent struct{}

// RoundTrip sends a request until it succeeds or must not be repeated.
func (p *retryTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	for try := 1; ; try++ {
		if err := p.pause(r.Context(), p.untilAllowed()); err != nil {
			return nil, err
		}
		answer, err := p.base.RoundTrip(r)
		p.noteLimit(answer)
		if try == maxTries || r.Context().Err() != nil || !again(r, answer, err) {
			return answer, err
		}
		discard(answer)
		if r, err = repeat(r); err != nil {
			return nil, err
		}
		if err := p.pause(r.Context(), max(p.delay(try), p.untilAllowed())); err != nil {
			return nil, err
		}
	}
}

// delay returns the wait after so many tries. At least half of it is fixed, so that a platform in trouble is not called
// again at once.
func (p *retryTransport) delay(tries int) time.Duration {
	return deadletter.RetryPolicy{Base: firstDelay, Cap: longestWait, Factor: 2}.Delay(tries, p.roll())
}

func again(r *http.Request, answer *http.Response, err error) bool {
	twice := r.Method == http.MethodGet || r.Method == http.MethodPut || r.Method == http.MethodDelete ||
		r.Context().Value(idempotent{}) != nil
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
	_, _ = io.CopyN(io.Discard, answer.Body, maxAnswer) // so that the connection can be reused
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

// noteLimit stores the time of the next request from Retry-After, or from the rate limit that Genesys Cloud sends with
// every response.
func (p *retryTransport) noteLimit(answer *http.Response) {
	if answer == nil {
		return
	}
	h := answer.Header
	asked := delivery.RetryAfter(h.Get("Retry-After"), p.now())
	count, allowed := number(h, "inin-ratelimit-count"), number(h, "inin-ratelimit-allowed")
	if asked == 0 && allowed > 0 && count >= allowed {
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

// untilAllowed returns how long to wait before the platform accepts requests again.
func (p *retryTransport) untilAllowed() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return max(0, p.until.Sub(p.now()))
}

// pause waits. It returns a Fault at once if the wait is longer than the context lasts.
func (p *retryTransport) pause(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return nil
	}
	if end, ok := ctx.Deadline(); ok && time.Until(end) < d {
		return &Fault{
			Message: fmt.Sprintf(
				"the platform accepts no request for %s, which is longer than the command may take",
				deadletter.ShortDuration(d.Round(time.Second)),
			),
			Fix: "run the command again after that time",
		}
	}
	return p.wait(ctx, d)
}

// sleep waits for a time, or until the context ends.
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
