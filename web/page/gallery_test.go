package page_test

import (
	"bytes"
	"strings"
	"testing"

	"dlqdesk/web/page"

	"github.com/PuerkitoBio/goquery"
)

func render(t *testing.T, e page.Example) *goquery.Document {
	t.Helper()
	var out bytes.Buffer
	if err := e.Component.Render(t.Context(), &out); err != nil {
		t.Fatalf("render %s: %v", e.Name, err)
	}
	doc, err := goquery.NewDocumentFromReader(&out)
	if err != nil {
		t.Fatalf("parse %s: %v", e.Name, err)
	}
	return doc
}

// Every page in every state keeps to the content security policy and can be used without eyes.
func TestGalleryMarkup(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, e := range page.Gallery() {
		if names[e.Name] {
			t.Errorf("two examples are named %s", e.Name)
		}
		names[e.Name] = true
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			doc := render(t, e)
			checkPolicy(t, doc)
			checkIDs(t, doc)
			checkNames(t, doc)
			checkForms(t, doc)
			if n := doc.Find("h1").Length(); !e.Partial && n != 1 {
				t.Errorf("the page has %d first headings, want 1", n)
			}
		})
	}
}

func checkPolicy(t *testing.T, doc *goquery.Document) {
	t.Helper()
	doc.Find("*").Each(func(_ int, s *goquery.Selection) {
		for _, a := range s.Nodes[0].Attr {
			name := strings.ToLower(a.Key)
			if name == "style" || strings.HasPrefix(name, "on") || strings.HasPrefix(name, "hx-on") {
				t.Errorf("<%s> has the inline attribute %s", goquery.NodeName(s), name)
			}
			if (name == "src" || name == "href") && (strings.HasPrefix(a.Val, "http") || strings.HasPrefix(a.Val, "//") || strings.HasPrefix(a.Val, "javascript:")) {
				t.Errorf("<%s> leads outside: %s", goquery.NodeName(s), a.Val)
			}
		}
	})
	doc.Find("style, script:not([src])").Each(func(_ int, s *goquery.Selection) {
		t.Errorf("the page has an inline <%s>", goquery.NodeName(s))
	})
}

func checkIDs(t *testing.T, doc *goquery.Document) {
	t.Helper()
	seen := map[string]bool{}
	doc.Find("[id]").Each(func(_ int, s *goquery.Selection) {
		id := s.AttrOr("id", "")
		if seen[id] || id == "" {
			t.Errorf("the id %q is not the only one", id)
		}
		seen[id] = true
	})
	for _, attribute := range []string{"for", "aria-labelledby", "aria-describedby", "list"} {
		doc.Find("[" + attribute + "]").Each(func(_ int, s *goquery.Selection) {
			for id := range strings.FieldsSeq(s.AttrOr(attribute, "")) {
				if !seen[id] {
					t.Errorf("%s points to %q, which is not there", attribute, id)
				}
			}
		})
	}
}

func checkNames(t *testing.T, doc *goquery.Document) {
	t.Helper()
	doc.Find("input:not([type=hidden]), select, textarea").Each(func(_ int, s *goquery.Selection) {
		id, label := s.AttrOr("id", "–"), s.AttrOr("aria-label", "")
		if label == "" && strings.TrimSpace(s.Closest("label").Text()) == "" && doc.Find(`label[for="`+id+`"]`).Length() == 0 {
			html, _ := goquery.OuterHtml(s)
			t.Errorf("no label: %s", html)
		}
	})
	doc.Find("button, a[href], summary").Each(func(_ int, s *goquery.Selection) {
		if strings.TrimSpace(s.Text()) == "" && s.AttrOr("aria-label", "") == "" {
			html, _ := goquery.OuterHtml(s)
			t.Errorf("no name: %s", html)
		}
	})
}

// checkForms holds that everything works without script: a form has its method and address, and nothing lies in a form in a form.
func checkForms(t *testing.T, doc *goquery.Document) {
	t.Helper()
	doc.Find("form").Each(func(_ int, s *goquery.Selection) {
		if s.AttrOr("action", "") == "" || s.AttrOr("method", "") == "" {
			t.Errorf("a form has no method or no address: %v", s.Nodes[0].Attr)
		}
	})
	doc.Find("[hx-post]").Each(func(_ int, s *goquery.Selection) {
		if s.Closest("form").Length() == 0 {
			t.Errorf("<%s hx-post=%s> does nothing without script", goquery.NodeName(s), s.AttrOr("hx-post", ""))
		}
	})
}
