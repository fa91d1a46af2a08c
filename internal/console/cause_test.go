package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
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
	if text := got.says(
		".cause",
	); text != "2 other messages failed with the same error since 2026-03-02 10:15:05 UTC." {
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
			if form := got.fields(
				".confirm-row",
			); form.Get("confirmed") != "yes" || form.Get("revision") != "0" ||
				form.Get("version") != "0" {
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
