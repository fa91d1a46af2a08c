package console_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"dlqdesk/internal/console"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

func TestAuditShowsActorsAndActions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1")
	p := b.member(t, "olga", deadletter.Operator)
	b.clock.Add(time.Hour)
	p.post("/messages/a-1/archive", order(0, "reason", "known <b>fault</b>"))
	b.stranger(t).post("/signin", form("name", "mallory", "password", "guess"))
	a := p.get("/audit")
	row := a.doc().Find("tr[data-action='message.archive']")
	text := strings.Join(strings.Fields(row.Text()), " ")
	for _, want := range []string{
		"2026-03-02 11:15:05 UTC", "olga", "archived", "a-1", "genesys",
		"known <b>fault</b>", "127.0.0.1",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the row says %q, not %q", text, want)
		}
	}
	if got := changesIn(row); got != "Status: Failed > Archived; " {
		t.Errorf("what changed is %q", got)
	}
	if got := row.Find("a").AttrOr("href", ""); got != "/messages/a-1" {
		t.Errorf("the message is at %q", got)
	}
	if got := a.says("tr[data-action='user.sign_in_refused']"); !strings.Contains(got, "failed to sign in") {
		t.Errorf("the refused sign-in says %q", got)
	}
	for query, want := range map[string]string{
		"actor=olga":                     "message.archive user.sign_in",
		"action=message.archive":         "message.archive",
		"action=user.":                   "user.sign_in_refused user.sign_in user.add",
		"message=a-1":                    "message.archive message.received",
		"from=2026-03-02T11:00":          "user.sign_in_refused message.archive",
		"to=2026-03-02T11:00":            "user.sign_in user.add message.received",
		"message=a-1&actor=olga&cursor=": "message.archive",
		"message=nothing":                "",
		"by=people":                      "user.sign_in_refused message.archive user.sign_in",
		"by=program":                     "user.add message.received",
		"source=genesys":                 "message.archive message.received",
	} {
		t.Run(query, func(t *testing.T) {
			a := p.get("/audit?"+query, htmx()...)
			var actions []string
			for _, row := range a.doc().Find("tr[data-action]").EachIter() {
				actions = append(actions, row.AttrOr("data-action", ""))
			}
			if got := strings.Join(actions, " "); a.status != http.StatusOK || got != want ||
				strings.Contains(a.text, "<html") {
				t.Errorf("%s answers %d with %q, want %q", query, a.status, got, want)
			}
		})
	}
	for query, want := range map[string]string{
		"action=eat": "There is no action", "from=now": "is not a time",
		"cursor=zz": "start again", "by=nobody": "There is no actor kind", "actor=" + strings.Repeat("x",
			600): "too long",
	} {
		t.Run(want, func(t *testing.T) {
			if a := p.get("/audit?" + query); a.status != http.StatusUnprocessableEntity ||
				!strings.Contains(a.says("#audit"), want) {
				t.Errorf("%s answers %d: %s", query, a.status, a.says("#audit"))
			}
		})
	}
}

func TestAuditReportsWhetherTheTrailIsIntact(t *testing.T) {
	t.Parallel()
	state := store.AuditResult{}
	b := setup(t, func(d *console.Deps) { d.Chain = func() store.AuditResult { return state } })
	p := b.member(t, "vera", deadletter.Viewer)
	if a := p.get("/audit"); a.count(".chain") != 0 {
		t.Errorf("before it was verified it says %q", a.says(".chain"))
	}
	state = store.AuditResult{At: b.clock.Now()}
	if a := p.get("/audit"); a.count(".chain") != 0 {
		t.Errorf("of a trail that was empty when it was verified it says %q", a.says(".chain"))
	}
	state.Events = 1204
	if got := p.get("/audit").says(".chain[data-chain=intact]"); !strings.Contains(got, "1,204 events") {
		t.Errorf("it says %q", got)
	}
	state.Fault = "event 812 of the audit trail was changed outside dlqdesk"
	if got := p.get("/audit").says(".chain[data-chain=broken]"); !strings.Contains(got, "Event 812") {
		t.Errorf("it says %q", got)
	}
	if got := p.get("/messages").says(".bar-fault"); !strings.Contains(got, "tampered with") {
		t.Errorf("the bar of every page says %q", got)
	}
	accepted := deadletter.Event{
		At:     b.clock.Now(),
		Reason: "restored a <b>backup</b>",
		After: json.RawMessage(
			`{"acceptedBy":"Ana Ruiz","found":["events 801 to 1204 of the audit trail are missing"]}`,
		),
	}
	state.Fault, state.Accepted = "", []store.AcceptedGaps{{By: store.EventRow{Sequence: 1205, Event: accepted}}}
	got := p.get("/audit").says(".chain[data-chain=gap]")
	for _, want := range []string{"Events 801 to 1204", "Ana Ruiz", "restored a <b>backup</b>", "2026-03-02 10:15:05"} {
		if !strings.Contains(got, want) {
			t.Errorf("the accepted gap says %q, not %q", got, want)
		}
	}
}

func TestAuditTrailPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "a-1")
	p := b.member(t, "olga", deadletter.Operator)
	for version := range 60 {
		action := []string{"archive", "restore"}[version%2]
		if a := p.post(
			"/messages/"+string(m.ID)+"/"+action, order(version, "reason", "x"),
		); a.status != http.StatusSeeOther {
			t.Fatalf("answered %d", a.status)
		}
	}
	first := p.get("/audit?actor=olga")
	older := first.doc().Find("[id^=page-][id$=-older]").AttrOr("href", "")
	if first.count("tr[data-action]") != 50 || !strings.HasPrefix(older, "/audit?actor=olga&cursor=") {
		t.Fatalf("%d events, then %q", first.count("tr[data-action]"), older)
	}
	second := p.get(older)
	if second.count("tr[data-action]") != 11 {
		t.Errorf("%d events on the second page", second.count("tr[data-action]"))
	}
	newer := second.doc().Find("[id^=page-][id$=-newer]").AttrOr("href", "")
	if got := p.get(newer); got.says("tbody") != first.says("tbody") {
		t.Errorf("%s is not the first page", newer)
	}
}

// An event reads as a sentence that says who did what, and how it ended.
func TestAuditDescribesEventsInSentences(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, id := range []string{"a-1", "9b1f6c1e-7a35-4f0d-9a55-2f7d1c0e0001"} {
		b.receive(t, id)
	}
	b.receive(t, "a-2", func(c *deadletter.Capture) { c.FirstAttempt.StatusCode = 503 })
	p := b.member(t, "mia", deadletter.Operator)
	p.post("/messages/a-1/replay", order(0, "revision", "0"))
	b.finish(t, "a-1", deadletter.Delivered, 200)
	p.post("/messages/9b1f6c1e-7a35-4f0d-9a55-2f7d1c0e0001/replay", order(0, "revision", "0"))
	b.finish(t, "9b1f6c1e-7a35-4f0d-9a55-2f7d1c0e0001", deadletter.Unknown, 0)
	b.clock.Add(time.Minute)
	b.finish(t, "a-2", deadletter.ErrorResponse, 503)
	a := p.get("/audit")
	var sentences []string
	for _, s := range a.doc().Find(".sentence").EachIter() {
		sentences = append(sentences, strings.Join(strings.Fields(s.Text()), " "))
	}
	for _, want := range []string{
		"mia replayed message a-1 to genesys: 200 delivered in 84 ms · attempt 2",
		"mia requested a replay of message a-1 from genesys",
		"mia replayed message …1c0e0001 to genesys: unknown in 84 ms · attempt 2",
		"dlqdesk retried message a-2 to genesys: 503 error response in 84 ms · attempt 2",
		"dlqdesk received message a-1 from genesys",
		"mia signed in",
		"dlqdesk added mia",
	} {
		if !slices.Contains(sentences, want) {
			t.Errorf("it does not say %q but %q", want, sentences)
		}
	}
	if got := a.doc().
		Find(".sentence a[title='9b1f6c1e-7a35-4f0d-9a55-2f7d1c0e0001']").
		AttrOr("href", ""); got != "/messages/9b1f6c1e-7a35-4f0d-9a55-2f7d1c0e0001" {
		t.Errorf("the message is at %q", got)
	}
	if got := changesIn(
		a.doc().Find("tr[data-action='attempt.delivered']"),
	); got != "Status: Replaying > Resolved; Attempt: – > 2; Latency: – > 84 ms; Status code: – > 200; " {
		t.Errorf("what changed is %q", got)
	}
}

func changesIn(row *goquery.Selection) (text string) {
	for _, r := range row.Find(".change-table tbody tr").EachIter() {
		text += r.Find("th").Text() + ": " + r.Find(".change-old").Text() + " > " + r.Find(".change-new").Text() + "; "
	}
	return text
}

// Two clicks lead to the replays of yesterday by one user.
func TestAuditPresets(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1")
	b.receive(t, "a-2")
	p := b.member(t, "mia", deadletter.Operator)
	p.post("/messages/a-1/replay", order(0, "revision", "0"))
	b.finish(t, "a-1", deadletter.Delivered, 200)
	p.post("/messages/a-2/archive", order(0, "reason", "x"))
	b.clock.Add(20 * time.Hour)
	p = b.member(t, "ben", deadletter.Operator)
	p.post("/messages/a-2/restore", order(1))
	p.post("/messages/a-2/replay", order(2, "revision", "0"))
	b.finish(t, "a-2", deadletter.Delivered, 200)
	click := func(on answer, id string) answer { return p.get(on.doc().Find("#preset-"+id).AttrOr("href", "")) }
	yesterday := click(p.get("/audit"), "yesterday")
	replays := click(yesterday, "replays")
	if got := replays.says(
		".sentence",
	); got != "mia replayed message a-1 to genesys: 200 delivered in 84 ms · attempt 2" {
		t.Errorf("yesterday's replays are %q", got)
	}
	if got := click(p.get("/audit?action=attempt.&by=people"), "today").says(".sentence"); !strings.HasPrefix(
		got, "ben replayed message a-2",
	) {
		t.Errorf("today's replays are %q", got)
	}
	if n := replays.count(".preset[aria-current=true]"); n != 2 {
		t.Errorf("%d presets are on", n)
	}
	if off := click(click(replays, "replays"), "yesterday"); off.count(".chip") != 0 || off.count(".sentence") < 8 {
		t.Errorf("taken off again, it shows %d events and the chips %q", off.count(".sentence"), off.says(".chip"))
	}
}
