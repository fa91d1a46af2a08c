package console

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/a-h/templ"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

// isPartial tells whether htmx asked for a part of a page. What it asks for anew when somebody goes back is the whole
// page.
func isPartial(r *http.Request) bool {
	return r.Header.Get("HX-Request") == "true" && r.Header.Get("HX-History-Restore-Request") != "true"
}

// render writes a page from a buffer, so that a fault while rendering can still be answered as one.
func (c *Console) render(w http.ResponseWriter, r *http.Request, status int, part templ.Component) {
	var out bytes.Buffer
	if err := part.Render(r.Context(), &out); err != nil {
		c.logFailure(r, deadletter.Internal, err)
		http.Error(w, headingOf(deadletter.Internal), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Add("Vary", "HX-Request")
	w.WriteHeader(status)
	_, _ = out.WriteTo(w) // a browser that hung up has no use for it
}

// renderEither answers the partial to htmx and the whole page to anybody else.
func (c *Console) renderEither(w http.ResponseWriter, r *http.Request, status int, whole, partial templ.Component) {
	if isPartial(r) {
		c.render(w, r, status, partial)
		return
	}
	c.render(w, r, status, whole)
}

// frame is what stands around a page that tells nothing of messages.
func frame(r *http.Request, title string) page.Chrome {
	actor := auth.Actor(r.Context())
	return page.Chrome{Title: title, User: actor.Name, Role: string(actor.Role), Path: r.URL.Path}
}

// chrome frames a whole page for who is signed in, with the message that the request before left for it.
func (c *Console) chrome(r *http.Request, title string) page.Chrome {
	v := frame(r, title)
	// A page without the count is still useful, and parts that could not be read say so themselves.
	if after, err := c.Store.LatestSequence(r.Context()); err == nil {
		v.Live = address(livePath, url.Values{"only": {countOnly}, "after": {strconv.FormatInt(after, 10)}})
	}
	v.FailedCount, _ = c.failedCount(r.Context())
	v.Unbalanced = len(c.Ledger().Wrong()) > 0
	flash := c.Auth.TakeFlash(r.Context())
	v.Flash = ui.Notice{Kind: flash.Kind, Text: flash.Text, Hint: flash.Hint}
	return v
}

// failedCount returns the number of failed messages, or "" if there are none.
func (c *Console) failedCount(ctx context.Context) (string, error) {
	counts, err := c.Store.Counts(ctx, store.Filter{})
	if n := counts.ByStatus[deadletter.Failed]; err == nil && n > 0 {
		return number(n), nil
	}
	return "", err
}

// redirect answers a form with the page that shows what it did.
func (c *Console) redirect(w http.ResponseWriter, r *http.Request, to string, n ui.Notice) {
	if n.Text != "" {
		c.Auth.PutFlash(r.Context(), auth.Flash{Kind: n.Kind, Text: n.Text, Hint: n.Hint})
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// statusOf is the one mapping from a kind of failure to an HTTP status.
func statusOf(k deadletter.Kind) int {
	switch k {
	case deadletter.Invalid:
		return http.StatusUnprocessableEntity
	case deadletter.Unauthenticated:
		return http.StatusUnauthorized
	case deadletter.Forbidden:
		return http.StatusForbidden
	case deadletter.NotFound:
		return http.StatusNotFound
	case deadletter.Conflict:
		return http.StatusConflict
	case deadletter.NeedsConfirmation:
		return http.StatusPreconditionRequired
	case deadletter.TooLarge:
		return http.StatusRequestEntityTooLarge
	case deadletter.RateLimited:
		return http.StatusTooManyRequests
	case deadletter.Unavailable:
		return http.StatusServiceUnavailable
	case deadletter.Internal:
	}
	return http.StatusInternalServerError
}

func headingOf(k deadletter.Kind) string {
	switch k {
	case deadletter.Invalid:
		return "This cannot be understood"
	case deadletter.Unauthenticated:
		return "Sign in first"
	case deadletter.Forbidden:
		return "This is not allowed"
	case deadletter.NotFound:
		return "There is no such thing here"
	case deadletter.Conflict:
		return "Somebody was quicker"
	case deadletter.NeedsConfirmation:
		return "Confirm this first"
	case deadletter.TooLarge:
		return "This is too much at once"
	case deadletter.RateLimited:
		return "Too many tries"
	case deadletter.Unavailable:
		return "Not possible just now"
	case deadletter.Internal:
	}
	return "Something went wrong"
}

// fail answers a request that cannot be served: in place where htmx asked, as a page otherwise. What a person may not
// know is logged, here and only here.
func (c *Console) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.DeadlineExceeded) {
		err = &deadletter.Error{
			Kind: deadletter.Unavailable,
			Text: "this took too long: try again in a moment",
			Err:  err,
		}
	}
	kind := deadletter.KindOf(err)
	if kind == deadletter.Unauthenticated {
		c.sendToSignIn(w, r)
		return
	}
	v := page.ErrorView{
		Chrome: frame(
			r,
			headingOf(kind),
		),
		Status:    strconv.Itoa(statusOf(kind)),
		Heading:   headingOf(kind),
		Text:      sentence(deadletter.TextOf(err)),
		RequestID: c.logFailure(r, kind, err),
	}
	if v.User == "" {
		v.BackURL = "/signin"
	}
	if r.Method == http.MethodGet && statusOf(kind) >= http.StatusInternalServerError {
		v.RetryURL = r.URL.RequestURI()
	}
	if isPartial(r) {
		w.Header().Set("HX-Retarget", "#notice")
		w.Header().Set("HX-Reswap", "innerHTML")
	}
	c.renderEither(w, r, statusOf(kind), page.Error(v), page.ErrorNotice(v))
}

// logFailure logs what is our fault and answers the word by which the log has it.
func (c *Console) logFailure(r *http.Request, kind deadletter.Kind, err error) string {
	if kind != deadletter.Internal && kind != deadletter.Unavailable || errors.Is(r.Context().Err(), context.Canceled) {
		return ""
	}
	id := rand.Text()[:10]
	c.Log.ErrorContext(
		about(r),
		"a request could not be answered",
		"request",
		id,
		"method",
		r.Method,
		"path",
		r.URL.Path,
		"err",
		err,
	)
	return id
}

// failSession answers when a session could not be read or written, instead of what the handler is about to say.
func (c *Console) failSession(w http.ResponseWriter, r *http.Request, err error) {
	w.Header().Del("Location")
	c.fail(w, r, err)
	if answer, ok := w.(*response); ok {
		answer.closed = true
	}
}

// sendToSignIn remembers where a reader wanted to go.
func (c *Console) sendToSignIn(w http.ResponseWriter, r *http.Request) {
	next := ""
	switch current, err := url.Parse(r.Header.Get("HX-Current-URL")); {
	case isPartial(r) && err == nil:
		next = current.RequestURI()
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		next = r.URL.RequestURI()
	}
	to := "/signin"
	if next = auth.LocalPath(next); next != auth.LocalPath("") {
		to += "?" + url.Values{"next": {next}}.Encode()
	}
	if isPartial(r) {
		w.Header().Set("HX-Redirect", to)
		http.Error(w, "sign in first", http.StatusUnauthorized)
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}
