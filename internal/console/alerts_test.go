package console_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/console"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

// withSinks gives the desk two places that alerts go to. Nothing sends: tests do what the sender would.
func withSinks(d *console.Deps) {
	configure(d, func(s *console.Settings) {
		s.AlertRoutes = []deadletter.AlertRoute{{Name: "all", To: []string{"ops", "pager"}}}
		s.AlertsKept = 90 * 24 * time.Hour
	})
	withDesk(d, func(d *desk.Deps) {
		d.Sinks = desktest.Always([]desk.AlertSink{
			{Name: "ops", Kind: "slack", Routes: []string{"all"}}, {Name: "pager", Kind: "pagerduty"},
		})
		d.Tell = func() {}
	})
}

// raise opens an alert, of which sinks are to be told at once.
func (b bundle) raise(t *testing.T, a deadletter.Alert, sinks ...string) deadletter.Alert {
	t.Helper()
	due := map[string]time.Time{}
	for _, sink := range sinks {
		due[sink] = b.clock.Now()
	}
	a.RaisedAt, a.Severity = b.clock.Now(), a.Kind.Severity()
	err := b.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
		a, err = tx.RaiseAlert(ctx, a, due)
		return err
	})
	if err != nil || a.ID == 0 {
		t.Fatalf("%d, %v", a.ID, err)
	}
	return a
}

// tryToTell does what the sender does: fault is what came of it.
func (b bundle) tryToTell(t *testing.T, sink, fault string) {
	t.Helper()
	b.tryToTellWith(t, sink, deadletter.AlertResult{Error: fault})
}

func (b bundle) tryToTellWith(t *testing.T, sink string, result deadletter.AlertResult) {
	t.Helper()
	d, err := b.store.DueAlertDelivery(t.Context(), sink, b.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	try := d.Begin("lease", b.clock.Now())
	err = b.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		if err := tx.WriteAlertDelivery(ctx, d, try); err != nil {
			return err
		}
		_, err := tx.EndAlertTry(ctx, try, result, b.clock.Now())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (b bundle) resolve(t *testing.T, a deadletter.Alert, why string) {
	t.Helper()
	a.ResolvedAt, a.Resolution = b.clock.Now(), why
	err := b.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		return tx.ResolveAlert(ctx, a, false, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func downAlert(source string) deadletter.Alert {
	return deadletter.Alert{
		Kind: deadletter.AlertDestination, Key: "destination:" + source, Sources: []string{source},
		Title: "The destination of " + source + " is down",
		Facts: []deadletter.AlertFact{{Label: "Failed in a row", Value: "5"}},
	}
}

func newCauseAlert(fingerprint string) deadletter.Alert {
	return deadletter.Alert{
		Kind: deadletter.AlertNewCause, Key: "cause:" + fingerprint, Sources: []string{"genesys"}, Cause: fingerprint,
		Title: "New cause",
	}
}

func TestAlertsShowWhoWasToldOfWhat(t *testing.T) {
	t.Parallel()
	b := setup(t, withSinks)
	p := b.member(t, "vera", deadletter.Viewer)
	if got := p.get("/alerts").says("main"); !strings.Contains(got, "No open alert") {
		t.Errorf("without alerts: %s", got)
	}
	a := b.raise(t, downAlert("genesys"), "ops", "pager")
	b.tryToTell(t, "ops", "")
	b.clock.Add(time.Minute)
	b.tryToTell(t, "pager", "PagerDuty answered 503")
	page := p.get("/alerts")
	row := page.says(".alert-list tbody tr")
	for _, want := range []string{
		"Critical", "The destination of genesys is down", "of genesys", "ops was told that it began",
		"pager not told yet that it began, tried once, last", "PagerDuty answered 503", "next try",
	} {
		if !strings.Contains(row, want) {
			t.Errorf("without %q: %s", want, row)
		}
	}
	if got := page.says(".bar a[href='/alerts']"); got != "Alerts 1 open" {
		t.Errorf("the navigation says %q", got)
	}
	if got := page.says(".alert-routes"); got != "all: All alerts go to ops, pager." {
		t.Errorf("routes: %q", got)
	}
	sinks := page.says(".alert-sinks")
	for _, want := range []string{
		"Slack, by route all", "took the latest alert", "PagerDuty, no route leads here", "does not take alerts",
		"1 alert waits, and is due",
	} {
		if !strings.Contains(sinks, want) {
			t.Errorf("without %q: %s", want, sinks)
		}
	}
	if got := p.get("/overview").says("main"); !strings.Contains(got, "Alerts do not arrive at pager.") {
		t.Errorf("the overview says %s", got)
	}
	b.clock.Add(time.Minute)
	b.resolve(t, a, "It takes messages again.")
	if got := p.get("/alerts").says("main"); !strings.Contains(got, "No open alert") {
		t.Errorf("after it ended: %s", got)
	}
	all := p.get("/alerts?which=all").says(".alert-list")
	for _, want := range []string{"Ended", "pager was not told"} {
		if !strings.Contains(all, want) {
			t.Errorf("without %q: %s", want, all)
		}
	}
	one := p.get("/alerts/" + a.ID.String()).says("main")
	for _, want := range []string{"Destination down", "Failed in a row", "It takes messages again.", "Source genesys"} {
		if !strings.Contains(one, want) {
			t.Errorf("without %q: %s", want, one)
		}
	}
}

func TestAlertOfAnOutageHasItsCausesFolded(t *testing.T) {
	t.Parallel()
	b := setup(t, withSinks)
	whole := b.raise(t, downAlert("genesys"), "ops")
	b.tryToTell(t, "ops", "")
	var part deadletter.Alert
	for i := range deadletter.MaxAlertCauses + 3 {
		m := b.receive(t, fmt.Sprintf("a-%d", i), failing("genesys", "no field "+string(rune('a'+i))+"!", 422))
		part = newCauseAlert(m.Fingerprint)
		part.PartOf = whole.ID
		part = b.raise(t, part)
	}
	p := b.member(t, "vera", deadletter.Viewer)
	page := p.get("/alerts")
	if got := page.doc().Find(".alert-list tbody tr").Length(); got != 1 {
		t.Errorf("%d rows", got)
	}
	folded := page.says(".alert-parts")
	if !strings.Contains(folded, "13 causes are part of this alert") || !strings.Contains(folded, "and 3 more") {
		t.Errorf("folded are %s", folded)
	}
	if got := p.get("/alerts/" + whole.ID.String()).doc().Find(".alert-part-list li").Length(); got != 13 {
		t.Errorf("%d parts on its page", got)
	}
	one := p.get("/alerts/" + part.ID.String())
	if got, _ := one.doc().Find(".alert-facts a").Attr("href"); got != "/alerts/"+whole.ID.String() {
		t.Errorf("its page leads to %q", got)
	}
	if got := one.says("main"); !strings.Contains(got, "ops was told") {
		t.Errorf("it does not say who was told: %s", got)
	}
}

func TestPageOfACauseSaysWhoWasTold(t *testing.T) {
	t.Parallel()
	b := setup(t, withSinks)
	path := b.causePath(t, "a-1")
	p := b.member(t, "olga", deadletter.Operator)
	if got := p.get(path).doc().Find("#cause-told").Length(); got != 0 {
		t.Error("it has a section before anything was told")
	}
	whole := b.raise(t, downAlert("genesys"), "ops")
	part := newCauseAlert(strings.TrimPrefix(path, "/causes/"))
	part.PartOf = whole.ID
	b.raise(t, part)
	b.tryToTell(t, "ops", "")
	told := p.get(path)
	if got := told.says("#cause-told"); !strings.Contains(got, "New cause") ||
		!strings.Contains(got, "ops was told that it began") {
		t.Errorf("it says %s", got)
	}
	if got := told.count("#cause-told a[href='/alerts/" + whole.ID.String() + "']"); got != 1 {
		t.Error("it does not lead to the alert that told of it")
	}
}

// A mail server may refuse some of the addresses: the others got the alert.
func TestWhoDidNotGetAnAlertIsShown(t *testing.T) {
	t.Parallel()
	b := setup(t, withSinks)
	p := b.member(t, "vera", deadletter.Viewer)
	a := b.raise(t, downAlert("genesys"), "ops")
	const refused = "The mail server refuses unknown@example.com (550 no such mailbox)"
	b.tryToTellWith(t, "ops", deadletter.AlertResult{Error: refused, Permanent: true, Partly: true})
	for path, want := range map[string]string{
		"/alerts/" + a.ID.String(): "ops told only some people that it began",
		"/alerts":                  "told only some people of the latest alert",
		"/overview":                "Alerts reach only some people by ops.",
	} {
		if got := p.get(path).says("main"); !strings.Contains(got, want) || !strings.Contains(got, refused) {
			t.Errorf("%s says %s", path, got)
		}
	}
	b.raise(t, downAlert("cxone"), "ops")
	b.clock.Add(time.Minute)
	b.tryToTell(t, "ops", "")
	got := p.get("/alerts").says("#sinks")
	if strings.Contains(got, refused) || !strings.Contains(got, "took the latest") {
		t.Errorf("after one that all got: %s", got)
	}
}

// Where alerts may have been deleted, the page says so, and not that there were none.
func TestPagesSayThatOldAlertsAreDeleted(t *testing.T) {
	t.Parallel()
	b := setup(t, withSinks)
	path := b.causePath(t, "a-1")
	p := b.member(t, "olga", deadletter.Operator)
	const deleted = "Alerts are deleted 90 days after they end"
	for _, list := range []struct {
		path string
		want bool
	}{{"/alerts", false}, {"/alerts?which=all", true}} {
		if got := p.get(list.path).says("main"); strings.Contains(got, deleted) != list.want {
			t.Errorf("%s says %s", list.path, got)
		}
	}
	if got := p.get(path).doc().Find("#cause-told").Length(); got != 0 {
		t.Error("a young cause has a section before anything was told")
	}
	b.clock.Add(90*24*time.Hour + time.Minute)
	p = b.member(t, "olaf", deadletter.Operator)
	if got := p.get(path).says("#cause-told"); !strings.Contains(got, deleted) {
		t.Errorf("an old cause says %s", got)
	}
	b.raise(t, newCauseAlert(strings.TrimPrefix(path, "/causes/")))
	if got := p.get(path).says("#cause-told"); !strings.Contains(got, deleted) || strings.Contains(got, "no alert") {
		t.Errorf("an old cause with an alert says %s", got)
	}
}

func TestTestOfASinkIsShownUntilItsOutcome(t *testing.T) {
	t.Parallel()
	b := setup(t, withSinks)
	p := b.member(t, "olga", deadletter.Operator)
	sent := p.post("/alerts/sinks/ops/test", url.Values{}, htmx()...)
	section := sent.doc().Find("#sinks")
	if poll, _ := section.Attr("hx-get"); sent.status != http.StatusOK || poll != "/alerts/sinks?test=ops" {
		t.Fatalf("%d, polls %q", sent.status, poll)
	}
	if got := sent.says("#sinks"); !strings.Contains(got, "A test is on its way to ops.") ||
		!strings.Contains(got, "The test is being sent by olga") {
		t.Errorf("it says %s", got)
	}
	again := p.post("/alerts/sinks/ops/test", url.Values{}, htmx()...)
	if got := again.says(".notice"); again.status != http.StatusConflict || !strings.Contains(got, "is not over yet") {
		t.Errorf("%d: %s", again.status, got)
	}
	b.tryToTell(t, "ops", "Slack answered 404: no_service")
	after := p.do(http.MethodGet, "/alerts/sinks?test=ops", nil, htmx()...)
	if got := after.says(".notice"); !strings.Contains(got, "The test of ops was not taken.") {
		t.Errorf("it announces %q", got)
	}
	if _, polls := after.doc().Find("#sinks").Attr("hx-get"); polls {
		t.Error("it goes on polling")
	}
	if got := after.says("#sinks"); !strings.Contains(got, "The test was not taken by olga") ||
		!strings.Contains(got, "Slack answered 404: no_service") {
		t.Errorf("it says %s", got)
	}
	plain := p.post("/alerts/sinks/pager/test", url.Values{})
	if to := plain.header.Get("Location"); plain.status != http.StatusSeeOther || to != "/alerts#sinks" {
		t.Errorf("without script: %d to %q", plain.status, to)
	}
	b.tryToTell(t, "pager", "")
	if got := p.get("/alerts").says("main"); !strings.Contains(got, "The test was taken by olga") {
		t.Errorf("it says %s", got)
	}
	if got := p.post("/alerts/sinks/nowhere/test", url.Values{}); got.status != http.StatusNotFound {
		t.Errorf("another sink: %d", got.status)
	}
	admin := b.member(t, "adam", deadletter.Admin)
	if got := admin.get("/audit").says("main"); !strings.Contains(got, "tested the alerts to") {
		t.Errorf("the audit trail says %s", got)
	}
}

// An alert leads to what it asks for: each link opens it at once, and changes nothing by itself.
func TestLinksOfAlertsOpenWhatTheyAreFor(t *testing.T) {
	t.Parallel()
	b := setup(t, withSinks)
	path := b.causePath(t, "a-1", "a-2", "a-3")
	p := b.member(t, "olga", deadletter.Operator)
	before := len(b.events(t))
	for what, selector := range map[string]string{
		"claim": "details[open] form[action$='/claim']", "mute": "details[open] form[action$='/mute']",
		"test": "#cause-replay[autofocus]",
	} {
		if got := p.get(path + "?open=" + what).doc().Find(selector).Length(); got != 1 {
			t.Errorf("%s: %d of %s", what, got, selector)
		}
		if got := p.get(path).doc().Find(selector).Length(); got != 0 {
			t.Errorf("%s is open by itself", what)
		}
	}
	if got := p.get(path + "?open=test").says("#cause-head"); !strings.Contains(got, "1 message goes first") {
		t.Errorf("it says %s", got)
	}
	if got := len(b.events(t)); got != before {
		t.Errorf("%d events of opening pages", got-before)
	}
	viewer := b.member(t, "vera", deadletter.Viewer).get(path + "?open=test")
	if got := viewer.says("#cause-head"); strings.Contains(got, "From the alert") {
		t.Errorf("a viewer is told to replay: %s", got)
	}
}

// From the link of an alert to a running test batch: the link, Replay, Start.
func TestAlertIsThreeActionsFromATestBatch(t *testing.T) {
	t.Parallel()
	b := setup(t, withSinks)
	path := b.causePath(t, "a-1", "a-2", "a-3", "a-4", "a-5")
	p := b.member(t, "olga", deadletter.Operator)
	page := p.get(path + "?open=test")
	draft := p.post("/messages/bulk", page.fields("#cause-replay-form"))
	confirm := p.get(draft.header.Get("Location"))
	to, _ := confirm.doc().Find("#job-confirm").Attr("action")
	started := p.post(to, confirm.fields("#job-confirm"))
	if started.status != http.StatusSeeOther {
		t.Fatalf("the start answers %d: %s", started.status, started.says("main"))
	}
	jobs, err := b.store.Jobs(t.Context(), "", 1)
	if err != nil || len(jobs.Items) != 1 {
		t.Fatal(err)
	}
	if j := jobs.Items[0]; j.State != deadletter.JobRunning || len(j.Steps.Sizes) == 0 || j.Steps.Sizes[0] != 1 {
		t.Errorf("%s with steps %v", j.State, j.Steps.Sizes)
	}
}

// The page of an alert has the links that notices have, and each leads to a page.
func TestEachLinkOfAnAlertLeadsToAPage(t *testing.T) {
	t.Parallel()
	b := setup(t, withSinks)
	path := b.causePath(t, "a-1")
	p := b.member(t, "olga", deadletter.Operator)
	p.post("/messages/bulk", p.get(path+"?open=test").fields("#cause-replay-form")) // job 1
	for _, kind := range deadletter.AlertKinds() {
		a := deadletter.Alert{Kind: kind, Key: "x", Title: "title", Sources: []string{"genesys"}, Job: 1}
		a.Cause = strings.TrimPrefix(path, "/causes/")
		a = b.raise(t, a)
		shown, links := p.get("/alerts/"+a.ID.String()), desk.AlertLinks(a)
		if len(links) == 0 {
			t.Errorf("%s has no link", kind)
		}
		for _, l := range links {
			if text := shown.says(".message-actions a[href='" + l.Path + "']"); text != l.Label {
				t.Errorf("%s: the link %s is shown as %q", kind, l.Label, text)
			}
			if got := p.get(l.Path).status; got != http.StatusOK {
				t.Errorf("%s: %s answers %d", kind, l.Path, got)
			}
		}
	}
}

func TestEveryKindOfAlertHasWords(t *testing.T) {
	t.Parallel()
	b := setup(t, withSinks)
	p := b.member(t, "vera", deadletter.Viewer)
	for _, kind := range deadletter.AlertKinds() {
		a := b.raise(t, deadletter.Alert{Kind: kind, Key: "x", Title: "title"})
		if got := p.get("/alerts/" + a.ID.String()).says(".alert-facts dd:first-of-type"); got == "" {
			t.Errorf("%s has no words", kind)
		}
	}
}
