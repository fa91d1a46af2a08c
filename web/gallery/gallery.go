// Package gallery serves every page in every state from made-up view models, for work on the pages and their tests.
// It must not import a store or a service.
package gallery

import (
	"bytes"
	_ "embed"
	"net/http"
	"strings"

	"dlqdesk/web"

	"github.com/a-h/templ"
)

//go:embed gallery.css
var styles []byte

// Policy is what the desk serves its pages by, so that a page which breaks it is broken here as well. The index shows
// the pages in a frame, which the desk forbids.
const Policy = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action " +
	"'self'; frame-ancestors 'self'"

// statePath leads to the page of a state.
const statePath = "/state/"

// Handler serves the index, the pages and what they load.
func Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle(web.Prefix, web.Assets())
	mux.HandleFunc("GET /gallery.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		_, _ = w.Write(styles) // a browser that hung up has no use for it
	})
	examples := Examples()
	for _, e := range examples {
		mux.Handle("GET "+statePath+e.Name, show(e.Component))
	}
	mux.Handle("GET /{$}", show(index(groups(examples))))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(
			w, "This is the gallery: its pages are pictures, and nothing is behind them. Go back.",
			http.StatusNotFound,
		)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", Policy)
		w.Header().Set("Cache-Control", "no-store")
		if r.Header.Get("HX-Request") != "" {
			w.WriteHeader(http.StatusNoContent) // a page that refreshes itself stays as it is
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func show(part templ.Component) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var out bytes.Buffer
		if err := part.Render(r.Context(), &out); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = out.WriteTo(w)
	})
}

// group is one page with its states.
type group struct {
	name   string
	states []state
}

type state struct{ name, url string }

// groups puts the states of a page together; parts of pages, which have no page around them, are left out.
func groups(examples []Example) []group {
	var list []group
	for _, e := range examples {
		if e.Partial {
			continue
		}
		name, rest, _ := strings.Cut(e.Name, "-")
		if len(list) == 0 || list[len(list)-1].name != name {
			list = append(list, group{name: name})
		}
		if rest == "" {
			rest = name
		}
		last := &list[len(list)-1]
		last.states = append(last.states, state{strings.ReplaceAll(rest, "-", " "), statePath + e.Name})
	}
	return list
}
