package worker_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

// employ makes anna a user: the owner of a job must be one.
func (b bundle) employ(t *testing.T, role deadletter.Role) {
	t.Helper()
	err := b.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		return tx.AddUser(
			ctx, store.User{Name: "anna", Role: role, PasswordHash: "x", CreatedAt: b.clock.Now()},
			deadletter.Event{At: b.clock.Now(), Action: "user.add"},
		)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// failed puts messages into the store that need a person.
func (b bundle) failed(t *testing.T, n int) []deadletter.ID {
	t.Helper()
	var ids []deadletter.ID
	err := b.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		for i := range n {
			id := fmt.Sprintf("l-%05d", i)
			ids = append(ids, deadletter.ID(id))
			if err := tx.Apply(
				ctx,
				deadletter.NewMessage(desktest.Failure(id, 422, b.clock.Now()), desktest.Policy(), 0, b.clock.Now()),
			); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func (b bundle) begin(t *testing.T, action deadletter.Action, in deadletter.JobInput) deadletter.JobID {
	t.Helper()
	j, err := b.FreezeMatching(t.Context(), anna, action, store.Filter{}, "status=all")
	if err != nil {
		t.Fatal(err)
	}
	in.Count = j.Items.Total()
	if err := b.StartJob(t.Context(), anna, j.ID, in); err != nil {
		t.Fatal(err)
	}
	return j.ID
}

// awaitJob waits until a job is as it should be.
func (b bundle) awaitJob(t *testing.T, id deadletter.JobID, what string, is func(deadletter.Job) bool) deadletter.Job {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(60 * time.Second)
	for {
		j, err := b.store.Job(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if is(j) {
			return j
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("job %+v never was %s", j, what)
		}
	}
}

func (b bundle) finished(t *testing.T, id deadletter.JobID) deadletter.Job {
	t.Helper()
	return b.awaitJob(t, id, "done", func(j deadletter.Job) bool { return j.State == deadletter.JobDone })
}

func (b bundle) trail(t *testing.T, f store.EventFilter) []store.EventRow {
	t.Helper()
	page, err := b.store.Events(t.Context(), store.EventQuery{EventFilter: f, Limit: 200})
	if err != nil {
		t.Fatal(err)
	}
	return page.Items
}

// eventsOfJob counts the events of messages that a job caused, by their action.
func (b bundle) eventsOfJob(t *testing.T, id deadletter.JobID) map[string]int {
	t.Helper()
	page, err := b.store.Events(t.Context(), store.EventQuery{EventFilter: store.EventFilter{Job: id}, Limit: 2000})
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, e := range page.Items {
		if e.TargetKind != "message" {
			continue
		}
		counts[e.Action]++
		if e.Job() != id || !json.Valid(e.After) {
			t.Errorf("event %d is one of job %d: %s", e.Sequence, e.Job(), e.After)
		}
	}
	return counts
}

func TestReplayJobDeliversEachMessageOnceAndRecordsResults(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.employ(t, deadletter.Operator)
	b.failed(t, 120)
	if _, err := b.Archive(t.Context(), anna, desk.Ref{ID: "l-00007"}, "known"); err != nil {
		t.Fatal(err)
	}
	gone := desktest.Failure("z-1", 422, b.clock.Now())
	gone.Source = "gone"
	desktest.Receive(t, b.store, gone)
	b.destination.Set(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.Header.Get("Webhook-Id"), "9") {
			w.WriteHeader(http.StatusUnprocessableEntity)
		}
	})
	j, err := b.FreezeMatching(t.Context(), anna, deadletter.ActReplay, store.Filter{}, "status=all")
	if err != nil || j.Inapplicable != 1 {
		t.Fatalf("draft %+v, %v", j, err)
	}
	if err := b.StartJob(t.Context(), anna, j.ID, deadletter.JobInput{}); err != nil {
		t.Fatal(err)
	}
	// One of them is changed before the job gets to it.
	b.replay(t, desktest.Message(t, b.store, "l-00011"), 0)
	b.run(t)
	j = b.finished(t, j.ID)
	if j.Items != (deadletter.JobItems{Done: 106, Failed: 12, Skipped: 3}) || j.EndedAt.IsZero() {
		t.Errorf("results %+v", j.Items)
	}
	plotted, err := b.store.JobResults(t.Context(), j.ID, time.Hour)
	if err != nil || !slices.Equal(plotted, []deadletter.JobResults{{Done: 106, Failed: 12, Skipped: 3}}) {
		t.Errorf("results by time %+v, %v", plotted, err)
	}
	b.becomes(t, "l-00011", deadletter.Resolved)
	seen := map[string]int{}
	for _, d := range b.destination.Received() {
		seen[d.Header.Get("Webhook-Id")]++
	}
	if len(seen) != 119 || seen["l-00007"] != 0 || seen["l-00000"] != 1 || seen["l-00011"] != 1 ||
		len(b.destination.Received()) != 119 {
		t.Errorf("%d messages in %d deliveries", len(seen), len(b.destination.Received()))
	}
	faults, err := b.store.JobFaults(t.Context(), j.ID)
	if err != nil || len(faults) != 4 || faults[0].Messages != 12 || faults[0].State != deadletter.ItemFailed ||
		!strings.Contains(fmt.Sprint(faults), "archived already") ||
		!strings.Contains(fmt.Sprint(faults), "replayed by anna in the meantime") ||
		!strings.Contains(fmt.Sprint(faults), `"gone" is not configured`) {
		t.Errorf("faults %+v, %v", faults, err)
	}
	page, err := b.store.Messages(
		t.Context(),
		store.MessageQuery{Filter: store.Filter{Job: j.ID, Result: deadletter.ItemFailed}, Limit: 50},
	)
	if err != nil || len(page.Items) != 12 || !strings.HasSuffix(string(page.Items[0].ID), "9") {
		t.Errorf("failed messages %d, %v", len(page.Items), err)
	}
	events := b.trail(t, store.EventFilter{Target: "l-00000", Action: "message.replay"})
	if len(events) != 1 || events[0].By != "anna" ||
		!strings.Contains(string(events[0].After), fmt.Sprintf(`"job":%d,`, j.ID)) {
		t.Errorf("of a message of the job the trail says %+v", events)
	}
	if done := b.trail(t, store.EventFilter{Action: "job.done"}); len(done) != 1 || done[0].Target != j.ID.String() {
		t.Errorf("the end of the job is recorded as %+v", done)
	}
	want := map[string]int{
		"message.replay": 118, "attempt.started": 118, "attempt.delivered": 106, "attempt.error_response": 12,
	}
	if got := b.eventsOfJob(t, j.ID); !maps.Equal(got, want) {
		t.Errorf("the job caused %v, want %v", got, want)
	}
	if _, err := b.store.VerifyAudit(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestEditJobTakesValuesFromItsTable(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.employ(t, deadletter.Operator)
	b.failed(t, 2)
	b.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	b.run(t)
	recipe := deadletter.Recipe{
		Kind:  deadletter.JQ,
		Text:  `.customer = ($table[.n | tostring].customer // error("no customer"))`,
		Table: "n,customer\n12345678901234567890,4711\n",
	}
	j := b.finished(
		t,
		b.begin(t, deadletter.ActEdit, deadletter.JobInput{Recipe: recipe, Reason: "the id was missing"}),
	)
	if j.Items != (deadletter.JobItems{Done: 2}) || j.Recipe.Kind != deadletter.JQ {
		t.Errorf("results %+v of %+v", j.Items, j.Recipe)
	}
	if got := string(b.destination.Received()[0].Body); !strings.Contains(
		got,
		`"n":12345678901234567890,"customer":"4711"`,
	) {
		t.Errorf("delivered %s", got)
	}
}

// A recipe cannot copy what is secret into a body.
func TestRecipeSeesNoSecretHeader(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.employ(t, deadletter.Operator)
	c := desktest.Failure("s-1", 422, b.clock.Now())
	c.Headers = deadletter.Headers{
		"Content-Type":  {"application/json"},
		"Authorization": {"Bearer s3cret"},
		"X-Tenant":      {"acme"},
	}
	desktest.Receive(t, b.store, c)
	b.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	b.run(t)
	recipe := deadletter.Recipe{Kind: deadletter.JQ, Text: `.copied = ($headers | tostring)`}
	b.finished(t, b.begin(t, deadletter.ActEdit, deadletter.JobInput{Recipe: recipe, Reason: "look"}))
	received := b.destination.Received()
	if len(received) != 1 || strings.Contains(string(received[0].Body), "s3cret") ||
		!strings.Contains(
			string(received[0].Body),
			"acme",
		) || received[0].Header.Get("Authorization") != "Bearer s3cret" {
		t.Errorf("delivered %s", received[0].Body)
	}
}

func TestEditJobPatchesEachBody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.employ(t, deadletter.Operator)
	b.failed(t, 3)
	xml := desktest.Failure("x-1", 422, b.clock.Now())
	xml.Body = []byte("<xml/>")
	desktest.Receive(t, b.store, xml)
	b.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	b.run(t)
	j := b.finished(
		t,
		b.begin(
			t, deadletter.ActEdit,
			deadletter.JobInput{Recipe: deadletter.Recipe{Text: `{"id":"x","n":null}`}, Reason: "the id was missing"},
		),
	)
	if j.Items != (deadletter.JobItems{Done: 3, Skipped: 1}) {
		t.Errorf("results %+v", j.Items)
	}
	r, err := b.store.Revision(t.Context(), "l-00002", 1)
	if err != nil || string(r.Body) != `{"eventType":"conversation:updated","id":"x"}` || r.By != "anna" ||
		r.Reason != "the id was missing" {
		t.Errorf("revision %+v, %v", r, err)
	}
	if got := string(b.destination.Received()[0].Body); got != `{"eventType":"conversation:updated","id":"x"}` {
		t.Errorf("delivered %s", got)
	}
}

func TestArchiveJobCanBeUndone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.employ(t, deadletter.Operator)
	b.failed(t, 250)
	b.run(t)
	j := b.finished(t, b.begin(t, deadletter.ActArchive, deadletter.JobInput{Reason: "known fault"}))
	if j.Items.Done != 250 || desktest.Message(t, b.store, "l-00249").Status != deadletter.Archived {
		t.Fatalf("results %+v", j.Items)
	}
	if _, err := b.Restore(t.Context(), anna, desk.Ref{ID: "l-00003", Version: 1}); err != nil {
		t.Fatal(err)
	}
	undo, err := b.UndoArchive(t.Context(), anna, j.ID)
	if err != nil {
		t.Fatal(err)
	}
	undo = b.finished(t, undo.ID)
	archived, restored := b.eventsOfJob(t, j.ID), b.eventsOfJob(t, undo.ID)
	if !maps.Equal(archived, map[string]int{"message.archive": 250}) ||
		!maps.Equal(restored, map[string]int{"message.restore": 249}) {
		t.Errorf("the jobs caused %v and %v", archived, restored)
	}
	if undo.Items != (deadletter.JobItems{Done: 249, Skipped: 1}) || undo.Undoes != j.ID ||
		desktest.Message(t, b.store, "l-00249").Status != deadletter.Failed {
		t.Errorf("results %+v", undo.Items)
	}
	if _, err := b.UndoArchive(t.Context(), anna, j.ID); deadletter.KindOf(err) != deadletter.Conflict ||
		!strings.Contains(deadletter.TextOf(err), "undone already by anna") {
		t.Errorf("once more: %v", err)
	}
}

func TestPauseResumeAndCancel(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.employ(t, deadletter.Operator)
	b.failed(t, 100)
	release := make(chan struct{})
	b.destination.Set(func(http.ResponseWriter, *http.Request) { <-release })
	b.run(t)
	id := b.begin(t, deadletter.ActReplay, deadletter.JobInput{})
	// of 8 places two stay for others
	b.awaitJob(t, id, "in flight", func(j deadletter.Job) bool { return j.Items.InFlight == 6 })
	if err := b.PauseJob(t.Context(), anna, id); err != nil {
		t.Fatal(err)
	}
	for range 6 {
		release <- struct{}{}
	}
	if j := b.awaitJob(
		t, id, "still", func(j deadletter.Job) bool { return j.Items.InFlight == 0 },
	); j.Items != (deadletter.JobItems{Pending: 94, Done: 6}) || j.State != deadletter.JobPaused {
		t.Fatalf("paused %+v", j)
	}
	if err := b.ResumeJob(t.Context(), anna, id, ""); err != nil {
		t.Fatal(err)
	}
	b.awaitJob(t, id, "in flight", func(j deadletter.Job) bool { return j.Items.InFlight == 6 })
	if err := b.CancelJob(t.Context(), anna, id); err != nil {
		t.Fatal(err)
	}
	close(release)
	j := b.awaitJob(t, id, "still", func(j deadletter.Job) bool { return j.Items.InFlight == 0 })
	if j.Items != (deadletter.JobItems{Pending: 88, Done: 12}) || j.State != deadletter.JobCancelled ||
		len(b.destination.Received()) != 12 {
		t.Errorf("cancelled %+v after %d deliveries", j, len(b.destination.Received()))
	}
}

func TestSingleReplayDoesNotWaitForAJob(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.employ(t, deadletter.Operator)
	b.failed(t, 50)
	release := make(chan struct{})
	b.destination.Set(func(_ http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Webhook-Id") != "single" {
			<-release
		}
	})
	b.run(t)
	defer close(release)
	id := b.begin(t, deadletter.ActReplay, deadletter.JobInput{})
	b.awaitJob(t, id, "in flight", func(j deadletter.Job) bool { return j.Items.InFlight == 6 })
	b.replay(t, desktest.Receive(t, b.store, desktest.Failure("single", 422, b.clock.Now())), 0)
	b.becomes(t, "single", deadletter.Resolved)
	if err := b.CancelJob(t.Context(), anna, id); err != nil {
		t.Fatal(err)
	}
}

func TestJobContinuesAfterAKill(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.employ(t, deadletter.Operator)
	b.failed(t, 40)
	var answered atomic.Int64
	b.destination.Set(func(http.ResponseWriter, *http.Request) { answered.Add(1) })
	id := b.begin(t, deadletter.ActReplay, deadletter.JobInput{})
	// A process that died left one message of the job in flight.
	j, err := b.store.Job(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	items, err := b.store.PendingItems(t.Context(), j, "genesys", 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		l, err := tx.Message(ctx, items[0].Message)
		if err != nil {
			return err
		}
		ordered, err := j.ChangeOf(l, 0, deadletter.Revision{}, nil, b.clock.Now())
		if err != nil {
			return err
		}
		opened, err := ordered.After.Claim(deadletter.Lease{Token: "dead", Until: b.clock.Now()}, "", b.clock.Now())
		if err != nil {
			return err
		}
		if _, err := tx.BeginItem(ctx, items[0]); err != nil {
			return err
		}
		return tx.ApplyRequestAndClaim(ctx, ordered, opened)
	}); err != nil {
		t.Fatal(err)
	}
	b.run(t)
	if j := b.finished(t, id); j.Items != (deadletter.JobItems{Done: 39, Failed: 1}) || answered.Load() != 39 {
		t.Errorf("results %+v after %d deliveries", j.Items, answered.Load())
	}
	want := map[string]int{
		"message.replay": 40, "attempt.started": 40, "attempt.delivered": 39, "attempt.unknown": 1,
	}
	if got := b.eventsOfJob(t, id); !maps.Equal(got, want) {
		t.Errorf("the job caused %v, want %v", got, want)
	}
	faults, err := b.store.JobFaults(t.Context(), id)
	if err != nil || len(faults) != 1 || !strings.Contains(faults[0].Text, "may have processed it") {
		t.Errorf("faults %+v, %v", faults, err)
	}
}

func TestJobOfUserWithoutPermissionWaits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.failed(t, 3)
	b.run(t)
	id := b.begin(t, deadletter.ActReplay, deadletter.JobInput{}) // anna is no user
	j := b.awaitJob(t, id, "paused", func(j deadletter.Job) bool { return j.State == deadletter.JobPaused })
	if !strings.Contains(j.PauseReason, "anna is no longer a user") || j.Items.Pending != 3 {
		t.Errorf("job %+v", j)
	}
	b.employ(t, deadletter.Viewer)
	if err := b.ResumeJob(t.Context(), anna, id, ""); err != nil {
		t.Fatal(err)
	}
	j = b.awaitJob(t, id, "paused", func(j deadletter.Job) bool { return j.State == deadletter.JobPaused })
	if !strings.Contains(j.PauseReason, "anna may no longer replay") || len(b.destination.Received()) != 0 {
		t.Errorf("job %+v", j)
	}
}

func TestUnstartedDraftIsRemoved(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.failed(t, 3000)
	j, err := b.FreezeMatching(t.Context(), anna, deadletter.ActReplay, store.Filter{}, "")
	if err != nil || j.Items.Pending != 3000 {
		t.Fatalf("draft %+v, %v", j, err)
	}
	b.clock.Add(time.Hour + time.Second)
	fresh, err := b.FreezeMatching(t.Context(), anna, deadletter.ActReplay, store.Filter{}, "")
	if err != nil {
		t.Fatal(err)
	}
	b.run(t)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadletter.KindOf(err) != deadletter.NotFound {
		if _, err = b.store.Job(t.Context(), j.ID); err != nil && deadletter.KindOf(err) != deadletter.NotFound {
			t.Fatal(err)
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("the draft stayed")
		}
	}
	if _, err := b.store.Job(t.Context(), fresh.ID); err != nil {
		t.Errorf("a draft of now is gone as well: %v", err)
	}
}

func TestTwoJobsShareASource(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.employ(t, deadletter.Operator)
	release := make(chan struct{})
	b.destination.Set(func(http.ResponseWriter, *http.Request) { <-release })
	ids := b.failed(t, 60)
	var jobs []deadletter.JobID
	for _, part := range [][]deadletter.ID{ids[:50], ids[50:]} {
		var refs []desk.Ref
		for _, id := range part {
			refs = append(refs, desk.Ref{ID: id})
		}
		j, err := b.FreezeSelected(t.Context(), anna, deadletter.ActReplay, refs)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.StartJob(t.Context(), anna, j.ID, deadletter.JobInput{}); err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, j.ID)
	}
	b.run(t)
	for _, id := range jobs {
		b.awaitJob(t, id, "half of what is in flight", func(j deadletter.Job) bool { return j.Items.InFlight == 3 })
	}
	close(release)
	if large, small := b.finished(t, jobs[0]), b.finished(t, jobs[1]); large.Items.Done != 50 ||
		small.Items.Done != 10 {
		t.Errorf("results %+v and %+v", large.Items, small.Items)
	}
}

// Results are grouped as causes are: ids in the errors do not make separate groups.
func TestJobResultsAreGroupedByCause(t *testing.T) {
	t.Parallel()
	const messages = 12
	b := setup(t)
	b.employ(t, deadletter.Operator)
	b.failed(t, messages)
	b.destination.Set(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = fmt.Fprintf(w, `{"error":"conversation %s has no id"}`, uuid(t))
	})
	b.run(t)
	id := b.begin(t, deadletter.ActReplay, deadletter.JobInput{})
	b.finished(t, id)
	faults, err := b.store.JobFaults(t.Context(), id)
	if err != nil || len(faults) != 1 || faults[0].Messages != messages || faults[0].State != deadletter.ItemFailed ||
		faults[0].AtLeast {
		t.Fatalf("faults %+v, %v", faults, err)
	}
	filter := store.Filter{Job: id, Result: deadletter.ItemFailed, Fault: faults[0].Key}
	page, err := b.store.Messages(t.Context(), store.MessageQuery{Filter: filter, Limit: 50})
	if err != nil || len(page.Items) != messages {
		t.Errorf("it leads to %d messages, %v", len(page.Items), err)
	}
}

// uuid returns a random one.
func uuid(t *testing.T) string {
	t.Helper()
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil {
		t.Error(err)
	}
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Each revision that a job makes with a saved recipe names it, and the record counts what became of the messages.
func TestSavedRecipeCountsWhatItDelivered(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.employ(t, deadletter.Operator)
	b.failed(t, 3)
	var n atomic.Int32
	b.destination.Set(func(w http.ResponseWriter, _ *http.Request) {
		if n.Add(1) == 2 {
			w.WriteHeader(http.StatusUnprocessableEntity)
		}
	})
	b.run(t)
	j := b.finished(t, b.begin(t, deadletter.ActEdit, deadletter.JobInput{
		Recipe: deadletter.Recipe{Text: `{"id":"x"}`}, Reason: "the id was missing", SaveAs: "add id",
	}))
	s, err := b.store.Recipe(t.Context(), j.Saved.ID)
	want := deadletter.RecipeRecord{
		Jobs: 1, Replays: deadletter.Replays{Tried: 3, Delivered: 2}, By: "anna", At: j.StartedAt,
	}
	if err != nil || s.Record != want || s.Latest.Record != want {
		t.Errorf("its record is %+v, of the version %+v, %v", s.Record, s.Latest.Record, err)
	}
	r, err := b.store.Revision(t.Context(), "l-00001", 1)
	if err != nil || r.Recipe != s.Use() {
		t.Errorf("the revision is of %+v, %v", r.Recipe, err)
	}
	events := b.trail(t, store.EventFilter{Action: "message.edit", Target: "l-00001"})
	if len(events) != 1 || !strings.Contains(string(events[0].After), `"recipe":"add id","recipeVersion":1`) {
		t.Errorf("its event is %+v", events)
	}
	if c, err := b.store.Cause(t.Context(), s.Cause); err != nil || c.EditReason != "add id" {
		t.Errorf("the cause says %q, %v", c.EditReason, err)
	}
	if jobs, err := b.store.RecipeJobs(t.Context(), s.ID, 10); err != nil || len(jobs) != 1 || jobs[0].ID != j.ID {
		t.Errorf("its jobs are %+v, %v", jobs, err)
	}
}
