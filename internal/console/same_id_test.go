package console_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

// An arrival that an earlier version merged into a message of its id is opened, compared and replayed from that
// message.
func TestMergedArrivalBecomesAMessage(t *testing.T) {
	t.Parallel()
	b := setupOn(t, baselineStore(t))
	olga := b.member(t, "olga", deadletter.Operator)
	page := olga.get("/messages/old-1")
	if n := page.count("form[action$=separate]"); page.status != http.StatusOK || n != 2 {
		t.Fatalf("%d arrivals can be made messages: %s", n, page.says("main"))
	}
	link := func(of, starts string) string {
		return page.doc().Find(of+`[href*="`+starts+`"]`).First().AttrOr("href", "")
	}
	body := olga.get(page.doc().Find(`a[download][href*="arrival=3"]`).AttrOr("href", ""))
	if body.status != http.StatusOK || body.text != `{"order":2,"customer":{"ssn":"•••"}}` {
		t.Errorf("the body opens as %d %s", body.status, body.text)
	}
	compared := olga.get(link("a", "arrival=3"))
	text := compared.says("main")
	if compared.status != http.StatusOK || !strings.Contains(text, "arrival 3") ||
		!strings.Contains(text, `"order": 2`) ||
		!strings.Contains(text, `"order": 1`) ||
		!strings.Contains(text, "X-Try") {
		t.Errorf("the comparison answers %d: %s", compared.status, text)
	}
	for _, got := range []string{page.text, compared.text, body.text} {
		if strings.Contains(got, "s3cret") || strings.Contains(got, "078-05-1120") {
			t.Error("a secret is shown")
		}
	}

	for arrival, want := range map[string]deadletter.ID{"3": "receipt-3", "4": ""} {
		at := "/messages/old-1/arrivals/" + arrival + "/separate"
		made := olga.post(at, url.Values{})
		to := made.header.Get("Location")
		if made.status != http.StatusSeeOther || want != "" && to != "/messages/"+string(want) {
			t.Fatalf("arrival %s answers %d to %q", arrival, made.status, to)
		}
		if again := olga.post(at, url.Values{}); again.status != http.StatusConflict {
			t.Errorf("a second time answers %d", again.status)
		}
		m := desktest.Message(t, b.store, deadletter.ID(strings.TrimPrefix(to, "/messages/")))
		if m.Status != deadletter.Failed || m.Query != "a=1" || m.WebhookID != "evt-1" ||
			m.DeliveredWebhookID() != string(m.ID) {
			t.Errorf("the message is %+v", m)
		}
		replayed := olga.post(to+"/replay", url.Values{"version": {"0"}, "revision": {"0"}})
		if got := desktest.Message(t, b.store, m.ID); got.Status != deadletter.Replaying {
			t.Errorf("a replay answers %d, and the message is %s", replayed.status, got.Status)
		}
	}
	after := olga.get("/messages/old-1")
	if after.count("form[action$=separate]") != 0 || after.count(`#same-id [href^="/messages/receipt-3"]`) != 1 {
		t.Errorf("the first message shows %s", after.says("main"))
	}
	if !strings.Contains(after.says("#message-history"), "made an arrival a message of its own") {
		t.Errorf("its history is %s", after.says("#message-history"))
	}
	page2, err := b.store.Ledger(t.Context(), store.LedgerQuery{Rows: 10})
	if err != nil || len(page2.Lines) != 1 || page2.Lines[0].Repeated != 1 {
		t.Errorf("the ledger has %+v, %v", page2.Lines, err)
	}
	if _, err := b.store.VerifyAudit(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestViewerSeesMergedArrivalsAndChangesNone(t *testing.T) {
	t.Parallel()
	b := setupOn(t, baselineStore(t))
	vera := b.member(t, "vera", deadletter.Viewer)
	page := vera.get("/messages/old-1")
	if page.count("form[action$=separate]") != 0 || page.count(`a[href*="arrival=3"]`) == 0 {
		t.Errorf("the page is %s", page.says("main"))
	}
	if got := vera.post("/messages/old-1/arrivals/3/separate", url.Values{}); got.status != http.StatusForbidden {
		t.Errorf("the order answers %d", got.status)
	}
	for path, want := range map[string]int{
		"/messages/old-1/compare?arrival=2":  http.StatusNotFound,
		"/messages/old-1/compare?arrival=9":  http.StatusNotFound,
		"/messages/old-1/compare?arrival=x":  http.StatusUnprocessableEntity,
		"/messages/old-1/body?arrival=99999": http.StatusNotFound,
		"/messages/old-1/compare?with=none":  http.StatusNotFound,
	} {
		if got := vera.get(path); got.status != want {
			t.Errorf("%s answers %d", path, got.status)
		}
	}
}

func TestMessagesWithOneIDAreLinked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1", func(c *deadletter.Capture) { c.WebhookID = "evt-1" })
	b.receive(t, "other", func(c *deadletter.Capture) { c.Reason = "another cause" })
	err := b.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		for _, id := range []string{"b-2", "c-3"} {
			holder, err := tx.HolderOfWebhookID(ctx, "genesys", "evt-1")
			if err != nil {
				return err
			}
			original, err := tx.Revision(ctx, holder.ID, 0)
			if err != nil {
				return err
			}
			c := desktest.Failure(id, 422, b.clock.Now())
			c.WebhookID, c.Body = "evt-1", []byte(`{"n":"`+id+`"}`)
			add := deadletter.NewMessage(c, desktest.Policy(), 0, b.clock.Now())
			if err := tx.Apply(ctx, add.Beside(holder, original, *add.Revision, false)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	vera := b.member(t, "vera", deadletter.Viewer)
	for _, id := range []string{"a-1", "b-2", "c-3"} {
		page := vera.get("/messages/" + id)
		text := page.says("#same-id")
		if !strings.Contains(text, "2 messages") || page.count(`#same-id a[href^="/messages/"]`) != 4 {
			t.Errorf("%s is linked as %q", id, text)
		}
		const itsOwn = "Retries and replays of this message carry an id of its own"
		if own := strings.Contains(text, itsOwn); own != (id != "a-1") {
			t.Errorf("%s says of its delivery %q", id, text)
		}
		list := vera.get(page.doc().Find("#same-id .section-head a").AttrOr("href", ""))
		if n := list.count("tr[data-message]"); n != 3 || list.count(`tr[data-message="other"]`) != 0 {
			t.Errorf("the list has %d messages", n)
		}
	}
	compared := vera.get("/messages/b-2/compare?with=c-3")
	if text := compared.says("main"); !strings.Contains(text, `"n": "b-2"`) || !strings.Contains(text, `"n": "c-3"`) {
		t.Errorf("the comparison shows %s", text)
	}
	if got := vera.get("/messages/b-2/compare?with=other"); got.status != http.StatusUnprocessableEntity {
		t.Errorf("messages of different ids and causes: %d", got.status)
	}
	if got := vera.get("/messages/other"); got.count("#same-id") != 0 {
		t.Error("a message with its own id is linked")
	}
}
