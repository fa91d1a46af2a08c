package console_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/worker"
)

// The export of a job has its messages with their results, masked, without formulas, and is itself on record.
func TestExportOfAJobHasEachMessageWithItsResult(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, id := range []string{"a-1", "b-2", "=3"} {
		b.receive(t, id, failing("old", "the field is missing", 422), func(c *deadletter.Capture) {
			c.Destination = "http://handler.internal:9090/old?code=s3cret"
		})
	}
	vera := b.member(t, "vera", deadletter.Viewer)
	b.member(t, "olga", deadletter.Operator)
	id := b.draft(t, "a-1", "b-2", "=3")
	olga := deadletter.User("olga", deadletter.Operator, "")
	if err := b.desk.StartJob(t.Context(), olga, id, deadletter.JobInput{}); err != nil {
		t.Fatal(err)
	}
	b.work(t, id)
	if a := vera.get("/jobs/1"); a.count(`form[action="/jobs/1/export"] button[name="format"]`) != 2 ||
		!strings.HasSuffix(a.says("#job-link"), "/jobs/1") {
		t.Errorf("the page offers no export, or no link: %s", a.says("main"))
	}
	a := vera.post("/jobs/1/export", form("format", "csv"))
	lines := a.csv()
	if got := a.header.Get("Content-Disposition"); len(lines) != 4 ||
		got != `attachment; filename="dlqdesk-job-1-20260302T101505Z.csv"` {
		t.Fatalf("answers %d with %s and %q", a.status, got, lines)
	}
	var ids []string
	for _, line := range lines[1:] {
		ids = append(ids, line[0])
		if line[1] != "old" || !strings.HasPrefix(line[2], "http://handler.internal:9090/old") ||
			line[3] != "2026-03-02T10:15:05.000Z" || !strings.HasPrefix(line[4], "422: the field is missing") ||
			line[5] != "skipped" || !strings.Contains(line[6], "is not configured") || line[7] != "1" ||
			line[8] != "failed" {
			t.Errorf("a line is %q", line)
		}
	}
	slices.Sort(ids)
	if !slices.Equal(ids, []string{"'=3", "a-1", "b-2"}) {
		t.Errorf("it has the messages %q", ids)
	}
	objects := vera.post("/jobs/1/export", form("format", "jsonl"))
	var one map[string]any
	if err := json.Unmarshal([]byte(strings.Split(objects.text, "\n")[0]), &one); err != nil ||
		one["result"] != "skipped" || one["attempts"] != 1.0 || strings.Count(objects.text, "\n") != 3 {
		t.Errorf("%s: %v", objects.text, err)
	}
	for _, secret := range secrets() {
		if strings.Contains(a.text+objects.text, secret) {
			t.Errorf("it shows %q", secret)
		}
	}
	recorded := vera.export("action=job.export", "jsonl").text
	if strings.Count(recorded, `"actor":"vera"`) != 2 || !strings.Contains(recorded, `"format":"csv"`) {
		t.Errorf("on record is %s", recorded)
	}
}

func TestExportOfAJobReportsWrongOrders(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1")
	b.draft(t, "a-1")
	vera := b.member(t, "vera", deadletter.Viewer)
	before := len(b.events(t))
	for path, want := range map[string]int{"1": http.StatusUnprocessableEntity, "7": http.StatusNotFound} {
		if a := vera.post("/jobs/"+path+"/export", form("format", "xml")); a.status != want ||
			a.header.Get("Content-Disposition") != "" {
			t.Errorf("job %s: answered %d, want %d", path, a.status, want)
		}
	}
	if n := len(b.events(t)); n != before {
		t.Errorf("%d exports that were none are on record", n-before)
	}
}

// The page of a job shows its steps, and who steered it: no event of anything else with the same name.
func TestJobShowsItsStepsAndEvents(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "1")
	b.receive(t, "a-2")
	p := b.member(t, "olga", deadletter.Operator)
	id := b.draft(t, "1", "a-2")
	olga := deadletter.User("olga", deadletter.Operator, "")
	in := deadletter.JobInput{Steps: deadletter.JobSteps{Sizes: []int{1}}}
	if err := b.desk.StartJob(t.Context(), olga, id, in); err != nil {
		t.Fatal(err)
	}
	p.post("/jobs/1/pause", form("to", "/jobs/1"))
	a := p.get("/jobs/1")
	if got := a.says(".job-steps"); got != "1 message paused1 message to come" {
		t.Errorf("its steps are %q", got)
	}
	got := a.says(".job-events")
	before, _, ok := strings.Cut(got, "olga started this job")
	if !ok || !strings.Contains(before, "olga paused this job") || a.count(".job-events li") != 2 {
		t.Errorf("its events are %q", got)
	}
	all := p.get(a.doc().Find(`a[href^="/audit?"]`).AttrOr("href", ""))
	if all.count(".sentence") != 2 || !strings.Contains(all.says(".preset-row"), "Job 1") {
		t.Errorf("all of them are %s", all.says("main"))
	}
}

// The page of a job that edits shows two of its messages before and after, masked.
func TestEditJobShowsSamplesOfItsEdits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, id := range []string{"a-1", "b-2", "c-3"} {
		b.receive(t, id)
	}
	p := b.member(t, "olga", deadletter.Operator)
	asked := p.post(
		"/messages/bulk",
		form("action", "edit", "item", "a-1@0", "item", "b-2@0", "item", "c-3@0"),
		htmx()...)
	fields := asked.fields("form")
	fields.Set("patch", `{"added":"by the job"}`)
	fields.Set("reason", "it was missing")
	fields.Set("steps", "")
	p.post("/jobs/1/start", fields)
	if a := p.get("/jobs/1"); a.count(".job-sample") != 0 {
		t.Errorf("before any edit it shows %s", a.says(".job-sample"))
	}
	policy := delivery.BreakerPolicy{FailureRate: 1, MinDeliveries: 100, RampStart: 1}
	to := worker.Source{
		Name: "genesys", Slots: 1, Breaker: delivery.NewBreaker(policy, func() {}, b.clock.Now),
	}
	b.workBy(t, 1, picky{[]deadletter.ID{"a-1"}}, to)
	a := p.get("/jobs/1")
	sides := a.doc().Find(".job-sample pre")
	if a.count(".job-sample") != 2 || sides.Length() != 4 {
		t.Fatalf("it shows %d samples: %s", a.count(".job-sample"), a.says("main"))
	}
	for i, side := range sides.EachIter() {
		if strings.Contains(side.Text(), "by the job") != (i%2 == 1) {
			t.Errorf("side %d is %s", i, side.Text())
		}
	}
	for _, secret := range secrets() {
		if strings.Contains(a.text, secret) {
			t.Errorf("it shows %q", secret)
		}
	}
}
