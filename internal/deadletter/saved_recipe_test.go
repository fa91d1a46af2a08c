package deadletter_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
)

var (
	ofCause = deadletter.Cause{Fingerprint: "f-1", Source: "genesys"}
	addID   = deadletter.Recipe{Kind: deadletter.JQ, Text: ".id = 1"}
	ben     = deadletter.User("ben", deadletter.Operator, "")
	vera    = deadletter.User("vera", deadletter.Viewer, "")
)

func savedRecipe(t *testing.T, name string) deadletter.SavedRecipe {
	t.Helper()
	c, err := ofCause.NewRecipe(ben, name, addID, nil, jobAt)
	if err != nil {
		t.Fatal(err)
	}
	c.After.ID = 5
	return c.After
}

func TestRecipeIsSavedForItsCauseUnderAName(t *testing.T) {
	t.Parallel()
	c, err := ofCause.NewRecipe(ben, "  add\n id ", addID, nil, jobAt)
	if err != nil {
		t.Fatal(err)
	}
	s := c.After
	if s.Name != "add id" || s.Cause != "f-1" || s.Latest.Number != 1 || !s.Latest.Is(addID) || s.Latest.By != "ben" {
		t.Errorf("it is %+v", s)
	}
	const facts = `"name":"add id","cause":"f-1","version":1,"recipe":"jq","patch":".id = 1"`
	if c.Event.Action != "recipe.save" || c.Event.TargetKind != "recipe" || c.Event.Before != nil ||
		!strings.Contains(string(c.Event.After), facts) {
		t.Errorf("its event is %s of %s: %s", c.Event.Action, c.Event.TargetKind, c.Event.After)
	}
	many := make([]deadletter.SavedRecipe, deadletter.MaxRecipes)
	for name, want := range map[string]struct {
		by     deadletter.Actor
		name   string
		others []deadletter.SavedRecipe
		kind   deadletter.Kind
	}{
		"no name":       {ben, " \t", nil, deadletter.Invalid},
		"long name":     {ben, strings.Repeat("é", deadletter.MaxRecipeName+1), nil, deadletter.Invalid},
		"name of other": {ben, "ADD  ID", []deadletter.SavedRecipe{s}, deadletter.Conflict},
		"too many":      {ben, "more", many, deadletter.Invalid},
		"viewer":        {vera, "add id", nil, deadletter.Forbidden},
	} {
		_, err := ofCause.NewRecipe(want.by, want.name, addID, want.others, jobAt.Add(3*time.Minute))
		if deadletter.KindOf(err) != want.kind {
			t.Errorf("%s: %v", name, err)
		}
		const who = `ben saved a recipe "add id" of this cause 3 min ago`
		if want.kind == deadletter.Conflict && !strings.Contains(err.Error(), who) {
			t.Errorf("it does not say who was first: %v", err)
		}
	}
}

func TestEachTextOfARecipeIsAVersion(t *testing.T) {
	t.Parallel()
	s := savedRecipe(t, "add id")
	next := deadletter.Recipe{Kind: deadletter.JQ, Text: ".id = 2"}
	c, err := s.Save(anna, 1, next, jobAt)
	if err != nil || c.After.Latest.Number != 2 || c.After.Latest.Recipe != 5 || !c.After.Latest.Is(next) ||
		c.After.Latest.By != "anna" || c.After.Latest.Record.Jobs != 0 {
		t.Fatalf("version 2 is %+v, %v", c.After.Latest, err)
	}
	_, err = c.After.Save(ben, 1, addID, jobAt.Add(time.Minute))
	if deadletter.KindOf(err) != deadletter.Conflict ||
		!strings.Contains(err.Error(), `anna saved version 2 of "add id" 1 min ago`) {
		t.Errorf("who changed an older version is told %v", err)
	}
	if _, err := c.After.Save(ben, 2, next, jobAt); deadletter.KindOf(err) != deadletter.Conflict {
		t.Errorf("the same text is saved twice: %v", err)
	}
	if _, err := s.Save(vera, 1, next, jobAt); deadletter.KindOf(err) != deadletter.Forbidden {
		t.Errorf("a viewer saves: %v", err)
	}
	full := s
	full.Latest.Number = deadletter.MaxRecipeVersions
	if _, err := full.Save(ben, full.Latest.Number, next, jobAt); deadletter.KindOf(err) != deadletter.Invalid {
		t.Errorf("one version too many: %v", err)
	}
}

func TestArchivedRecipeComesBack(t *testing.T) {
	t.Parallel()
	s := savedRecipe(t, "add id")
	if _, err := s.Restore(ben, nil, jobAt); deadletter.KindOf(err) != deadletter.Conflict {
		t.Errorf("one in use is restored: %v", err)
	}
	put, err := s.Archive(anna, jobAt)
	if err != nil || !put.After.Archived() || put.After.ArchivedBy != "anna" || put.Event.Action != "recipe.archive" ||
		put.Event.Target != "5" {
		t.Fatalf("archived it is %+v, %v", put, err)
	}
	for name, did := range map[string]func() (deadletter.RecipeChange, error){
		"archive": func() (deadletter.RecipeChange, error) { return put.After.Archive(ben, jobAt) },
		"save": func() (deadletter.RecipeChange, error) {
			return put.After.Save(ben, 1, deadletter.Recipe{Text: `{"id":3}`}, jobAt)
		},
		"restore": func() (deadletter.RecipeChange, error) {
			return put.After.Restore(ben, []deadletter.SavedRecipe{savedRecipe(t, "Add ID")}, jobAt)
		},
	} {
		if _, err := did(); deadletter.KindOf(err) != deadletter.Conflict {
			t.Errorf("%s: %v", name, err)
		}
	}
	back, err := put.After.Restore(ben, nil, jobAt)
	if err != nil || back.After.Archived() || back.After.ArchivedBy != "" || back.Event.Action != "recipe.restore" {
		t.Errorf("restored it is %+v, %v", back, err)
	}
	for _, do := range []func() (deadletter.RecipeChange, error){
		func() (deadletter.RecipeChange, error) { return s.Archive(vera, jobAt) },
		func() (deadletter.RecipeChange, error) { return put.After.Restore(vera, nil, jobAt) },
	} {
		if _, err := do(); deadletter.KindOf(err) != deadletter.Forbidden {
			t.Errorf("a viewer may: %v", err)
		}
	}
}

// The latest version decides, and few results count for less than many.
func TestBestRecipesComeFirst(t *testing.T) {
	t.Parallel()
	results := func(delivered, tried int) deadletter.RecipeRecord {
		return deadletter.RecipeRecord{Jobs: 1, Replays: deadletter.Replays{Tried: tried, Delivered: delivered}}
	}
	var list []deadletter.SavedRecipe
	for i, one := range []struct{ latest, all deadletter.RecipeRecord }{
		{deadletter.RecipeRecord{}, deadletter.RecipeRecord{}}, // 0: not used
		{results(1, 1), results(1, 1)},
		{results(1420, 1431), results(1420, 2000)},
		{results(0, 10), results(900, 910)},
		{deadletter.RecipeRecord{}, results(90, 100)}, // 4: its latest version is new
	} {
		list = append(list, deadletter.SavedRecipe{
			ID: deadletter.RecipeID(i), Record: one.all, Latest: deadletter.RecipeVersion{Record: one.latest},
		})
	}
	deadletter.SortRecipes(list)
	var order []string
	for _, s := range list {
		order = append(order, s.ID.String())
	}
	if want := []string{"2", "4", "1", "0", "3"}; !slices.Equal(order, want) {
		t.Errorf("the order is %v, want %v", order, want)
	}
}

func TestRecipeUseSaysItsName(t *testing.T) {
	t.Parallel()
	use := deadletter.RecipeUse{ID: 5, Version: 2, Name: "add id"}
	if got := fmt.Sprint(use.Text(), deadletter.RecipeUse{}.Text()); got != `recipe "add id", version 2` {
		t.Errorf("it says %s", got)
	}
}
