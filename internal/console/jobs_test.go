package console_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
	"dlqdesk/internal/worker"
	"dlqdesk/web/page"
)

// draft creates a job over messages, and does not start it.
func (b bundle) draft(t *testing.T, ids ...deadletter.ID) deadletter.JobID {
	t.Helper()
	var refs []desk.Ref
	for _, id := range ids {
		refs = append(refs, desk.Ref{ID: id})
	}
	j, err := b.desk.FreezeSelected(
		t.Context(), deadletter.User("boss", deadletter.Admin, ""), deadletter.ActReplay, refs,
	)
	if err != nil {
		t.Fatal(err)
	}
	return j.ID
}

// work runs a worker that has nowhere to deliver to until a job is over.
func (b bundle) work(t *testing.T, id deadletter.JobID) deadletter.Job {
	t.Helper()
	return b.workBy(t, id, nil)
}

// workBy is work by a worker with these sources.
func (b bundle) workBy(t *testing.T, id deadletter.JobID, by delivery.Sender, to ...worker.Source) deadletter.Job {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	done := make(chan error, 1)
	w := worker.New(worker.Deps{
		Masks:   desktest.NoMasks,
		Store:   b.store,
		Sender:  by,
		Sources: desktest.Always(to),
		Now:     b.clock.Now,
		Random:  func() float64 { return 0 },
		Log:     desktest.Log(t),
	})
	go func() { done <- w.Run(ctx) }()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		j, err := b.store.Job(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if j.State.Ended() {
			stop()
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			return j
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("job %+v is never over", j)
		}
	}
}

func TestSelectedMessagesBecomeAJobImmediately(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, id := range []string{"a-1", "b-2", "c-3"} {
		b.receive(t, id)
	}
	p := b.member(t, "olga", deadletter.Operator)
	selected := form(
		"action", "replay", "item", "a-1@0", "item", "b-2@0", "item", "c-3@0", "back",
		"status=failed&source=genesys",
	)
	part := p.post("/messages/bulk", selected, htmx()...)
	if part.status != http.StatusOK || !strings.Contains(part.says(".job-strip"), "Replaying 3 messages 3 to go") ||
		part.count("#job-1[data-poll]") != 1 {
		t.Fatalf("answered %d: %s", part.status, part.says("#messages"))
	}
	if part.count("#messages") != 1 || part.fields("form.query").Get("source") != "genesys" ||
		part.count("tr[data-message]") != 3 {
		t.Errorf("the list is not the one that one came from: %s", part.text)
	}
	whole := p.post("/messages/bulk", selected)
	if whole.status != http.StatusSeeOther || whole.header.Get("Location") != "/messages?source=genesys&status=failed" {
		t.Fatalf("without script: %d, to %q", whole.status, whole.header.Get("Location"))
	}
	if got := p.get("/messages").count(".job-strip"); got != 2 {
		t.Errorf("%d jobs are in sight", got)
	}
	if got := b.member(t, "otto", deadletter.Operator).get("/messages").count(".job-strip"); got != 0 {
		t.Errorf("%d jobs are in the sight of somebody else", got)
	}
	if got := p.get("/jobs"); got.count("tr[data-job]") != 2 ||
		!strings.Contains(got.says("tr[data-job='1']"), "olga") {
		t.Errorf("the jobs are %s", got.says("main"))
	}
	if got := p.get("/messages?status=all&job=1&result=pending"); got.count("tr[data-message]") != 3 ||
		!strings.Contains(got.says(".chip-row"), "Job 1") {
		t.Errorf("the messages of the job are %s", got.says("main"))
	}
}

func TestAllMatchingMessagesArePreviewedAsAFrozenSet(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range 60 {
		b.receive(t, fmt.Sprintf("a-%02d", i), func(c *deadletter.Capture) {
			if i < 2 {
				c.FirstAttempt.Outcome, c.FirstAttempt.StatusCode = deadletter.Unknown, 0
			}
		})
		b.clock.Add(time.Minute)
	}
	b.receive(t, "x-1", func(c *deadletter.Capture) { c.Source = "cxone" })
	p := b.member(t, "olga", deadletter.Operator)
	list := p.get("/messages?status=all&source=genesys")
	if got := list.says("[data-all-matching]"); got != "Select all 60 messages that match" {
		t.Errorf("the list offers %q", got)
	}
	asked := p.post(
		"/messages/bulk",
		form("action", "replay", "scope", "all", "back", "status=all&source=genesys"),
		htmx()...)
	if asked.status != http.StatusOK || asked.header.Get("HX-Retarget") != "#job-dialog" {
		t.Fatalf("answered %d: %s", asked.status, asked.text)
	}
	for _, want := range []string{
		"Replay 60 messages", "60 messages received from 2026-03-02 10:15:05 UTC to " +
			"2026-03-02 11:14:05 UTC", "No new messages since you selected.",
		"Include 2 that may already have been processed",
	} {
		if !strings.Contains(asked.says("form"), want) {
			t.Errorf("the dialog does not say %q: %s", want, asked.says("form"))
		}
	}
	b.receive(t, "a-60")
	if got := p.get("/jobs/1/new-matches", htmx()...).
		says("#job-new-matches"); got != "1 new message since you selected is not included." {
		t.Errorf("of what came since it says %q", got)
	}
	fields := asked.fields("form")
	if again := p.post(
		"/jobs/1/start",
		fields,
		htmx()...); again.status != http.StatusPreconditionRequired || again.count("#include-unknown-fault") != 1 ||
		again.header.Get("HX-Retarget") != "#job-dialog" {
		t.Errorf("without being sure: %d %s", again.status, again.text)
	}
	fields.Set("unknown", "yes")
	begun := p.post("/jobs/1/start", fields, htmx()...)
	if begun.status != http.StatusOK || !strings.Contains(begun.says(".job-strip"), "Replaying 60 messages 60 to go") ||
		begun.fields("form.query").Get("source") != "genesys" {
		t.Errorf("answered %d: %s", begun.status, begun.says("main"))
	}
	// Another operator had the same dialog open.
	if late := b.member(t, "otto", deadletter.Operator).
		post("/jobs/1/start", fields, htmx()...); late.status != http.StatusOK ||
		!strings.Contains(late.says(".notice"), "This job was started by olga 0 s ago.") {
		t.Errorf("answered %d: %s", late.status, late.says("main"))
	}
	if page := p.get("/jobs/1"); !strings.Contains(page.says("main"), "Replaying 60 messages") ||
		page.count(".facts a[href='/messages?source=genesys&status=all']") != 1 {
		t.Errorf("the job's page says %s", page.says("main"))
	}
}

func TestSelectionWithUnknownOutcomesNeedsConfirmation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1", func(c *deadletter.Capture) { c.FirstAttempt.Outcome = deadletter.Unknown })
	p := b.member(t, "olga", deadletter.Operator)
	asked := p.post("/messages/bulk", form("action", "replay", "item", "a-1@0", "back", "status=all"))
	if asked.status != http.StatusSeeOther || asked.header.Get("Location") != "/jobs/1?back=status%3Dall" {
		t.Fatalf("answered %d, to %s", asked.status, asked.header.Get("Location"))
	}
	page := p.get(asked.header.Get("Location"))
	if !strings.Contains(page.says("main"), "Include 1 that may already have been processed") ||
		page.count("form [hx-post]") != 0 {
		t.Errorf("the page says %s", page.says("main"))
	}
	fields := page.fields("main form")
	fields.Set("unknown", "yes")
	if a := p.post("/jobs/1/start", fields); a.status != http.StatusSeeOther ||
		a.header.Get("Location") != "/messages?status=all" {
		t.Errorf("answered %d, to %s", a.status, a.header.Get("Location"))
	}
}

func TestArchiveJobNeedsAReasonAndCanBeUndone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1")
	b.receive(t, "b-2")
	p := b.member(t, "olga", deadletter.Operator)
	asked := p.post(
		"/messages/bulk",
		form("action", "archive", "item", "a-1@0", "item", "b-2@0", "back", "status=failed"),
		htmx()...)
	if asked.count("#job-reason") != 1 || asked.count("#job-new-matches") != 0 {
		t.Fatalf("answered %d: %s", asked.status, asked.text)
	}
	fields := asked.fields("form")
	if a := p.post("/jobs/1/start", fields); a.status != http.StatusUnprocessableEntity ||
		a.count("#job-reason-fault") != 1 {
		t.Errorf("without a reason: %d %s", a.status, a.says("main"))
	}
	fields.Set("reason", "known fault")
	if a := p.post(
		"/jobs/1/start",
		fields,
		htmx()...); a.status != http.StatusOK ||
		!strings.Contains(a.says(".job-strip"), "Archiving 2 messages") {
		t.Fatalf("answered %d: %s", a.status, a.says("main"))
	}
	b.work(t, 1)
	list := p.get("/messages?status=archived")
	if list.count("tr[data-message]") != 2 || !strings.Contains(list.says(".job-strip"), "Archived 2 messages") ||
		list.count("#job-1-undo") != 1 {
		t.Errorf("the list says %q", list.says("main"))
	}
	undo := p.post("/jobs/1/undo", form("to", "/messages?status=failed"), htmx()...)
	if undo.status != http.StatusOK || !strings.Contains(undo.says("#job-2"), "Restoring 2 messages") {
		t.Fatalf("answered %d: %s", undo.status, undo.text)
	}
	b.work(t, 2)
	if m := desktest.Message(t, b.store, "b-2"); m.Status != deadletter.Failed {
		t.Errorf("message %+v", m)
	}
	if a := p.post(
		"/jobs/1/undo",
		form("to", "/messages"),
		htmx()...); a.status != http.StatusConflict ||
		!strings.Contains(a.text, "undone already by olga") {
		t.Errorf("once more: %d %s", a.status, a.text)
	}
	if page := p.get("/jobs/1"); page.count("#job-1-undo") != 0 || page.count("a[href='/jobs/2']") != 1 {
		t.Errorf("the page of the undone job says %s", page.says("main"))
	}
	if a := p.post("/jobs/2/hide", form("to", "//elsewhere.example")); a.status != http.StatusSeeOther ||
		a.header.Get("Location") != "/causes" {
		t.Errorf("answered %d, to %s", a.status, a.header.Get("Location"))
	}
	if got := p.get("/messages").count(".job-strip"); got != 0 {
		t.Errorf("%d jobs are in sight", got)
	}
}

// The dialog says how many of all matching messages a job will skip, and why.
func TestDraftSaysWhatWillBeSkipped(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, id := range []string{"a-1", "b-2", "c-3"} {
		b.receive(t, id)
	}
	p := b.member(t, "olga", deadletter.Operator)
	for _, id := range []string{"a-1", "b-2"} {
		p.post("/messages/"+id+"/archive", order(0, "reason", "known"))
	}
	asked := p.post("/messages/bulk", form("action", "replay", "scope", "all", "back", "status=all"), htmx()...)
	const want = "2 of them cannot be replayed as they stand and will be skipped: 2 archived."
	if got := asked.says(".job-set"); !strings.Contains(got, want) {
		t.Errorf("it says %q, want %q", got, want)
	}
	asked = p.post("/messages/bulk", form("action", "replay", "scope", "all", "back", "status=failed"), htmx()...)
	if got := asked.says(".job-set"); strings.Contains(got, "skipped") {
		t.Errorf("of messages that can all be replayed it says %q", got)
	}
}

// A row has what the desk refuses, in the words of the page of its message.
func TestRowsSayWhatIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1")
	b.receive(t, "b-2")
	b.receive(t, "c-3", func(c *deadletter.Capture) { c.Source = "gone" })
	p := b.member(t, "olga", deadletter.Operator)
	if a := p.post("/messages/b-2/archive", order(0, "reason", "known")); a.status != http.StatusSeeOther {
		t.Fatalf("archiving answers %d", a.status)
	}
	list := p.get("/messages?status=all").doc()
	for id, want := range map[string]string{
		"a-1": "redrive, restore", "b-2": "archive, edit, redrive, replay", "c-3": "edit, redrive, replay, restore",
	} {
		t.Run(id, func(t *testing.T) {
			var refused []page.Refusal
			text := list.Find(`tr[data-message="`+id+`"] [name="item"]`).AttrOr("data-refused", "")
			if err := json.Unmarshal([]byte(text), &refused); err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			shown := p.get("/messages/" + id).says("main")
			var names []string
			for _, r := range refused {
				names = append(names, r.Actions...)
				if slices.Contains(r.Actions, "replay") && !strings.Contains(shown, r.Reason) {
					t.Errorf("the page of the message does not say %q", r.Reason)
				}
			}
			names = slices.DeleteFunc(names, func(name string) bool { return name == "edit-redrive" })
			slices.Sort(names)
			if got := strings.Join(names, ", "); got != want {
				t.Errorf("refused are %s, want %s", got, want)
			}
		})
	}
}

func TestEditJobChecksThePatch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1")
	p := b.member(t, "olga", deadletter.Operator)
	fields := p.post("/messages/bulk", form("action", "edit", "item", "a-1@0", "back", "status=all"), htmx()...).
		fields("form")
	for fault, values := range map[string][2]string{
		"#patch-fault":      {"{\n\"a\": }", "x"},
		"#job-reason-fault": {`{"a":1}`, ""},
		"#table-fault":      {`{"a":1}`, "y"},
	} {
		t.Run(fault, func(t *testing.T) {
			fields.Set("patch", values[0])
			fields.Set("reason", values[1])
			fields.Set("table", "")
			if fault == "#table-fault" {
				fields.Set("kind", "jq")
				fields.Set("table", "a,b\n1")
			}
			for _, headers := range [][]string{nil, htmx()} {
				a := p.post("/jobs/1/start", fields, headers...)
				again := a.fields("#job-confirm")
				if a.status != http.StatusUnprocessableEntity || a.count(fault) != 1 ||
					again.Get("reason") != values[1] || again.Get("back") != "status=all" {
					t.Errorf("%s: answered %d: %s", fault, a.status, a.text)
				}
			}
		})
	}
	fields.Set("kind", "jq")
	fields.Set("table", "a,b\n1,2")
	fields.Set("patch", `.id = "x" | .password = "hunter-22"`)
	fields.Set("reason", "the id was missing")
	if a := p.post("/jobs/1/start", fields); a.status != http.StatusSeeOther ||
		a.header.Get("Location") != "/messages?status=all" {
		t.Fatalf("answered %d: %s", a.status, a.says("main"))
	}
	if page := p.get("/jobs/1"); !strings.Contains(page.says(".facts"), `jq`) ||
		strings.Contains(page.text, "hunter-22") || !strings.Contains(page.says(".facts"), `.id = "x"`) ||
		!strings.Contains(page.says(".facts"), "the id was missing") {
		t.Errorf("the job's page says %s", page.says("main"))
	}
}

func TestJobIsPausedResumedAndCancelledInPlace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1")
	p := b.member(t, "olga", deadletter.Operator)
	p.post("/messages/bulk", form("action", "replay", "item", "a-1@0"))
	for _, step := range []struct{ do, says string }{
		{"pause", "Paused: Replay 1 message"}, {"resume", "Replaying 1 message"}, {
			"cancel",
			"Cancelled: Replay 1 message 1 not processed",
		},
	} {
		if a := p.post(
			"/jobs/1/"+step.do,
			form("to", "/messages"),
			htmx()...); a.status != http.StatusOK ||
			!strings.Contains(a.says("#job-1"), step.says) {
			t.Errorf("%s: %d %s", step.do, a.status, a.text)
		}
		if a := p.post(
			"/jobs/1/"+step.do,
			form("to", "/messages"),
			htmx()...); a.status != http.StatusConflict ||
			!strings.Contains(a.text, "by olga 0 s ago") {
			t.Errorf("%s again: %d %s", step.do, a.status, a.text)
		}
	}
	if m := desktest.Message(t, b.store, "a-1"); m.Version != 0 {
		t.Errorf("message %+v", m)
	}
}

func TestInvalidSelectionsAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1")
	p := b.member(t, "olga", deadletter.Operator)
	many := form("action", "replay")
	for i := range 201 {
		many.Add("item", fmt.Sprintf("l-%d@0", i))
	}
	for name, values := range map[string]map[string][]string{
		"nothing": form("action", "replay"), "no version": form("action", "replay", "item", "a-1"),
		"no id":     form("action", "replay", "item", "@0"),
		"no number": form("action", "replay", "item", "a-1@x"), "no such action": form("action", "delete", "item",
			"a-1@0"), "too many": many, "no action": form("item", "a-1@0"),
		"no such filter": form("action", "replay", "scope", "all", "back", "status=lost"),
	} {
		t.Run(name, func(t *testing.T) {
			if a := p.post("/messages/bulk", values); a.status != http.StatusUnprocessableEntity {
				t.Errorf("%s: answered %d", name, a.status)
			}
		})
	}
	for _, path := range []string{"/jobs/4711", "/jobs/x", "/jobs/-1/strip"} {
		t.Run(path, func(t *testing.T) {
			if a := p.get(path); a.status != http.StatusNotFound {
				t.Errorf("%s: answered %d", path, a.status)
			}
		})
	}
	none := p.post("/messages/bulk", form("action", "replay", "scope", "all", "back", "source=nobody"), htmx()...)
	if !strings.Contains(none.says("form"), "No message matches now") || none.count("[type=submit]") != 0 {
		t.Errorf("a job of nothing: %d %s", none.status, none.says("form"))
	}
	if got := desktest.Message(t, b.store, "a-1"); got.Version != 0 {
		t.Errorf("message %+v", got)
	}
}

// picky delivers everything but for some messages.
type picky struct{ refused []deadletter.ID }

func (p picky) Send(_ context.Context, _ delivery.Destination, r delivery.Request) deadletter.Attempt {
	if slices.Contains(p.refused, r.Message) {
		return deadletter.Attempt{
			Outcome:    deadletter.ErrorResponse,
			StatusCode: http.StatusUnprocessableEntity,
			Error:      "Unprocessable Entity",
			Done:       true,
		}
	}
	return deadletter.Attempt{Outcome: deadletter.Delivered, StatusCode: http.StatusOK, Done: true}
}

// One click creates a draft job over the failed messages of a job.
func TestFailedMessagesOfAJobAreReplayedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, id := range []string{"a-1", "b-2", "c-3", "d-4"} {
		b.receive(t, id)
	}
	p, vera := b.member(t, "olga", deadletter.Operator), b.member(t, "vera", deadletter.Viewer)
	id := b.draft(t, "a-1", "b-2", "c-3")
	if err := b.desk.StartJob(
		t.Context(), deadletter.User("olga", deadletter.Operator, ""), id, deadletter.JobInput{},
	); err != nil {
		t.Fatal(err)
	}
	if got := p.get("/jobs/" + id.String()); got.count("#job-1-retry") != 0 {
		t.Error("a job that is not over is offered again")
	}
	policy := delivery.BreakerPolicy{FailureRate: 1, MinDeliveries: 100, RampStart: 1}
	to := worker.Source{
		Name:    "genesys",
		Slots:   1,
		Breaker: delivery.NewBreaker(policy, func() {}, b.clock.Now),
	}
	b.workBy(t, id, picky{[]deadletter.ID{"a-1", "c-3"}}, to)
	over := p.get("/jobs/" + id.String())
	if button := over.doc().
		Find("#job-1-retry"); strings.TrimSpace(button.Text()) != "Replay failed messages" ||
		button.AttrOr("formaction", "") != "/messages/bulk" {
		t.Fatalf("the job's page says %s", over.says("main"))
	}
	if strip := vera.get("/jobs/" + id.String()); strip.count("#job-1-retry") != 0 ||
		!strings.Contains(strip.says(".btn-denied"), "Replay failed messages") {
		t.Errorf("a viewer is told %s", strip.says("main"))
	}
	fields := over.fields("form.job-actions")
	fields.Set("action", over.doc().Find("#job-1-retry").AttrOr("value", ""))
	asked := p.post("/messages/bulk", fields)
	if asked.status != http.StatusSeeOther || !strings.HasPrefix(asked.header.Get("Location"), "/jobs/2?") {
		t.Fatalf("answered %d, to %s", asked.status, asked.header.Get("Location"))
	}
	if draft := p.get(asked.header.Get("Location")); !strings.Contains(draft.says("main"), "Replay 2 messages") {
		t.Errorf("the draft says %s", draft.says("main"))
	}
	if list := p.get("/messages?" + fields.Get("back")); list.count("tr[data-message]") != 2 ||
		list.count(`tr[data-message="b-2"]`) != 0 {
		t.Errorf("the draft is of %s", list.says("main"))
	}
}

func TestFailuresOfAJobLinkToTheirMessages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for id, source := range map[string]string{"a-1": "old", "b-2": `odd "source" & more`, "c-3": "old"} {
		b.receive(t, id, func(c *deadletter.Capture) { c.Source = source })
	}
	p := b.member(t, "olga", deadletter.Operator)
	id := b.draft(t, "a-1", "b-2", "c-3")
	if err := b.desk.StartJob(
		t.Context(), deadletter.User("olga", deadletter.Operator, ""), id, deadletter.JobInput{},
	); err != nil {
		t.Fatal(err)
	}
	b.work(t, id)
	faults := p.get("/jobs/" + id.String()).doc().Find(".job-problems a")
	if faults.Length() != 2 {
		t.Fatalf("%d faults lead to messages", faults.Length())
	}
	want := map[string][]string{"2 skipped": {"a-1", "c-3"}, "1 skipped": {"b-2"}}
	for _, link := range faults.EachIter() {
		list := p.get(link.AttrOr("href", ""))
		var ids []string
		for _, row := range list.doc().Find("tr[data-message]").EachIter() {
			ids = append(ids, row.AttrOr("data-message", ""))
		}
		slices.Sort(ids)
		if text := strings.Join(strings.Fields(link.Text()), " "); !slices.Equal(ids, want[text]) ||
			!strings.Contains(list.says(".chip-row"), "is not configured: add it under sources and reload.") {
			t.Errorf("%s: %v, %q", text, ids, list.says(".chip-row"))
		}
	}
	if a := p.get("/messages?job=1&error=" + strings.Repeat("x", 5000)); a.status != http.StatusUnprocessableEntity {
		t.Errorf("a reason too long for an address is answered %d", a.status)
	}
}

// A failure of a job leads to the cause that its messages have.
func TestFailuresOfAJobLeadToTheirCause(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "x-1", failing("genesys", "shard blue is down", 422), func(c *deadletter.Capture) {
		c.Destination = "http://handler.internal:9090/genesys?code=s3cret" // as setup configures it
	})
	p := b.member(t, "olga", deadletter.Operator)
	id := b.draft(t, "x-1")
	olga := deadletter.User("olga", deadletter.Operator, "")
	if err := b.desk.StartJob(t.Context(), olga, id, deadletter.JobInput{}); err != nil {
		t.Fatal(err)
	}
	j, err := b.store.Job(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	items, err := b.store.PendingItems(t.Context(), j, "genesys", 1)
	if err != nil || len(items) != 1 {
		t.Fatalf("%d items, %v", len(items), err)
	}
	err = b.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		return tx.SettleItem(ctx, items[0], deadletter.ItemFailed, "422: shard blue is down", b.clock.Now())
	})
	if err != nil {
		t.Fatal(err)
	}
	if a := p.get("/jobs/" + id.String()); a.count(`.job-problems a[href="/causes/`+m.Fingerprint+`"]`) != 1 {
		t.Errorf("it does not lead to the cause: %s", a.says(".job-problems"))
	}
}

func TestJobShowsFiveErrorsAtMost(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var ids []deadletter.ID
	for i := range 8 {
		id := fmt.Sprintf("a-%d", i)
		ids = append(ids, deadletter.ID(id))
		b.receive(t, id, func(c *deadletter.Capture) { c.Source = "old-" + string(rune('a'+i)) })
	}
	p := b.member(t, "olga", deadletter.Operator)
	id := b.draft(t, ids...)
	if err := b.desk.StartJob(
		t.Context(), deadletter.User("olga", deadletter.Operator, ""), id, deadletter.JobInput{},
	); err != nil {
		t.Fatal(err)
	}
	b.work(t, id)
	page := p.get("/jobs/" + id.String())
	if n, last := page.count(".job-problems li"), page.says(".job-problems li:last-child"); n != 6 ||
		last != "and 3 more" {
		t.Errorf("it shows %d lines, the last is %q", n, last)
	}
}

// A person schedules a job, sees it where jobs are listed, and starts it early.
func TestJobIsScheduledAndStartedEarly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "m-1")
	id := b.draft(t, m.ID)
	path, p := "/jobs/"+id.String(), b.member(t, "olga", deadletter.Operator)
	begins := func(at time.Time) string { return at.UTC().Format("2006-01-02T15:04") }
	now := b.clock.Now()
	past := p.post(path+"/start", form("begins", begins(now.Add(-time.Hour)), "unknown", "yes"))
	if past.status != http.StatusUnprocessableEntity ||
		!strings.HasPrefix(past.says("#begins-fault"), "A job can begin") {
		t.Errorf("a time that is past answers %d: %s", past.status, past.says(".field-fault"))
	}
	if a := p.post(path+"/start", form("begins", "soon", "unknown", "yes")); !strings.Contains(
		a.says("#begins-fault"), "is not a time",
	) {
		t.Errorf("what is no time answers %d", a.status)
	}
	later := form("begins", begins(now.Add(time.Hour)), "unknown", "yes")
	if a := p.post(path+"/start", later); a.status != http.StatusSeeOther {
		t.Fatalf("it answers %d: %s", a.status, a.says("main"))
	}
	if got := p.get("/jobs").says("[data-job]"); !strings.Contains(got, "Scheduled: Replay 1 message") ||
		!strings.Contains(got, "Begins2026-03-02 11:15") {
		t.Errorf("the list of jobs says %q", got)
	}
	if a := p.get(path); a.count("form[action='"+path+"/pace']") != 0 || a.count("form[action='"+path+"/pause']") != 1 {
		t.Errorf("the page of one that has not begun offers another pace")
	}
	if a := p.post(path+"/resume", form("to", path)); a.status != http.StatusSeeOther {
		t.Fatalf("starting early answers %d", a.status)
	}
	if j, err := b.store.Job(t.Context(), id); err != nil || j.State != deadletter.JobRunning {
		t.Errorf("it is %+v, %v", j, err)
	}
}

// The pace of a job is changed on its page; its steps are as they were entered.
func TestJobStartsWithStepsAndGetsAnotherPace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var ids []deadletter.ID
	for i := range 5 {
		ids = append(ids, b.receive(t, fmt.Sprintf("m-%d", i)).ID)
	}
	id := b.draft(t, ids...)
	path, p := "/jobs/"+id.String(), b.member(t, "olga", deadletter.Operator)
	for steps, fault := range map[string]string{"1, two": "#steps-fault", "9": "#steps-fault"} {
		if a := p.post(path+"/start", form("steps", steps, "unknown", "yes")); a.status < 400 || a.says(fault) == "" {
			t.Errorf("steps %q: %d", steps, a.status)
		}
	}
	p.post(path+"/start", form("steps", "1 2", "sequence", "newest", "unknown", "yes"))
	if got := p.get(path).says(".job-facts"); !strings.Contains(got, "Steps1 message now2 messages to come") ||
		!strings.Contains(got, "SequenceNewest first") {
		t.Errorf("its page says %q", got)
	}
	if got := p.get(path).says(".job-wait"); got != "Step 1 of 3 (1 message)." {
		t.Errorf("its progress is %q", got)
	}
	if a := p.post(path+"/pace", form("rate", "-4")); a.status != http.StatusUnprocessableEntity {
		t.Errorf("a rate below zero answers %d", a.status)
	}
	p.post(path+"/pace", form("rate", "40", "concurrency", "2", "to", path))
	if got := p.get(path).says(".job-facts"); !strings.Contains(got, "40 a second at most, 2 at once at most") {
		t.Errorf("its page says %q", got)
	}
	p.post(path+"/cancel", form("to", path))
	if got := p.get(path).says(".job-actions"); !strings.Contains(got, "Replay the 5 left") {
		t.Errorf("after the cancel it offers %q", got)
	}
}
