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
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

func TestEmptyDeskShowsFirstSteps(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.member(t, "olga", deadletter.Operator)
	a := p.get("/messages")
	if got := a.says("#try-curl"); !strings.Contains(got, b.server.URL+"/webhooks/genesys") {
		t.Errorf("the example is %q", got)
	}
	b.receive(t, "a-1")
	a = p.get("/messages?status=archived")
	if a.count("#try-curl") != 0 || !strings.Contains(a.says("#messages"), "No messages here") {
		t.Errorf("an empty tab says %q", a.says("#messages"))
	}
}

// A verified source would refuse the example.
func TestEmptyDeskTriesASourceThatIsOpen(t *testing.T) {
	t.Parallel()
	b := setup(t, withSetups)
	a := b.member(t, "olga", deadletter.Operator).get("/messages")
	if got := a.says("#try-curl"); !strings.Contains(got, b.server.URL+"/webhooks/open") {
		t.Errorf("the example is %q", got)
	}
}

func TestListFollowsTheFilter(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1")
	b.clock.Add(time.Hour)
	b.receive(t, "b-2", func(c *deadletter.Capture) {
		c.Source, c.FirstAttempt.StatusCode, c.Reason = "cxone", 503, "503: upstream is restarting"
		c.FirstAttempt.Error = c.Reason
	})
	b.clock.Add(time.Hour)
	b.receive(t, "c-3", func(c *deadletter.Capture) {
		c.FirstAttempt.StatusCode, c.FirstAttempt.Outcome = 0, deadletter.Unreachable
	})
	p := b.member(t, "olga", deadletter.Operator)
	for query, want := range map[string]string{
		"": "a-1", "status=failed": "a-1", "status=retrying": "c-3 b-2", "status=all": "c-3 b-2 a-1",
		"status=resolved":         "",
		"status=all&source=cxone": "b-2", "status=all&code=503": "b-2", "status=all&outcome=unreachable": "c-3",
		"status=all&q=upstream": "b-2",
		"status=all&q=c-3":      "c-3", "status=all&from=2026-03-02T10:30": "c-3 b-2",
		"status=all&to=2026-03-02T10:30":                                      "a-1",
		"status=all&from=2026-03-02T10:30&to=2026-03-02T11:30":                "b-2",
		"status=all&source=genesys&code=422&outcome=error_response&q=missing": "a-1",
	} {
		t.Run("/messages?"+query, func(t *testing.T) {
			a := p.get("/messages?" + query)
			var ids []string
			for _, row := range a.doc().Find("tr[data-message]").EachIter() {
				ids = append(ids, row.AttrOr("data-message", ""))
			}
			if got := strings.Join(ids, " "); a.status != http.StatusOK || got != want {
				t.Errorf("%q answers %d with %q, want %q", query, a.status, got, want)
			}
		})
	}
	a := p.get("/messages?status=all&source=cxone&code=503")
	for selector, want := range map[string]string{
		"#tab-failed .tab-count": "0", "#tab-retrying .tab-count": "1", "#tab- .tab-count": "1",
		"#tab-[aria-current=page]": "All 1",
	} {
		t.Run(selector, func(t *testing.T) {
			if got := a.says(selector); got != want {
				t.Errorf("%s says %q, want %q", selector, got, want)
			}
		})
	}
	row := a.doc().Find("tr[data-message='b-2']")
	if got := row.Find("a.row-link").
		AttrOr("href", ""); got != "/messages/b-2?back=code%3D503%26source%3Dcxone%26status%3Dall" {
		t.Errorf("the message is at %q", got)
	}
	if chip := a.doc().
		Find(".chip-x").
		First().
		AttrOr("href", ""); a.count(".chip") != 2 ||
		chip != "/messages?code=503&status=all" {
		t.Errorf("%d chips, the first leads to %q", a.count(".chip"), chip)
	}
	if fields := a.fields("form.query"); fields.Get("status") != "all" || fields.Get("source") != "cxone" ||
		fields.Get("code") != "503" {
		t.Errorf("the filter shows %v", fields)
	}
	part := p.get("/messages?status=all", htmx()...)
	if part.count("#messages") != 1 || strings.Contains(part.text, "<html") {
		t.Errorf("the part is %s", part.text)
	}
	if back := p.get("/messages", "HX-Request", "true", "HX-History-Restore-Request", "true"); !strings.Contains(
		back.text, "<html",
	) {
		t.Error("going back answers a part of a page")
	}
}

func TestInvalidFiltersAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1")
	p := b.member(t, "olga", deadletter.Operator)
	for query, want := range map[string]string{
		"status=lost":                              "There is no status",
		"code=42":                                  "not a status code",
		"code=abc":                                 "not a status code",
		"outcome=eaten":                            "There is no outcome",
		"job=1&result=eaten":                       "There is no result",
		"sort=size":                                "cannot be sorted",
		"from=yesterday":                           "is not a time",
		"to=2026-13-40T99:99":                      "is not a time",
		"from=2026-03-02T10:15&to=2026-03-01":      "ends before it begins",
		"cursor=zzz":                               "start again from the first page",
		"cursor=o%FF":                              "start again from the first page",
		"q=" + url.QueryEscape(`"`):                "the quote is not closed",
		"q=" + url.QueryEscape("-- * ( )"):         "needs a word or a number",
		"q=" + strings.Repeat("x", 600):            "too long",
		"source=" + strings.Repeat("x", 600):       "too long",
		"status=all&from=99999-01-01T00:00&cursor": "is not a time",
	} {
		t.Run(fmt.Sprintf("%.40s", query), func(t *testing.T) {
			a, part := p.get("/messages?"+query), p.get("/messages?"+query, htmx()...)
			if a.status != http.StatusUnprocessableEntity || part.status != a.status ||
				!strings.Contains(a.says("#messages"), want) ||
				!strings.Contains(part.says("#messages"), want) {
				t.Errorf("%q answers %d: %s", query, a.status, a.says("#messages"))
			}
			if a.count("tr[data-message]") != 0 {
				t.Errorf("%q shows messages that were not asked for", query)
			}
		})
	}
	for _, query := range []string{
		`q=a"b`, "q=a*b", "q=a+OR+b", "q=NEAR(a+b)", "q=reason:a", "q=%00a", "q=%FFa",
		"q=a%0Ab", "source=%FF", "q=^a", "from=0001-01-01", "to=9999-12-31", "unknown=1",
	} {
		t.Run(query, func(t *testing.T) {
			if a := p.get("/messages?" + query); a.status != http.StatusOK {
				t.Errorf("%q answers %d: %s", query, a.status, a.says("#messages"))
			}
		})
	}
}

// A tab offers only the actions that its messages permit.
func TestTabOffersItsActions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1")
	m := b.receive(t, "a-2")
	p := b.member(t, "olga", deadletter.Operator)
	p.post("/messages/a-2/archive", order(m.Version, "reason", "a test"))
	for query, want := range map[string]string{
		"": "ReplayEdit and replayArchive", "?status=archived": "Restore",
		"?status=all": "ReplayEdit and replayArchiveRestore",
	} {
		t.Run("/messages"+query, func(t *testing.T) {
			if got := p.get("/messages" + query).says(".bulk .btn"); got != want {
				t.Errorf("%q offers %q, want %q", query, got, want)
			}
		})
	}
	if a := p.get(
		"/messages?job=x",
	); a.status != http.StatusNotFound || !strings.Contains(a.says("#messages"), "There is no job") ||
		a.count("tr[data-message]") != 0 {
		t.Errorf("the messages of no job: %d %q", a.status, a.says("#messages"))
	}
}

func TestListPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range 120 {
		b.receive(t, fmt.Sprintf("l-%03d", i))
	}
	p := b.member(t, "olga", deadletter.Operator)
	at, seen := "/messages?status=failed&source=genesys", map[string]bool{}
	var last answer
	for range 3 {
		last = p.get(at)
		for _, row := range last.doc().Find("tr[data-message]").EachIter() {
			seen[row.AttrOr("data-message", "")] = true
		}
		at = last.doc().Find("[id^=page-][id$=-older]").First().AttrOr("href", "")
	}
	if len(seen) != 120 || at != "" {
		t.Errorf("%d messages in 3 pages, then %q", len(seen), at)
	}
	link := last.doc().Find("a.row-link").First().AttrOr("href", "")
	back := p.get(link).doc().Find(".crumbs a").AttrOr("href", "")
	if again := p.get(back); again.says("tbody") != last.says("tbody") || last.says("tbody") == "" {
		t.Errorf("from %s one comes back to %s, another page", link, back)
	}
	if newest := last.doc().
		Find("[id^=page-][id$=-newest]").
		First().
		AttrOr("href", ""); newest != "/messages?source=genesys&status=failed" {
		t.Errorf("the newest page is %q", newest)
	}
}

// No page, partial or download contains a secret of the message.
func TestSecretsAreMaskedEverywhere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "a-1")
	b.receive(t, "b-2", func(c *deadletter.Capture) { c.Body = append([]byte("\xff\xfe"), c.Body...) })
	b.receive(t, "c-3", func(c *deadletter.Capture) { c.Body = c.Body[:len(c.Body)-2] })
	p := b.member(t, "olga", deadletter.Operator)
	pages := []string{
		"/messages",
		"/messages?status=all",
		"/messages/a-1",
		"/messages/b-2",
		"/messages/c-3",
		"/messages/a-1/panel",
		"/messages/a-1/edit",
		"/messages/c-3/edit",
		"/messages/a-1/body",
		"/messages/b-2/body",
		"/messages/c-3/body",
		"/jobs",
		"/audit",
		"/audit?message=a-1",
	}
	edit := p.get("/messages/a-1/edit").fields("form[action$='/edit']")
	edit.Set("reason", "the id was missing")
	if a := p.post("/messages/a-1/edit", edit); a.status != http.StatusSeeOther {
		t.Fatalf("the edit answers %d: %s", a.status, a.says("main"))
	}
	b.finish(t, m.ID, deadletter.ErrorResponse, 422)
	pages = append(
		pages, "/messages/a-1?revision=0", "/messages/a-1?revision=1", "/messages/a-1/body?revision=1",
		"/messages/a-1/edit?revision=1",
	)
	for _, path := range pages {
		for _, headers := range [][]string{nil, htmx()} {
			t.Run(fmt.Sprintf("%s, partial=%t", path, headers != nil), func(t *testing.T) {
				a := p.get(path, headers...)
				if a.status != http.StatusOK {
					t.Errorf("%s answers %d", path, a.status)
				}
				for _, secret := range secrets() {
					if strings.Contains(a.text, secret) {
						t.Errorf(
							"%s tells %q: …%s…", path, secret,
							a.text[max(0, strings.Index(a.text, secret)-100):][:200],
						)
					}
				}
			})
		}
	}
	a := p.get("/messages/a-1?revision=0")
	if !strings.Contains(a.says(".header-table"), "Authorization••• masked") ||
		!strings.Contains(a.says("pre.payload-raw"), `"ssn":"•••"`) ||
		!strings.Contains(a.says(".facts"), "token=•••&page=2") {
		t.Errorf("the message shows %s %s", a.says(".header-table"), a.says("pre"))
	}
	if a := p.get("/messages/b-2"); !strings.Contains(a.says("pre"), "|") {
		t.Errorf("a binary body is no dump: %s", a.says("pre"))
	}
	r, err := b.store.Revision(t.Context(), "a-1", 1)
	if err != nil || !strings.Contains(string(r.Body), "078-05-1120") ||
		r.Headers.Get("Authorization") != "Bearer s3cret" ||
		r.Headers.Get("X-Tenant") != "tenant-s3cret" {
		t.Errorf("an edit loses what was masked: %s %v, %v", r.Body, r.Headers, err)
	}
}

func TestMessageOfNoSource(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1", func(c *deadletter.Capture) { c.Source, c.FirstAttempt, c.Reason = "", nil, "" })
	p := b.member(t, "olga", deadletter.Operator)
	a := p.get("/messages/a-1")
	if !strings.Contains(a.says(".denied"), "default_source") || a.count("form[action$='/replay']") != 0 ||
		a.count("form[action$='/archive']") != 1 {
		t.Errorf("the message says %q", a.says("#message-panel"))
	}
	if a := p.post(
		"/messages/a-1/replay",
		order(0, "revision", "0"),
		htmx()...); a.status != http.StatusConflict ||
		!strings.Contains(a.says("#message-panel"), "default_source") {
		t.Errorf("a replay answers %d: %s", a.status, a.text)
	}
	byDefault := setup(t, func(d *console.Deps) {
		configure(d, func(s *console.Settings) { s.DefaultSource = "genesys" })
		withDesk(d, func(orders *desk.Deps) {
			orders.Sources = desktest.Always([]desk.Source{{Name: ""}, {Name: "genesys"}})
		})
	})
	byDefault.receive(t, "a-1", func(c *deadletter.Capture) { c.Source = "" })
	if a := byDefault.member(t, "olga", deadletter.Operator).
		get("/messages/a-1"); a.count("form[action$='/replay']") != 1 ||
		!strings.Contains(a.says(".strip"), "handler.internal:9090") {
		t.Errorf("with a default source the message says %q", a.says("#message-panel"))
	}
}

// A search says that it does not find yet what came just now.
func TestStaleSearchIndexIsReported(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1")
	p := b.member(t, "ben", deadletter.Viewer)
	const says, search = "not searchable yet", "/messages?status=all&q=missing"
	if got := p.get(search); strings.Contains(got.text, says) || got.count("tr[data-message]") != 1 {
		t.Errorf("a search that finds everything says %q", got.says(".notice"))
	}
	b.stopSearch()
	if got := p.get(search); !strings.Contains(got.text, says) {
		t.Errorf("a search that does not find everything says %q", got.says(".notice"))
	}
	if got := p.get("/messages?status=all"); strings.Contains(got.text, says) {
		t.Errorf("a list that searches nothing says %q", got.says(".notice"))
	}
}

func TestListShowsArrivalCounts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "a-1")
	b.receive(t, "b-2")
	again := m.ArriveAgain(deadletter.Capture{}, b.clock.Now())
	if err := b.store.Write(
		t.Context(), func(ctx context.Context, tx *store.Tx) error { return tx.Apply(ctx, again) },
	); err != nil {
		t.Fatal(err)
	}
	a := b.member(t, "olga", deadletter.Operator).get("/messages")
	if got := a.says(`[data-message="a-1"] .arrived`); !strings.HasPrefix(got, "×2") || a.count(".arrived") != 1 {
		t.Errorf("the list says %q, %d times", got, a.count(".arrived"))
	}
}

func TestRowCountsAttempts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "f-1")
	b.receive(t, "r-1", func(c *deadletter.Capture) { c.FirstAttempt.StatusCode = 503 })
	b.receive(t, "i-1", func(c *deadletter.Capture) { c.FirstAttempt, c.RetryCount = nil, 3 })
	b.receive(t, "n-1", func(c *deadletter.Capture) {
		c.FirstAttempt, c.Foreign, c.Queue.Form = nil, true, deadletter.FormForeign
	})
	list := b.member(t, "olga", deadletter.Operator).get("/messages?status=all")
	for id, want := range map[string]string{"f-1": "1", "r-1": "1 of 5", "i-1": "4 of 5", "n-1": "none"} {
		t.Run(id, func(t *testing.T) {
			if got := list.says("tr[data-message=" + id + "] .col-attempts .nums"); got != want {
				t.Errorf("%s: %q, want %q", id, got, want)
			}
		})
	}
}

func TestRetryShowsWhatItWaitsFor(t *testing.T) {
	t.Parallel()
	var status delivery.BreakerStatus
	b := setup(t, func(d *console.Deps) {
		d.Health = func(string) delivery.DestinationHealth { return delivery.DestinationHealth{Breaker: status} }
	})
	due := b.receive(t, "r-1", func(c *deadletter.Capture) { c.FirstAttempt.StatusCode = 503 }).DueAt
	p := b.member(t, "olga", deadletter.Operator)
	for _, c := range []struct {
		name   string
		status delivery.BreakerStatus
		late   time.Duration
		want   string
	}{
		{"in time", delivery.BreakerStatus{State: delivery.Closed}, 0, "next: "},
		{"circuit breaker", delivery.BreakerStatus{State: delivery.Open}, time.Second, "waits for the circuit breaker"},
		{"half-open", delivery.BreakerStatus{State: delivery.HalfOpen}, time.Second, "waits for the circuit breaker"},
		{"pause", delivery.BreakerStatus{PausedUntil: due.Add(time.Hour)}, time.Second, "waits for the end of a pause"},
		{"slot", delivery.BreakerStatus{State: delivery.Closed}, time.Minute, "waits for a free slot"},
	} {
		t.Run(c.name, func(t *testing.T) {
			status = c.status
			b.clock.Add(due.Add(c.late).Sub(b.clock.Now()))
			for _, path := range []string{"/messages?status=retrying", "/messages/r-1"} {
				if got := p.get(path).says(".next-attempt"); !strings.HasPrefix(got, c.want) {
					t.Errorf("%s, %s: %q, want %q", path, c.name, got, c.want)
				}
			}
		})
	}
}
