package console

import (
	"bytes"
	"context"
	"net/http"

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
	// Without the count a page is still worth showing; what else could not be read says so itself.
	v.NeedsPerson, _ = c.needsPerson(r.Context())
	v.Unbalanced = len(c.Ledger().Wrong()) > 0
	flash := c.Auth.TakeFlash(r.Context())
	v.Flash = ui.Notice{Kind: flash.Kind, Text: flash.Text, Hint: flash.Hint}
	return v
}

// needsPerson counts the messages that need a person; "": none.
func (c *Console) needsPerson(ctx context.Context) (string, error) {
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
