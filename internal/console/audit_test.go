package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/console"
	"dlqdesk/internal/deadletter"
)

func TestAuditShowsWhoDidWhat(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1")
	p := b.member(t, "olga", deadletter.Operator)
	b.clock.Add(time.Hour)
	p.post("/letters/a-1/archive", order(0, "reason", "known <b>fault</b>"))
	b.stranger(t).post("/signin", form("name", "mallory", "password", "guess"))
	a := p.get("/audit")
	row := a.doc().Find("tr[data-action='letter.archive']")
	text := strings.Join(strings.Fields(row.Text()), " ")
	for _, want := range []string{"2026-03-02 11:15:05 UTC", "olga", "archived", "a-1", "genesys", "known <b>fault</b>", "127.0.0.1"} {
		if !strings.Contains(text, want) {
			t.Errorf("the row says %q, not %q", text, want)
		}
	}
	sides := row.Find("pre")
	if sides.Length() != 2 || !strings.Contains(sides.First().Text(), `"status": "failed"`) || !strings.Contains(sides.Last().Text(), `"status": "archived"`) {
		t.Errorf("before and after are %q", sides.Text())
	}
	if got := row.Find("a").AttrOr("href", ""); got != "/letters/a-1" {
		t.Errorf("the letter is at %q", got)
	}
	if got := a.says("tr[data-action='user.sign_in_refused']"); !strings.Contains(got, "was refused at sign-in") {
		t.Errorf("the refused sign-in says %q", got)
	}
	for query, want := range map[string]string{
		"actor=olga":                    "letter.archive user.sign_in",
		"action=letter.archive":         "letter.archive",
		"action=user.":                  "user.sign_in_refused user.sign_in user.add",
		"letter=a-1":                    "letter.archive letter.received",
		"from=2026-03-02T11:00":         "user.sign_in_refused letter.archive",
		"to=2026-03-02T11:00":           "user.sign_in user.add letter.received",
		"letter=a-1&actor=olga&cursor=": "letter.archive",
		"letter=nothing":                "",
		"by=people":                     "user.sign_in_refused letter.archive user.sign_in",
		"by=program":                    "user.add letter.received",
		"source=genesys":                "letter.archive letter.received",
	} {
		a := p.get("/audit?"+query, htmx()...)
		var actions []string
		for _, row := range a.doc().Find("tr[data-action]").EachIter() {
			actions = append(actions, row.AttrOr("data-action", ""))
		}
		if got := strings.Join(actions, " "); a.status != http.StatusOK || got != want || strings.Contains(a.text, "<html") {
			t.Errorf("%s answers %d with %q, want %q", query, a.status, got, want)
		}
	}
	for query, want := range map[string]string{"action=eat": "There is no action", "from=now": "is no time", "cursor=zz": "start again", "by=nobody": "There is nobody", "actor=" + strings.Repeat("x", 600): "too long"} {
		if a := p.get("/audit?" + query); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.says("#audit"), want) {
			t.Errorf("%s answers %d: %s", query, a.status, a.says("#audit"))
		}
	}
}

func TestAuditSaysWhetherTheTrailHolds(t *testing.T) {
	t.Parallel()
	state := console.Chain{}
	b := setup(t, func(d *console.Deps) { d.Chain = func() console.Chain { return state } })
	p := b.member(t, "vera", deadletter.Viewer)
	if a := p.get("/audit"); a.count(".chain") != 0 {
		t.Errorf("before it was verified it says %q", a.says(".chain"))
	}
	state = console.Chain{At: b.clock.Now(), Events: 1204}
	if got := p.get("/audit").says(".chain[data-chain=intact]"); !strings.Contains(got, "1,204 events") {
		t.Errorf("it says %q", got)
	}
	state.Fault = "event 812 of the audit trail was changed outside dlqdesk"
	if got := p.get("/audit").says(".chain[data-chain=broken]"); !strings.Contains(got, "Event 812") {
		t.Errorf("it says %q", got)
	}
}

func TestPagesOfTheTrail(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := b.receive(t, "a-1")
	p := b.member(t, "olga", deadletter.Operator)
	for version := range 60 {
		action := []string{"archive", "restore"}[version%2]
		if a := p.post("/letters/"+string(l.ID)+"/"+action, order(version, "reason", "x")); a.status != http.StatusSeeOther {
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
