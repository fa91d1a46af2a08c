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
	query := strings.TrimSpace(r.URL.Query().Get("q"))
	v := page.DocsView{Page: p, Query: query, Hits: docs.Search(query, maxHits)}
	if isPartial(r) {
		c.render(w, r, http.StatusOK, page.DocsContent(v))
		return
	}
	v.Chrome = c.chrome(r, p.Title)
	c.render(w, r, http.StatusOK, page.Docs(v))
}
