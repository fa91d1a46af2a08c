package page

import (
	"strconv"

	"dlqdesk/web/docs"
)

// APIPath is the page of the manual about the API, above the pages of its operations.
const APIPath = docs.Path + "/api"

// APITag is a group of operations, with a page of its own.
type APITag struct {
	Name    string
	Slug    string // in the address of its page
	Current bool
}

// URL returns the address of the page.
func (t APITag) URL() string { return APIPath + "/" + t.Slug }

// APIReferenceView is the page of a group of operations.
type APIReferenceView struct {
	DocsView
	Tag        string
	DeskURL    string
	Operations []APIOperation
}

// APIOperation is one operation as its page describes it.
type APIOperation struct {
	ID          string
	Method      string
	Path        string
	Summary     string
	Description string // Markdown
	Sample      string // a command for a shell
	Parameters  []APIField
	Body        []APIField
	Answers     []APIAnswer
	Problems    []APIProblem
}

// APIField is a parameter, or a field of a body: "messages.total", "items[].id".
type APIField struct {
	Name     string
	Place    string // "path", "query" or "header"; "" in a body
	Type     string
	Required bool
	Text     string
	Values   []string // the only ones
	Default  string
	Example  string
}

// APIAnswer is an answer to an operation that was carried out.
type APIAnswer struct {
	Status string
	Text   string
	Type   string // of its content; "" without one
	Fields []APIField
}

// APIProblem is a problem that an operation can be answered.
type APIProblem struct {
	Status string
	Names  []string // the last parts of the types
}

func (a APIAnswer) summary() string {
	text := a.Status + " " + a.Text
	switch n := len(a.Fields); n {
	case 0:
		if a.Type != "" {
			text += " · " + a.Type
		}
	case 1:
		text += " · 1 field"
	default:
		text += " · " + strconv.Itoa(n) + " fields"
	}
	return text
}
