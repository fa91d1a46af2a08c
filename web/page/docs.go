package page

import "github.com/a-h/templ"

// DocsView is a page of the manual, or the result of a search in it.
type DocsView struct {
	Chrome   Chrome
	URL      string
	Query    string // empty: the page itself is shown
	Pages    []DocsLink
	Sections []DocsLink // of the page
	Body     templ.Component
	Hits     []DocsHit
}

// DocsLink leads to a page, or to a section of this one.
type DocsLink struct {
	Title   string
	URL     string
	Current bool
}

// DocsHit is a section that the query found.
type DocsHit struct {
	Title   string // of the page
	Heading string // empty: the hit is the page
	URL     string
	Snippet []DocsPart
}

// DocsPart is a piece of text; a match is a word of the query.
type DocsPart struct {
	Text  string
	Match bool
}

// searching has the content follow what is typed, where a script runs.
func (v DocsView) searching() templ.Attributes {
	attributes := swapForm(v.URL, "#docs-content")
	attributes["hx-trigger"] = "submit, input changed delay:150ms from:#docs-q, search from:#docs-q"
	attributes["hx-push-url"] = "false"
	return attributes
}
