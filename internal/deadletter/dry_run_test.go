package deadletter_test

import (
	"testing"

	"dlqdesk/internal/deadletter"
)

func draftOf(t *testing.T, action deadletter.Action, messages int) deadletter.Job {
	t.Helper()
	j, err := deadletter.NewJob(anna, action, jobAt)
	if err != nil {
		t.Fatal(err)
	}
	j.ID, j.Items.Pending = 7, messages
	return j
}

func TestDryRunIsOfADraftThatEdits(t *testing.T) {
	t.Parallel()
	recipe := deadletter.Recipe{Text: `{"a":1}`}
	started := draftOf(t, deadletter.ActEdit, 3)
	started.State = deadletter.JobRunning
	vera := deadletter.User("vera", deadletter.Viewer, "")
	for name, c := range map[string]struct {
		job  deadletter.Job
		by   deadletter.Actor
		want deadletter.Kind
	}{
		"a viewer":       {draftOf(t, deadletter.ActEdit, 3), vera, deadletter.Forbidden},
		"no recipe":      {draftOf(t, deadletter.ActReplay, 3), anna, deadletter.Invalid},
		"no messages":    {draftOf(t, deadletter.ActEdit, 0), anna, deadletter.Invalid},
		"a started job":  {started, anna, deadletter.Conflict},
		"an edit":        {draftOf(t, deadletter.ActEdit, 3), anna, deadletter.Internal},
		"an edit of SQS": {draftOf(t, deadletter.ActEditRedrive, 3), anna, deadletter.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := c.job.TryOut(c.by, recipe, jobAt)
			if ok := c.want == deadletter.Internal; ok != (err == nil) || !ok && deadletter.KindOf(err) != c.want {
				t.Fatalf("it is %v", err)
			}
			if err == nil && (d.Job != 7 || d.Messages != 3 || d.State != deadletter.DryRunRunning || !d.IsOf(recipe)) {
				t.Errorf("it is %+v", d)
			}
		})
	}
}

func TestDryRunIsOfTheSameKindTextAndTable(t *testing.T) {
	t.Parallel()
	recipe := deadletter.Recipe{Kind: deadletter.JQ, Text: ".a = 1", Table: "k,v\n1,2"}
	d, err := draftOf(t, deadletter.ActEdit, 3).TryOut(anna, recipe, jobAt)
	if err != nil {
		t.Fatal(err)
	}
	d.Recipe.Table = "" // as it is read
	for name, other := range map[string]deadletter.Recipe{
		"kind":  {Kind: deadletter.JSONPatch, Text: recipe.Text, Table: recipe.Table},
		"text":  {Kind: recipe.Kind, Text: ".a = 2", Table: recipe.Table},
		"table": {Kind: recipe.Kind, Text: recipe.Text, Table: "k,v\n1,3"},
		"none":  {Kind: recipe.Kind, Text: recipe.Text},
	} {
		if d.IsOf(other) {
			t.Errorf("it is of a recipe with another %s", name)
		}
	}
	if !d.IsOf(recipe) {
		t.Error("it is not of its own recipe")
	}
	if merge := (deadletter.DryRun{Recipe: deadletter.Recipe{Text: "{}"}}); !merge.IsOf(
		deadletter.Recipe{Kind: deadletter.MergePatch, Text: "{}"},
	) {
		t.Error("a merge patch without its kind is another recipe")
	}
}

func TestJobStartsAfterItsFinishedDryRunAlone(t *testing.T) {
	t.Parallel()
	recipe := deadletter.Recipe{Text: `{"a":1}`}
	j := draftOf(t, deadletter.ActEdit, 1300)
	d, err := j.TryOut(anna, recipe, jobAt)
	if err != nil {
		t.Fatal(err)
	}
	d.ID, d.DryRunCounts = 5, deadletter.DryRunCounts{Changed: 1204, Unchanged: 90, Failed: 6}
	if got := j.After(d, recipe); got.DryRun != 0 || got.Sends() != 1300 {
		t.Errorf("a dry run at work counts: %+v", got)
	}
	d.State = deadletter.DryRunDone
	if got := j.After(d, deadletter.Recipe{Text: `{"a":2}`}); got.DryRun != 0 || got.Sends() != 1300 {
		t.Errorf("that of another recipe counts: %+v", got)
	}
	masked := d
	masked.Masked = true
	if got := j.After(masked, recipe); got.DryRun != 0 || got.Sends() != 1300 {
		t.Errorf("one that saw no masked value counts: %+v", got)
	}
	after := j.After(d, recipe)
	if after.Sends() != 1204 || after.CheckCount(1, 1204) != nil || after.CheckCount(1, 1300) == nil {
		t.Errorf("it sends %d: %v, %v", after.Sends(), after.CheckCount(1, 1204), after.CheckCount(1, 1300))
	}
	in := deadletter.JobInput{Recipe: recipe, Reason: "x", Steps: deadletter.JobSteps{Sizes: []int{1, 10}}}
	change, err := after.Start(anna, in, jobAt)
	if err != nil {
		t.Fatal(err)
	}
	running := change.After
	if !running.Sparing || running.Spared != 0 || running.DryRun != 5 {
		t.Errorf("it starts as %+v", running)
	}
	running.Items = deadletter.JobItems{Pending: 1204, Skipped: 96}
	if _, due, err := running.NextStep(deadletter.JobProgress{}, jobAt); due || err != nil {
		t.Errorf("its first step is over before it sent any: %v", err)
	}
	running.Sparing, running.Spared = false, 96
	if _, due, err := running.NextStep(deadletter.JobProgress{}, jobAt); due || err != nil {
		t.Errorf("what it skipped counts for its first step: %v", err)
	}
	if steps := running.StepStates(); len(steps) != 3 || steps[2].Messages != 1193 {
		t.Errorf("its steps are %+v", steps)
	}
	running.Items.Done, running.Items.Pending = 1, 1203
	if next, due, err := running.NextStep(deadletter.JobProgress{}, jobAt); !due || next.After.Step != 2 {
		t.Errorf("its second step does not begin: %v", err)
	}

	d.DryRunCounts = deadletter.DryRunCounts{Unchanged: 1300}
	if _, err := j.After(d, recipe).Start(anna, in, jobAt); deadletter.FieldOf(err) != deadletter.FieldPatch {
		t.Errorf("a job that would send nothing: %v", err)
	}
}

func TestDryRunGroupsHaveTheirOwnKeys(t *testing.T) {
	t.Parallel()
	one := deadletter.DryRunGroup{Refusal: "the recipe stopped: order 4711 has no customer"}
	other := deadletter.DryRunGroup{Refusal: "the recipe stopped: order 12345 has no customer"}
	if one.Key() != other.Key() {
		t.Errorf("%q and %q differ in an id only", one.Key(), other.Key())
	}
	keys := map[string]bool{one.Key(): true}
	for _, g := range []deadletter.DryRunGroup{
		{Refusal: "x"},
		{Refusal: "x", Further: true},
		{Further: true},
		{Departure: deadletter.Departure{Source: "a", Path: "b"}},
		{Departure: deadletter.Departure{Source: "a", Path: "b", Type: "text"}},
		{Departure: deadletter.Departure{Source: "a", EventType: "b"}},
		{Departure: deadletter.Departure{Source: "b", Path: "b"}},
	} {
		if keys[g.Key()] {
			t.Errorf("another group has the key of %+v", g)
		}
		keys[g.Key()] = true
	}
}
