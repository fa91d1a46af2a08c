package gallery

import (
	"dlqdesk/web/docs"
	"dlqdesk/web/page"
)

// manual shows every page of the manual, and what a search finds in it.
func manual() []Example {
	var list []Example
	for _, p := range docs.Pages() {
		v := page.DocsView{Chrome: chrome(p.Title, p.URL()), Page: p}
		list = append(list, Example{Name: "docs-" + p.Name, Component: page.Docs(v)})
	}
	index, _ := docs.Find(docs.Index)
	found := page.DocsView{
		Chrome: chrome("Manual", docs.Path), Page: index, Query: "retry", Hits: docs.Search("retry", 10),
	}
	nothing := page.DocsView{Chrome: chrome("Manual", docs.Path), Page: index, Query: longWord}
	return append(
		list, Example{Name: "docs-search", Component: page.Docs(found)},
		Example{Name: "docs-search-nothing", Component: page.Docs(nothing)},
	)
}
