package console_test

import (
	"net/http"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
)

func TestTwoRevisionsAreCompared(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1")
	p := b.member(t, "olga", deadletter.Operator)
	fields := p.get("/messages/a-1/edit").fields(editFields)
	fields.Set("body", strings.Replace(fields.Get("body"), `"Ann"`, `"Anne"`, 1))
	fields.Set("reason", "the name was wrong")
	for i, name := range fields["header-name"] {
		if name == "X-Note" && fields["header-value"][i] == "a" {
			fields["header-value"][i] = "changed"
		}
	}
	p.post("/messages/a-1/edit", fields)
	link := p.get("/messages/a-1?back=status%3Dall").
		doc().
		Find(`#message-history a[href*="/compare?"]`).
		AttrOr("href", "")
	a := p.get(link)
	if a.status != http.StatusOK || a.says("select[name=from] option[selected]") != "original" ||
		a.says("select[name=to] option[selected]") != "edit 1 by olga" {
		t.Fatalf("%q answers %d: %s", link, a.status, a.says("main"))
	}
	if old, now := a.doc().
		Find("pre").
		First().
		Text(),
		a.doc().
			Find("pre").
			Last().
			Text(); !strings.Contains(old, `"name": "Ann"`) ||
		!strings.Contains(now, `"name": "Anne"`) {
		t.Errorf("the bodies are %s and %s", old, now)
	}
	if rows := a.says(
		".change-table tbody",
	); !strings.Contains(rows, "X-Note") || !strings.Contains(rows, "changed, b <i>") ||
		strings.Contains(rows, "Tenant") {
		t.Errorf("the headers that changed are %q", rows)
	}
	for _, secret := range secrets() {
		if strings.Contains(a.text, secret) {
			t.Errorf("the page has the secret %s", secret)
		}
	}
	if same := p.get("/messages/a-1/compare?from=0&to=0").
		says("main"); !strings.Contains(same, "The bodies are the same.") ||
		!strings.Contains(same, "Headers are identical.") {
		t.Errorf("a revision beside itself says %q", same)
	}
	for path, want := range map[string]int{
		"from=0&to=9": http.StatusNotFound,
		"from=x":      http.StatusUnprocessableEntity,
	} {
		t.Run(path, func(t *testing.T) {
			if a := p.get("/messages/a-1/compare?" + path); a.status != want {
				t.Errorf("%s answers %d, want %d", path, a.status, want)
			}
		})
	}
}
