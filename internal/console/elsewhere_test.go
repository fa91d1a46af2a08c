package console_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/console"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
)

// withCopies gives the source genesys destinations for copies.
func withCopies(t *testing.T, names ...string) (*desktest.Destination, func(*console.Deps)) {
	t.Helper()
	to := desktest.NewDestination(t)
	to.Set(desktest.Answer(http.StatusOK, `{}`))
	client := delivery.NewClient(context.Background(), time.Now)
	t.Cleanup(client.Close)
	source := desk.Source{Name: "genesys", Copies: delivery.Destination{Timeout: 20 * time.Second}}
	for _, name := range names {
		source.CopiesTo = append(source.CopiesTo, desk.CopyTo{
			CopyTo: deadletter.CopyTo{Name: name, Masked: name != "lab"}, URL: to.URL,
		})
	}
	return to, func(d *console.Deps) {
		withDesk(d, func(o *desk.Deps) {
			o.Sources, o.Copies = desktest.Always([]desk.Source{source}), client
		})
	}
}

func TestCopyOfAMessageShowsItsResult(t *testing.T) {
	t.Parallel()
	to, with := withCopies(t, "staging")
	b := setup(t, with)
	b.receive(t, "a-1")
	p := b.member(t, "olga", deadletter.Operator)
	page := p.get("/messages/a-1")
	if page.says("#copy") != "Send to staging" {
		t.Errorf("the button says %q", page.says("#copy"))
	}
	fields := page.fields("form[action$='/copy']")
	partly := p.post("/messages/a-1/copy", fields, htmx()...)
	if partly.status != http.StatusOK ||
		!strings.HasPrefix(partly.says("#message-result"), "Sent to staging: 200 in ") ||
		!strings.Contains(partly.says("#message-history"), "olga sent to staging (200 in ") ||
		strings.Contains(partly.says("#message-history"), "began to send") ||
		partly.doc().Find("#message-panel").AttrOr("data-status", "") != "failed" {
		t.Errorf("answered %d: %s", partly.status, partly.says("#message-panel"))
	}
	to.Set(desktest.Answer(http.StatusConflict, `{"error":"version"}`))
	whole := p.post("/messages/a-1/copy", fields)
	if whole.status != http.StatusSeeOther {
		t.Errorf("without script it answers %d", whole.status)
	}
	if said := p.get(whole.header.Get("Location")).says("main"); !strings.Contains(said, "(409 in ") {
		t.Errorf("the page says %q", said)
	}
	if said := p.get("/audit").says("main"); !strings.Contains(said, "olga sent to staging (409 in ") {
		t.Errorf("the audit trail says %q", said)
	}
	fields.Set("to", to.URL)
	if a := p.post(
		"/messages/a-1/copy",
		fields,
		htmx()...); a.status != http.StatusConflict ||
		len(to.Received()) != 2 {
		t.Errorf("an address is answered %d, and %d were received", a.status, len(to.Received()))
	}
}

func TestCopyIsOfferedWhereItIsConfigured(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		names   []string
		role    deadletter.Role
		buttons int
		list    int
	}{
		"none":    {nil, deadletter.Operator, 0, 0},
		"several": {[]string{"staging", "lab"}, deadletter.Operator, 1, 2},
		"viewer":  {[]string{"staging"}, deadletter.Viewer, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, with := withCopies(t, c.names...)
			b := setup(t, with)
			b.receive(t, "a-1")
			p := b.member(t, "olga", c.role)
			page, list := p.get("/messages/a-1"), p.get("/messages")
			if page.count("#copy") != c.buttons || list.count("button[formaction='/messages/copy']") != c.list {
				t.Errorf("%d buttons, %d in the list", page.count("#copy"), list.count("button[formaction]"))
			}
			if len(c.names) == 2 && page.says("select[name=to]") != "staginglab (not masked)" {
				t.Errorf("offered are %q", page.says("select[name=to]"))
			}
		})
	}
}

func TestCopiesOfSelectedMessages(t *testing.T) {
	t.Parallel()
	to, with := withCopies(t, "staging")
	b := setup(t, with)
	b.receive(t, "a-1")
	b.receive(t, "a-2")
	p := b.member(t, "olga", deadletter.Operator)
	selected := form("to", "staging", "item", "a-1@0", "item", "a-2@0")
	part := p.post("/messages/copy", selected, htmx()...)
	if part.status != http.StatusOK || len(to.Received()) != 2 ||
		!strings.Contains(part.says("#messages"), "Sent 2 messages to staging: 2 accepted.") {
		t.Errorf("answered %d, %d received: %s", part.status, len(to.Received()), part.says("#messages"))
	}
	if whole := p.post("/messages/copy", selected); whole.status != http.StatusSeeOther {
		t.Errorf("without script it answers %d", whole.status)
	}
	if some := p.post("/messages/copy", form("to", "staging", "item", "a-1@0", "item", "none@0"), htmx()...); !strings.
		Contains(some.says("#messages"), "Sent 1 message to staging: 1 accepted. 1 not sent") {
		t.Errorf("with an unknown message it says %s", some.says("#messages"))
	}
	before := len(to.Received())
	for range 21 {
		selected.Add("item", "a-1@0")
	}
	for _, bad := range [][2]string{{"scope", "all"}, {"scope", ""}} {
		selected.Set(bad[0], bad[1])
		if a := p.post("/messages/copy", selected); a.status != http.StatusUnprocessableEntity {
			t.Errorf("%v is answered %d", bad, a.status)
		}
	}
	if len(to.Received()) != before {
		t.Error("copies were sent")
	}
}
