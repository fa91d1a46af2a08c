package console_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"dlqdesk/internal/console"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/queue"
)

// Each number of the overview equals the count of the list that it links to.
func TestOverviewNumbersAreThoseOfTheirLists(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.clock.Add(-26 * time.Hour)
	b.receive(t, "old")
	b.clock.Add(24 * time.Hour)
	for i := range 3 {
		b.receive(t, fmt.Sprintf("g-%d", i))
	}
	other := func(c *deadletter.Capture) {
		c.Source, c.FirstAttempt.StatusCode, c.FirstAttempt.Outcome = "cxone", 503, deadletter.ErrorResponse
	}
	b.receive(t, "c-0", other)
	b.receive(t, "c-1", other)
	unnamed := func(c *deadletter.Capture) { c.Source = "" }
	b.receive(t, "x-0", unnamed)
	b.receive(t, "x-1", unnamed)
	p := b.member(t, "olga", deadletter.Operator)
	p.post("/messages/g-0/replay", order(0, "revision", "0"))
	b.clock.Add(time.Hour)
	b.finish(t, "g-0", deadletter.Delivered, 200)
	b.finish(t, "c-0", deadletter.Delivered, 200)
	b.clock.Add(time.Hour)

	a := p.get("/overview")
	if a.status != http.StatusOK {
		t.Fatalf("answered %d", a.status)
	}
	links := a.doc().Find("a.count-link")
	if links.Length() < 15 {
		t.Errorf("there are %d numbers", links.Length())
	}
	for _, link := range links.EachIter() {
		to := link.AttrOr("href", "")
		if rows := p.get(to).count("tr[data-message], tr[data-action]"); fmt.Sprint(rows) != link.Text() {
			t.Errorf("%s says %s, its list has %d", to, link.Text(), rows)
		}
	}
	if got := headlinesOf(a); got != "5 1 7 1 1" {
		t.Errorf("the headlines are %s", got)
	}
	if got := rowOf(a, "Sources", "cxone"); got != "cxone not configured 2 1 0 1 0" {
		t.Errorf("cxone: %q", got)
	}
	if got := rowOf(a, "Open messages by age", "Over 7 days") + rowOf(
		a, "Open messages by age", "1 to 24 hours",
	); got != "Over 7 days 0 01 to 24 hours 4 1" {
		t.Errorf("ages: %q", got)
	}
	if got := rowOf(
		a, "Top causes", "422",
	); got != "422 The handler answered: field id is missing genesys · first 2026-03-01 08:15:05 UTC · newest "+
		"2026-03-02 08:15:05 UTC · 1 of 1 unedited replay succeeded 3 0" {
		t.Errorf("reasons: %q", got)
	}
	one := p.get("/overview?source=cxone&range=7d", htmx()...)
	if got := headlinesOf(one); strings.Contains(one.text, "<html") || got != "0 1 2 1 0" {
		t.Errorf("of one source: %q", got)
	}
	if got := one.doc().Find("#all-sources").AttrOr("href", ""); got != "/overview?range=7d" {
		t.Errorf("all sources are at %q", got)
	}
}

func headlinesOf(a answer) string {
	var list []string
	for _, h := range a.doc().Find(".headlines dd > :first-child").EachIter() {
		list = append(list, h.Text())
	}
	return strings.Join(list, " ")
}

// rowOf returns the text of a table's row, without the labels that replace the head on a narrow screen.
func rowOf(a answer, heading, first string) string {
	for _, h := range a.doc().Find("h2").EachIter() {
		if h.Text() != heading {
			continue
		}
		for _, row := range h.Closest("section").Find("tbody tr").EachIter() {
			if !strings.HasPrefix(strings.TrimSpace(row.Text()), first) {
				continue
			}
			row.Find(".figure-label").Remove()
			var cells []string
			row.Find("th, td").Each(func(_ int, cell *goquery.Selection) {
				cell.Find("p, span, time").Each(func(_ int, part *goquery.Selection) { part.AfterHtml(" ") })
				cells = append(cells, strings.Fields(cell.Text())...)
			})
			return strings.Join(cells, " ")
		}
	}
	return ""
}

// The plot draws what the table says, with a place for every step.
func TestOverviewPlotHasEveryStep(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "g-0")
	p := b.member(t, "vera", deadletter.Viewer)
	for look, want := range map[string]struct {
		steps int
		step  time.Duration
	}{"": {96, 15 * time.Minute}, "1h": {60, time.Minute}, "7d": {84, 2 * time.Hour}, "30d": {120, 6 * time.Hour}} {
		t.Run("range "+look, func(t *testing.T) {
			a := p.get("/overview?" + url.Values{"range": {look}}.Encode())
			var plot struct {
				From, Step                  int64
				Failed, ByRetries, ByPeople []int
			}
			if err := json.Unmarshal([]byte(a.doc().Find("#plot-all").AttrOr("data-plot", "")), &plot); err != nil {
				t.Fatal(err)
			}
			if len(plot.Failed) != want.steps || len(plot.ByRetries) != want.steps || plot.Failed[want.steps-1] != 1 ||
				plot.Step != want.step.Milliseconds() {
				t.Errorf("%q: %+v", look, plot)
			}
			end := time.UnixMilli(plot.From).Add(time.Duration(want.steps) * want.step)
			if end.Before(b.clock.Now()) || end.After(b.clock.Now().Add(want.step)) {
				t.Errorf("%q: the plot ends at %s", look, end)
			}
			if a.count("#steps tbody tr") != 1 {
				t.Errorf("%q: the table has %d rows", look, a.count("#steps tbody tr"))
			}
		})
	}
}

func TestOverviewShowsTheSpool(t *testing.T) {
	t.Parallel()
	var since time.Time
	depth := queue.Depth{}
	b := setup(t, func(d *console.Deps) {
		ask := func(context.Context) (queue.Depth, error) { return depth, nil }
		d.Queues = []desk.Queue{
			{Name: "hooks", Holds: "Failed messages", Depth: ask, UnconfirmedSince: func() time.Time { return since }},
			{Name: "dlq", Holds: "On disk", ReportsOldest: true, Spool: true, Depth: ask},
		}
	})
	b.receive(t, "g-0")
	p := b.member(t, "vera", deadletter.Viewer)
	if got := p.get("/overview"); rowOf(got, "Queues", "Failed") != "Failed messages hooks 0 0 empty" ||
		rowOf(got, "Queues", "On disk") != "" {
		t.Errorf("an empty spool: %q", rowOf(got, "Queues", "On disk"))
	}
	since, depth = b.clock.Now().Add(-time.Hour), queue.Depth{Visible: 312, Oldest: b.clock.Now()}
	got := p.get("/overview")
	if row := rowOf(
		got, "Queues", "Failed",
	); row != "Failed messages hooks SQS does not confirm messages: they wait on this machine's disk since "+
		"2026-03-02 09:15:05 UTC" {
		t.Errorf("a queue that is away: %q", row)
	}
	if row := rowOf(got, "Queues", "On disk"); row != "On disk dlq 312 0 2026-03-02 10:15:05 UTC" {
		t.Errorf("what waits: %q", row)
	}
}

func TestOverviewShowsDestinationAndQueueHealth(t *testing.T) {
	t.Parallel()
	var health delivery.DestinationHealth
	depth, fault := queue.Depth{}, error(nil)
	b := setup(t, func(d *console.Deps) {
		d.Health = func(string) delivery.DestinationHealth { return health }
		ask := func(context.Context) (queue.Depth, error) { return depth, fault }
		d.Queues = []desk.Queue{
			{Name: "dlq", Holds: "Failed messages", ReportsOldest: true, Depth: ask},
			{Name: "sqs", Holds: "Buffered webhooks", Depth: ask},
		}
	})
	b.receive(t, "g-0")
	p := b.member(t, "vera", deadletter.Viewer)
	now := b.clock.Now()
	for _, test := range []struct {
		health delivery.DestinationHealth
		want   string
	}{
		{delivery.DestinationHealth{}, "No delivery yet handler.internal:9090 No delivery since dlqdesk started."},
		{delivery.DestinationHealth{LatestAt: now}, "Up handler.internal:9090"},
		{
			delivery.DestinationHealth{
				LatestAt: now, ErrorResponses: 3,
				Latest: deadletter.Attempt{Error: "404: no <i>route</i>"},
			},
			"Error responses handler.internal:9090 The latest 3 deliveries: 404: no " +
				"<i>route</i>",
		},
		{
			delivery.DestinationHealth{LatestAt: now, ErrorResponses: 1, Latest: deadletter.Attempt{Error: "gone"}},
			"Error responses handler.internal:9090 The latest delivery: gone",
		},
		{delivery.DestinationHealth{
			LatestAt: now, Failures: 1204, FailingSince: now.Add(-time.Hour),
			Latest: deadletter.Attempt{Error: "503"},
		}, "Failing handler.internal:9090 since 2026-03-02 09:15:05 UTC " +
			"1,204 deliveries in a row: 503"},
		{
			delivery.DestinationHealth{
				LatestAt: now, Failures: 9, FailingSince: now.Add(-time.Hour),
				Latest: deadletter.Attempt{Error: "503"}, Breaker: delivery.BreakerStatus{
					State: delivery.Open,
					Since: now.Add(-time.Minute),
				},
			},
			"Circuit breaker open handler.internal:9090 since 2026-03-02 10:14:05 UTC 9 deliveries in a row: 503",
		},
		{delivery.DestinationHealth{Breaker: delivery.BreakerStatus{
			State: delivery.Open,
			Since: now.Add(-time.Minute),
		}}, "Circuit breaker open handler.internal:9090 since 2026-03-02 10:14:05 UTC"},
		{delivery.DestinationHealth{
			LatestAt: now,
			Breaker:  delivery.BreakerStatus{State: delivery.HalfOpen, Since: now},
		}, "Up handler.internal:9090"},
	} {
		t.Run(test.want, func(t *testing.T) {
			health = test.health
			if got := rowOf(p.get("/overview"), "Sources", "genesys"); got != "genesys "+test.want+" 1 0 0 0 1" {
				t.Errorf("%+v: %q, want %q", test.health, got, test.want)
			}
		})
	}
	if got := rowOf(p.get("/overview"), "Queues", "Failed"); got != "Failed messages dlq 0 0 empty" {
		t.Errorf("empty queues: %q", got)
	}
	depth = queue.Depth{Visible: 1204, InFlight: 10, Delayed: 2, Oldest: now.Add(-time.Minute)}
	if got := rowOf(
		p.get("/overview"), "Queues", "Failed",
	); got != "Failed messages dlq 1,204 2 delayed 10 2026-03-02 10:14:05 UTC" {
		t.Errorf("a full queue: %q", got)
	}
	depth.Oldest = time.Time{}
	if got := rowOf(
		p.get("/overview"), "Queues", "Buffered",
	); got != "Buffered webhooks sqs SQS cannot list messages: each appears under Messages once it is received. "+
		"1,204 2 delayed 10 not reported by SQS" {
		t.Errorf("a queue of SQS: %q", got)
	}
	fault = errors.New("dial tcp: s3cret.internal refused")
	a := p.get("/overview")
	if got := rowOf(a, "Queues", "Failed"); a.status != http.StatusOK ||
		got != "Failed messages dlq The queue could not be read. It is read again in a few seconds." {
		t.Errorf("a queue that is down: %d %q", a.status, got)
	}
}

func TestOverviewWithoutDataAndWithInvalidRange(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.member(t, "vera", deadletter.Viewer)
	if a := p.get(
		"/overview",
	); a.status != http.StatusOK || !strings.Contains(a.says("#try-curl"), "/webhooks/genesys") ||
		a.count("#overview-refresh") != 1 {
		t.Errorf("a new desk says %q", a.says("#overview"))
	}
	b.receive(t, "g-0")
	if a := p.get(
		"/overview?range=1y",
	); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.says("#overview"), "no range") ||
		a.count("#overview-refresh") != 0 {
		t.Errorf("%d %q", a.status, a.says("#overview"))
	}
	if a := b.stranger(t).get("/overview"); a.status != http.StatusSeeOther {
		t.Errorf("a stranger gets %d", a.status)
	}
}

// A message whose message named no source is counted, and its numbers lead to the messages without a source alone.
func TestOverviewOfMessagesWithoutASource(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "x-0", func(c *deadletter.Capture) { c.Source = "" })
	b.receive(t, "g-0")
	p := b.member(t, "vera", deadletter.Viewer)
	a := p.get("/overview")
	if got := rowOf(a, "Sources", "no source"); got != "no source not configured 1 0 0 0 1" {
		t.Errorf("%q", got)
	}
	for _, link := range a.doc().Find(".source-table tbody tr").Last().Find("a").EachIter() {
		list := p.get(link.AttrOr("href", ""))
		if list.count("tr[data-message]") != 1 || list.count("tr[data-message='x-0']") != 1 ||
			!strings.Contains(list.says(".chip-row"), "Source none") {
			t.Errorf("%s leads to %q", link.Text(), list.says("#messages"))
		}
		if got := list.says("#filter-source option[selected]"); got != "No source" {
			t.Errorf("the filter says %q", got)
		}
	}
}
