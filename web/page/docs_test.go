package page_test

import (
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"dlqdesk/web/docs"
	"dlqdesk/web/page"
)

// The manual is searched by the keyboard alone: / goes to the field, the results follow what is typed, and an emptied
// field brings the page back.
func TestManualIsSearchedWhileTyping(t *testing.T) {
	t.Parallel()
	concepts, _ := docs.Find("concepts")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /docs/concepts", func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query().Get("q")
		v := page.DocsView{Page: concepts, Query: query, Hits: docs.Search(query, 5)}
		part := page.Docs(v)
		if r.Header.Get("HX-Request") != "" {
			part = page.DocsContent(v)
		}
		if err := part.Render(r.Context(), w); err != nil {
			t.Error(err)
		}
	})
	b := setup(t, mux)
	ctx := b.tab(t)
	run(t, ctx, chromedp.Navigate(b.server.URL+"/docs/concepts"))
	const slash = `document.body.dispatchEvent(new KeyboardEvent('keydown', {key: '/', bubbles: true, composed: true}))`
	eval[bool](t, ctx, slash)
	await(t, ctx, `document.activeElement.id === 'docs-q'`)
	run(t, ctx, chromedp.KeyEvent("half-open"))
	await(t, ctx, `document.querySelector('.manual-hits a[href="/docs/concepts#circuit-breaker"]') !== null &&
		document.querySelector('.manual-hits mark').textContent === 'half-open' &&
		document.activeElement.id === 'docs-q'`)
	for range "half-open" {
		run(t, ctx, chromedp.KeyEvent(kb.Backspace))
	}
	await(t, ctx, `document.querySelector('#docs-content h1').textContent === 'Concepts'`)
	if got := eval[string](t, ctx, `location.pathname + location.search`); got != "/docs/concepts" {
		t.Errorf("the address is %s", got)
	}
}
