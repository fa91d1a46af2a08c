package console

import (
	"net/http"
	"strings"

	"github.com/a-h/templ"
	"github.com/go-chi/chi/v5"

	"dlqdesk/internal/deadletter"
	"dlqdesk/web/docs"
	"dlqdesk/web/page"
)

// maxHits is how many sections of the manual a search shows.
const maxHits = 30

// docsPage shows a page of the manual, or the sections of all pages that a query finds.
func (c *Console) docsPage(w http.ResponseWriter, r *http.Request) {
	name := chi.URLParam(r, "page")
	if name == "" {
		name = docs.Index
	}
	p, ok := docs.Find(name)
	if !ok {
		c.fail(w, r, deadletter.Errorf(deadletter.NotFound, "the manual has no page %q: its index lists all", name))
		return
	}
	v := docsView(p, strings.TrimSpace(r.URL.Query().Get("q")))
	if isPartial(r) {
		c.render(w, r, http.StatusOK, page.DocsContent(v))
		return
	}
	v.Chrome = c.chrome(r, p.Title)
	c.render(w, r, http.StatusOK, page.Docs(v))
}

func docsView(p docs.Page, query string) page.DocsView {
	v := page.DocsView{URL: p.URL(), Query: query, Body: templ.Raw(p.HTML)}
	for _, other := range docs.Pages() {
		v.Pages = append(v.Pages, page.DocsLink{Title: other.Title, URL: other.URL(), Current: other.Name == p.Name})
	}
	for _, s := range p.Sections {
		if s.Level == 2 {
			v.Sections = append(v.Sections, page.DocsLink{Title: s.Heading, URL: "#" + s.Anchor})
		}
	}
	for _, hit := range docs.Search(query, maxHits) {
		found := page.DocsHit{Title: hit.Title, Heading: hit.Heading, URL: hit.URL}
		for _, part := range hit.Snippet {
			found.Snippet = append(found.Snippet, page.DocsPart{Text: part.Text, Match: part.Match})
		}
		v.Hits = append(v.Hits, found)
	}
	return v
}
