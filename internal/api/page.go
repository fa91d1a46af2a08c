package api

import "dlqdesk/internal/store"

// List is what every list of the API is asked by.
type List struct {
	Cursor string `query:"cursor" maxLength:"500" doc:"From the page before; empty: the first page."`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

// PageOf is a page of a list.
type PageOf[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty" doc:"The cursor of the next page; absent on the last one."`
}

// page returns a page of a list in the form of the API.
func page[S, T any](p store.Page[S], convert func(S) T) PageOf[T] {
	out := PageOf[T]{Items: make([]T, len(p.Items)), Next: p.Older}
	for i, item := range p.Items {
		out.Items[i] = convert(item)
	}
	return out
}

// pageResponse is the answer of an operation that lists.
type pageResponse[T any] struct{ Body PageOf[T] }

// respondPage returns a page of a list.
func respondPage[S, T any](p store.Page[S], err error, convert func(S) T) (*pageResponse[T], error) {
	return &pageResponse[T]{page(p, convert)}, err
}

// respondWhole returns a list that has one page.
func respondWhole[S, T any](list []S, err error, convert func(S) T) (*pageResponse[T], error) {
	return respondPage(store.Page[S]{Items: list}, err, convert)
}
