package console_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
)

// failing changes a captured failure into one of another cause.
func failing(source, text string, code int) func(*deadletter.Capture) {
	return func(c *deadletter.Capture) {
		c.Source, c.Destination = source, "http://"+source+".internal:9090/hook?code=s3cret"
		c.Reason, c.FirstAttempt.StatusCode = fmt.Sprintf("%d: %s", code, text), code
	}
}

// threeCauses puts messages of three causes into the store, of 1, 3 and 2 messages. It returns their fingerprints.
func (b bundle) threeCauses(t *testing.T) (missing, refused, busy string) {
	t.Helper()
	for i := range 3 {
		b.receive(t, fmt.Sprintf("r-%d", i), failing("cxone", "card is refused", 409))
	}
	b.clock.Add(-time.Second)
	for i := range 2 {
		b.receive(t, fmt.Sprintf("b-%d", i), failing("orders", "too busy", 422))
	}
	b.clock.Add(time.Minute + time.Second)
	m := b.receive(t, "m-1", failing("genesys", "field id is missing", 422))
	return m.Fingerprint, b.fingerprint(t, "r-0"), b.fingerprint(t, "b-0")
}

func (b bundle) fingerprint(t *testing.T, id deadletter.ID) string {
	t.Helper()
	m, err := b.store.Message(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return m.Fingerprint
}

// titles returns the titles of the listed causes, in their order.
func (a answer) titles() string {
	a.t.Helper()
	var list []string
	for _, row := range a.doc().Find("tr[data-cause]").EachIter() {
		list = append(list, strings.Join(strings.Fields(row.Find(".row-link").Text()), " "))
	}
	return strings.Join(list, ", ")
}

func TestDeskOpensOnCauses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	missing, _, _ := b.threeCauses(t)
	p := b.member(t, "olga", deadletter.Operator)
	if a := p.get("/"); a.status != http.StatusSeeOther || a.header.Get("Location") != "/causes" {
		t.Fatalf("/ answers %d, to %q", a.status, a.header.Get("Location"))
	}
	a := p.get("/causes")
	if want := "409 card is refused, 422 too busy, 422 field id is missing"; a.titles() != want {
		t.Errorf("it lists %s, want %s", a.titles(), want)
	}
	if got := a.says("head title"); got != "(6) Causes · dlqdesk" {
		t.Errorf("the tab is titled %q", got)
	}
	row := `tr[data-cause="` + missing + `"] `
	for cell, want := range map[string]string{
		".cause-way":    "genesys → genesys.internal:9090",
		".col-standing": "New no owner",
		".col-open":     "1 failed",
		".arriving":     "Still arriving 1 an hour",
		".col-seen":     "last 2026-03-02 10:16:05 UTC first 2026-03-02 10:16:05 UTC",
		".step":         "Claim it and look at a message",
	} {
		if got := a.says(row + cell); got != want {
			t.Errorf("%s says %q, want %q", cell, got, want)
		}
	}
	if got := a.doc().Find(row+".sparkline").AttrOr("aria-label", ""); got !=
		"1 failed and 0 recovered in the last 24 hours. Most failed from 10:00 UTC: 1." {
		t.Errorf("the plot says %q", got)
	}
	link := a.doc().Find(row+".open-failed a").AttrOr("href", "")
	if list := p.get(link); list.count("tr[data-message]") != 1 {
		t.Errorf("%s lists %d messages", link, list.count("tr[data-message]"))
	}
	p.post("/causes/bulk", form("action", "claim", "for", "4h", "item", missing+"@0"))
	if got := p.get("/causes").says(row + ".step"); got != "Look at a message, then replay or edit it" {
		t.Errorf("after a claim the next step is %q", got)
	}
	b.clock.Add(time.Hour)
	if got := p.get("/causes").says(row + ".col-hours"); !strings.Contains(got, "not arriving now") {
		t.Errorf("an hour later it says %q", got)
	}
}

func TestCausesAreFilteredAndSorted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	missing, refused, _ := b.threeCauses(t)
	p := b.member(t, "olga", deadletter.Operator)
	p.post("/causes/bulk", form("action", "claim", "for", "4h", "item", missing+"@0"))
	p.post("/causes/bulk", form("action", "mute", "sent", "yes", "count", "5", "item", refused+"@0"))
	for query, want := range map[string]string{
		"":                    "422 too busy, 422 field id is missing, 409 card is refused",
		"?sort=size":          "409 card is refused, 422 too busy, 422 field id is missing",
		"?sort=newest":        "422 field id is missing, 409 card is refused, 422 too busy",
		"?state=claimed":      "422 field id is missing",
		"?state=muted":        "409 card is refused",
		"?state=resolved":     "",
		"?owner=me":           "422 field id is missing",
		"?owner=olga":         "422 field id is missing",
		"?owner=none":         "422 too busy, 409 card is refused",
		"?source=orders":      "422 too busy",
		"?q=missing":          "422 field id is missing",
		"?q=ORDERS.internal":  "422 too busy",
		"?q=100%25":           "",
		"?owner=me&q=refused": "",

		"?q=assignee:me":                    "422 field id is missing",
		"?q=assignee:none+source:orders":    "422 too busy",
		"?q=state:muted+card":               "409 card is refused",
		"?q=409:+refused":                   "409 card is refused",
		"?q=state:claimed+assignee:nobody1": "",

		"?q=code:4xx+-refused":                         "422 too busy, 422 field id is missing",
		"?q=code:409+source:orders":                    "",
		"?q=destination:orders.internal":               "422 too busy",
		"?q=destination:orders.internal:9090+code:422": "422 too busy",
		"?q=%22is+missing%22":                          "422 field id is missing",
	} {
		t.Run(query, func(t *testing.T) {
			a := p.get("/causes" + query)
			if got := a.titles(); a.status != http.StatusOK || got != want {
				t.Errorf("%d: it lists %q, want %q", a.status, got, want)
			}
		})
	}
	if got := p.get("/causes?q=refused").says("#status-tabs"); got !=
		"Unresolved 1Regressed 0New 0Open 0Claimed 0Known 0Muted 1Resolved 0All 1" {
		t.Errorf("the tabs say %q", got)
	}
	if got := p.get("/causes?state=resolved&q=refused").says("#elsewhere"); got != "Show 1 cause in another state" {
		t.Errorf("an empty tab offers %q", got)
	}
	for _, query := range []string{"?state=broken", "?q=state:broken", "?sort=name", "?cursor=x", "?q=" + strings.Repeat("a", 501)} {
		if a := p.get("/causes" + query); a.status != http.StatusUnprocessableEntity || a.count("tr[data-cause]") != 0 {
			t.Errorf("%.20s answers %d with %d rows", query, a.status, a.count("tr[data-cause]"))
		}
	}
}

func TestCausesHavePages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range 53 {
		b.receive(t, fmt.Sprintf("p-%d", i), failing("genesys", "no field "+strings.Repeat("x", i+1), 422))
	}
	p := b.member(t, "olga", deadletter.Operator)
	first := p.get("/causes?q=field")
	next := first.doc().Find("#page-top-next").AttrOr("href", "")
	second := p.get(next)
	if n, m := first.count("tr[data-cause]"), second.count("tr[data-cause]"); n != 50 || m != 3 {
		t.Fatalf("the pages have %d and %d causes", n, m)
	}
	back := second.doc().Find("#page-top-previous").AttrOr("href", "")
	if got := p.get(back).titles(); got != first.titles() {
		t.Errorf("back on the first page are %s", got)
	}
}

func TestSelectedCausesAreClaimed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	missing, refused, busy := b.threeCauses(t)
	p, other := b.member(t, "olga", deadletter.Operator), b.member(t, "ben", deadletter.Operator)
	other.post("/causes/bulk", form("action", "claim", "for", "24h", "item", busy+"@0"))
	claim := form("action", "claim", "for", "4h", "return", "/causes?sort=size", "item", missing+"@0",
		"item", refused+"@0", "item", busy+"@1")
	a := p.post("/causes/bulk", claim, htmx()...)
	if got := a.says(".notice"); a.status != http.StatusOK ||
		!strings.HasPrefix(got, "You claimed 2 of 3 causes. Claimed by ben until 3 March 10:16 UTC") {
		t.Errorf("%d: it says %q", a.status, got)
	}
	if got := a.titles(); !strings.HasPrefix(got, "409 card is refused") {
		t.Errorf("the list of the form is gone: %s", got)
	}
	for fingerprint, want := range map[string]string{missing: "you", refused: "you", busy: "ben"} {
		got := a.says(`tr[data-cause="` + fingerprint + `"] .col-standing`)
		if !strings.HasPrefix(got, "Claimed "+want+" until 2026-03-0") {
			t.Errorf("the state says %q", got)
		}
	}
	refusal := a.doc().Find(`tr[data-cause="`+busy+`"] [name=item]`).AttrOr("data-refused", "")
	if !strings.Contains(refusal, `"claim"`) || !strings.Contains(refusal, "Claimed by ben") {
		t.Errorf("the claim of another is refused by %q", refusal)
	}
	if a := p.post("/causes/bulk", form("action", "claim", "for", "4h", "item", missing+"@1")); a.status !=
		http.StatusSeeOther || a.header.Get("Location") != "/causes" {
		t.Errorf("without script it answers %d, to %q", a.status, a.header.Get("Location"))
	}
	for name, values := range map[string][]string{
		"nothing selected": {"action", "claim", "for", "4h"},
		"no time":          {"action", "claim", "item", missing + "@1"},
		"unknown action":   {"action", "burn", "item", missing + "@1"},
		"no version":       {"action", "claim", "for", "4h", "item", missing},
	} {
		if a := p.post("/causes/bulk", form(values...)); a.status != http.StatusUnprocessableEntity {
			t.Errorf("%s answers %d", name, a.status)
		}
	}
}

func TestMuteAsksWhatEndsIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	missing, refused, _ := b.threeCauses(t)
	p := b.member(t, "olga", deadletter.Operator)
	order := form("action", "mute", "item", missing+"@0", "item", refused+"@0", "return", "/causes?state=muted")
	asked := p.post("/causes/bulk", order, htmx()...)
	if asked.header.Get("HX-Retarget") != "#job-dialog" || asked.says("h2") != "Mute 2 causes" {
		t.Fatalf("it answers %d: %s", asked.status, asked.text)
	}
	if page := p.post("/causes/bulk", order); page.count("main #mute-causes") != 1 {
		t.Errorf("without script it answers %d: %s", page.status, page.says("main"))
	}
	sent := asked.fields("#mute-causes")
	sent.Set("sent", "yes")
	if a := p.post("/causes/bulk", sent, htmx()...); a.status != http.StatusUnprocessableEntity ||
		!strings.Contains(a.says(".field-fault"), "Say what ends the mute") {
		t.Errorf("without a condition it answers %d: %s", a.status, a.says(".field-fault"))
	}
	sent.Set("count", "many")
	if a := p.post("/causes/bulk", sent, htmx()...); !strings.Contains(a.says(".field-fault"), "is not a number") {
		t.Errorf("to a word it answers %d: %s", a.status, a.says(".field-fault"))
	}
	sent.Set("count", "200")
	sent.Set("until", "2026-03-02T12:00")
	sent.Set("delivered", "yes")
	a := p.post("/causes/bulk", sent, htmx()...)
	if got := a.says(".notice"); got != "You muted 2 causes." || a.count("tr[data-cause]") != 2 {
		t.Errorf("it says %q above %d causes", got, a.count("tr[data-cause]"))
	}
	if got := a.says(`tr[data-cause="` + missing + `"] .standing-mute`); got !=
		"until 2026-03-02 12:00:00 UTC or after 200 more or at the next delivery" {
		t.Errorf("the row says %q", got)
	}
}

func TestMessagesNameTheirCause(t *testing.T) {
	t.Parallel()
	b := setup(t)
	missing, refused, _ := b.threeCauses(t)
	b.receive(t, "r-9", failing("cxone", "card is refused", 409))
	p := b.member(t, "olga", deadletter.Operator)
	a := p.get("/messages")
	cell := a.doc().Find(`tr[data-message="m-1"] .of-cause`)
	if got := strings.Join(strings.Fields(cell.Text()), " "); got != "New 1 open" ||
		cell.AttrOr("href", "") != "/causes/"+missing || a.count(".group-row") != 0 {
		t.Errorf("the cause of a message is %q, at %q", got, cell.AttrOr("href", ""))
	}
	top := p.get("/overview").doc().Find(".cause-line").First()
	if top.AttrOr("href", "") != "/causes/"+refused {
		t.Errorf("the overview leads to %q", top.AttrOr("href", ""))
	}
}

// heads returns the heads of a list that is grouped by cause.
func (a answer) heads() []string {
	return a.doc().Find(".group-row").Map(func(_ int, s *goquery.Selection) string {
		return strings.Join(strings.Fields(s.Text()), " ")
	})
}

// A list that is grouped has one head for each cause of the whole filtered list, with the number of all its messages.
func TestMessagesGroupedByCause(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.followed(t)
	_, refused, _ := b.threeCauses(t)
	for i := range 60 {
		b.receive(t, fmt.Sprintf("n-%d", i), failing("cxone", "card is refused", 409))
	}
	p := b.member(t, "olga", deadletter.Operator)
	group := p.get("/messages?source=cxone").doc().Find("#preset-group-by-cause").AttrOr("href", "")
	if a := p.get(group); !slices.Equal(a.heads(), []string{"409: card is refused New 63 messages Show all 63"}) {
		t.Errorf("the groups of a source are %q, at %q", a.heads(), group)
	}
	a := p.get("/messages?group=cause")
	want := []string{
		"409: card is refused New 63 messages Show all 63", "422: too busy New 2 messages",
		"422: field id is missing New 1 message",
	}
	if got := a.heads(); !slices.Equal(got, want) {
		t.Errorf("the groups are %q", got)
	}
	under := a.doc().Find(".group-row").First().NextUntil(".group-row")
	if under.Length() != 3 || !under.First().Is(`[data-message="n-59"]`) || a.count("tr[data-message]") != 6 {
		t.Errorf("the first group has %d messages of %d", under.Length(), a.count("tr[data-message]"))
	}
	all := a.doc().Find(".group-count a").AttrOr("href", "")
	if got := p.get(all); all != "/messages?cause="+refused || got.count("tr[data-message]") != 50 ||
		got.says("#tab-failed .tab-count") != "63" {
		t.Errorf("%q shows %d messages of %s", all, got.count("tr[data-message]"), got.says("#tab-failed .tab-count"))
	}
	if got := a.says(".all-matching"); got != "Select all 66 messages that match" {
		t.Errorf("it offers %q", got)
	}
	everything := form("action", "archive", "scope", "all", "back", "group=cause&source=cxone")
	asked := p.post("/messages/bulk", everything, htmx()...)
	if got := asked.says("h2"); got != "Archive 63 messages" {
		t.Errorf("all that match are %q", got)
	}
	asked = p.post("/messages/bulk", form("action", "archive", "item", "n-59@0", "back", "group=cause"), htmx()...)
	if got := asked.says("h2"); got != "Archive 1 message" {
		t.Errorf("a selected one is %q", got)
	}
	back := p.post("/jobs/2/start", form("reason", "no use", "back", "group=cause"), htmx()...)
	if got := back.heads(); len(got) != 3 {
		t.Errorf("after a job it shows %q", got)
	}
	page := p.follows("/messages?group=cause", "n-59")
	b.receive(t, "n-60", failing("cxone", "card is refused", 409))
	u := page.next()
	if got := u.Parts["group-"+refused]; !strings.Contains(got, "64 messages") ||
		!strings.Contains(got, "Show all 64") || u.New != "1" {
		t.Errorf("after a failure it sends %q, %q new", got, u.New)
	}
}

func TestJobNamesTheCausesOfItsMessages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, refused, _ := b.threeCauses(t)
	p := b.member(t, "olga", deadletter.Operator)
	asked := p.post("/causes/bulk", form("action", "archive", "item", refused+"@0"), htmx()...)
	start := asked.fields("#job-confirm")
	start.Set("reason", "test cards")
	p.post("/jobs/1/start", start)
	b.work(t, 1)
	a := p.get("/jobs/1")
	if got := a.says(".job-causes"); got != "409: card is refused 3 done" ||
		a.count(`.job-causes a[href="/causes/`+refused+`"]`) != 1 {
		t.Errorf("it says %q", got)
	}
}

func TestReplayOfCausesIsAJobOverTheirFailedMessages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	missing, refused, _ := b.threeCauses(t)
	p := b.member(t, "olga", deadletter.Operator)
	order := form("action", "replay", "item", missing+"@0", "item", refused+"@0", "return", "/causes?sort=size")
	asked := p.post("/causes/bulk", order, htmx()...)
	if got := asked.says("h2"); asked.header.Get("HX-Retarget") != "#job-dialog" || got != "Replay 4 messages" {
		t.Fatalf("it answers %d: %s", asked.status, asked.text)
	}
	scope := asked.says(".job-scope")
	const want = "3 of cxone to http://cxone.internal:9090/hook1 of genesys to http://genesys.internal:9090/hook" +
		"3 409: card is refused 1 422: field id is missing"
	if scope != want || strings.Contains(asked.text, "s3cret") {
		t.Errorf("it says %q", scope)
	}
	fields := asked.fields("#job-confirm")
	if asked.count("#count") > 0 { // for several destinations
		wrong := p.post("/jobs/1/start", fields, htmx()...)
		if wrong.status != http.StatusPreconditionRequired ||
			wrong.says("#count-fault") != "This sends 4 messages: enter that number to confirm." {
			t.Errorf("without the number it answers %d: %s", wrong.status, wrong.says("#count-fault"))
		}
		fields.Set("count", "4")
	}
	started := p.post("/jobs/1/start", fields, htmx()...)
	if to := started.header.Get("HX-Redirect"); to != "/causes?sort=size" {
		t.Fatalf("after the start it answers %d, to %q", started.status, to)
	}
	if got := p.get("/causes?sort=size"); got.count("#job-1") != 1 {
		t.Error("the list does not show the job")
	}
	draft := p.post("/causes/bulk", form("action", "archive", "item", missing+"@0", "return", "/causes"))
	page := p.get(draft.header.Get("Location"))
	if page.says("main h2") != "Archive 1 message" || page.fields("#job-confirm").Get("return") != "/causes" {
		t.Errorf("without script %q is %s", draft.header.Get("Location"), page.says("main"))
	}
}

func TestOpenListOfCausesReceivesChanges(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.followed(t)
	missing, refused, busy := b.threeCauses(t)
	p := b.member(t, "olga", deadletter.Operator)
	page := p.follows("/causes", strings.Join([]string{missing, refused, busy}, ","))
	filtered := p.follows("/causes?source=orders&sort=size", busy)
	b.receive(t, "m-2", failing("genesys", "field id is missing", 422))
	u := page.next()
	if len(u.Rows) != 1 || !strings.Contains(u.Rows[missing], ">2</a>") || u.Failed != "7" {
		t.Errorf("after a failure of a known cause: %+v", u)
	}
	b.receive(t, "n-1", failing("orders", "no such order", 404))
	u = page.next()
	if len(u.Rows) != 0 || len(u.Top) != 1 || !strings.Contains(u.Top[0].HTML, "no such order") || u.New != "" ||
		!strings.Contains(u.Tabs, `Unresolved <span class="tab-count">4</span>`) {
		t.Errorf("after a failure of a new cause: %+v", u)
	}
	b.receive(t, "n-2", failing("orders", "no such order", 404))
	if u = page.next(); len(u.Rows) != 1 || len(u.Top) != 0 {
		t.Errorf("after another failure of it: %+v", u)
	}
	filtered.next()
	if u = filtered.next(); len(u.Top) != 0 || u.New != "1" {
		t.Errorf("a list by size: %+v", u)
	}
	olga := deadletter.User("olga", deadletter.Operator, "127.0.0.1")
	if _, err := b.desk.Claim(t.Context(), olga, desk.CauseRef{Fingerprint: missing}, time.Hour); err != nil {
		t.Fatal(err)
	}
	if u = page.next(); len(u.Rows) != 1 || !strings.Contains(u.Rows[missing], "Claimed") {
		t.Errorf("after a claim: %+v", u)
	}
}
