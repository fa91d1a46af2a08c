package console_test

import (
	"net/http"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/web/docs"
)

func TestManualNeedsSignIn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	viewer, stranger := b.member(t, "vera", deadletter.Viewer), b.stranger(t)
	for _, p := range docs.Pages() {
		a := viewer.get(p.URL())
		if a.status != http.StatusOK || a.doc().Find("#docs-content h1").Text() != p.Title {
			t.Errorf("%s returns %d, headed %q", p.URL(), a.status, a.doc().Find("#docs-content h1").Text())
		}
		if current := a.doc().Find(`.manual-nav [aria-current="page"]`).Text(); current != p.Title {
			t.Errorf("%s marks %q as the current page, want %q", p.URL(), current, p.Title)
		}
		if a := stranger.get(p.URL()); a.status != http.StatusSeeOther || strings.Contains(a.text, p.Title) {
			t.Errorf("%s returns %d to a stranger", p.URL(), a.status)
		}
	}
	if a := viewer.get("/docs/nothing"); a.status != http.StatusNotFound {
		t.Errorf("a page that does not exist returns %d", a.status)
	}
}

func TestManualSearch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.member(t, "vera", deadletter.Viewer)
	whole := p.get("/docs?q=circuit+breaker")
	part := p.get("/docs/concepts?q=circuit+breaker", htmx()...)
	for name, a := range map[string]answer{"page": whole, "partial": part} {
		t.Run(name, func(t *testing.T) {
			found := a.doc().Find(`#docs-content .manual-hits a[href="/docs/concepts#circuit-breaker"]`)
			if a.status != http.StatusOK || found.Length() != 1 || a.doc().Find("mark").Length() == 0 {
				t.Errorf("the %s returns %d with %s", name, a.status, a.doc().Find("#docs-content").Text())
			}
		})
	}
	if part.doc().Find(".bar").Length() > 0 || whole.doc().Find(".bar").Length() != 1 {
		t.Error("the partial has a bar, or the page has none")
	}
	if got := whole.doc().Find("#docs-q").AttrOr("value", ""); got != "circuit breaker" {
		t.Errorf("the field has %q", got)
	}
	hostile := p.get("/docs?q=%3Cscript%3Ealert(1)%3C/script%3E")
	if strings.Contains(hostile.text, "<script>alert") || hostile.doc().Find(".manual-hits li").Length() > 0 {
		t.Error("a query is not escaped")
	}
}
