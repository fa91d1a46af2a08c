// Package console is the desk in the browser: it parses a request, calls the desk or the store, and renders a page.
// It decides nothing about messages and shows no secret.
package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/klauspost/compress/gzip"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/doctor"
	"dlqdesk/internal/ledger"
	"dlqdesk/internal/memory"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/store"
	"dlqdesk/internal/telemetry"
	"dlqdesk/web"
	"dlqdesk/web/docs"
	"dlqdesk/web/page"
)

// Source is a configured source, as pages show it.
type Source struct {
	Name        string
	URL         string // of the destination; the values of its query are secret
	MaxAttempts int
	Setup       doctor.Setup
}

// host returns the host and port of the destination, the only part of its URL that pages show.
func (s Source) host() string { return redact.Host(s.URL) }

// Settings are the parts of the configuration that pages show.
type Settings struct {
	Sources       []Source // in the order of the configuration
	DefaultSource string   // of webhooks that named none; "" if there is none
	AlertRoutes   []deadletter.AlertRoute
	AlertsKept    time.Duration // after their ends
}

// ReloadStatus is the result of the latest reload of the configuration. The zero value: there was none.
type ReloadStatus struct {
	At      time.Time
	Fault   []string // why it changed nothing, one line for each fault
	Restart []string // changed keys that the next start applies
}

// buffered reports whether a source is buffered.
func (s Settings) buffered() bool {
	return slices.ContainsFunc(s.Sources, func(s Source) bool { return s.Setup.Buffered })
}

// Source returns the source with the given name.
func (s Settings) Source(name string) (Source, bool) {
	for _, source := range s.Sources {
		if source.Name == name {
			return source, true
		}
	}
	return Source{}, false
}

// Deps are the parts that the console works with.
type Deps struct {
	Store      *store.Store
	Desk       *desk.Desk
	Auth       *auth.Auth
	Refusals   *desk.Refusals
	API        *huma.OpenAPI   // describes the API
	Settings   func() Settings // as configured at the moment
	PublicURL  string          // of the desk; "": the address of the request is used
	WebhookURL string          // of the receiver; "": the same as the desk
	Secure     bool            // reached by https only
	Chain      func() store.AuditResult
	Health     func(source string) delivery.DestinationHealth
	Queues     []desk.Queue
	DLQs       []string // the names below queues in the configuration
	Ledger     func() ledger.State
	OnTheirWay func(ctx context.Context) (int, error) // webhooks that failed and are not in the store yet
	Reload     func() ReloadStatus                    // the result of the latest reload of the configuration
	Now        func() time.Time
	Log        *slog.Logger
}

// Console serves the pages.
type Console struct {
	Deps
	live  streams
	large *memory.Budget // for long bodies that are downloaded
	chi.Router
}

// Limits of forms, in bytes.
const (
	maxForm     = 1 << 20
	maxRecipe   = 4 << 20             // a form with a table
	maxEditForm = 4 * payload.MaxEdit // forms encode most punctuation of JSON as three bytes
)

// New returns the handler of all pages. Run feeds its live updates, CloseStreams ends them.
func New(deps Deps) *Console {
	c := &Console{Deps: deps, large: memory.NewBudget(maxLargeBodies)}
	r := chi.NewRouter()
	r.Use(c.record, c.headers, compress(), c.recover, limitTime, c.sameOrigin(), middleware.GetHead)
	r.Handle(web.Prefix+"*", web.Assets())
	r.Group(func(r chi.Router) {
		r.Use(c.Auth.Sessions(c.failSession))
		c.publicRoutes(r)
		r.Group(func(r chi.Router) {
			r.Use(c.Auth.Require(c.fail))
			c.signedInRoutes(r)
		})
		r.NotFound(c.forSignedIn(deadletter.Errorf(deadletter.NotFound, "there is no page at this address")))
		r.MethodNotAllowed(c.forSignedIn(deadletter.Errorf(deadletter.NotFound,
			"this address does not accept such requests")))
	})
	c.Router = r
	return c
}

// forSignedIn shows signed-in users the error; all others are redirected to sign-in.
func (c *Console) forSignedIn(err error) http.HandlerFunc {
	show := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.fail(w, r, err) })
	return c.Auth.Require(c.fail)(show).ServeHTTP
}

// publicRoutes need no session.
func (c *Console) publicRoutes(r chi.Router) {
	r.Get("/signin", c.handle(c.signInForm))
	r.Get("/setup", c.handle(c.setupForm))
	r.Get("/password", c.handle(c.passwordLinkForm))
	r.Group(func(r chi.Router) {
		r.Use(c.form(maxForm))
		r.Post("/signin", c.handle(c.signIn))
		r.Post("/setup", c.handle(c.setup))
		r.Post("/password", c.handle(c.passwordLink))
	})
}

func (c *Console) signedInRoutes(r chi.Router) {
	r.Get("/", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, causesPath, http.StatusSeeOther) })
	r.Get("/account", c.handle(c.account))
	r.Get("/account/password", c.handle(c.passwordForm))
	r.Get("/overview", c.handle(c.overview))
	r.Get("/overview/queues/{queue}", c.handle(c.queue))
	r.Get(livePath, c.handle(c.follow))
	r.Get("/messages", c.handle(c.messages))
	r.Get("/search/complete", c.handle(c.complete))
	r.Get("/messages/{id}", c.handle(c.message))
	r.Get("/messages/{id}/panel", c.handle(c.panel))
	r.Get("/messages/{id}/signature", c.handle(c.signature))
	r.Get("/messages/{id}/body", c.handle(c.body))
	r.Get("/messages/{id}/compare", c.handle(c.compare))
	r.Get("/messages/{id}/edit", c.handle(c.editForm))
	r.Get("/sources", c.handle(c.sourceList))
	r.Get("/sources/{source}", c.handle(c.sourcePage))
	r.Get(docs.Path, c.handle(c.docsPage))
	r.Get(docs.Path+"/{page}", c.handle(c.docsPage))
	r.Get(page.APIPath+"/{tag}", c.handle(c.apiReference))
	r.Get("/reconciliation", c.handle(c.reconciliation))
	r.Get(acknowledgePath, c.handle(c.acknowledgeForm))
	r.With(c.form(maxForm)).Post(acknowledgePath, c.handle(c.acknowledge))
	r.Get("/audit", c.handle(c.audit))
	c.causeListRoutes(r)
	c.causeRoutes(r)
	c.groupingRoutes(r)
	c.jobRoutes(r)
	c.recipeRoutes(r)
	c.ruleRoutes(r)
	c.alertRoutes(r)
	c.suggestionRoutes(r)
	c.userRoutes(r)
	c.tokenRoutes(r)
	c.deviceRoutes(r)
	r.With(c.form(maxEditForm)).Post("/messages/{id}/compare", c.handle(c.compare))
	r.With(c.form(maxEditForm)).Post("/messages/{id}/edit", c.handle(c.edit))
	r.With(c.form(maxEditForm)).Post("/messages/{id}/edit/curl", c.handle(c.editCurl))
	r.Group(func(r chi.Router) {
		r.Use(c.form(maxForm))
		r.Post("/signout", c.handle(c.signOut))
		r.Post("/audit/export", c.handle(c.exportAudit))
		r.Post("/account/password", c.handle(c.password))
		r.Post("/account/sessions/{session}/end", c.handle(c.endSession))
		r.Post("/account/sessions/others", c.handle(c.endOtherSessions))
		r.Post("/messages/bulk", c.handle(c.bulk))
		r.Post("/messages/copy", c.handle(c.sendSelectedElsewhere))
		r.Post("/messages/layout", c.handle(c.saveLayout))
		r.Post("/destinations/{source}/probe", c.handle(c.probe))
		r.Post("/views", c.handle(c.saveView))
		r.Post("/views/{view}/delete", c.handle(c.dropView))
		r.Post("/messages/{id}/replay", c.handle(c.replay))
		r.Post("/messages/{id}/redrive", c.handle(c.redrive))
		r.Post("/messages/{id}/probe", c.handle(c.probeWith))
		r.Post("/messages/{id}/copy", c.handle(c.sendElsewhere))
		r.Post("/messages/{id}/archive", c.handle(c.archive))
		r.Post("/messages/{id}/unmask", c.handle(c.unmask))
		r.Post("/messages/{id}/mask", c.handle(c.maskAgain))
		r.Post("/messages/{id}/restore", c.handle(c.restore))
		r.Post("/messages/{id}/arrivals/{arrival}/separate", c.handle(c.separate))
	})
}

// response records the status. After closed is set, writes are discarded.
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

// Flush implements http.Flusher, which the compressing middleware looks for.
func (w *response) Flush() {
	_ = http.NewResponseController(w.ResponseWriter).Flush() // without support for it, data is sent at the end
}

// about returns the request's context for logging, with the id of the message that the request is for.
func about(r *http.Request) context.Context {
	if _, message := routeOf(r); message != "" {
		return telemetry.About(r.Context(), message)
	}
	return r.Context()
}

// routeOf returns the pattern of a request's route, and the id of the message that the request is for; "" if it has
// none.
func routeOf(r *http.Request) (pattern string, message deadletter.ID) {
	at := chi.RouteContext(r.Context())
	if at == nil {
		return "", ""
	}
	if pattern = at.RoutePattern(); strings.HasPrefix(pattern, "/messages/{id}") {
		message = deadletter.ID(at.URLParam("id"))
	}
	return pattern, message
}

// record logs every request at debug level.
func (c *Console) record(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, start := &response{ResponseWriter: w}, time.Now()
		next.ServeHTTP(answer, r)
		c.Log.DebugContext(
			about(r), "request", "method", r.Method, "path", r.URL.Path, "status", answer.status, "took",
			time.Since(start),
		)
	})
}

const contentPolicy = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; " +
	"form-action 'self'; frame-ancestors 'none'"

// headers sets the security headers.
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

// compress compresses pages and exports to about a tenth. It leaks nothing across sites: their requests carry no
// cookie. The standard library's gzip takes twice as long, which is a tenth of a whole list page.
func compress() func(http.Handler) http.Handler {
	c := middleware.NewCompressor(gzip.BestSpeed, "text/html", "text/csv", "application/x-ndjson")
	c.SetEncoder("gzip", func(w io.Writer, level int) io.Writer {
		compressed, err := gzip.NewWriterLevel(w, level)
		if err != nil {
			return nil
		}
		return compressed
	})
	return c.Handler
}

// recover shows an error page after a panic, and keeps the program running.
func (c *Console) recover(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			answer, ok := w.(*response)
			//nolint:errorlint // net/http compares the value itself, unwrapped
			if aborted := p == http.ErrAbortHandler; aborted || ok && answer.status != 0 {
				c.Log.ErrorContext(about(r), "a response was aborted", "path", r.URL.Path, "err", p)
				panic(http.ErrAbortHandler)
			}
			c.fail(w, r, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}()
		next.ServeHTTP(w, r)
	})
}

// requestLimit bounds the time of a request, its store queries included, and of reading and writing it.
const requestLimit = 30 * time.Second

func limitTime(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == livePath { // it sets its own deadlines
			next.ServeHTTP(w, r)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), requestLimit)
		defer cancel()
		conn := http.NewResponseController(w)
		// A response recorder has no deadlines, and needs none.
		_ = conn.SetReadDeadline(time.Now().Add(requestLimit))
		_ = conn.SetWriteDeadline(time.Now().Add(2 * requestLimit))
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// sameOrigin refuses form posts that come from other sites.
func (c *Console) sameOrigin() func(http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	if u, err := url.Parse(c.PublicURL); err == nil && u.Host != "" {
		// A proxy may not forward the Host that the browser sent.
		if err := protection.AddTrustedOrigin(u.Scheme + "://" + u.Host); err != nil {
			c.Log.Warn("public_url is not an origin", "err", err)
		}
	}
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := deadletter.Errorf(
			deadletter.Forbidden,
			"this request came from another site: open dlqdesk itself and try again",
		)
		origin := cmp.Or(r.Header.Get("Origin"), r.Header.Get("Sec-Fetch-Site"))
		c.refused(r, desk.RefusedSite, "", "sent by "+origin)
		c.showFailure(w, r, err)
	}))
	return protection.Handler
}

// form parses a form of limited size before the handler runs.
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
		Text: "this form is incomplete: reload the page",
		Err:  err,
	}
}
