package desk_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

func (b bundle) draft(t *testing.T, action deadletter.Action, refs ...desk.Ref) deadletter.JobID {
	t.Helper()
	j, err := b.FreezeSelected(t.Context(), anna, action, refs)
	if err != nil {
		t.Fatal(err)
	}
	return j.ID
}

func (b bundle) start(t *testing.T, id deadletter.JobID, in deadletter.JobInput) {
	t.Helper()
	if err := b.StartJob(t.Context(), anna, id, in); err != nil {
		t.Fatal(err)
	}
}

func (b bundle) job(t *testing.T, id deadletter.JobID) deadletter.Job {
	t.Helper()
	j, err := b.store.Job(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func TestFrozenSetDoesNotGrow(t *testing.T) {
	t.Parallel()
	b := setup(t)
	oldest := b.clock.Now()
	for i := range 5 {
		b.receive(t, fmt.Sprintf("a-%d", i), func(c *deadletter.Capture) {
			if i == 4 {
				c.FirstAttempt.Outcome = deadletter.Unknown
			}
		})
		b.clock.Add(time.Minute)
	}
	b.receive(t, "other", func(c *deadletter.Capture) { c.Source = "cxone" })
	filter := store.Filter{Source: "genesys"}
	j, err := b.FreezeMatching(t.Context(), anna, deadletter.ActReplay, filter, "source=genesys")
	if err != nil {
		t.Fatal(err)
	}
	if j.State != deadletter.JobDraft || j.Items.Pending != 5 || !j.Oldest.Equal(oldest) ||
		!j.Newest.Equal(oldest.Add(4*time.Minute)) ||
		j.Unknown != 1 ||
		j.Filter != "source=genesys" ||
		j.By.Name != "anna" {
		t.Errorf("draft %+v", j)
	}
	for i := range 3 {
		b.receive(t, fmt.Sprintf("late-%d", i), nil)
	}
	late, err := b.store.CountNotInJob(t.Context(), j.ID, filter)
	if err != nil || late != 3 {
		t.Errorf("%d messages came since, %v", late, err)
	}
	if err := b.StartJob(
		t.Context(), anna, j.ID, deadletter.JobInput{},
	); deadletter.KindOf(err) != deadletter.NeedsConfirmation ||
		!strings.Contains(deadletter.TextOf(err), "may already have been processed") {
		t.Errorf("without being asked of the unknown ones: %v", err)
	}
	b.start(t, j.ID, deadletter.JobInput{ConfirmUnknown: true})
	if after := b.job(t, j.ID); after.Items.Total() != 5 || after.State != deadletter.JobRunning ||
		after.Newest != j.Newest {
		t.Errorf("started %+v", after)
	}
	page, err := b.store.Messages(
		t.Context(),
		store.MessageQuery{Filter: store.Filter{Job: j.ID, Result: deadletter.ItemPending}, Limit: 10},
	)
	if err != nil || len(page.Items) != 5 || page.Items[0].ID != "a-4" {
		t.Errorf("messages of the job %+v, %v", page.Items, err)
	}
}

func TestDraftStartedTwiceStartsOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.draft(t, deadletter.ActReplay, ref(b.receive(t, "a-1", nil)))
	errs := make([]error, 8)
	var everybody sync.WaitGroup
	for i := range errs {
		everybody.Go(func() {
			errs[i] = b.StartJob(t.Context(), []deadletter.Actor{anna, bert}[i%2], id, deadletter.JobInput{})
		})
	}
	everybody.Wait()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case deadletter.KindOf(err) != deadletter.Conflict || !strings.Contains(
			deadletter.TextOf(err), "was started by ",
		):
			t.Errorf("a loser is told %v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d started it, want 1", won)
	}
}

func TestJobChangesOnceAndIsAudited(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.draft(
		t, deadletter.ActReplay, ref(b.receive(t, "a-1", nil)), ref(b.receive(t, "b-2", nil)),
		ref(b.receive(t, "b-3", nil)),
	)
	conflict := func(name string, err error) {
		t.Helper()
		if deadletter.KindOf(err) != deadletter.Conflict {
			t.Errorf("%s: %v", name, err)
		}
	}
	conflict("pause a draft", b.PauseJob(t.Context(), anna, id))
	conflict("resume a draft", b.ResumeJob(t.Context(), anna, id, ""))
	conflict("cancel a draft", b.CancelJob(t.Context(), anna, id))
	b.start(t, id, deadletter.JobInput{})
	conflict("resume what runs", b.ResumeJob(t.Context(), bert, id, ""))
	for i, steer := range []func() error{
		func() error { return b.PauseJob(t.Context(), bert, id) },
		func() error { return b.ResumeJob(t.Context(), bert, id, "") },
		func() error { return b.CancelJob(t.Context(), anna, id) },
	} {
		if err := steer(); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		conflict(fmt.Sprintf("step %d again", i), steer())
	}
	conflict("start what is cancelled", b.StartJob(t.Context(), anna, id, deadletter.JobInput{}))
	if j := b.job(t, id); j.State != deadletter.JobCancelled || j.Items.Pending != 3 || j.By.Name != "bert" ||
		j.EndedAt.IsZero() {
		t.Errorf("job %+v", j)
	}
	events, err := b.store.Events(
		t.Context(), store.EventQuery{EventFilter: store.EventFilter{Action: "job."}, Limit: 10},
	)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, e := range events.Items {
		told = append(told, e.Action+" "+e.By+" "+e.TargetKind+" "+e.Target)
	}
	want := fmt.Sprintf(
		"job.cancel anna job %[1]d, job.resume bert job %[1]d, job.pause bert job %[1]d, job.start anna job %[1]d",
		id,
	)
	if got := strings.Join(told, ", "); got != want {
		t.Errorf("the trail says %s", got)
	}
	if m := desktest.Message(t, b.store, "a-1"); m.Version != 0 {
		t.Errorf("a message of a cancelled job changed: %+v", m)
	}
}

func TestInvalidJobsAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one := ref(b.receive(t, "a-1", nil))
	start := func(action deadletter.Action, in deadletter.JobInput) error {
		return b.StartJob(t.Context(), anna, b.draft(t, action, one), in)
	}
	freeze := func(action deadletter.Action, refs ...desk.Ref) error {
		_, err := b.FreezeSelected(t.Context(), anna, action, refs)
		return err
	}
	empty, err := b.FreezeMatching(t.Context(), anna, deadletter.ActReplay, store.Filter{Source: "nobody"}, "")
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"no message":       freeze(deadletter.ActReplay),
		"too many":         freeze(deadletter.ActReplay, make([]desk.Ref, desk.MaxSelected+1)...),
		"nothing to do":    freeze(deadletter.ActUsers, one),
		"a filter of none": b.StartJob(t.Context(), anna, empty.ID, deadletter.JobInput{}),
		"no reason":        start(deadletter.ActArchive, deadletter.JobInput{Reason: " "}),
		"edit: no reason":  start(deadletter.ActEdit, deadletter.JobInput{Recipe: deadletter.Recipe{Text: `{}`}}),
		"edit: no jq":      start(deadletter.ActEdit, deadletter.JobInput{Reason: "x", Recipe: deadletter.Recipe{Kind: "jq"}}),
		"edit: no patch":   start(deadletter.ActEdit, deadletter.JobInput{Reason: "x"}),
		"edit: no object":  start(deadletter.ActEdit, deadletter.JobInput{Reason: "x", Recipe: deadletter.Recipe{Text: `[]`}}),
		"long reason":      start(deadletter.ActArchive, deadletter.JobInput{Reason: strings.Repeat("ä", 1001)}),
	} {
		t.Run(name, func(t *testing.T) {
			if kind := deadletter.KindOf(err); kind != deadletter.Invalid &&
				(name != "nothing to do" || kind != deadletter.Forbidden) {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	if err := errors.Join(freeze(deadletter.ActReplay, desk.Ref{ID: "nobody"})); deadletter.KindOf(
		err,
	) != deadletter.NotFound {
		t.Errorf("a message that does not exist: %v", err)
	}
	if err := b.StartJob(t.Context(), anna, 4711, deadletter.JobInput{}); deadletter.KindOf(
		err,
	) != deadletter.NotFound {
		t.Errorf("a job that does not exist: %v", err)
	}
}

// The messages of a job are listed, or matched; what is chosen in both ways, or in none, is refused.
func TestMessagesOfAJobAreChosenInOneWay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one := b.receive(t, "a-1", nil)
	other := b.receive(t, "a-2", func(c *deadletter.Capture) { c.Source = "cxone" })
	many := make([]string, desk.MaxSelected+1)
	for i := range many {
		many[i] = string(one.ID)
	}
	limited := anna
	limited.Sources = deadletter.NamesOf([]string{"cxone"})
	for name, c := range map[string]struct {
		by       deadletter.Actor
		of       desk.Choice
		messages int
		filter   string
		refused  deadletter.Kind
	}{
		"listed":            {anna, desk.Choice{IDs: []string{"a-2", "a-1"}}, 2, "", 0},
		"of a cause":        {anna, desk.Choice{Cause: one.Fingerprint}, 1, "cause=" + one.Fingerprint + "&status=all", 0},
		"of a status":       {anna, desk.Choice{Status: deadletter.Failed}, 2, "status=failed", 0},
		"that match":        {anna, desk.Choice{Query: "source:cxone"}, 1, "q=source%3Acxone&status=all", 0},
		"of a source":       {limited, desk.Choice{Status: deadletter.Failed}, 1, "status=failed", 0},
		"of another source": {limited, desk.Choice{IDs: []string{string(other.ID), "a-1"}}, 0, "", deadletter.NotFound},
		"none":              {anna, desk.Choice{}, 0, "", deadletter.Invalid},
		"in both ways":      {anna, desk.Choice{IDs: []string{"a-1"}, Query: "code:5xx"}, 0, "", deadletter.Invalid},
		"too many":          {anna, desk.Choice{IDs: many}, 0, "", deadletter.Invalid},
		"unknown":           {anna, desk.Choice{IDs: []string{"a-3"}}, 0, "", deadletter.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			j, err := b.Freeze(b.ctx, c.by, deadletter.ActReplay, c.of)
			if c.refused != 0 {
				if deadletter.KindOf(err) != c.refused {
					t.Errorf("it is frozen as %+v, %v", j, err)
				}
				return
			}
			if err != nil || j.Items.Total() != c.messages || j.Filter != c.filter {
				t.Errorf("it has %d messages of %q, %v", j.Items.Total(), j.Filter, err)
			}
		})
	}
}
