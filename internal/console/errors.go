package console

import (
	"bytes"
	"net/http"
	"net/url"
	"strconv"

	"github.com/a-h/templ"

	"dlqdesk/internal/deadletter"
	"dlqdesk/web/page"
)

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

var headings = map[int]string{
	http.StatusUnprocessableEntity:   "This cannot be understood",
	http.StatusForbidden:             "Your role does not allow this",
	http.StatusNotFound:              "There is no such thing here",
	http.StatusConflict:              "Somebody was quicker",
	http.StatusRequestEntityTooLarge: "This is too much at once",
	http.StatusTooManyRequests:       "Too many tries",
	http.StatusServiceUnavailable:    "Not possible just now",
	http.StatusInternalServerError:   "Something went wrong",
}

// fail answers a request that cannot be served: in place where htmx asked, as a page otherwise. What a person may not know is
// logged, here and only here.
func (c *Console) fail(w http.ResponseWriter, r *http.Request, err error) {
	status := statusOf(deadletter.KindOf(err))
	if status == http.StatusInternalServerError {
		c.Log.ErrorContext(r.Context(), "a page could not be served", "method", r.Method, "path", r.URL.Path, "err", err)
	}
	if status == http.StatusUnauthorized {
		c.sendToSignIn(w, r)
		return
	}
	v := page.ErrorView{Chrome: c.plainChrome(r, headings[status]), Status: strconv.Itoa(status), Heading: headings[status], Text: sentence(deadletter.TextOf(err))}
	if r.Method == http.MethodGet && status >= http.StatusInternalServerError {
		v.RetryURL = r.URL.RequestURI()
	}
	if isPartial(r) {
		w.Header().Set("HX-Retarget", "#notice")
		w.Header().Set("HX-Reswap", "innerHTML")
		c.render(w, r, status, page.ErrorNotice(v))
		return
	}
	c.render(w, r, status, page.Error(v))
}

// sendToSignIn remembers where a reader wanted to go.
func (c *Console) sendToSignIn(w http.ResponseWriter, r *http.Request) {
	to := "/signin"
	if r.Method == http.MethodGet && !isPartial(r) && r.URL.Path != "/" {
		to += "?" + url.Values{"next": {r.URL.RequestURI()}}.Encode()
	}
	if isPartial(r) {
		w.Header().Set("HX-Redirect", to)
		http.Error(w, "sign in first", http.StatusUnauthorized)
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func isPartial(r *http.Request) bool { return r.Header.Get("HX-Request") == "true" }

// render writes a page from a buffer, so that a fault while rendering can still be answered as one.
func (c *Console) render(w http.ResponseWriter, r *http.Request, status int, part templ.Component) {
	var out bytes.Buffer
	if err := part.Render(r.Context(), &out); err != nil {
		c.Log.ErrorContext(r.Context(), "a page could not be rendered", "path", r.URL.Path, "err", err)
		http.Error(w, headings[http.StatusInternalServerError], http.StatusInternalServerError)
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
