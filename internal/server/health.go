package server

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// readyFor is how long a result of the readiness checks is reused, and readyLimit bounds how long they may take.
const (
	readyFor   = time.Second
	readyLimit = 2 * time.Second
)

// withHealth serves /healthz, which every listener has: the process runs.
func withHealth(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write([]byte(`{"status":"ok"}`))
	})
}

// Readiness returns /readyz: whether a webhook that fails now could be stored, and so whether a load balancer should
// send webhooks here.
type Readiness struct {
	checks []ReadyCheck
	now    func() time.Time
	log    *slog.Logger

	mu        sync.Mutex
	checkedAt time.Time
	err       error // of the latest checks
}

// ReadyCheck returns nil if a queue can store what is sent to it.
type ReadyCheck func(ctx context.Context) error

// NewReadiness returns a handler that is ready while all checks succeed.
func NewReadiness(checks []ReadyCheck, now func() time.Time, log *slog.Logger) *Readiness {
	return &Readiness{checks: checks, now: now, log: log}
}

// ServeHTTP reports whether the process is ready. The reason why it is not goes to the log alone.
func (r *Readiness) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if r.latest(req.Context()) != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"status":"unready","reason":"a webhook could not be kept: the server's log says why"}`))
		return
	}
	_, _ = w.Write([]byte(`{"status":"ready"}`))
}

// latest returns the latest result, and checks again if that is too old. Concurrent callers wait for the same checks,
// which a caller that hangs up does not cancel.
func (r *Readiness) latest(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.checkedAt.IsZero() && r.now().Sub(r.checkedAt) < readyFor {
		return r.err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyLimit)
	defer cancel()
	before := r.err
	r.err = r.check(ctx)
	r.checkedAt = r.now()
	switch {
	case r.err != nil && before == nil:
		r.log.ErrorContext(ctx, "not ready: a webhook could not be kept", "err", r.err)
	case r.err == nil && before != nil:
		r.log.InfoContext(ctx, "ready again: webhooks can be kept")
	}
	return r.err
}

func (r *Readiness) check(ctx context.Context) error {
	for _, check := range r.checks {
		if err := check(ctx); err != nil {
			return err
		}
	}
	return nil
}
