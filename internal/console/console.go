// Package console is the desk in the browser: it parses a request, calls the desk or the store, and renders a page.
// It decides nothing about messages and shows no secret.
package console

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/doctor"
	"dlqdesk/internal/ledger"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/queue"
	"dlqdesk/internal/store"
	"dlqdesk/internal/telemetry"
	"dlqdesk/web"
	"dlqdesk/web/docs"
)

// Source is what the pages tell of a configured source.
type Source struct {
	Name        string
	Destination string // host
	MaxAttempts int
	Setup       doctor.Setup
}

// Deps are the parts that the console works with.
type Deps struct {
	Store         *store.Store
	Desk          *desk.Desk
	Auth          *auth.Auth
	Sources       []Source // in the order of the configuration
	DefaultSource string   // that of messages which name none
	PublicURL     string   // how browsers reach the desk; "": not known, the address of the request stands for it
	WebhookURL    string   // where webhooks are taken; "": where the desk is
	Secure        bool     // reached by https only
	Chain         func() store.AuditResult
	Health        func(source string) delivery.DestinationHealth
	Queues        []Queue
	DLQs          []string // the queues of the list, by name
	Ledger        func() ledger.State
	Now           func() time.Time
	Log           *slog.Logger
}

// Queue is a queue whose depth the overview shows.
type Queue struct {
	Name          string
	Holds         string // "Failed messages"
	Fate          string // where its messages go next; "" where they cannot be listed
	ReportsOldest bool
	Spool         bool // worth a line only while something waits in it
	Shared        bool // other receivers may deliver from it as well: a webhook lost on it does not show here
	Depth         func(ctx context.Context) (queue.Depth, error)
	// calls fn with its messages; nil: only a receiver sees them
	Browse func(ctx context.Context, q queue.BrowseQuery, fn func(queue.BrowsedMessage) error) error
	// messages that were read and are still on it, oldest first; nil where a queue forgets none
	Undeleted func() []queue.Undeleted
	// since when the queue confirms nothing, zero: it does; nil where that cannot be
	UnconfirmedSince func() time.Time
}

// Console serves the pages.
type Console struct {
	Deps
	sources map[string]Source
	live    streams
	chi.Router
}

// How many bytes a form may have.
const (
	maxForm     = 1 << 20
	maxEditForm = 4 * payload.MaxEdit // a form writes most signs of a JSON text as three
)

// New makes the handler of every page. Its live updates need Run, and end by CloseStreams.
func New(deps Deps) *Console {
	c := &Console{Deps: deps, sources: map[string]Source{}}
	for _, s := range deps.Sources {
		c.sources[s.Name] = s
	}
	r := chi.NewRouter()
	r.Use(c.record, c.headers, compress(), c.recover, limitTime, c.sameOrigin(), middleware.GetHead)
	r.Handle(web.Prefix+"*", web.Assets())
	r.Group(func(r chi.Router) {
		r.Use(c.Auth.Sessions(c.failSession))
		c.doorRoutes(r)
		r.Group(func(r chi.Router) {
			r.Use(c.Auth.Require(c.fail))
			c.deskRoutes(r)
		})
		r.NotFound(c.forMembers(deadletter.Errorf(deadletter.NotFound, "the address is not one of the desk's")))
		r.MethodNotAllowed(c.forMembers(deadletter.Errorf(deadletter.NotFound, "this address takes no such request")))
	})
	c.Router = r
	return c
}

// forMembers tells those who are signed in what is wrong with an address; everybody else is asked to sign in.
func (c *Console) forMembers(err error) http.HandlerFunc {
	tell := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.fail(w, r, err) })
	return c.Auth.Require(c.fail)(tell).ServeHTTP
}

// doorRoutes are for those who are not signed in.
func (c *Console) doorRoutes(r chi.Router) {
	r.Get("/signin", c.signInForm)
	r.Get("/setup", c.setupForm)
	r.Group(func(r chi.Router) {
		r.Use(c.form(maxForm))
		r.Post("/signin", c.signIn)
		r.Post("/setup", c.setup)
	})
}

func (c *Console) deskRoutes(r chi.Router) {
	r.Get("/", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/messages", http.StatusSeeOther) })
	r.Get("/account", c.account)
	r.Get("/account/password", c.passwordForm)
	r.Get("/overview", c.overview)
	r.Get("/overview/queues/{queue}", c.queue)
	r.Get(livePath, c.follow)
	r.Get("/messages", c.messages)
	r.Get("/messages/{id}", c.message)
	r.Get("/messages/{id}/panel", c.panel)
	r.Get("/messages/{id}/body", c.body)
	r.Get("/messages/{id}/compare", c.compare)
	r.Get("/messages/{id}/edit", c.editForm)
	r.Get("/sources", c.sourceList)
	r.Get("/sources/{source}", c.sourcePage)
	r.Get(docs.Path, c.docsPage)
	r.Get(docs.Path+"/{page}", c.docsPage)
	r.Get("/ledger", c.ledger)
	r.Get(acknowledgePath, c.acknowledgeForm)
	r.With(c.form(maxForm)).Post(acknowledgePath, c.acknowledge)
	r.Get("/audit", c.audit)
	r.Get("/audit/export", c.exportAudit)
	c.jobRoutes(r)
	r.With(c.form(maxEditForm)).Post("/messages/{id}/edit", c.edit)
	r.With(c.form(maxEditForm)).Post("/messages/{id}/edit/curl", c.editCurl)
	r.Group(func(r chi.Router) {
		r.Use(c.form(maxForm))
		r.Post("/signout", c.signOut)
		r.Post("/account/password", c.password)
		r.Post("/messages/bulk", c.bulk)
		r.Post("/messages/look", c.setLook)
		r.Post("/destinations/{source}/probe", c.probe)
		r.Post("/views", c.saveView)
		r.Post("/views/{view}/delete", c.dropView)
		r.Post("/messages/{id}/replay", c.replay)
		r.Post("/messages/{id}/redrive", c.redrive)
		r.Post("/messages/{id}/archive", c.archive)
		r.Post("/messages/{id}/restore", c.restore)
	})
}

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

const contentPolicy = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; " +
	"form-action 'self'; frame-ancestors 'none'"

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
