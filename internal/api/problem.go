package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
)

// Problem is what every request that is refused or fails is answered: RFC 9457.
type Problem struct {
	Type   string `json:"type" doc:"What it is, for programs; it never changes." example:"urn:dlqdesk:problem:conflict"`
	Title  string `json:"title" doc:"The kind of problem, in a few words." example:"Conflict"`
	Status int    `json:"status" doc:"The HTTP status." example:"409"`
	Detail string `json:"detail" doc:"What happened and what to do." example:"this message was archived by ben 4 minutes ago"`
	Field  string `json:"field,omitempty" doc:"The input that it is about, if it is about one."`
}

// ProblemPrefix is before the name of a problem in its type.
const ProblemPrefix = "urn:dlqdesk:problem:"

// Error implements error.
func (p *Problem) Error() string { return p.Detail }

// GetStatus returns the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders returns the headers that an operation answers with the problem.
func (p *Problem) GetHeaders() http.Header {
	if p.Status == http.StatusTooManyRequests {
		return http.Header{retryAfter: {"10"}}
	}
	return nil
}

// ContentType returns the type of a problem for that of a response.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// The library asks this one function for the problems that it finds itself: wrong parameters and bodies.
func init() {
	huma.DefaultArrayNullable = false // a list without items is []
	huma.NewError = func(status int, text string, causes ...error) huma.StatusError {
		if kind, known := statuses[status]; known {
			p := problemOf(kinds[kind].status, kinds[kind].name, text)
			p.addDetails(status, causes)
			return p
		}
		return problemOf(status, "request", text)
	}
}

// statuses are the kinds of errors that the library finds by itself.
var statuses = map[int]deadletter.Kind{
	http.StatusBadRequest: deadletter.Invalid, http.StatusUnprocessableEntity: deadletter.Invalid,
	http.StatusUnsupportedMediaType:  deadletter.Invalid,
	http.StatusRequestEntityTooLarge: deadletter.TooLarge,
	http.StatusInternalServerError:   deadletter.Internal,
}

// addDetails says what is wrong with the request, and where.
func (p *Problem) addDetails(status int, causes []error) {
	var all []string
	for _, cause := range causes {
		var detailed huma.ErrorDetailer
		if !errors.As(cause, &detailed) {
			continue
		}
		d := detailed.ErrorDetail()
		p.Field = cmp.Or(p.Field, d.Location)
		all = append(all, wrongInput(status, d))
	}
	switch {
	case len(all) > 0:
		p.Detail = strings.Join(all, "; ")
	case status == http.StatusBadRequest:
		p.Detail = "this operation needs a body of JSON: see " + Path + "/openapi.json"
	}
}

func problemOf(status int, name, detail string) *Problem {
	return &Problem{
		Type: ProblemPrefix + name, Title: http.StatusText(status), Status: status, Detail: detail,
	}
}

// kinds are the problems of errors.
var kinds = map[deadletter.Kind]struct {
	status int
	name   string
}{
	deadletter.Internal:          {http.StatusInternalServerError, "internal"},
	deadletter.Invalid:           {http.StatusUnprocessableEntity, "invalid"},
	deadletter.Unauthenticated:   {http.StatusUnauthorized, "unauthenticated"},
	deadletter.Forbidden:         {http.StatusForbidden, "forbidden"},
	deadletter.NotFound:          {http.StatusNotFound, "not-found"},
	deadletter.Conflict:          {http.StatusConflict, "conflict"},
	deadletter.NeedsConfirmation: {http.StatusConflict, "needs-confirmation"},
	deadletter.TooLarge:          {http.StatusRequestEntityTooLarge, "too-large"},
	deadletter.RateLimited:       {http.StatusTooManyRequests, "rate-limited"},
	deadletter.Unavailable:       {http.StatusServiceUnavailable, "unavailable"},
}

// problem returns the problem of an error, and logs what is not the caller's fault.
func (a *API) problem(ctx context.Context, err error) *Problem {
	kind := deadletter.KindOf(err)
	if kind == deadletter.Internal && ctx.Err() == nil {
		a.Log.ErrorContext(ctx, "a request of the API failed", "err", err)
	}
	if who := callerOf(ctx); kind == deadletter.Forbidden && who.by.Kind != "" {
		a.refused(ctx, desk.RefusedAction, who.by, err)
	}
	p := problemOf(kinds[kind].status, kinds[kind].name, deadletter.TextOf(err))
	p.Field = deadletter.FieldOf(err)
	return p
}

// fail writes the problem of an error, for a request outside of an operation.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	a.write(w, a.problem(r.Context(), err))
}

func (a *API) write(w http.ResponseWriter, p *Problem) {
	if p.Status == http.StatusUnauthorized {
		w.Header().Set(wwwAuthenticate, `Bearer realm="dlqdesk"`)
	}
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the client is gone
}

// recover writes an internal error for a panic.
func (a *API) recover(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if v := recover(); v != nil {
				if v == http.ErrAbortHandler { //nolint:errorlint // by identity, as net/http does
					panic(v)
				}
				a.fail(w, r, fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
			}
		}()
		next.ServeHTTP(w, r)
	})
}
