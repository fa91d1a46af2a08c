package page_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"dlqdesk/web"
	"dlqdesk/web/gallery"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"

	"github.com/PuerkitoBio/goquery"
	"github.com/a-h/templ"
)

func render(t *testing.T, e gallery.Example) *goquery.Document {
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

// Every page in every state keeps to the content security policy and has names for screen readers.
func TestGalleryMarkup(t *testing.T) {
	t.Parallel()
	icons := sprite(t)
	names := map[string]bool{}
	for _, e := range gallery.Examples() {
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
			doc.Find("use").Each(func(_ int, s *goquery.Selection) {
				if _, id, _ := strings.Cut(s.AttrOr("href", ""), "#"); icons.Find("symbol#"+id).Length() != 1 {
					t.Errorf("there is no icon %q", id)
				}
			})
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
			// A ticket is another site's page, which must not learn where the reader came from.
			ticket := name == "href" && strings.Contains(s.AttrOr("rel", ""), "noopener noreferrer")
			if (name == "src" || name == "href") && !ticket &&
				(strings.HasPrefix(a.Val, "http") || strings.HasPrefix(a.Val, "//") ||
					strings.HasPrefix(a.Val, "javascript:")) {
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
		if label == "" && strings.TrimSpace(s.Closest("label").Text()) == "" &&
			doc.Find(`label[for="`+id+`"]`).Length() == 0 {
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

// checkForms checks that everything works without script: a form has its method and address, and nothing lies in a
// form in a form.
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

func sprite(t *testing.T) *goquery.Document {
	t.Helper()
	w := httptest.NewRecorder()
	web.Assets().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, web.URL("icons.svg"), nil))
	doc, err := goquery.NewDocumentFromReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// Received data may be hostile: every page shows it as text.
func TestReceivedDataIsEscaped(t *testing.T) {
	t.Parallel()
	attack := `</textarea></pre></script><img src=x onerror=alert(1)>"'><a href="javascript:alert(1)">`
	row := page.MessageRow{
		ID:      attack,
		Version: attack,
		URL:     "/messages/x",
		Status:  attack,
		Source:  attack,
		Reason:  attack,
		Code:    attack,
		Outcome: attack,
	}
	event := page.AuditRow{
		Actor:    attack,
		Sentence: attack,
		Target:   attack,
		TargetID: attack,
		URL:      "/messages/x",
		Reason:   attack,
		Addr:     attack,
		Source:   attack,
		To:       attack,
		Outcome:  attack,
		Code:     attack,
		Took:     attack,
		Attempt:  attack,
		Changes: []page.AuditChange{
			{Name: attack, Old: page.AuditFact{Text: attack}, New: page.AuditFact{Text: attack}},
		},
	}
	attempt := page.AttemptView{
		Number: "1", Trigger: attack, Actor: attack, Outcome: attack, Error: attack, ResponseBody: attack,
		ResponseHeaders: []page.HeaderRow{{Name: attack, Value: attack}},
	}
	for name, component := range map[string]templ.Component{
		"messages": page.Messages(page.Chrome{}, page.MessagesTableView{
			Query: attack, Rows: []page.MessageRow{row}, Filter: page.MessagesFilter{Text: attack, Error: attack},
			Chips: []ui.Chip{{Label: attack, Value: attack}},
		}),
		"message": page.Message(page.MessageView{
			Panel: page.MessagePanelView{
				ID: attack, Back: attack, Status: attack, Source: attack, Destination: attack, Reason: attack,
				Attempts:  []page.AttemptView{attempt},
				Events:    []page.AuditRow{event},
				Revisions: []page.RevisionView{{Name: attack, By: attack, Reason: attack}},
			},
			Payload: page.Payload{Pretty: attack, Raw: attack, ContentType: attack},
			Headers: []page.HeaderRow{{Name: attack, Value: attack}},
		}),
		"edit": page.Edit(page.EditView{
			ID: attack, Back: attack, Body: attack, Reason: attack,
			Headers: []page.EditHeader{{Name: attack, Value: attack}},
		}),
		"audit": page.Audit(page.Chrome{}, page.AuditTableView{Rows: []page.AuditRow{event}}),
		"job": page.Job(page.JobPageView{Job: page.JobView{
			ID: "1", ReturnTo: attack, Title: attack, WaitReason: attack, By: attack,
			Reason: attack, Patch: attack, MessagesURL: "/messages", Problems: []page.JobProblem{{Text: attack}},
		}}),
		"draft": page.JobConfirm(page.JobConfirmView{
			ID: "1", Action: "edit", Recipe: page.JobRecipe{Text: attack, Error: attack, Table: attack, TableError: attack}, Reason: attack, Back: attack,
		}),
	} {
		doc := render(t, gallery.Example{Name: name, Component: component})
		if n := doc.Find("img, a[href^='javascript:']").Length(); n != 0 {
			t.Errorf("%s: %d elements came out of what was received", name, n)
		}
	}
}

// A form field drops the first line break of its text, so the page writes one more.
func TestAnEditedBodyIsNotChangedByTheForm(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "\n{}", "\n\n", "  {\n}\n", "a\r\nb", "&amp;<x>"} {
		doc := render(t, gallery.Example{Component: page.Edit(page.EditView{Body: body})})
		if got, want := doc.Find("#body").Text(), strings.ReplaceAll(body, "\r\n", "\n"); got != want {
			t.Errorf("the field holds %q, want %q", got, want)
		}
	}
}

// A browser sends no form that leaves a required field empty: what may be empty is not required.
func TestOptionalFieldsOfGroupingAreNotRequired(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"split-cause": "", "grouping-rules": "pattern"} {
		for _, e := range gallery.Examples() {
			if e.Name != name {
				continue
			}
			required := render(t, e).Find("main form input[required]").Map(func(_ int, s *goquery.Selection) string {
				return s.AttrOr("name", "")
			})
			if got := strings.Join(required, " "); got != want {
				t.Errorf("%s requires %q, want %q", name, got, want)
			}
		}
	}
}
