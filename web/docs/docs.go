// Package docs is the manual. Its pages are Markdown files, which read well in the repository and which the desk serves
// at /docs. The package renders and searches them; it knows nothing of messages and of HTTP.
//
// index.md links to every other page once. The order of those links is the order of the navigation.
package docs

import (
	"embed"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
)

//go:embed *.md img/*.svg
var files embed.FS

// Path is where the desk serves the manual.
const Path = "/docs"

// Index is the name of the page that leads to all others.
const Index = "index"

// Page is one file of the manual.
type Page struct {
	Name     string // of the file, without .md
	Title    string // its first heading
	HTML     string // without the page around it
	Sections []Section
}

// Section is a heading with the text below it, up to the next heading.
type Section struct {
	Anchor  string // "" for the text below the title
	Heading string
	Level   int
	Text    string // plain, in one line
}

// URL returns where the desk serves the page.
func (p Page) URL() string { return pageURL(p.Name) }

func pageURL(name string) string {
	if name == Index {
		return Path
	}
	return Path + "/" + name
}

// Pages returns every page in the order of the navigation, the index first.
func Pages() []Page { return manual().pages }

// Find returns the page with the given name.
func Find(name string) (Page, bool) {
	pages := Pages()
	i := slices.IndexFunc(pages, func(p Page) bool { return p.Name == name })
	if i < 0 {
		return Page{}, false
	}
	return pages[i], true
}

type book struct{ pages []Page }

// manual renders all pages when the first one is asked for: 5 ms that a command does not need.
var manual = sync.OnceValue(func() book {
	names, err := fs.Glob(files, "*.md")
	if err != nil {
		return book{}
	}
	var pages []Page
	var order []string
	for _, file := range names {
		text, err := files.ReadFile(file)
		if err != nil {
			continue // embedded files can be read
		}
		page, links := render(strings.TrimSuffix(file, path.Ext(file)), text)
		pages = append(pages, page)
		if page.Name == Index {
			order = append([]string{Index}, links...)
		}
	}
	slices.SortStableFunc(pages, func(a, b Page) int {
		return slices.Index(order, a.Name) - slices.Index(order, b.Name)
	})
	return book{pages}
})
