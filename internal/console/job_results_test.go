package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/worker"
)

// The page of a job plots its results by time, with the moments that explain them, and has the same as a table. The
// strip that the page polls brings the plot along, and a strip above a list does not.
func TestJobPlotsItsResults(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, id := range []string{"a-1", "b-2", "c-3"} {
		b.receive(t, id)
	}
	p := b.member(t, "olga", deadletter.Operator)
	id := b.draft(t, "a-1", "b-2", "c-3")
	olga := deadletter.User("olga", deadletter.Operator, "")
	if err := b.desk.StartJob(t.Context(), olga, id, deadletter.JobInput{}); err != nil {
		t.Fatal(err)
	}
	if a := p.get("/jobs/1"); a.count("#job-results[hidden]") != 1 || a.count("#job-results svg.job-plot-bars") != 0 {
		t.Errorf("before the first result it shows %s", a.says("#job-results"))
	}
	p.post("/jobs/1/pause", form("to", "/jobs/1"))
	b.clock.Add(90 * time.Second)
	p.post("/jobs/1/resume", form("to", "/jobs/1"))
	p.post("/jobs/1/pace", form("to", "/jobs/1", "concurrency", "8"))
	policy := delivery.BreakerPolicy{FailureRate: 1, MinDeliveries: 100, RampStart: 1}
	to := worker.Source{Name: "genesys", Slots: 1, Breaker: delivery.NewBreaker(policy, func() {}, b.clock.Now)}
	b.workBy(t, 1, picky{[]deadletter.ID{"a-1"}}, to)
	a := p.get("/jobs/1")
	if a.count(".job-plot-bar") != 2 || a.count(".job-bar-done") != 1 || a.count(".job-bar-failed") != 1 ||
		a.count(".job-bar-skipped") != 0 {
		t.Errorf("it draws %s", a.says(".job-plot-bars"))
	}
	got := a.doc().Find(".job-plot-bars").AttrOr("aria-label", "")
	done := strings.Contains(got, "1 delivered, 2 failed") || strings.Contains(got, "2 delivered, 1 failed")
	if !done || !strings.Contains(got, "0 skipped in 1 min 30 s, 36 a minute at most") {
		t.Errorf("the plot is called %q", got)
	}
	rows := a.doc().Find("#job-results-table tbody tr")
	if rows.Length() != 2 || !strings.Contains(rows.Eq(0).Text(), "0 s Paused by olga") ||
		!strings.Contains(rows.Eq(1).Text(), "1 min 25 s Resumed by olgaPace set by olga: 8 at once at most") ||
		!strings.HasSuffix(strings.TrimSpace(rows.Eq(1).Text()), "36 a minute") {
		t.Errorf("the table is %q", rows.Text())
	}
	if a.count(".job-plot-mark") != 2 || a.count(`[data-mark="pause"]`) != 1 ||
		!strings.Contains(a.says(`[data-mark="resume"]`), "Pace set by olga") {
		t.Errorf("it marks %q", a.says(".job-plot-mark"))
	}
	polled := p.get("/jobs/1/strip?to=/jobs/1", htmx()...)
	if polled.status != http.StatusOK || polled.count("#job-results[hx-swap-oob] .job-plot-bar") != 2 {
		t.Errorf("the page gets %s", polled.text)
	}
	if above := p.get("/jobs/1/strip?to=/messages", htmx()...); above.count("#job-results") != 0 {
		t.Errorf("a list gets %s", above.text)
	}
}
