package console_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/worker"
)

// editDraft opens the dialog of an edit of all messages, and returns its form.
func (b bundle) editDraft(t *testing.T, p person) url.Values {
	t.Helper()
	a := p.post("/messages/bulk", form("action", "edit", "scope", "all", "back", "status=all"), htmx()...)
	if a.status != http.StatusOK || a.count("#job-trial") != 1 {
		t.Fatalf("answered %d: %s", a.status, a.text)
	}
	return a.fields("form")
}

// tryAll has a worker finish the dry run of a job.
func (b bundle) tryAll(t *testing.T, id deadletter.JobID) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	done := make(chan error, 1)
	w := worker.New(worker.Deps{
		Masks: desktest.NoMasks, Store: b.store, Sources: desktest.Always([]worker.Source{}), Now: b.clock.Now,
		Random: func() float64 { return 0 }, Log: desktest.Log(t),
	})
	go func() { done <- w.Run(ctx) }()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		run, err := b.store.DryRun(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if run.State == deadletter.DryRunDone {
			stop()
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%+v is never done", run)
		}
	}
}

func TestRecipeIsPreviewedOnMessagesThatDiffer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range 30 {
		b.receive(t, fmt.Sprintf("a-%02d", i), func(c *deadletter.Capture) {
			switch i {
			case 7:
				c.Body = []byte(`no JSON`)
			case 11:
				c.Body = []byte(`{"customer":{"vip":true,"tags":["a"]},"more":{"x":1,"y":2}}`)
			case 20:
				c.Source = "cxone"
			case 25:
				c.Reason = "another cause"
			}
		})
	}
	p := b.member(t, "olga", deadletter.Operator)
	fields := b.editDraft(t, p)
	before := len(b.events(t))
	fields.Set("patch", `{"customer":{"vip":true}}`)
	a := p.post("/jobs/1/preview", fields, htmx()...)
	if a.status != http.StatusOK || a.count("#job-trial .job-preview") != 5 {
		t.Fatalf("answered %d: %s", a.status, a.text)
	}
	for _, id := range []string{"a-00", "a-07", "a-11", "a-20", "a-25"} {
		if a.count(`.job-preview [href="/messages/`+id+`"]`) != 1 {
			t.Errorf("%s is not among them: %s", id, a.says("#job-trial"))
		}
	}
	if got := a.says(`[aria-label="Preview of message a-07"]`); !strings.Contains(got, "is no JSON") {
		t.Errorf("of the body that is no JSON it says %q", got)
	}
	if got := a.says(`[aria-label="Preview of message a-11"]`); !strings.Contains(got, "leaves this message as it is") {
		t.Errorf("of the body that does not change it says %q", got)
	}
	if got := a.says(`[aria-label="Preview of message a-00"] pre`); strings.Count(got, `"vip": true`) != 1 ||
		strings.Count(got, "•••") < 2 {
		t.Errorf("the diff is of %q", got)
	}
	for _, secret := range secrets() {
		if strings.Contains(a.text, secret) {
			t.Errorf("it shows %q", secret)
		}
	}
	if got := len(b.events(t)); got != before || desktest.Message(t, b.store, "a-00").Version != 0 {
		t.Error("it has written something")
	}
	fields.Set("kind", "jq")
	fields.Set("patch", `error("the number is " + .customer.ssn)`)
	if a = p.post("/jobs/1/preview", fields, htmx()...); strings.Contains(a.text, "078-05-1120") ||
		!strings.Contains(a.says(".job-preview"), "The recipe stopped: the number is") {
		t.Errorf("a fault with a secret shows %s", a.says("#job-trial"))
	}
	fields.Set("patch", `$headers | tostring`)
	if a = p.post("/jobs/1/preview", fields, htmx()...); strings.Contains(a.text, "s3cret") {
		t.Errorf("the recipe has seen secret headers: %s", a.says("#job-trial"))
	}
}

func TestFaultOfARecipeIsShownAtItsField(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1")
	p := b.member(t, "olga", deadletter.Operator)
	fields := b.editDraft(t, p)
	fields.Set("reason", "half a reason")
	for _, path := range []string{"/jobs/1/preview", "/jobs/1/dry-run"} {
		for place, values := range map[string][3]string{
			"#patch-fault-place #patch-fault": {"merge", "{\n\"a\": }", ""},
			"#table-fault-place #table-fault": {"jq", ".", "a,b\n1"},
		} {
			fields.Set("kind", values[0])
			fields.Set("patch", values[1])
			fields.Set("table", values[2])
			a := p.post(path, fields, htmx()...)
			if a.status != http.StatusOK || a.count(place) != 1 || a.count(".field-fault") != 1 ||
				a.count(".job-preview") != 0 {
				t.Errorf("%s %s: answered %d: %s", path, place, a.status, a.text)
			}
			whole := p.post(path, fields)
			kept := whole.fields("#job-confirm")
			if whole.count(place) != 1 || kept.Get("reason") != "half a reason" ||
				kept.Get("patch") != strings.ReplaceAll(values[1], "\n", "\r\n") {
				t.Errorf("%s without scripts %s: answered %d: %s", path, place, whole.status, whole.says("main"))
			}
		}
	}
	if run, err := b.store.DryRun(t.Context(), 1); err != nil || run.ID != 0 {
		t.Errorf("a recipe with a fault has the dry run %+v, %v", run, err)
	}
	fields.Set("kind", "merge")
	fields.Set("patch", "{\r\n\"a\": 1}")
	fields.Set("table", "")
	whole := p.post("/jobs/1/preview", fields)
	if whole.status != http.StatusOK || whole.count(".job-preview") != 1 ||
		whole.fields("#job-confirm").Get("reason") != "half a reason" {
		t.Errorf("without scripts: answered %d: %s", whole.status, whole.says("main"))
	}
}

func TestDryRunIsFollowedUntilItsJobStarts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range 600 { // so many that their number has to be entered
		b.receive(t, fmt.Sprintf("a-%03d", i), func(c *deadletter.Capture) {
			c.Body = fmt.Appendf(nil, `{"n":%d,"pin":"077-%04d"}`, i, i)
		})
	}
	p := b.member(t, "olga", deadletter.Operator)
	fields := b.editDraft(t, p)
	fields.Set("kind", "jq")
	fields.Set("patch", "if .n < 50 then error(\"too small\")\r\nelif .n < 90 then . else .fixed = true end")
	a := p.post("/jobs/1/dry-run", fields, htmx()...)
	if a.status != http.StatusOK || a.count(`#dry-run[data-state="running"][hx-get="/jobs/1/dry-run"]`) != 1 ||
		a.count("#job-count-place") != 0 {
		t.Fatalf("answered %d: %s", a.status, a.text)
	}
	if got := p.get("/messages?status=all").says("#job-1"); !strings.Contains(got, "Edit and replay 600 messages") ||
		!strings.Contains(got, "Dry run: 0 of 600 would change") {
		t.Errorf("above the list it says %q", got)
	}
	b.tryAll(t, 1)
	poll := p.get("/jobs/1/dry-run", htmx()...)
	const summary = "Dry run: 510 of 600 would change, 40 unchanged, 50 fail."
	if !strings.Contains(poll.says("#dry-run"), summary) ||
		poll.count(`#dry-run[hx-post="/jobs/1/preview"][hx-trigger="load"]`) != 1 {
		t.Errorf("the poll says %s", poll.text)
	}

	a = p.post("/jobs/1/preview", fields, htmx()...)
	if !strings.Contains(a.says("#dry-run"), summary) || a.count(".dry-run-outdated") != 0 ||
		a.count("#dry-run [hx-get], #dry-run [hx-trigger]") != 0 {
		t.Errorf("it says %s", a.says("#dry-run"))
	}
	if got := a.says("#dry-run"); !strings.Contains(got, "50 The recipe stopped: too small.") ||
		!strings.Contains(got, "a-000a-001a-002") {
		t.Errorf("of the failed ones it says %s", got)
	}
	if !strings.Contains(a.says("#job-count-place"), "Enter 510") || a.fields("body").Get("sends") != "510" ||
		a.says("#job-submit-place") != "Edit and replay 510 messages" {
		t.Errorf("it asks %q, and offers to %q", a.says("#job-count-place"), a.says("#job-submit-place"))
	}
	other := url.Values{}
	for name, values := range fields {
		other[name] = values
	}
	other.Set("patch", ".")
	other.Set("sends", "510")
	if a = p.post("/jobs/1/preview", other, htmx()...); a.count(".dry-run-outdated") != 1 ||
		!strings.Contains(a.says("#job-count-place"), "Enter 600") {
		t.Errorf("with another recipe it says %s", a.text)
	}

	page := p.get("/jobs/1")
	again := page.fields("#job-confirm")
	if again.Get("patch") != fields.Get("patch") || again.Get("kind") != "jq" || again.Get("sends") != "510" ||
		!strings.Contains(page.says("#dry-run"), summary) || page.count(".dry-run-outdated") != 0 {
		t.Errorf("opened again it is %v: %s", again, page.says("#dry-run"))
	}
	again.Set("reason", "the field was missing")
	again.Set("count", "600")
	if a = p.post("/jobs/1/start", again, htmx()...); a.count("#count-fault") != 1 ||
		!strings.Contains(a.says("#count-fault"), "510 messages") {
		t.Errorf("with the wrong number: %d %s", a.status, a.says("#job-confirm"))
	}
	again.Set("count", "510")
	if a = p.post("/jobs/1/start", again); a.status != http.StatusSeeOther {
		t.Fatalf("answered %d: %s", a.status, a.says("main"))
	}
	facts := p.get("/jobs/1").says(".job-facts")
	if !strings.Contains(facts, "510 of 600 would change, 40 unchanged, 50 fail.") {
		t.Errorf("the job's page says %s", facts)
	}
	if a = p.post("/jobs/1/dry-run", fields, htmx()...); a.status != http.StatusConflict {
		t.Errorf("a dry run of a started job answers %d", a.status)
	}
}

func TestDryRunIsCancelledInPlace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1")
	p := b.member(t, "olga", deadletter.Operator)
	fields := b.editDraft(t, p)
	fields.Set("patch", `{"a":1}`)
	p.post("/jobs/1/dry-run", fields, htmx()...)
	if a := p.post("/jobs/1/dry-run/cancel", fields, htmx()...); a.status != http.StatusOK ||
		!strings.Contains(a.says("#dry-run"), "Dry run cancelled: 0 of 1 would change") ||
		a.count("#dry-run [hx-get]") != 0 {
		t.Errorf("answered %d: %s", a.status, a.text)
	}
	whole := p.post("/jobs/1/dry-run", fields)
	if whole.status != http.StatusOK || !strings.Contains(whole.says("#dry-run"), "Dry run at work") ||
		whole.fields("#job-confirm").Get("patch") != `{"a":1}` {
		t.Errorf("without scripts: answered %d: %s", whole.status, whole.says("main"))
	}
}

// Another person who opens a draft does not get the secrets of a recipe.
func TestRecipeOfADryRunIsNotShownToOthers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1")
	olga, otto := b.member(t, "olga", deadletter.Operator), b.member(t, "otto", deadletter.Operator)
	fields := b.editDraft(t, olga)
	for patch, want := range map[string]string{`{"password":"hunter-22"}`: "", `{"a":1}`: `{"a":1}`} {
		fields.Set("patch", patch)
		olga.post("/jobs/1/dry-run", fields, htmx()...)
		if got := otto.get("/jobs/1").fields("#job-confirm").Get("patch"); got != want {
			t.Errorf("otto gets %q of %q", got, patch)
		}
		if got := olga.get("/jobs/1").fields("#job-confirm").Get("patch"); got != patch {
			t.Errorf("olga gets %q of %q", got, patch)
		}
	}
}
