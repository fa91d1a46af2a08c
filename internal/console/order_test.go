package console_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/console"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/store"
)

// setupOrdered is a console whose source has an order key. Two messages are about one conversation, of which a newer
// event than both was delivered.
func setupOrdered(t *testing.T) bundle {
	t.Helper()
	key := payload.OrderKey{{Path: payload.Path{"conversationId"}}}
	b := setup(t, func(d *console.Deps) {
		withDesk(d, func(orders *desk.Deps) {
			orders.Sources = desktest.Always([]desk.Source{{Name: "genesys", OrderKey: key}})
		})
	})
	for _, id := range []string{"a-1", "a-2"} {
		b.receive(t, id, func(c *deadletter.Capture) {
			c.Body = []byte(`{"conversationId":"talk-7","id":"` + id + `"}`)
			c.OrderKey = key.Of(c.Source, c.Headers, c.Body)
		})
	}
	b.receive(t, "a-3")
	m := desktest.Message(t, b.store, "a-1")
	events := []store.DeliveredEvent{{Key: m.OrderKey, ReceivedAt: m.ReceivedAt.Add(time.Minute)}}
	err := b.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		return tx.AddDelivered(ctx, events)
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestMessagePageSaysThatNewerEventsWereDelivered(t *testing.T) {
	t.Parallel()
	b := setupOrdered(t)
	p := b.member(t, "olga", deadletter.Operator)
	got := p.get("/messages/a-1")
	line := got.says("#message-order")
	if !strings.Contains(line, "1 newer event of this conversation was delivered.") ||
		!strings.Contains(line, "talk-7") {
		t.Errorf("it says %q", line)
	}
	list := p.get(got.doc().Find("#message-order a").AttrOr("href", ""))
	if list.count("#messages tbody tr") != 2 || list.count(`tr[data-id="a-3"]`) != 0 {
		t.Errorf("the list of the conversation has %d rows", list.count("#messages tbody tr"))
	}
	if line := p.get("/messages/a-3").count("#message-order"); line != 0 {
		t.Error("a message without a key has an order")
	}
	if got := p.get("/messages?order=nonsense"); got.status != http.StatusUnprocessableEntity {
		t.Errorf("an order key that is none is answered %d", got.status)
	}
}

func TestReplayOfALateMessageAsksFirst(t *testing.T) {
	t.Parallel()
	b := setupOrdered(t)
	p := b.member(t, "olga", deadletter.Operator)
	for name, headers := range map[string][]string{"with script": htmx(), "without": nil} {
		t.Run(name, func(t *testing.T) {
			got := p.post("/messages/a-1/replay", order(0, "revision", "0"), headers...)
			const want = "1 newer event of this conversation was delivered. Replay it anyway?"
			if got.status != http.StatusPreconditionRequired ||
				!strings.Contains(strings.Join(strings.Fields(got.text), " "), want) {
				t.Errorf("it answers %d without a question", got.status)
			}
			form := got.fields(".confirm-row")
			if form.Get("newer") != "yes" || form.Get("confirmed") != "" || form.Get("revision") != "0" {
				t.Errorf("the question carries %v", form)
			}
		})
	}
	p.post("/messages/a-1/replay", order(0, "revision", "0", "newer", "yes"))
	if m := desktest.Message(t, b.store, "a-1"); m.Status != deadletter.Replaying {
		t.Errorf("after the answer it is %s", m.Status)
	}
}

func TestEditOfALateMessageAsksFirst(t *testing.T) {
	t.Parallel()
	b := setupOrdered(t)
	p := b.member(t, "olga", deadletter.Operator)
	if form := p.get("/messages/a-1/edit"); form.count(`input[name=newer][required]`) != 1 {
		t.Error("the form does not ask")
	}
	fields := url.Values{"version": {"0"}, "base": {"0"}, "body": {`{"id":1}`}, "reason": {"add id"}}
	got := p.post("/messages/a-1/edit", fields)
	if got.status != http.StatusPreconditionRequired || !strings.Contains(got.says("#newer-fault"), "1 newer event") {
		t.Errorf("it answers %d, %q", got.status, got.says("#newer-fault"))
	}
	fields.Set("newer", "yes")
	p.post("/messages/a-1/edit", fields)
	if m := desktest.Message(t, b.store, "a-1"); m.Status != deadletter.Replaying {
		t.Errorf("after the answer it is %s", m.Status)
	}
}

func TestJobOffersWhatItDoesWithLateMessages(t *testing.T) {
	t.Parallel()
	b := setupOrdered(t)
	p := b.member(t, "olga", deadletter.Operator)
	freeze := url.Values{"action": {"replay"}, "scope": {"all"}, "back": {""}}
	asked := p.post("/messages/bulk", freeze, htmx()...)
	fieldset := asked.says("#job-order")
	if asked.count("#job-order input[type=radio]") != 3 ||
		asked.doc().Find("#job-order input[checked]").AttrOr("value", "") != "skip" ||
		!strings.Contains(fieldset, "Newer events than 2 of these were delivered.") ||
		!strings.Contains(fieldset, "too late for its conversation") {
		t.Errorf("the dialog asks %q", fieldset)
	}
	start := asked.doc().Find("#job-confirm").AttrOr("action", "")
	refused := p.post(start, url.Values{"order": {"later"}}, htmx()...)
	if refused.status != http.StatusUnprocessableEntity || refused.says("#order-fault") == "" {
		t.Errorf("an order that there is not is answered %d", refused.status)
	}
	if again := p.post(start, url.Values{}, htmx()...); again.status != http.StatusPreconditionRequired ||
		!strings.Contains(again.says("#order-fault"), "Newer events than 2 of these messages were delivered") {
		t.Errorf("no order is answered %d: %q", again.status, again.says("#order-fault"))
	}
	p.post(start, url.Values{"order": {"ask"}})
	job := strings.TrimSuffix(start, "/start")
	page := p.get(job)
	if !strings.Contains(page.says(".job-facts"), "Pauses at messages that come too late for their conversation") {
		t.Errorf("the job says %q", page.says(".job-facts"))
	}
	p.post(job+"/pause", url.Values{})
	paused := p.get(job)
	if paused.count(`button[name=order][value=skip]`) != 1 || paused.count(`button[name=order][value=send]`) != 1 {
		t.Error("the paused job does not ask")
	}
	p.post(job+"/resume", url.Values{"order": {"send"}})
	if j, err := b.store.Job(t.Context(), 1); err != nil || j.State != deadletter.JobRunning ||
		j.Order != deadletter.OrderSend {
		t.Errorf("it goes on as %+v, %v", j, err)
	}
}

func TestCauseShowsTheConversationsThatItAffects(t *testing.T) {
	t.Parallel()
	b := setupOrdered(t)
	p := b.member(t, "olga", deadletter.Operator)
	cause := p.get("/causes/" + desktest.Message(t, b.store, "a-1").Fingerprint)
	if got := cause.says("#cause-affected"); got != "Affected conversations1talk-7 2" {
		t.Errorf("it says %q", got)
	}
	list := p.get(cause.doc().Find("#cause-affected li a").AttrOr("href", ""))
	if list.count("#messages tbody tr") != 2 {
		t.Errorf("the bar leads to %d messages", list.count("#messages tbody tr"))
	}
}
