package page

import (
	"github.com/a-h/templ"

	"dlqdesk/web/docs"
)

// DocsView is a page of the manual, or the result of a search in it.
type DocsView struct {
	Chrome Chrome
	Page   docs.Page
	Query  string // empty: the page itself is shown
	Hits   []docs.Hit
}

// search has the content follow what is typed, where a script runs.
func (v DocsView) search() templ.Attributes {
	attributes := swapForm(v.Page.URL(), "#docs-content")
	attributes["hx-trigger"] = "submit, input changed delay:150ms from:#docs-q, search from:#docs-q"
	attributes["hx-push-url"] = "false"
	return attributes
}
