package console_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"dlqdesk/internal/console"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

// withTracker gives the desk a tracker of tickets.
func withTracker(d *console.Deps) {
	withDesk(d, func(d *desk.Deps) {
		d.Tickets = desktest.Always(deadletter.Tickets{
			Link: "https://tracker.example/browse/{id}", New: "https://tracker.example/new?title={title}&body={body}",
		})
	})
}

// causePath receives some messages of one cause, and returns the path of its page.
func (b bundle) causePath(t *testing.T, ids ...string) string {
	t.Helper()
	path := ""
	for i, id := range ids {
		m := b.receive(t, id, func(c *deadletter.Capture) {
			c.EventType = "order.created"
			if i == 1 {
				c.EventType = "order.deleted"
			}
			c.Body = append(c.Body, strings.Repeat(" ", 10*i)...)
		})
		path = "/causes/" + m.Fingerprint
		b.clock.Add(time.Minute)
	}
	return path
}

func TestPageOfACauseShowsWhyItsMessagesFail(t *testing.T) {
	t.Parallel()
	b := setup(t, withTracker)
	path := b.causePath(t, "a-1", "a-2", "a-3", "a-4", "a-5")
	p := b.member(t, "anna", deadletter.Operator)
	a := p.get(path)
	if a.status != http.StatusOK {
		t.Fatalf("it answers %d: %s", a.status, a.says("main"))
	}
	for selector, want := range map[string]string{
		"h1":                    "422 The handler answered: field id is missing",
		"#cause-head .tag":      "New",
		"#cause-head .strip":    "Failed now5",
		"#cause-examples":       "First",
		"#cause-sample":         "all 5 messages",
		"#cause-tried":          "Nothing yet",
		"#cause-notes":          "No notes yet",
		"#cause-steps tbody th": "2026-",
	} {
		if got := a.says(selector); !strings.Contains(got, want) {
			t.Errorf("%s says %q, want %q", selector, got, want)
		}
	}
	var examples []string
	a.doc().Find("#cause-examples li a").Each(func(_ int, s *goquery.Selection) {
		to, err := url.Parse(s.AttrOr("href", ""))
		if err != nil {
			t.Error(err)
		}
		examples = append(examples, s.Text()+": "+strings.TrimPrefix(to.Path, "/messages/"))
	})
	if got := strings.Join(examples, ", "); got != "First: a-1, Latest and largest: a-5, Typical: a-4, Oddest: a-2" {
		t.Errorf("the examples are %s", got)
	}
	bar := a.doc().Find(`#cause-sample a[aria-label*="order.deleted"]`)
	if list := p.get(bar.AttrOr("href", "")); bar.Text() != "1" || list.count("tr[data-message]") != 1 {
		t.Errorf("the bar of %s leads to %d messages", bar.Text(), list.count("tr[data-message]"))
	}
	bar = a.doc().Find(`#cause-sample a[href*="q=destination"]`).First()
	if list := p.get(bar.AttrOr("href", "")); bar.Length() != 1 ||
		fmt.Sprint(list.count("tr[data-message]")) != bar.Text() {
		t.Errorf("the bar of %s at a destination leads to %d messages", bar.Text(), list.count("tr[data-message]"))
	}
	ticket, err := url.Parse(a.doc().Find(".ticket-new a").AttrOr("href", ""))
	if err != nil || ticket.Host != "tracker.example" ||
		ticket.Query().Get("title") != "422 The handler answered: field id is missing" ||
		!strings.Contains(ticket.Query().Get("body"), "5 failed and 0 retrying now") {
		t.Errorf("a new ticket is opened at %s, %v", ticket, err)
	}
	for _, secret := range secrets() {
		if strings.Contains(a.text, secret) {
			t.Errorf("it tells %q", secret)
		}
	}
	if missing := p.get("/causes/none"); missing.status != http.StatusNotFound {
		t.Errorf("an unknown cause answers %d", missing.status)
	}
	for _, page := range []string{"merge", "split"} {
		link := a.doc().Find(`.cause-actions a[href^="/causes/`+page+`?"]`).AttrOr("href", "")
		if got := p.get(link); link == "" || got.status != http.StatusOK {
			t.Errorf("to %s it leads to %q, which answers %d", page, link, got.status)
		}
	}
	edit := p.get(path + "/edit")
	to := edit.header.Get("Location")
	if edit.status != http.StatusSeeOther || !strings.HasPrefix(to, "/messages/a-4/edit?") {
		t.Errorf("one of them is edited at %s", to)
	}
}

func TestPageOfACauseReadsItsNewestMessages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path := b.causePath(t, "oldest")
	err := b.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		var changes []*deadletter.Change
		for i := range 500 {
			c := desktest.Failure(fmt.Sprintf("newer-%d", i), 422, b.clock.Now())
			c.FirstAttempt.ResponseBody = []byte(`{"error":"field id is missing"}`)
			change := deadletter.NewMessage(c, deadletter.RetryPolicy{}, 0.5, c.ReceivedAt)
			changes = append(changes, &change)
		}
		_, err := tx.Add(ctx, changes...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	a := b.member(t, "anna", deadletter.Viewer).get(path)
	if got := a.says("#cause-sample"); !strings.Contains(got, "the newest 500 messages") {
		t.Errorf("the sample says %q", got)
	}
	if got := a.says("#cause-examples"); !strings.Contains(got, "The oldest message") {
		t.Errorf("the examples say %q", got)
	}
}

func TestActionsOnACause(t *testing.T) {
	t.Parallel()
	b := setup(t, withTracker)
	path := b.causePath(t, "a-1")
	p, jo := b.member(t, "anna", deadletter.Operator), b.member(t, "jo", deadletter.Operator)
	version := func() string { return p.get(path).doc().Find(`#cause-head [name="version"]`).AttrOr("value", "") }
	whole := p.post(path+"/claim", form("version", version(), "for", "4h"))
	if whole.status != http.StatusSeeOther || whole.header.Get("Location") != path {
		t.Fatalf("claiming answers %d, to %s", whole.status, whole.header.Get("Location"))
	}
	if got := p.get(path).says("#cause-head .strip"); !strings.Contains(got, "Owneranna until") {
		t.Errorf("after claiming it says %s", got)
	}
	if got := jo.get(path); !strings.Contains(got.says("#cause-head .denied"), "Claimed by anna until") {
		t.Errorf("another user reads %s", got.says("#cause-head"))
	}
	stale := jo.post(path+"/mute", form("version", "0", "count", "9"), htmx()...)
	if stale.status != http.StatusConflict ||
		!strings.Contains(stale.says("#cause-panel .notice"), "Already claimed by anna") {
		t.Errorf("an order by an older page answers %d: %s", stale.status, stale.says("#cause-panel .notice"))
	}
	for _, test := range []struct {
		action string
		form   url.Values
		status int
		says   string
	}{
		{"known", form("ticket", "https://evil.example/OPS-1"), http.StatusUnprocessableEntity, "Type the id"},
		{"known", form("ticket", "https://tracker.example/browse/OPS-1"), http.StatusOK, "Ticket OPS-1"},
		{"mute", form(), http.StatusUnprocessableEntity, "Say what ends the mute"},
		{"mute", form("count", "x"), http.StatusUnprocessableEntity, "is not a number"},
		{"mute", form("count", "10", "delivered", "yes"), http.StatusOK, "after 10 more or at the next delivery"},
		{"unmute", form(), http.StatusOK, "Claimed"},
		{"release", form(), http.StatusOK, "Known"},
		{"unmark", form(), http.StatusOK, "Open"},
	} {
		test.form.Set("version", version())
		a := p.post(path+"/"+test.action, test.form, htmx()...)
		if a.status != test.status || !strings.Contains(a.says("#cause-panel"), test.says) {
			t.Errorf("%s %v answers %d: %s", test.action, test.form, a.status, a.says("#cause-panel"))
		}
		link := a.doc().Find(`#cause-head a[href="https://tracker.example/browse/OPS-1"][rel="noopener noreferrer"]`)
		if marked := strings.Contains(test.says, "OPS-1"); marked && link.Length() != 1 {
			t.Error("the ticket has no link")
		}
	}
}

func TestConversationAboutACause(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path := b.causePath(t, "a-1")
	p, jo := b.member(t, "anna", deadletter.Operator), b.member(t, "jo", deadletter.Operator)
	a := p.post(path+"/notes", form("text", "**look** <b>x</b>, token s3cret"), htmx()...)
	if a.status != http.StatusOK || a.count("#cause-notes strong") != 1 || a.count(".note-body b") != 0 {
		t.Fatalf("it answers %d: %s", a.status, a.text)
	}
	edit := a.doc().Find(".note-edit form").AttrOr("action", "")
	if got := jo.get(path); got.count(".note") != 1 || got.count(".note-edit") != 0 {
		t.Error("another user may edit it")
	}
	if got := jo.post(edit, form("text", "mine")); got.status != http.StatusForbidden {
		t.Errorf("another user's edit answers %d", got.status)
	}
	if got := p.post(edit, form("text", "fixed")); got.status != http.StatusSeeOther {
		t.Errorf("an edit answers %d", got.status)
	}
	shown := jo.get(path)
	if got := shown.says(".note"); !strings.Contains(got, "anna") || !strings.Contains(got, "fixed") ||
		!strings.Contains(got, "1 earlier text") || !strings.Contains(got, "look") {
		t.Errorf("it reads %s", got)
	}
	long := strings.Repeat("x", deadletter.MaxNote+1)
	refused := p.post(path+"/notes", form("text", long))
	if refused.status != http.StatusUnprocessableEntity || !strings.Contains(refused.says("#note-text"), long) ||
		!strings.Contains(refused.says("#note-text-fault"), "shorten it") {
		t.Errorf("a long note answers %d: %s", refused.status, refused.says(".field-fault"))
	}
}

// A job over the messages of a cause is ordered on its page, and leads back to it.
func TestMessagesOfACauseAreReplayedFromItsPage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var ids []string
	for i := range 12 {
		ids = append(ids, fmt.Sprintf("a-%d", i))
	}
	path := b.causePath(t, ids...)
	p := b.member(t, "anna", deadletter.Operator)
	dialog := p.post("/messages/bulk", p.get(path).fields("#cause-replay-form"), htmx()...)
	if dialog.header.Get("HX-Retarget") != "#job-dialog" || !strings.Contains(dialog.says("h2"), "Replay 12 messages") {
		t.Fatalf("it answers %d: %s", dialog.status, dialog.text)
	}
	start := dialog.doc().Find("form").AttrOr("action", "")
	values := dialog.fields("form")
	if got := values.Get("steps"); got != "1, 10" {
		t.Errorf("it offers the steps %q", got)
	}
	begun := p.post(start, values, htmx()...)
	if begun.header.Get("HX-Redirect") != path {
		t.Fatalf("the start leads to %q: %d %s", begun.header.Get("HX-Redirect"), begun.status, begun.text)
	}
	if got := p.get(path).count(".job-strip"); got != 1 {
		t.Errorf("the page shows %d jobs before the first result, want 1", got)
	}
	job, err := b.store.Job(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	items, err := b.store.PendingItems(t.Context(), job, "genesys", 1)
	if err != nil || len(items) != 1 {
		t.Fatalf("%d items, %v", len(items), err)
	}
	err = b.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		return tx.SettleItem(ctx, items[0], deadletter.ItemSkipped, "", b.clock.Now())
	})
	if err != nil {
		t.Fatal(err)
	}
	after := p.get(path)
	got := after.says("#cause-tried")
	if !strings.Contains(got, "Job 1 Replay by anna") || !strings.Contains(got, "1 skipped") {
		t.Errorf("what was tried is %s", got)
	}
	if after.count("#job-1[data-job-state]") != 1 || !strings.Contains(after.says("#cause-marks"), "Job 1 started") {
		t.Errorf("the running job is not shown: %s", after.says("#cause-marks"))
	}
}

func TestOutagesAndChangedConfigurationsAreMarked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	path := b.causePath(t, "a-1")
	p := b.member(t, "anna", deadletter.Operator)
	err := b.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		for _, e := range []deadletter.Event{
			{Action: "config.reload", TargetKind: "configuration", After: []byte(`{"log.level":"debug","grace":"1s"}`)},
			{Action: "breaker.open", TargetKind: "destination", Target: "genesys", Source: "genesys"},
			{Action: "breaker.open", TargetKind: "destination", Target: "elsewhere", Source: "elsewhere"},
		} {
			e.At, e.Actor, e.By = b.clock.Now(), deadletter.ActorSystem, "system"
			if err := tx.Record(ctx, e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	a := p.get(path + "?range=7d")
	if n := a.count("#cause-marks li"); n != 2 {
		t.Errorf("%d moments are marked", n)
	}
	for _, want := range []string{"The configuration was changed: grace, log.level", "The circuit breaker opened"} {
		if got := a.says("#cause-marks"); !strings.Contains(got, want) {
			t.Errorf("the marks are %s, want %s", got, want)
		}
		if data := a.doc().Find("[data-plot]").AttrOr("data-plot", ""); !strings.Contains(data, want) {
			t.Errorf("the plot is %s", data)
		}
	}
	if bad := p.get(path + "?range=1y"); bad.status != http.StatusUnprocessableEntity {
		t.Errorf("an unknown range answers %d", bad.status)
	}
}

func TestPageOfACauseIsLiveAndShowsWhoElseIsThere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.followed(t)
	path := b.causePath(t, "a-1")
	anna, jo := b.member(t, "anna", deadletter.Operator), b.member(t, "jo", deadletter.Operator)
	vera := b.member(t, "vera", deadletter.Viewer)
	page := anna.follows(path, "")
	presence := func(want string) {
		t.Helper()
		for {
			part := answer{t: t, text: page.next().Parts["cause-presence"]}
			if part.text != "" && part.says("#cause-presence") == want {
				return
			}
		}
	}
	address := jo.get("/messages/a-1/edit").doc().Find("[data-live-count]").AttrOr("data-live-count", "")
	if refused := vera.get(address); refused.status != http.StatusForbidden {
		t.Errorf("a viewer pretends to edit: %d", refused.status)
	}
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	open(ctx, t, jo, address)
	presence("jo is editing 1 message of it")
	jo.follows(path, "")
	if got := anna.get(path).says("#cause-presence"); got != "jo is editing 1 message of it" {
		t.Errorf("the page reads %s", got)
	}
	leave()
	presence("jo is on this page")

	b.receive(t, "a-2")
	for {
		u := page.next()
		head := answer{t: t, text: u.Parts["cause-head"]}
		if strings.Contains(head.says("#cause-head .strip"), "Failed now2") {
			break
		}
	}
	jo.post(path+"/notes", form("text", "hello"))
	for {
		u := page.next()
		notes := answer{t: t, text: u.Parts["cause-note-list"]}
		if strings.Contains(notes.says("#cause-note-list"), "hello") {
			break
		}
	}
	b.savedRecipe(t, "a-2")
	b.receive(t, "a-3")
	for {
		u := page.next()
		recipes := answer{t: t, text: u.Parts["cause-recipes"]}
		if strings.Contains(recipes.says("#cause-recipes"), "add id") {
			break
		}
	}
}

// The address of a cause that was joined to another one leads there, and its notes are there.
func TestAddressOfAMergedCauseLeadsToTheOther(t *testing.T) {
	t.Parallel()
	b := setup(t)
	blue, red := b.shards(t)
	p := b.member(t, "olga", deadletter.Operator)
	p.post("/causes/"+red+"/notes", form("text", "the red shard"))
	if a := p.post("/causes/merge", url.Values{"cause": {blue, red}, "into": {blue}}); a.status != http.StatusSeeOther {
		t.Fatalf("merging answers %d", a.status)
	}
	a := p.get("/causes/" + red + "?range=7d")
	if to := a.header.Get("Location"); a.status != http.StatusSeeOther || to != "/causes/"+blue+"?range=7d" {
		t.Fatalf("it answers %d, to %q", a.status, to)
	}
	if got := p.get("/causes/" + blue).says("#cause-notes"); !strings.Contains(got, "the red shard") {
		t.Errorf("the conversation is %s", got)
	}
}

// open opens a stream that ends with ctx.
func open(ctx context.Context, t *testing.T, p person, address string) {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.base+address, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = got.Body.Close() })
}

// A cause that began to fail before the hour struck still fails in the minutes after it.
func TestCauseThatStillArrivesSaysHowManyFailedInTheLastHour(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.clock.Add(44 * time.Minute)
	path := b.causePath(t, "a-1", "a-2")
	got := b.member(t, "anna", deadletter.Operator).get(path)
	if !strings.Contains(got.says("#cause-head .strip"), "still arriving: 2 in the last hour") {
		t.Errorf("at %s it says %s", b.clock.Now(), got.says("#cause-head .strip"))
	}
}
