package docs_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"dlqdesk/web"
	"dlqdesk/web/docs"
)

func TestIndexLeadsToEveryPage(t *testing.T) {
	t.Parallel()
	pages := docs.Pages()
	if len(pages) == 0 || pages[0].Name != docs.Index {
		t.Fatalf("the pages are %v, want the index first", pages)
	}
	links := hrefs(t, pages[0])
	for _, p := range pages[1:] {
		if !slices.Contains(links, p.URL()) {
			t.Errorf("the index has no link to %s.md", p.Name)
		}
		if p.Title == "" || p.Title == p.Name {
			t.Errorf("%s.md has no title", p.Name)
		}
	}
}

func TestLinksOfTheManualResolve(t *testing.T) {
	t.Parallel()
	targets := map[string]bool{}
	for _, p := range docs.Pages() {
		targets[p.URL()] = true
		parse(t, p).Find("[id]").Each(func(_ int, s *goquery.Selection) {
			target := p.URL() + "#" + s.AttrOr("id", "")
			if s.Is("h1, h2, h3, h4") && targets[target] {
				t.Errorf("%s.md has two headings %s", p.Name, target)
			}
			targets[target] = true
		})
	}
	for _, p := range docs.Pages() {
		for _, to := range hrefs(t, p) {
			if strings.HasPrefix(to, "#") {
				to = p.URL() + to
			}
			if !targets[to] && !strings.HasPrefix(to, "https://") {
				t.Errorf("%s.md links to %s, which does not exist", p.Name, to)
			}
		}
	}
}

func TestPagesKeepTheContentSecurityPolicy(t *testing.T) {
	t.Parallel()
	for _, p := range docs.Pages() {
		doc := parse(t, p)
		if n := doc.Find("script, style, [style], iframe, object").Length(); n > 0 {
			t.Errorf("%s.md has %d elements that the policy forbids", p.Name, n)
		}
		doc.Find("img").Each(func(_ int, img *goquery.Selection) {
			if src := img.AttrOr("src", ""); !slices.Contains(assets(t), src) || img.AttrOr("alt", "") == "" {
				t.Errorf("%s.md shows %s, which is no asset, or lacks a description", p.Name, src)
			}
		})
	}
}

func TestDrawingsUseTheColoursOfThePage(t *testing.T) {
	t.Parallel()
	page, _ := docs.Find("concepts")
	drawing := parse(t, page).Find(".manual-drawing svg")
	if drawing.Length() != 1 || !strings.Contains(drawing.AttrOr("aria-label", ""), "receiver") {
		t.Errorf("the page has %d drawings, described as %q", drawing.Length(), drawing.AttrOr("aria-label", ""))
	}
}

func TestSearchFinds(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"circuit breaker":   "/docs/concepts#circuit-breaker",
		"CIRCUIT brEaker":   "/docs/concepts#circuit-breaker",
		"x-dlqdesk-attempt": "/docs/concepts#what-the-destination-receives",
	} {
		t.Run(query, func(t *testing.T) {
			hits := docs.Search(query, 5)
			if len(hits) == 0 || !slices.ContainsFunc(hits, func(h docs.Hit) bool { return h.URL == want }) {
				t.Errorf("%q finds %+v, want %s", query, hits, want)
			}
		})
	}
	for _, query := range []string{"", "  ", "zebra", "breaker zebra"} {
		t.Run(fmt.Sprintf("%q", query), func(t *testing.T) {
			if hits := docs.Search(query, 5); len(hits) > 0 {
				t.Errorf("%q finds %+v, want nothing", query, hits)
			}
		})
	}
	if hits := docs.Search("the", 5); len(hits) != 5 {
		t.Errorf("a search for a frequent word finds %d sections, want no more than 5", len(hits))
	}
}

func TestSnippetMarksTheWords(t *testing.T) {
	t.Parallel()
	for _, query := range []string{"retry-after", "synced disk", "…", "é", "\x00"} {
		t.Run(fmt.Sprintf("%q", query), func(t *testing.T) {
			for _, hit := range docs.Search(query, 100) {
				text, marked := "", 0
				for _, part := range hit.Snippet {
					text += part.Text
					if part.Match {
						marked++
					}
				}
				if len(text) > 400 || strings.ToValidUTF8(text, "?") != text {
					t.Errorf("%q has the snippet %q", query, text)
				}
				if marked == 0 && hit.Heading == "" && query == "retry-after" {
					t.Errorf("%q marks nothing in %q", query, text)
				}
			}
		})
	}
}

// assets returns the addresses of the pictures that are embedded.
func assets(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("img/*.png")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, file := range files {
		a := httptest.NewRecorder()
		to := web.URL(filepath.Base(file))
		web.Assets().ServeHTTP(a, httptest.NewRequestWithContext(t.Context(), http.MethodGet, to, http.NoBody))
		if a.Code == http.StatusOK && a.Header().Get("Content-Type") == "image/png" {
			list = append(list, to)
		}
	}
	return list
}

func parse(t *testing.T, p docs.Page) *goquery.Document {
	t.Helper()
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(p.HTML))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func hrefs(t *testing.T, p docs.Page) []string {
	t.Helper()
	var list []string
	parse(t, p).Find("a").Each(func(_ int, a *goquery.Selection) { list = append(list, a.AttrOr("href", "")) })
	return list
}
