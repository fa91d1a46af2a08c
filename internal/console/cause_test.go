package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
)

func TestMessageShowsItsCause(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1")
	p := b.member(t, "olga", deadletter.Operator)
	if got := p.get("/messages/a-1"); got.count(".cause") != 0 {
		t.Errorf("a message alone says %q", got.says(".cause"))
	}
	b.receive(t, "a-2")
	b.receive(t, "a-3")
	got := p.get("/messages/a-1")
	text := got.says(".cause")
	if text != "2 other messages failed with the same error since 2026-03-02 10:15:05 UTC." {
		t.Errorf("it says %q", text)
	}
	link, _ := got.doc().Find(".cause a").Attr("href")
	if list := p.get(link); list.count("tr[data-message]") != 3 || !strings.Contains(list.says(".chip"), "Cause") {
		t.Errorf("%s shows %d messages, %q", link, list.count("tr[data-message]"), list.says(".chip"))
	}
	for _, id := range []deadletter.ID{"a-2", "a-3"} {
		p.post("/messages/"+string(id)+"/replay", order(0, "revision", "0"))
	}
	b.finish(t, "a-2", deadletter.ErrorResponse, 500)
	b.finish(t, "a-3", deadletter.Delivered, 200)
	if text := p.get("/messages/a-1").says(".cause"); !strings.HasSuffix(text, "; 1 of 2 unedited replays succeeded.") {
		t.Errorf("after two replays it says %q", text)
	}
}

// The audit trail has sentences for what happens to a cause, and is filtered by it.
func TestAuditOfACause(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "a-1")
	p := b.member(t, "olga", deadletter.Operator)
	olga, ref := deadletter.User("olga", deadletter.Operator, "127.0.0.1"), desk.CauseRef{Fingerprint: m.Fingerprint}
	_, err := b.desk.Claim(t.Context(), olga, ref, time.Hour)
	if err == nil {
		ref.Version++
		_, err = b.desk.MarkKnown(t.Context(), olga, ref, "OPS-1")
	}
	if err == nil {
		err = b.desk.AddNote(t.Context(), olga, m.Fingerprint, "we **know**")
	}
	if err != nil {
		t.Fatal(err)
	}
	all := p.get("/audit?cause=" + m.Fingerprint)
	for action, want := range map[string]string{
		"cause.claim": "olga claimed 422 The handler answered: field id is missing",
		"cause.known": "olga marked as known: 422 The handler answered: field id is missing",
		"cause.note":  "olga wrote a note about 422 The handler answered: field id is missing",
	} {
		row := all.doc().Find("tr[data-action='" + action + "']")
		if got := strings.Join(strings.Fields(row.Text()), " "); !strings.Contains(got, want) {
			t.Errorf("%s says %q, want %q", action, got, want)
		}
		if got := row.Find(".sentence a").AttrOr("href", ""); got != "/causes/"+m.Fingerprint {
			t.Errorf("%s leads to %q", action, got)
		}
	}
	if n := all.count("tr[data-action]"); n != 3 {
		t.Errorf("%d events are of the cause", n)
	}
	if got := all.says(".chip"); !strings.Contains(got, "Cause 422 The handler answered: field id is missing") {
		t.Errorf("the chip says %q", got)
	}
	got := changesIn(all.doc().Find("tr[data-action='cause.claim']"))
	if !strings.Contains(got, "State: New > Claimed; ") {
		t.Errorf("what changed is %q", got)
	}
	if a := p.get("/audit?cause=none"); a.status != http.StatusOK || a.count("tr[data-action]") != 0 {
		t.Errorf("of no cause: %d, %d events", a.status, a.count("tr[data-action]"))
	}
}

func TestNeighboursOfAMessageStayInTheList(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, id := range []string{"a-1", "b-1", "a-2", "a-3"} {
		b.receive(t, id, func(c *deadletter.Capture) {
			if id == "b-1" {
				c.Source = "cxone"
			}
		})
		b.clock.Add(time.Second)
	}
	p := b.member(t, "vera", deadletter.Viewer)
	back := url.Values{"back": {"source=genesys&status=failed"}}.Encode()
	page := p.get("/messages/a-2?" + back)
	newer, _ := page.doc().Find("[data-key=k]").Attr("href")
	older, _ := page.doc().Find("[data-key=j]").Attr("href")
	if !strings.HasPrefix(newer, "/messages/a-3?back=source") ||
		!strings.HasPrefix(older, "/messages/a-1?back=source") {
		t.Errorf("beside it are %q and %q", newer, older)
	}
	if last := p.get(older); last.count("[data-key=j]") != 0 || last.count("[data-key=k]") != 1 {
		t.Error("the last message of the list has another beyond it")
	}
}

func TestReplayOfAnUnknownOutcomeAsksFirst(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1", func(c *deadletter.Capture) {
		c.FirstAttempt.Outcome, c.FirstAttempt.StatusCode, c.Foreign = deadletter.Unknown, 0, true
	})
	p := b.member(t, "olga", deadletter.Operator)
	for name, headers := range map[string][]string{"with script": htmx(), "without": nil} {
		t.Run(name, func(t *testing.T) {
			got := p.post("/messages/a-1/replay", order(0, "revision", "0"), headers...)
			if got.status != http.StatusPreconditionRequired || !strings.Contains(got.text, "Replay it anyway?") {
				t.Errorf("%s: it answers %d without a question", name, got.status)
			}
			form := got.fields(".confirm-row")
			if form.Get("confirmed") != "yes" || form.Get("revision") != "0" || form.Get("version") != "0" {
				t.Errorf("%s: the question carries %v", name, form)
			}
		})
	}
	if m, err := b.store.Message(t.Context(), "a-1"); err != nil || m.Status == deadletter.Replaying {
		t.Fatalf("it is %s before the answer, %v", m.Status, err)
	}
	p.post("/messages/a-1/replay", order(0, "revision", "0", "confirmed", "yes"))
	if m, err := b.store.Message(t.Context(), "a-1"); err != nil || m.Status != deadletter.Replaying {
		t.Errorf("after the answer it is %s, %v", m.Status, err)
	}
}
