package console

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/telemetry"
)

// response remembers what was answered. Once it is closed a handler writes into the void.
type response struct {
	http.ResponseWriter
	status int
	closed bool
}

func (w *response) WriteHeader(status int) {
	if w.closed {
		return
	}
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) Write(b []byte) (int, error) {
	if w.closed {
		return len(b), nil
	}
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush is for who compresses answers: it asks for a Flusher, and looks no further.
func (w *response) Flush() {
	_ = http.NewResponseController(w.ResponseWriter).Flush() // what cannot be flushed is sent at the end
}

// about answers the context of a request by which a line of the log names the message that it is for.
func about(r *http.Request) context.Context {
	at := chi.RouteContext(r.Context())
	if at == nil || !strings.HasPrefix(at.RoutePattern(), "/messages/{id}") {
		return r.Context()
	}
	return telemetry.About(r.Context(), deadletter.ID(at.URLParam("id")))
}

// record logs every request when one looks closely.
func (c *Console) record(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, start := &response{ResponseWriter: w}, time.Now()
		next.ServeHTTP(answer, r)
		c.Log.DebugContext(
			about(r),
			"request",
			"method",
			r.Method,
			"path",
			r.URL.Path,
			"status",
			answer.status,
			"took",
			time.Since(start),
		)
	})
}

const contentPolicy = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// headers keep a page to itself.
func (c *Console) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if c.Secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// compress makes pages and exports a tenth of their size. No other site learns from the size what a page holds: its
// requests come without the cookie.
func compress() func(http.Handler) http.Handler {
	return middleware.Compress(gzip.BestSpeed, "text/html", "text/csv", "application/x-ndjson")
}

// recover turns a programming fault into a page, and keeps it from ending the program.
func (c *Console) recover(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			// net/http compares the very value
			if answer, ok := w.(*response); p == http.ErrAbortHandler || ok && answer.status != 0 { //nolint:errorlint
				c.Log.ErrorContext(about(r), "an answer was broken off", "path", r.URL.Path, "err", p)
				panic(http.ErrAbortHandler)
			}
			c.fail(w, r, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}()
		next.ServeHTTP(w, r)
	})
}

// requestLimit bounds a request with all that it asks of the store, and how long a client may take to send or to read
// it.
const requestLimit = 30 * time.Second

func limitTime(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == livePath { // it bounds what it writes by itself
			next.ServeHTTP(w, r)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), requestLimit)
		defer cancel()
		conn := http.NewResponseController(w)
		// What serves no connection has no deadlines, and needs none.
		_ = conn.SetReadDeadline(time.Now().Add(requestLimit))
		_ = conn.SetWriteDeadline(time.Now().Add(2 * requestLimit))
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// sameOrigin refuses what another site makes a browser post here.
func (c *Console) sameOrigin() func(http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	if u, err := url.Parse(c.PublicURL); err == nil && u.Host != "" {
		// A proxy in front may not pass the Host on that the browser saw.
		if err := protection.AddTrustedOrigin(u.Scheme + "://" + u.Host); err != nil {
			c.Log.Warn("the public address is no origin", "err", err)
		}
	}
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.fail(
			w,
			r,
			deadletter.Errorf(
				deadletter.Forbidden,
				"this request came from another site: open the desk itself and try again",
			),
		)
	}))
	return protection.Handler
}

// form reads a form of limited size before the handler.
func (c *Console) form(limit int64) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, limit)
			if err := r.ParseForm(); err != nil {
				c.fail(w, r, formFault(err, limit))
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

func formFault(err error, limit int64) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &deadletter.Error{
			Kind: deadletter.TooLarge,
			Text: "this form has more than " + size(int(limit)) + ": that is more than can be sent at once",
			Err:  err,
		}
	}
	return &deadletter.Error{
		Kind: deadletter.Invalid,
		Text: "this form was not complete: load the page again",
		Err:  err,
	}
}
