package app

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// readyFor is how long an answer holds, so that asking often costs nothing, and readyLimit how long finding one may
// take.
const (
	readyFor   = time.Second
	readyLimit = 2 * time.Second
)

// readiness tells whether a webhook that fails now could be kept: whether a balancer should send one here.
type readiness struct {
	app   *App
	keeps []keeping

	mu  sync.Mutex
	at  time.Time // of the latest look
	err error     // what it found
}

// keeping answers nil where a line of queues keeps what is sent to it.
type keeping func(ctx context.Context) error

// ServeHTTP tells anybody whether it is ready; why it is not is for the log.
func (r *readiness) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if r.look(req.Context()) != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(`{"status":"unready","reason":"a webhook could not be kept: the server's log says why"}`))
		return
	}
	_, _ = w.Write([]byte(`{"status":"ready"}`))
}

// look answers what was found lately, or else looks again. Whoever asks meanwhile waits for the same answer; who
// hangs up spoils it for nobody.
func (r *readiness) look(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.at.IsZero() && r.app.now().Sub(r.at) < readyFor {
		return r.err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readyLimit)
	defer cancel()
	was := r.err
	r.err = r.check(ctx)
	r.at = r.app.now()
	switch {
	case r.err != nil && was == nil:
		r.app.log.ErrorContext(ctx, "not ready: a webhook could not be kept", "err", r.err)
	case r.err == nil && was != nil:
		r.app.log.InfoContext(ctx, "ready again: webhooks can be kept")
	}
	return r.err
}

func (r *readiness) check(ctx context.Context) error {
	for _, keeps := range r.keeps {
		if err := keeps(ctx); err != nil {
			return err
		}
	}
	return nil
}
