package web_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"dlqdesk/web"
)

func get(t *testing.T, path, encoding string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	if encoding != "" {
		r.Header.Set("Accept-Encoding", encoding)
	}
	w := httptest.NewRecorder()
	web.Assets().ServeHTTP(w, r)
	return w
}

func TestAssetsAreNamedByContentAndCachedForever(t *testing.T) {
	t.Parallel()
	types := map[string]string{
		"app.css":                       "text/css; charset=utf-8",
		"app.js":                        "text/javascript; charset=utf-8",
		"theme.js":                      "text/javascript; charset=utf-8",
		"favicon.svg":                   "image/svg+xml",
		"icons.svg":                     "image/svg+xml",
		"geist-latin-wght-normal.woff2": "font/woff2",
	}
	for name, want := range types {
		t.Run(name, func(t *testing.T) {
			url := web.URL(name)
			if !regexp.MustCompile(`^/assets/[a-z0-9-]+-[A-Za-z0-9]{8}\.[a-z0-9]+$`).MatchString(url) {
				t.Errorf("the URL of %s has no hash: %s", name, url)
			}
			answer := get(t, url, "")
			if answer.Code != http.StatusOK || answer.Body.Len() == 0 {
				t.Errorf("%s: status %d, %d bytes", url, answer.Code, answer.Body.Len())
			}
			if got := answer.Header().Get("Content-Type"); got != want {
				t.Errorf("%s: type %q, want %q", url, got, want)
			}
			if got := answer.Header().Get("Cache-Control"); !strings.Contains(got, "immutable") {
				t.Errorf("%s: Cache-Control %q", url, got)
			}
		})
	}
}

func TestAssetsAreCompressedIfAccepted(t *testing.T) {
	t.Parallel()
	plain := get(t, web.URL("app.css"), "").Body.String()
	for _, encoding := range []string{"gzip", "br, gzip;q=0.8", "deflate , GZIP"} {
		t.Run(encoding, func(t *testing.T) {
			answer := get(t, web.URL("app.css"), encoding)
			if answer.Header().Get("Content-Encoding") != "gzip" || answer.Header().Get("Vary") != "Accept-Encoding" {
				t.Errorf("%q is answered with %v", encoding, answer.Header())
				return
			}
			unzip, err := gzip.NewReader(answer.Body)
			if err != nil {
				t.Fatal(err)
			}
			if text, err := io.ReadAll(unzip); err != nil || string(text) != plain {
				t.Errorf("%q: the compressed file is another one (%v)", encoding, err)
			}
		})
	}
	for _, encoding := range []string{"", "br", "gzip;q=0"} {
		t.Run(fmt.Sprintf("%q", encoding), func(t *testing.T) {
			if got := get(t, web.URL("app.css"), encoding).Header().Get("Content-Encoding"); got != "" {
				t.Errorf("%q is answered with %q", encoding, got)
			}
		})
	}
}

func TestNothingElseIsServed(t *testing.T) {
	t.Parallel()
	for _, path := range []string{
		"/assets/", "/assets/manifest.json", "/assets/nothing.css", "/assets/../assets.go", "/assets/a/b.css",
		web.URL("nothing.css"), web.URL("app.css") + ".gz",
	} {
		t.Run(path, func(t *testing.T) {
			if got := get(t, path, "").Code; got != http.StatusNotFound {
				t.Errorf("%s: status %d", path, got)
			}
		})
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, web.URL("app.css"), nil)
	w := httptest.NewRecorder()
	web.Assets().ServeHTTP(w, r)
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: status %d", w.Code)
	}
}

func TestCommonPasswordsAreEmbeddedAndNotServed(t *testing.T) {
	t.Parallel()
	list := web.CommonPasswords()
	if n := strings.Count(list, "\n"); n < 10_000 || list != strings.ToLower(list) {
		t.Errorf("%d passwords", n)
	}
	for _, password := range []string{"123456", "password", "qwertyuiop", "1234567890"} {
		if !strings.Contains(list, "\n"+password+"\n") {
			t.Errorf("%s is not in the list", password)
		}
	}
	if got := get(t, web.Prefix+"common-passwords.txt", ""); got.Code != http.StatusNotFound {
		t.Errorf("a browser is answered %d", got.Code)
	}
}
