// Package web holds what the browser loads: styles, scripts, icons and fonts, built by `npm run build` into dist and
// embedded. The files carry a hash of their content in their names, so that a browser may keep them for ever. It
// knows nothing of messages: pages are in web/page, their parts in web/ui.
package web

import (
	"embed"
	"encoding/json"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
)

//go:embed all:dist
var dist embed.FS

// Prefix is the path under which Assets serves.
const Prefix = "/assets/"

// forever is a year: a file of another content has another name.
const forever = "public, max-age=31536000, immutable"

// names maps the name that a template uses to the file that the build made of it. It is read once and never changes.
var names = sync.OnceValue(func() map[string]string {
	built := map[string]string{}
	text, err := dist.ReadFile("dist/manifest.json")
	if err != nil {
		return built
	}
	if err := json.Unmarshal(text, &built); err != nil {
		return map[string]string{}
	}
	return built
})

// URL returns where the browser finds an asset: URL("app.css") is "/assets/app-<hash>.css". A name that the build did
// not make is returned as it is, and is a 404.
func URL(name string) string {
	if file, ok := names()[name]; ok {
		return Prefix + file
	}
	return Prefix + name
}

// CommonPasswords returns the passwords that no user may have, one a line in lower case, with a newline before the
// first and after the last.
func CommonPasswords() string {
	text, err := dist.ReadFile("dist/common-passwords.txt")
	if err != nil {
		return ""
	}
	return string(text)
}

// Assets serves the built files under Prefix, compressed where the browser takes it.
func Assets() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		name := strings.TrimPrefix(r.URL.Path, Prefix)
		if name != path.Base(name) || slices.Contains([]string{".gz", ".json", ".txt"}, path.Ext(name)) {
			http.NotFound(w, r)
			return
		}
		serve(w, r, name)
	})
}

func serve(w http.ResponseWriter, r *http.Request, name string) {
	body, err := fs.ReadFile(dist, "dist/"+name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", contentType(path.Ext(name)))
	h.Set("Cache-Control", forever)
	h.Set("X-Content-Type-Options", "nosniff")
	if small, err := fs.ReadFile(dist, "dist/"+name+".gz"); err == nil {
		h.Add("Vary", "Accept-Encoding")
		if takesGzip(r) {
			h.Set("Content-Encoding", "gzip")
			body = small
		}
	}
	if _, err := w.Write(body); err != nil {
		return // the browser hung up
	}
}

// contentType knows what the build makes, because a machine may have no table of types.
func contentType(extension string) string {
	switch extension {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".png":
		return "image/png"
	case ".woff2":
		return "font/woff2"
	}
	return "application/octet-stream"
}

// takesGzip reads Accept-Encoding as far as browsers write it: a list whose entries may carry a weight.
func takesGzip(r *http.Request) bool {
	for entry := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		coding, weight, _ := strings.Cut(strings.TrimSpace(entry), ";")
		if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			return strings.ReplaceAll(weight, " ", "") != "q=0"
		}
	}
	return false
}
