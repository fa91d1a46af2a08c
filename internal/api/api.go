// Package api is the desk for programs: JSON over HTTP below /api/v1, described by an OpenAPI document that is made
// from this code. It parses a request, calls the desk, and writes what that returns. It decides nothing: who may do
// what, what must be confirmed and what is masked are the same as in the browser.
package api

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/store"
)

// Path is below what the API is served.
const Path = "/api/v1"

// Deps are the parts that the API works with.
type Deps struct {
	Desk    *desk.Desk
	Auth    *auth.Auth
	Store   *store.Store    // keeps the answers of requests with an Idempotency-Key
	Sources func() []Source // those that are configured at the moment
	Queues  []desk.Queue
	Refused *desk.Refusals   // records requests that were refused for want of a right; nil: none are
	Config  func() []Setting // every key that is in force
	Reload  func() Reload    // the result of the latest reload of the configuration
	Chain   func() store.AuditResult
	// counts webhooks that failed and are not in the store yet
	OnTheirWay func(ctx context.Context) (int, error)
	URL        func() string // of the desk, for links
	Now        func() time.Time
	Log        *slog.Logger
}

// API serves the operations.
type API struct {
	Deps
	Document *huma.OpenAPI // of all operations; it is not to be changed
	limits   limits
	streams  streams
	chi.Router
}

const (
	maxBody   = 1 << 20 // bytes of a request
	timeLimit = 30 * time.Second
)

// New returns the handler of everything below Path.
func New(deps Deps) *API {
	a := &API{Deps: deps, Router: chi.NewRouter()}
	a.Route(Path, func(r chi.Router) {
		r.Use(a.headers, a.recover, limitTime, answerHead)
		about := description()
		described := huma.NewAPI(about, humachi.NewAdapter(r.With(a.identify, a.limit, a.once)))
		a.loginOperations(huma.NewAPI(about, humachi.NewAdapter(r.With(a.asStranger))))
		a.identityOperations(described)
		a.messageOperations(described)
		a.causeOperations(described)
		a.groupingOperations(described)
		a.differenceOperations(described)
		a.jobOperations(described)
		a.jobResultOperations(described)
		a.dryRunOperations(described)
		a.recipeOperations(described)
		a.ruleOperations(described)
		a.alertOperations(described)
		a.sourceOperations(described)
		a.queueOperations(described)
		a.reconciliationOperations(described)
		a.auditOperations(described)
		a.userOperations(described)
		a.tokenOperations(described)
		a.configurationOperations(described)
		a.healthOperations(described)
		a.eventOperations(described)
		a.Document = completed(described.OpenAPI())
		r.Get("/openapi.json", a.document)
		r.NotFound(func(w http.ResponseWriter, r *http.Request) {
			a.fail(w, r, deadletter.Errorf(deadletter.NotFound, "there is no operation at this address: see "+Path+
				"/openapi.json"))
		})
		r.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
			allowed := methodsOf(a.Router, cmp.Or(r.URL.RawPath, r.URL.Path))
			w.Header().Set("Allow", allowed)
			a.write(w, problemOf(http.StatusMethodNotAllowed, "method-not-allowed",
				"this address has no "+r.Method+": use "+allowed))
		})
	})
	return a
}

// handler makes the function of an operation from one that is given the actor. Its errors become problems.
func handler[I, O any](
	a *API, do func(ctx context.Context, by deadletter.Actor, in *I) (*O, error),
) func(context.Context, *I) (*O, error) {
	return func(ctx context.Context, in *I) (*O, error) {
		out, err := do(ctx, callerOf(ctx).by, in)
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		return out, nil
	}
}

// methodsOf returns the methods that a path has, as the header Allow names them.
func methodsOf(routes chi.Routes, path string) string {
	var methods []string
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		if routes.Match(chi.NewRouteContext(), method, path) {
			methods = append(methods, method)
		}
	}
	if slices.Contains(methods, http.MethodGet) && path != Path+eventsPath {
		methods = append(methods, http.MethodHead)
	}
	return strings.Join(methods, ", ")
}

// answerHead treats HEAD as GET, whose body the server leaves out. A stream has no HEAD.
func answerHead(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead && r.URL.Path != Path+eventsPath {
			chi.RouteContext(r.Context()).RouteMethod = http.MethodGet
		}
		next.ServeHTTP(w, r)
	})
}

func limitTime(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == Path+eventsPath { // a stream has no end of its own
			next.ServeHTTP(w, r)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), timeLimit)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}
