package desk_test

import (
	"context"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"

	"dlqdesk/internal/store"
)

// edit starts a job that edits new messages of one cause.
func (b bundle) edit(t *testing.T, id string, in deadletter.JobInput) (deadletter.Job, error) {
	t.Helper()
	j := b.draft(t, deadletter.ActEdit, ref(b.receive(t, id, nil)))
	in.Reason = "the id was missing"
	err := b.StartJob(t.Context(), anna, j, in)
	return b.job(t, j), err
}

func (b bundle) recipe(t *testing.T, id deadletter.RecipeID) deadletter.SavedRecipe {
	t.Helper()
	s, err := b.store.Recipe(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func merge(text string) deadletter.Recipe {
	return deadletter.Recipe{Kind: deadletter.MergePatch, Text: text}
}

func TestJobSavesItsRecipe(t *testing.T) {
	t.Parallel()
	b := setup(t)
	j, err := b.edit(t, "a-1", deadletter.JobInput{Recipe: merge(`{"id":1}`), SaveAs: " add id "})
	if err != nil || j.Saved.Name != "add id" || j.Saved.Version != 1 {
		t.Fatalf("the job uses %+v, %v", j.Saved, err)
	}
	s := b.recipe(t, j.Saved.ID)
	if s.Latest.Text != `{"id":1}` || s.Record.Jobs != 1 || s.Record.By != "anna" || s.Latest.Record != s.Record {
		t.Errorf("it is saved as %+v", s)
	}
	use := deadletter.RecipeUse{ID: s.ID, Version: 1}
	for name, one := range map[string]struct {
		in   deadletter.JobInput
		want int // version that the job uses; 0: none
	}{
		"as it is":              {deadletter.JobInput{Recipe: merge(`{"id":1}`), Saved: use, SaveAs: "Add ID"}, 1},
		"without its name":      {deadletter.JobInput{Recipe: merge(`{"id":1}`), Saved: use}, 1},
		"changed, not saved":    {deadletter.JobInput{Recipe: merge(`{"id":9}`), Saved: use}, 0},
		"not made of a recipe":  {deadletter.JobInput{Recipe: merge(`{"id":1}`)}, 0},
		"changed and saved":     {deadletter.JobInput{Recipe: merge(`{"id":2}`), Saved: use, SaveAs: "add id"}, 2},
		"saved under a new one": {deadletter.JobInput{Recipe: merge(`{"id":1}`), Saved: use, SaveAs: "other"}, 1},
	} {
		j, err := b.edit(t, strings.ReplaceAll(name, " ", "-"), one.in)
		if err != nil || j.Saved.Version != one.want || j.Recipe != one.in.Recipe {
			t.Errorf("%s: the job uses %+v, %v", name, j.Saved, err)
		}
		if isNew := name == "saved under a new one"; (j.Saved.ID != s.ID && one.want > 0) != isNew {
			t.Errorf("%s: the job uses recipe %d", name, j.Saved.ID)
		}
	}
	if now := b.recipe(t, s.ID); now.Latest.Number != 2 || now.Record.Jobs != 4 || now.Latest.Record.Jobs != 1 {
		t.Errorf("afterwards it is %+v", now)
	}
	events, err := b.store.Events(t.Context(), store.EventQuery{
		EventFilter: store.EventFilter{Action: "recipe."}, Limit: 10,
	})
	if err != nil || len(events.Items) != 3 { // two versions of the first, one of the other
		t.Errorf("its events are %+v, %v", events.Items, err)
	}
}

// Of two people who save one recipe, the second is told who was first, and starts nothing.
func TestSecondWhoSavesARecipeIsToldWhoWasFirst(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, err := b.edit(t, "a-1", deadletter.JobInput{Recipe: merge(`{"id":1}`), SaveAs: "add id"})
	if err != nil {
		t.Fatal(err)
	}
	base := first.Saved
	if _, err := b.edit(
		t, "a-2", deadletter.JobInput{Recipe: merge(`{"id":2}`), Saved: base, SaveAs: "add id"},
	); err != nil {
		t.Fatal(err)
	}
	for name, in := range map[string]deadletter.JobInput{
		"same version": {Recipe: merge(`{"id":3}`), Saved: base, SaveAs: "add id"},
		"same name":    {Recipe: merge(`{"id":3}`), SaveAs: "Add id"},
	} {
		j, err := b.edit(t, strings.ReplaceAll(name, " ", "-"), in)
		if deadletter.KindOf(err) != deadletter.Conflict || deadletter.FieldOf(err) != deadletter.FieldName ||
			!strings.Contains(deadletter.TextOf(err), "anna saved") {
			t.Errorf("%s: %v", name, err)
		}
		if j.State != deadletter.JobDraft {
			t.Errorf("%s: the job is %s", name, j.State)
		}
	}
	if now := b.recipe(t, base.ID); now.Latest.Number != 2 || now.Record.Jobs != 2 {
		t.Errorf("afterwards it is %+v", now)
	}
}

// A masked value that is left in a text stays what it is, and is shown to none.
func TestMaskedValuesOfARecipeAreKept(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const text = `{"customer":{"ssn":"078-05-1120"}}`
	j, err := b.edit(t, "a-1", deadletter.JobInput{Recipe: merge(text), SaveAs: "add ssn"})
	if err != nil {
		t.Fatal(err)
	}
	shown, err := b.Recipe(t.Context(), vera, j.Saved.ID)
	if err != nil || strings.Contains(shown.Latest.Text, "078") || !strings.Contains(shown.Latest.Text, "ssn") {
		t.Fatalf("it is shown as %s, %v", shown.Latest.Text, err)
	}
	again, err := b.edit(
		t, "a-2", deadletter.JobInput{Recipe: merge(shown.Latest.Text), Saved: j.Saved, SaveAs: "add ssn"},
	)
	if err != nil || again.Recipe.Text != text || again.Saved != j.Saved {
		t.Errorf("used again it is %s of %+v, %v", again.Recipe.Text, again.Saved, err)
	}
	next := strings.Replace(shown.Latest.Text, "{", `{"n":1,`, 1)
	if err := b.SaveRecipe(t.Context(), anna, j.Saved.ID, 1, merge(next)); err != nil {
		t.Fatal(err)
	}
	if got := b.recipe(t, j.Saved.ID).Latest.Text; got != `{"n":1,"customer":{"ssn":"078-05-1120"}}` {
		t.Errorf("version 2 is %s", got)
	}
}

func TestRecipeThatReadsATableAsksForIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := deadletter.Recipe{Kind: deadletter.JQ, Text: `.id = $table[.eventType].id`}
	_, err := b.edit(t, "a-1", deadletter.JobInput{Recipe: r, SaveAs: "from table"})
	if deadletter.KindOf(err) != deadletter.Invalid || deadletter.FieldOf(err) != deadletter.FieldTable {
		t.Errorf("without a table: %v", err)
	}
	r.Table = "type,id\na,1"
	j, err := b.edit(t, "a-2", deadletter.JobInput{Recipe: r, SaveAs: "from table"})
	if err != nil {
		t.Fatal(err)
	}
	if got := b.recipe(t, j.Saved.ID).Latest.Edit(); got.Table != "" || got.Text != r.Text {
		t.Errorf("it is saved as %+v", got)
	}
}

func TestRecipeOfAJobIsSavedAfterwards(t *testing.T) {
	t.Parallel()
	b := setup(t)
	draft := b.draft(t, deadletter.ActEdit, ref(b.receive(t, "d-1", nil)))
	plain := b.draft(t, deadletter.ActReplay, ref(b.receive(t, "p-1", nil)))
	j, err := b.edit(t, "a-1", deadletter.JobInput{Recipe: merge(`{"id":1}`)})
	if err != nil || j.Saved.ID != 0 {
		t.Fatalf("it uses %+v, %v", j.Saved, err)
	}
	for name, want := range map[string]struct {
		by   deadletter.Actor
		id   deadletter.JobID
		name string
		kind deadletter.Kind
	}{
		"viewer":   {vera, j.ID, "add id", deadletter.Forbidden},
		"draft":    {anna, draft, "add id", deadletter.Conflict},
		"no edit":  {anna, plain, "add id", deadletter.Conflict},
		"no name":  {anna, j.ID, " ", deadletter.Invalid},
		"none":     {anna, 99, "add id", deadletter.NotFound},
		"no actor": {noone, j.ID, "add id", deadletter.Unauthenticated},
	} {
		if err := b.SaveJobRecipe(t.Context(), want.by, want.id, want.name); deadletter.KindOf(err) != want.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := b.SaveJobRecipe(t.Context(), bert, j.ID, "add id"); err != nil {
		t.Fatal(err)
	}
	saved := b.job(t, j.ID).Saved
	s := b.recipe(t, saved.ID)
	if s.Name != "add id" || s.Latest.By != "bert" || s.Record.Jobs != 1 || s.Record.By != "anna" {
		t.Errorf("it is saved as %+v", s)
	}
	if err := b.SaveJobRecipe(t.Context(), anna, j.ID, "twice"); deadletter.KindOf(err) != deadletter.Conflict {
		t.Errorf("saved twice: %v", err)
	}
}

func TestArchivedRecipeIsNotOffered(t *testing.T) {
	t.Parallel()
	b := setup(t)
	j, err := b.edit(t, "a-1", deadletter.JobInput{Recipe: merge(`{"id":1}`), SaveAs: "add id"})
	if err != nil {
		t.Fatal(err)
	}
	offered := func(id string) (names []string) {
		draft := b.job(t, b.draft(t, deadletter.ActEdit, ref(b.receive(t, id, nil))))
		scope, err := b.JobScope(t.Context(), draft)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range scope.Recipes {
			names = append(names, s.Name)
		}
		return names
	}
	if got := offered("b-1"); len(got) != 1 {
		t.Errorf("offered are %v", got)
	}
	if err := b.ArchiveRecipe(t.Context(), vera, j.Saved.ID); deadletter.KindOf(err) != deadletter.Forbidden {
		t.Errorf("a viewer archives it: %v", err)
	}
	if err := b.ArchiveRecipe(t.Context(), anna, j.Saved.ID); err != nil {
		t.Fatal(err)
	}
	if got := offered("b-2"); len(got) != 0 {
		t.Errorf("offered are %v", got)
	}
	if err := b.RestoreRecipe(t.Context(), bert, j.Saved.ID); err != nil {
		t.Fatal(err)
	}
	if got := offered("b-3"); len(got) != 1 {
		t.Errorf("offered are %v", got)
	}
}

// A recipe with which most messages were delivered is the next step of its cause.
func TestProvenRecipeIsTheNextStep(t *testing.T) {
	t.Parallel()
	b := setup(t)
	j, err := b.edit(t, "a-1", deadletter.JobInput{Recipe: merge(`{"id":1}`), SaveAs: "add id"})
	if err != nil {
		t.Fatal(err)
	}
	cause := b.receive(t, "a-2", nil).Fingerprint
	step := func() deadletter.CauseStep {
		seen, err := b.Cause(t.Context(), vera, cause)
		if err != nil {
			t.Fatal(err)
		}
		return seen.Next
	}
	if got := step(); got.Kind != deadletter.StepLook {
		t.Errorf("before a result it is %+v", got)
	}
	count := func(n deadletter.Replays) {
		if err := b.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			return tx.CountRecipe(ctx, j.Saved, n)
		}); err != nil {
			t.Fatal(err)
		}
	}
	count(deadletter.Replays{Tried: 10, Delivered: 9})
	if got := step(); got.Kind != deadletter.StepRecipe || got.Recipe.Name != "add id" || got.Replays.Delivered != 9 {
		t.Errorf("it is %+v", got)
	}
	count(deadletter.Replays{Tried: 10})
	if got := step(); got.Kind != deadletter.StepLook {
		t.Errorf("once most failed with it, it is %+v", got)
	}
}
