package console

import (
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"dlqdesk/internal/deadletter"
	"dlqdesk/web/docs"
	"dlqdesk/web/page"
)

// maxHits is how many sections of the manual a search shows.
const maxHits = 30

// docsPage shows a page of the manual, or the sections of all pages that a query finds.
func (c *Console) docsPage(w http.ResponseWriter, r *http.Request) error {
	name := chi.URLParam(r, "page")
	if name == "" {
		name = docs.Index
	}
	p, ok := docs.Find(name)
	if !ok {
		return deadletter.Errorf(deadletter.NotFound, "the manual has no page %q: its index lists all", name)
	}
	query := strings.TrimSpace(r.URL.Query().Get("q"))
	v := page.DocsView{Page: p, Query: query, Hits: docs.Search(query, maxHits)}
	if name == apiPage {
		v.Page.HTML, v.Tags = linkOperations(c.API, p.HTML), apiTags(c.API)
	}
	if isPartial(r) {
		return c.render(w, r, http.StatusOK, page.DocsContent(v))
	}
	v.Chrome = c.chrome(r, p.Title)
	return c.render(w, r, http.StatusOK, page.Docs(v))
}
