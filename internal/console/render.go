package console

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/a-h/templ"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

// isPartial reports whether htmx requests a part of a page. A page that it restores from history is requested whole.
func isPartial(r *http.Request) bool {
	return r.Header.Get("HX-Request") == "true" && r.Header.Get("HX-History-Restore-Request") != "true"
}

// render renders into a buffer first, so that a failure can still be sent as an error.
func (c *Console) render(w http.ResponseWriter, r *http.Request, status int, part templ.Component) error {
	out := templ.GetBuffer() // one that grew for a page before
	defer templ.ReleaseBuffer(out)
	if err := part.Render(r.Context(), out); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Add("Vary", "HX-Request")
	w.WriteHeader(status)
	_, _ = out.WriteTo(w) // the browser may have hung up
	return nil
}

// renderEither renders the partial for htmx and the whole page otherwise.
func (c *Console) renderEither(
	w http.ResponseWriter, r *http.Request, status int, whole, partial templ.Component,
) error {
	if isPartial(r) {
		return c.render(w, r, status, partial)
	}
	return c.render(w, r, status, whole)
}

// frame returns the chrome of a page without counts.
func frame(r *http.Request, title string) page.Chrome {
	actor := auth.Actor(r.Context())
	return page.Chrome{
		Title: title, User: actor.Name, Role: string(actor.Role), Path: r.URL.Path,
		ManageUsers: actor.May(deadletter.ActUsers) == nil,
	}
}

// chrome returns the chrome of a page for the signed-in user, with the notice that the previous request left.
func (c *Console) chrome(r *http.Request, title string) page.Chrome {
	v := frame(r, title)
	// A page without the count is still useful, and parts that could not be read say so themselves.
	if after, err := c.Store.LatestSequence(r.Context()); err == nil {
		v.Live = address(livePath, url.Values{"only": {countOnly}, "after": {strconv.FormatInt(after, 10)}})
	}
	v.FailedCount, _ = c.failedCount(r.Context())
	if open, _, err := c.Store.CountAlerts(r.Context()); err == nil && open > 0 {
		v.AlertCount = number(open)
	}
	v.Unbalanced = len(c.Ledger().Wrong()) > 0
	v.Tampered = c.Chain().Fault != ""
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

// redirect sends the browser to the page that shows the result of a form.
func (c *Console) redirect(w http.ResponseWriter, r *http.Request, to string, n ui.Notice) {
	if n.Text != "" {
		c.Auth.PutFlash(r.Context(), auth.Flash{Kind: n.Kind, Text: n.Text, Hint: n.Hint})
	}
	if isPartial(r) {
		w.Header().Set("HX-Redirect", to) // a redirect would swap that page into this one
		w.WriteHeader(http.StatusNoContent)
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// kinds maps an error kind to an HTTP status and a heading. It is the only mapping.
var kinds = map[deadletter.Kind]struct {
	status  int
	heading string
}{
	deadletter.Internal:          {http.StatusInternalServerError, "Something went wrong"},
	deadletter.Invalid:           {http.StatusUnprocessableEntity, "Invalid input"},
	deadletter.Unauthenticated:   {http.StatusUnauthorized, "Sign in first"},
	deadletter.Forbidden:         {http.StatusForbidden, "Not permitted"},
	deadletter.NotFound:          {http.StatusNotFound, "Not found"},
	deadletter.Conflict:          {http.StatusConflict, "Changed by someone else"},
	deadletter.NeedsConfirmation: {http.StatusPreconditionRequired, "Confirm this first"},
	deadletter.TooLarge:          {http.StatusRequestEntityTooLarge, "Too large"},
	deadletter.RateLimited:       {http.StatusTooManyRequests, "Too many attempts"},
	deadletter.Unavailable:       {http.StatusServiceUnavailable, "Not available at the moment"},
}

func statusOf(k deadletter.Kind) int     { return kinds[k].status }
func headingOf(k deadletter.Kind) string { return kinds[k].heading }

// handler responds to a request, or returns the error to show.
type handler func(w http.ResponseWriter, r *http.Request) error

// handle returns the handler of a route. It shows the error that h returns.
func (c *Console) handle(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			c.fail(w, r, err)
		}
	}
}

// fail shows an error: in place for htmx, as a page otherwise. The part of it that users must not see is logged here.
func (c *Console) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.DeadlineExceeded) {
		err = &deadletter.Error{
			Kind: deadletter.Unavailable,
			Text: "this took too long: try again in a moment",
			Err:  err,
		}
	}
	switch deadletter.KindOf(err) {
	case deadletter.Unauthenticated:
		c.sendToSignIn(w, r)
		return
	case deadletter.Forbidden:
		c.refused(r, desk.RefusedAction, "", deadletter.TextOf(err))
	}
	c.showFailure(w, r, err)
}

// refused records a refused request. name is what was typed as the user's name; "": the signed-in user's.
func (c *Console) refused(r *http.Request, action, name, reason string) {
	by := auth.Actor(r.Context())
	if by.Kind == "" {
		by = deadletter.User(name, "", auth.Addr(r))
	}
	request, message := routeOf(r)
	if request == "" || strings.HasSuffix(request, "*") {
		request = r.URL.Path
	}
	c.Refusals.Record(context.WithoutCancel(r.Context()), desk.Refusal{
		Action: action, By: by, ByLink: r.Method == http.MethodGet || r.Method == http.MethodHead, Message: message,
		Request: r.Method + " " + request, Reason: reason,
	})
}

// showFailure shows an error that is no reason to sign in.
func (c *Console) showFailure(w http.ResponseWriter, r *http.Request, err error) {
	kind := deadletter.KindOf(err)
	v := page.ErrorView{
		Chrome:    frame(r, headingOf(kind)),
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
	if err := c.renderEither(w, r, statusOf(kind), page.Error(v), page.ErrorNotice(v)); err != nil {
		c.logFailure(r, deadletter.Internal, err)
		http.Error(w, v.Heading, statusOf(kind))
	}
}

// unreadable logs why the content of a page could not be read. It returns the state of the page, the reason, and the
// status.
func (c *Console) unreadable(r *http.Request, err error) (state, fault string, status int) {
	kind := deadletter.KindOf(err)
	c.logFailure(r, kind, err)
	return page.StateFault, errorText(err), statusOf(kind)
}

// logFailure logs an internal error and returns the id under which the log has it.
func (c *Console) logFailure(r *http.Request, kind deadletter.Kind, err error) string {
	if kind != deadletter.Internal && kind != deadletter.Unavailable || errors.Is(r.Context().Err(), context.Canceled) {
		return ""
	}
	id := rand.Text()[:10]
	c.Log.ErrorContext(about(r), "a request failed", "request", id, "method", r.Method, "path", r.URL.Path, "err",
		err)
	return id
}

// failSession replaces the handler's response if the session could not be read or written.
func (c *Console) failSession(w http.ResponseWriter, r *http.Request, err error) {
	w.Header().Del("Location")
	c.fail(w, r, err)
	if answer, ok := w.(*response); ok {
		answer.closed = true
	}
}

// sendToSignIn redirects to sign-in, and from there back to the requested page.
func (c *Console) sendToSignIn(w http.ResponseWriter, r *http.Request) {
	next := ""
	switch current, err := url.Parse(r.Header.Get("HX-Current-URL")); {
	case isPartial(r) && err == nil:
		next = current.RequestURI()
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		next = r.URL.RequestURI()
	default: // a form: back to its page, where the browser has a draft of it
		if from, err := url.Parse(r.Referer()); err == nil && from.Host == r.Host {
			next = from.RequestURI()
		}
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

// sentence capitalises a text and ends it with a full stop.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	first, width := utf8.DecodeRuneInString(text)
	text = string(unicode.ToUpper(first)) + text[width:]
	if strings.ContainsAny(text[len(text)-1:], ".!?") {
		return text
	}
	return text + "."
}

// number formats a number with thousands separators.
func number(n int) string { return deadletter.Number(n) }

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + one + "s"
}

func latency(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return "under 1 ms"
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

func size(n int) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}

// code formats a status code; "" if there was no response.
func code(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// revisionName returns the name of a revision: "original" or "edit 2 by anna".
func revisionName(r deadletter.Revision) string {
	if r.Number == 0 {
		return "original"
	}
	return fmt.Sprintf("edit %d by %s", r.Number, r.By)
}

// printable makes outside text safe for a page: valid UTF-8, with control characters visible.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			return r
		case r < ' ':
			return '\u2400' + r // its picture
		case r == 0x7f:
			return '\u2421'
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}

// errorText returns the public text of an error; "" if there is none.
func errorText(err error) string {
	if err == nil {
		return ""
	}
	return sentence(deadletter.TextOf(err))
}
