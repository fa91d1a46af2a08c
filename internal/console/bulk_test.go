package console_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
)

func TestBulkTellsWhatBecameOfEach(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, id := range []string{"a-1", "b-2", "c-3"} {
		b.receive(t, id)
	}
	p := b.member(t, "olga", deadletter.Operator)
	p.post("/letters/c-3/archive", order(0, "reason", "known fault"))
	selected := form("action", "replay", "item", "a-1@0", "item", "b-2@0", "item", "c-3@0", "back", "status=failed&source=genesys")
	part := p.post("/letters/bulk", selected, htmx()...)
	if part.status != http.StatusOK || !strings.Contains(part.says(".notice"), "2 letters ordered for replay, 1 left alone.") {
		t.Fatalf("answered %d: %s", part.status, part.says("#letters"))
	}
	if got := part.says(".refused-row"); !strings.Contains(got, "c-3") || !strings.Contains(got, "Already archived by olga") {
		t.Errorf("of the refused letter it says %q", got)
	}
	if part.count("#letters") != 1 || part.fields("form.query").Get("source") != "genesys" || part.count("tr[data-letter]") != 0 {
		t.Errorf("the list is not the one that one came from: %s", part.text)
	}
	for _, id := range []deadletter.ID{"a-1", "b-2"} {
		if l := desktest.Letter(t, b.store, id); l.Status != deadletter.Replaying || l.Order.Trigger != deadletter.TriggerBulk || l.Order.By != "olga" {
			t.Errorf("letter %+v", l)
		}
	}
	whole := p.post("/letters/bulk", selected)
	if whole.status != http.StatusSeeOther || whole.header.Get("Location") != "/letters?source=genesys&status=failed" {
		t.Fatalf("without script: %d, to %q", whole.status, whole.header.Get("Location"))
	}
	if got := p.get(whole.header.Get("Location")).says("#notice"); !strings.Contains(got, "0 letters ordered for replay, 3 left alone.") || !strings.Contains(got, "a-1: Already replayed by olga") {
		t.Errorf("the list says %q", got)
	}
}

func TestBulkArchiveAsksWhy(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1")
	b.receive(t, "b-2")
	p := b.member(t, "olga", deadletter.Operator)
	asked := p.post("/letters/bulk", form("action", "archive", "item", "a-1@0", "item", "b-2@0", "back", "status=all"))
	fields := asked.fields("main form")
	if asked.status != http.StatusOK || len(fields["item"]) != 2 || fields.Get("back") != "status=all" {
		t.Fatalf("answered %d with %v", asked.status, fields)
	}
	if a := p.post("/letters/bulk", fields); a.status != http.StatusUnprocessableEntity || a.count("#reason-fault") != 1 {
		t.Errorf("without a reason: %d %s", a.status, a.says("main"))
	}
	fields.Set("reason", "known fault")
	if a := p.post("/letters/bulk", fields); a.status != http.StatusSeeOther {
		t.Fatalf("answered %d: %s", a.status, a.says("main"))
	}
	if got := p.get("/letters?status=archived"); got.count("tr[data-letter]") != 2 || !strings.Contains(got.says("#notice"), "2 letters archived.") {
		t.Errorf("the list says %q", got.says("main"))
	}
	if a := p.post("/letters/bulk", form("action", "restore", "item", "a-1@1", "item", "b-2@1"), htmx()...); a.status != http.StatusOK || !strings.Contains(a.says(".notice"), "2 letters restored.") {
		t.Errorf("answered %d: %s", a.status, a.says("#letters"))
	}
	if a := p.post("/letters/bulk", form("action", "archive", "item", "a-1@2", "reason", " "), htmx()...); a.status != http.StatusUnprocessableEntity || a.header.Get("HX-Retarget") != "#notice" {
		t.Errorf("without a reason htmx is answered %d", a.status)
	}
}

func TestBulkEdit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1")
	b.receive(t, "b-2", func(c *deadletter.Capture) { c.Body = []byte("<xml/>") })
	p := b.member(t, "olga", deadletter.Operator)
	p.post("/letters/b-2/archive", order(0, "reason", "known fault"))
	opened := p.get("/letters/edit?item=a-1@0&item=b-2@1&back=status%3Dall")
	if got := opened.says(".bulk-items .denied"); !strings.Contains(got, "rchived by olga") {
		t.Errorf("the archived letter says %q", got)
	}
	fields := opened.fields("main form")
	for fault, values := range map[string][2]string{"#patch-fault": {"{\n\"a\": }", "x"}, "#reason-fault": {`{"a":1}`, ""}} {
		fields.Set("patch", values[0])
		fields.Set("reason", values[1])
		a := p.post("/letters/bulk", fields)
		if again := a.fields("main form"); a.status != http.StatusUnprocessableEntity || a.count(fault) != 1 || len(again["item"]) != 2 || again.Get("reason") != values[1] {
			t.Errorf("%s: answered %d: %s", fault, a.status, a.says("main"))
		}
	}
	fields.Set("patch", `{"id":"x","customer":{"name":null}}`)
	fields.Set("reason", "the id was missing")
	if a := p.post("/letters/bulk", fields); a.status != http.StatusSeeOther || a.header.Get("Location") != "/letters?status=all" {
		t.Fatalf("answered %d: %s", a.status, a.says("main"))
	}
	r, err := b.store.Revision(t.Context(), "a-1", 1)
	if err != nil || string(r.Body) != `{"eventType":"conversation:updated","customer":{"ssn":"078-05-1120"},"n":12345678901234567890,"id":"x"}` || r.Reason != "the id was missing" {
		t.Errorf("revision 1 is %s, %v", r.Body, err)
	}
}

func TestSelectionsThatAreNone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1")
	p := b.member(t, "olga", deadletter.Operator)
	many := form("action", "replay")
	for i := range 201 {
		many.Add("item", fmt.Sprintf("l-%d@0", i))
	}
	for name, values := range map[string]map[string][]string{
		"nothing": form("action", "replay"), "no version": form("action", "replay", "item", "a-1"), "no id": form("action", "replay", "item", "@0"),
		"no number": form("action", "replay", "item", "a-1@x"), "no such action": form("action", "delete", "item", "a-1@0"), "too many": many, "no action": form("item", "a-1@0"),
	} {
		if a := p.post("/letters/bulk", values); a.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: answered %d", name, a.status)
		}
	}
	if a := p.get("/letters/edit"); a.status != http.StatusOK || !strings.Contains(a.says("main"), "No letter is selected") {
		t.Errorf("an edit of nothing answers %d: %s", a.status, a.says("main"))
	}
	if got := desktest.Letter(t, b.store, "a-1"); got.Version != 0 {
		t.Errorf("letter %+v", got)
	}
}
