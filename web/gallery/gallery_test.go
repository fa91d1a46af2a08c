package gallery_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"dlqdesk/web/gallery"

	"github.com/PuerkitoBio/goquery"
)

func get(t *testing.T, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	gallery.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return w
}

// The index links to every page in every state.
func TestIndexLeadsToEveryState(t *testing.T) {
	t.Parallel()
	doc, err := goquery.NewDocumentFromReader(get(t, "/").Body)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, link := range doc.Find("nav a[target=stage]").EachIter() {
		path := link.AttrOr("href", "")
		known[strings.TrimPrefix(path, "/state/")] = true
		w := get(t, path)
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "<h1") ||
			w.Header().Get("Content-Security-Policy") != gallery.Policy {
			t.Errorf("%s answers %d", path, w.Code)
		}
	}
	for _, e := range gallery.Examples() {
		if !e.Partial && !known[e.Name] {
			t.Errorf("nothing leads to %s", e.Name)
		}
	}
	if first := doc.Find("iframe").AttrOr("src", ""); get(t, first).Code != http.StatusOK {
		t.Errorf("the frame begins with %q", first)
	}
}

// A template that puts a value and a comma on two lines has a space between them.
func TestNoSpaceStandsBeforePunctuation(t *testing.T) {
	t.Parallel()
	spaced := regexp.MustCompile(`.{0,30}\s[,.;](?:\s|$)`)
	for _, e := range gallery.Examples() {
		t.Run(e.Name, func(t *testing.T) {
			var page bytes.Buffer
			if err := e.Component.Render(t.Context(), &page); err != nil {
				t.Fatal(err)
			}
			doc, err := goquery.NewDocumentFromReader(&page)
			if err != nil {
				t.Fatal(err)
			}
			doc.Find("script, style, pre, textarea").Remove()
			for _, p := range doc.Find("p, li, td, dd, h1, h2").EachIter() {
				if at := spaced.FindString(p.Text()); at != "" {
					t.Errorf("%q", at)
				}
			}
		})
	}
}

func TestThePagesLoadTheirAssets(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/", "/state/overview-breaker"} {
		t.Run(path, func(t *testing.T) {
			doc, err := goquery.NewDocumentFromReader(get(t, path).Body)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range doc.Find("link[href], script[src]").EachIter() {
				asset := s.AttrOr("href", s.AttrOr("src", ""))
				if w := get(t, asset); w.Code != http.StatusOK || w.Body.Len() == 0 {
					t.Errorf("%s: %s answers %d", path, asset, w.Code)
				}
			}
		})
	}
	if w := get(t, "/messages"); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "gallery") {
		t.Errorf("an address of the desk answers %d: %s", w.Code, w.Body)
	}
}

// A picture of an empty desk has no counts of messages.
func TestEmptyStatesCountNothing(t *testing.T) {
	t.Parallel()
	for _, e := range gallery.Examples() {
		if e.Partial || !strings.HasSuffix(e.Name, "-nothing") || strings.HasPrefix(e.Name, "docs-") {
			continue
		}
		doc, err := goquery.NewDocumentFromReader(get(t, "/state/"+e.Name).Body)
		if err != nil {
			t.Fatal(err)
		}
		for _, count := range doc.Find("[data-failed-count], .tab-link .tab-count").EachIter() {
			if text := strings.TrimSpace(count.Text()); text != "" && text != "0" {
				t.Errorf("%s: the count %q", e.Name, text)
			}
		}
	}
}

// What a person types survives a session that ends: every form that is sent keeps it, except the forms by which a
// person gets a session. A search is in the address.
func TestEveryFormWithTextKeepsADraft(t *testing.T) {
	t.Parallel()
	beforeTheSession := map[string]bool{"/signin": true, "/setup": true}
	checked := map[string]bool{}
	for _, e := range gallery.Examples() {
		var out strings.Builder
		if err := e.Component.Render(t.Context(), &out); err != nil {
			t.Fatal(err)
		}
		doc, err := goquery.NewDocumentFromReader(strings.NewReader(out.String()))
		if err != nil {
			t.Fatal(err)
		}
		for _, form := range doc.Find("form[method=post]").EachIter() {
			fields := form.Find("textarea, input[type=text]:not([readonly]), input:not([type]), [contenteditable]")
			action := form.AttrOr("action", "")
			if fields.Length() == 0 || beforeTheSession[action] {
				continue
			}
			checked[action] = true
			if form.AttrOr("data-draft", "") == "" {
				t.Errorf("%s: the form that posts to %s loses what was typed", e.Name, action)
			}
		}
	}
	for _, action := range []string{"/users", "/views", "/reconciliation/acknowledge"} {
		if !checked[action] {
			t.Errorf("no state shows the form that posts to %s", action)
		}
	}
}
