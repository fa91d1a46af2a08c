package deadletter_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
)

func TestStepsOfferedGrowWithTheJob(t *testing.T) {
	t.Parallel()
	for messages, want := range map[int][]int{
		1: nil, 2: {1}, 11: {1}, 12: {1, 10}, 111: {1, 10}, 112: {1, 10, 100}, 100_000: {1, 10, 100},
	} {
		if got := deadletter.DefaultJobSteps(messages); !slices.Equal(got, want) {
			t.Errorf("of %d messages: %v, want %v", messages, got, want)
		}
	}
}

func TestJobGoesOnOrHaltsByWhatItsStepCameTo(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	progress := func(results, failed int) deadletter.JobProgress {
		return deadletter.JobProgress{Results: results, Failed: failed}
	}
	again := deadletter.CauseAgain{Title: "422 id is missing", Results: 4, Again: 3}
	for name, c := range map[string]struct {
		step   int
		items  deadletter.JobItems
		p      deadletter.JobProgress
		change func(*deadletter.Job)
		next   int    // the step that follows; 0: it goes on with this one
		halts  string // why it pauses
	}{
		"first message in flight":     {step: 1, items: deadletter.JobItems{InFlight: 1, Pending: 999}},
		"first message delivered":     {step: 1, items: deadletter.JobItems{Done: 1, Pending: 999}, next: 2},
		"first message skipped":       {step: 1, items: deadletter.JobItems{Skipped: 1, Pending: 999}, next: 2},
		"first message failed":        {step: 1, items: deadletter.JobItems{Failed: 1, Pending: 999}, halts: "1 of 1 results failed"},
		"two of eleven failed":        {step: 2, items: deadletter.JobItems{Done: 9, Failed: 2, Pending: 989}, next: 3},
		"three of five failed":        {step: 2, items: deadletter.JobItems{Done: 2, Failed: 3, InFlight: 6, Pending: 989}, halts: "halted at step 2 of 4 (10 messages): 3 of 5 results failed, more than 20 %"},
		"not every message is done":   {step: 2, items: deadletter.JobItems{Done: 8, Failed: 2, InFlight: 1, Pending: 989}},
		"third step":                  {step: 3, items: deadletter.JobItems{Done: 90, Failed: 21, Pending: 889}, next: 4},
		"third step went badly":       {step: 3, items: deadletter.JobItems{Done: 50, Failed: 23, InFlight: 8, Pending: 919}, halts: "23 of 73 results failed"},
		"all of two steps skipped":    {step: 2, items: deadletter.JobItems{Skipped: 11, Pending: 989}, next: 3},
		"all of all steps skipped":    {step: 3, items: deadletter.JobItems{Skipped: 111, Pending: 889}, next: 4, halts: "halted before step 4 of 4 (the rest): all messages of the steps were skipped"},
		"all but one skipped":         {step: 3, items: deadletter.JobItems{Done: 1, Skipped: 110, Pending: 889}, next: 4},
		"nothing is left":             {step: 1, items: deadletter.JobItems{Done: 1}},
		"rest goes well":              {step: 4, items: deadletter.JobItems{Done: 500, Failed: 50, Pending: 450}, p: progress(400, 40)},
		"rest no longer goes well":    {step: 4, items: deadletter.JobItems{Done: 500, Failed: 130, Pending: 370}, p: progress(400, 101), halts: "halted at step 4 of 4 (the rest): 101 of 400 results failed"},
		"cause is back":               {step: 3, items: deadletter.JobItems{Done: 40, Failed: 3, Pending: 957}, p: deadletter.JobProgress{Again: again}, halts: `3 of 4 messages of the cause "422 id is missing" failed for it again`},
		"cause is back in two":        {step: 3, items: deadletter.JobItems{Done: 40, Failed: 3, Pending: 957}, p: deadletter.JobProgress{Again: deadletter.CauseAgain{Results: 2, Again: 2}}},
		"cause is back for few":       {step: 3, items: deadletter.JobItems{Done: 40, Failed: 3, Pending: 957}, p: deadletter.JobProgress{Again: deadletter.CauseAgain{Results: 30, Again: 3}}},
		"destination is slow":         {step: 2, items: deadletter.JobItems{Done: 6, Pending: 994}, p: deadletter.JobProgress{Latency: 6100 * time.Millisecond, Timeout: 12 * time.Second}, halts: "takes 6.1s to answer, more than half of the limit of 12s"},
		"destination is slow enough":  {step: 2, items: deadletter.JobItems{Done: 6, Pending: 994}, p: deadletter.JobProgress{Latency: 6 * time.Second, Timeout: 12 * time.Second}},
		"a person saw these failures": {step: 2, items: deadletter.JobItems{Done: 2, Failed: 5, Pending: 993}, change: func(j *deadletter.Job) { j.Forgiven = 3 }},
		"a person looks":              {step: 2, items: deadletter.JobItems{Failed: 11, Pending: 989}, change: func(j *deadletter.Job) { j.Steps.Ask = true }, next: 3, halts: "step 2 of 4 (10 messages) finished, 11 of its messages failed: check the results, then resume for the other 989"},
		"without steps":               {items: deadletter.JobItems{Failed: 500, Pending: 500}, p: progress(500, 500)},
		"paused":                      {step: 1, items: deadletter.JobItems{Failed: 1, Pending: 999}, change: func(j *deadletter.Job) { j.State = deadletter.JobPaused }},
	} {
		j := deadletter.Job{
			ID: 7, Action: deadletter.ActReplay, State: deadletter.JobRunning, Items: c.items,
			Steps: deadletter.JobSteps{Sizes: []int{1, 10, 100}}, Step: c.step,
		}
		if c.change != nil {
			c.change(&j)
		}
		change, due, err := j.NextStep(c.p, now)
		if err != nil || due != (c.next > 0 || c.halts != "") {
			t.Errorf("%s: due is %v, %v", name, due, err)
			continue
		}
		if !due {
			continue
		}
		after := change.After
		if c.next > 0 && after.Step != c.next || !strings.Contains(after.PauseReason, c.halts) {
			t.Errorf("%s: step %d, %q", name, after.Step, after.PauseReason)
		}
		if paused := after.State == deadletter.JobPaused; paused != (c.halts != "") {
			t.Errorf("%s: it is %s", name, after.State)
		}
	}
}

func TestStepsThatNoJobCanHaveAreRefused(t *testing.T) {
	t.Parallel()
	by := deadletter.User("anna", deadletter.Operator, "")
	j := deadletter.Job{
		Action: deadletter.ActReplay,
		State:  deadletter.JobDraft,
		Items:  deadletter.JobItems{Pending: 50},
	}
	for name, in := range map[string]deadletter.JobInput{
		deadletter.FieldSteps + " of none":     {Steps: deadletter.JobSteps{Sizes: []int{1, 0}}},
		deadletter.FieldSteps + " beyond all":  {Steps: deadletter.JobSteps{Sizes: []int{1, 50}}},
		deadletter.FieldSteps + " too many":    {Steps: deadletter.JobSteps{Sizes: slices.Repeat([]int{1}, 11)}},
		deadletter.FieldRate + " below none":   {JobPace: deadletter.JobPace{Rate: -1}},
		deadletter.FieldRate + " too high":     {JobPace: deadletter.JobPace{Rate: deadletter.MaxJobRate + 1}},
		deadletter.FieldPlaces + " too high":   {JobPace: deadletter.JobPace{Places: deadletter.MaxJobPlaces + 1}},
		deadletter.FieldSequence + " unknown":  {Sequence: "backwards"},
		deadletter.FieldPlaces + " below none": {JobPace: deadletter.JobPace{Places: -1}},
	} {
		_, err := j.Start(by, in, time.Now())
		if deadletter.KindOf(err) != deadletter.Invalid || !strings.HasPrefix(name, deadletter.FieldOf(err)+" ") {
			t.Errorf("%s: %v about %q", name, err, deadletter.FieldOf(err))
		}
	}
}

func TestPaceOfAJobChangesWhileItIsUnderWay(t *testing.T) {
	t.Parallel()
	by, now := deadletter.User("anna", deadletter.Operator, ""), time.Now()
	for state, kind := range map[deadletter.JobState]deadletter.Kind{
		deadletter.JobRunning: 0, deadletter.JobPaused: 0, deadletter.JobDone: deadletter.Conflict,
		deadletter.JobCancelled: deadletter.Conflict, deadletter.JobDraft: deadletter.Conflict,
	} {
		j := deadletter.Job{Action: deadletter.ActReplay, State: state}
		change, err := j.SetPace(by, deadletter.JobPace{Rate: 50, Places: 2}, now)
		if deadletter.KindOf(err) != kind {
			t.Errorf("%s: %v", state, err)
		}
		if err == nil && (change.After.Rate != 50 || change.After.Places != 2 || change.Event.Action != "job.pace") {
			t.Errorf("%s: %+v", state, change.After)
		}
	}
	j := deadletter.Job{Action: deadletter.ActReplay, State: deadletter.JobRunning}
	if _, err := j.SetPace(deadletter.User("vera", deadletter.Viewer, ""), deadletter.JobPace{}, now); err == nil {
		t.Error("a viewer changes it")
	}
}

func TestScheduledJobBeginsAtItsTime(t *testing.T) {
	t.Parallel()
	by, now := deadletter.User("anna", deadletter.Operator, ""), time.Now()
	draft := deadletter.Job{
		Action: deadletter.ActReplay,
		State:  deadletter.JobDraft,
		Items:  deadletter.JobItems{Pending: 5},
	}
	for _, begins := range []time.Time{now, now.Add(-time.Minute), now.Add(deadletter.MaxJobDelay)} {
		_, err := draft.Start(by, deadletter.JobInput{Begins: begins}, now)
		if deadletter.KindOf(err) != deadletter.Invalid || deadletter.FieldOf(err) != deadletter.FieldBegins {
			t.Errorf("at %s: %v", begins.Sub(now), err)
		}
	}
	change, err := draft.Start(by, deadletter.JobInput{Begins: now.Add(time.Hour)}, now)
	if err != nil || change.After.State != deadletter.JobScheduled {
		t.Fatalf("%+v, %v", change.After, err)
	}
	scheduled := change.After
	if _, due, err := scheduled.Begin(now.Add(time.Hour - 1)); due || err != nil {
		t.Errorf("it begins early: %v", err)
	}
	began, due, err := scheduled.Begin(now.Add(time.Hour))
	if !due || err != nil || began.After.State != deadletter.JobRunning || !began.After.Begins.IsZero() ||
		began.After.By.Name != "anna" || began.Event.By != "system" {
		t.Errorf("it begins as %+v, %v", began.After, err)
	}
	if _, due, _ := began.After.Begin(now.Add(2 * time.Hour)); due {
		t.Error("it begins twice")
	}
	if c, err := scheduled.Resume(by, "", now); err != nil || c.After.State != deadletter.JobRunning {
		t.Errorf("started early it is %+v, %v", c.After, err)
	}
}

func TestStepsOfAJobSayHowTheyStand(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct {
		job    deadletter.Job
		states string
	}{
		"scheduled": {deadletter.Job{State: deadletter.JobScheduled, Step: 1}, "left left left"},
		"running":   {deadletter.Job{State: deadletter.JobRunning, Step: 2}, "done running left"},
		"halted": {deadletter.Job{
			State: deadletter.JobPaused, Step: 2, PauseReason: "halted",
			Items: deadletter.JobItems{Done: 1, Failed: 3},
		}, "done halted left"},
		"asks": {deadletter.Job{
			State: deadletter.JobPaused, Step: 2, PauseReason: "check", Items: deadletter.JobItems{Done: 1},
		}, "done paused left"},
		"paused": {deadletter.Job{
			State: deadletter.JobPaused, Step: 2, Items: deadletter.JobItems{Done: 4},
		}, "done paused left"},
		"cancelled": {deadletter.Job{State: deadletter.JobCancelled, Step: 2}, "done cancelled cancelled"},
		"over":      {deadletter.Job{State: deadletter.JobDone, Step: 3}, "done done done"},
	} {
		t.Run(name, func(t *testing.T) {
			j := want.job
			j.Steps.Sizes, j.Items.Pending = []int{1, 10}, 20-j.Items.Done-j.Items.Failed
			var states []string
			for i, step := range j.StepStates() {
				states = append(states, string(step.State))
				if step.Messages != []int{1, 10, 9}[i] {
					t.Errorf("step %d has %d messages", i+1, step.Messages)
				}
			}
			if got := strings.Join(states, " "); got != want.states {
				t.Errorf("they are %q, want %q", got, want.states)
			}
		})
	}
	if steps := (deadletter.Job{State: deadletter.JobRunning}).StepStates(); len(steps) > 0 {
		t.Errorf("a job without steps has %v", steps)
	}
}
