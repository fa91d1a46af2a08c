package store_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// saveRecipe saves a recipe for a cause.
func saveRecipe(t *testing.T, s *store.Store, c deadletter.Cause, name, text string) (saved deadletter.SavedRecipe) {
	t.Helper()
	return applyRecipe(t, s, func(ctx context.Context, tx *store.Tx) (deadletter.RecipeChange, error) {
		others, err := tx.RecipesOf(ctx, c.Fingerprint)
		if err != nil {
			return deadletter.RecipeChange{}, err
		}
		return c.NewRecipe(anna, name, deadletter.Recipe{Kind: deadletter.JQ, Text: text}, others, start)
	})
}

func applyRecipe(
	t *testing.T, s *store.Store, decide func(context.Context, *store.Tx) (deadletter.RecipeChange, error),
) (saved deadletter.SavedRecipe) {
	t.Helper()
	err := s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		change, err := decide(ctx, tx)
		if err == nil {
			saved, err = tx.ApplyRecipe(ctx, change)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return saved
}

func recipeNames(t *testing.T, s *store.Store, archived bool, fingerprints ...string) (names []string) {
	t.Helper()
	list, err := s.RecipesOf(t.Context(), fingerprints, archived)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		names = append(names, r.Name)
	}
	slices.Sort(names)
	return names
}

func TestRecipeKeepsItsVersions(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	receiveMany(t, s, "a", "no id", 1)
	c := causesByTitle(t, s)["503 no id"]
	first := saveRecipe(t, s, c, "add id", ".id = 1")
	long := ".id = " + strings.Repeat("1", 1000)
	second := applyRecipe(t, s, func(context.Context, *store.Tx) (deadletter.RecipeChange, error) {
		return first.Save(admin, 1, deadletter.Recipe{Kind: deadletter.JQ, Text: long}, start)
	})
	got, err := s.Recipe(t.Context(), first.ID)
	if err != nil || got != second || got.Latest.Text != long || got.Latest.By != "root" || got.Cause != c.Fingerprint {
		t.Errorf("it is %+v, %v, want %+v", got, err, second)
	}
	versions, err := s.RecipeVersions(t.Context(), first.ID)
	if err != nil || len(versions) != 2 || versions[0] != second.Latest || versions[1] != first.Latest {
		t.Errorf("its versions are %+v, %v", versions, err)
	}
	if v, err := s.RecipeVersion(t.Context(), first.ID, 1); err != nil || v != first.Latest {
		t.Errorf("version 1 is %+v, %v", v, err)
	}
	if list, err := s.RecipesOf(t.Context(), []string{c.Fingerprint}, false); err != nil || len(list) != 1 ||
		len(list[0].Latest.Text) >= len(long) || list[0].Latest.Number != 2 {
		t.Errorf("in a list it is %+v, %v", list, err)
	}
	for _, err := range []error{
		func() error { _, err := s.Recipe(t.Context(), first.ID+1); return err }(),
		func() error { _, err := s.RecipeVersion(t.Context(), first.ID, 3); return err }(),
	} {
		if deadletter.KindOf(err) != deadletter.NotFound {
			t.Errorf("one that there is not: %v", err)
		}
	}
	events, err := s.Events(t.Context(), store.EventQuery{Limit: 2})
	if err != nil || len(events.Items) != 2 {
		t.Fatalf("events %v, %v", events, err)
	}
	for _, e := range events.Items {
		if e.Action != "recipe.save" || e.Target != first.ID.String() {
			t.Errorf("event %s of %s", e.Action, e.Target)
		}
	}
}

func TestArchivedRecipeLeavesItsNameFree(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	receiveMany(t, s, "a", "no id", 1)
	c := causesByTitle(t, s)["503 no id"]
	first := saveRecipe(t, s, c, "add id", ".id = 1")
	archived := applyRecipe(t, s, func(context.Context, *store.Tx) (deadletter.RecipeChange, error) {
		return first.Archive(anna, start)
	})
	again := saveRecipe(t, s, c, "Add ID", ".id = 2")
	if got := recipeNames(t, s, true, c.Fingerprint); !slices.Equal(got, []string{"add id"}) {
		t.Errorf("archived are %v", got)
	}
	if got := recipeNames(t, s, false, c.Fingerprint); !slices.Equal(got, []string{"Add ID"}) {
		t.Errorf("in use are %v", got)
	}
	err := s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		change, err := archived.Restore(anna, nil, start)
		if err == nil {
			_, err = tx.ApplyRecipe(ctx, change)
		}
		return err
	})
	if err == nil {
		t.Error("two in use have one name")
	}
	for archived, want := range map[bool]deadletter.RecipeID{true: first.ID, false: again.ID} {
		page, err := s.Recipes(t.Context(), archived, "", 10)
		if err != nil || len(page.Items) != 1 || page.Items[0].ID != want {
			t.Errorf("archived %v: %+v, %v", archived, page.Items, err)
		}
	}
}

func TestRecipesFollowMergedCauses(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	for prefix, reason := range map[string]string{"a": "shard blue is down", "b": "shard red is down"} {
		receiveMany(t, s, prefix, reason, 3)
	}
	before := causesByTitle(t, s)
	blue, red := before["503 shard blue is down"], before["503 shard red is down"]
	saved := saveRecipe(t, s, blue, "of blue", ".id = 1")
	saveRecipe(t, s, red, "of red", ".id = 2")
	rule := mergeCauses(t, s, red, blue, red)
	merged := causesByTitle(t, s)
	if len(merged) != 1 {
		t.Fatalf("causes %v", merged)
	}
	for _, c := range merged {
		for _, fingerprint := range []string{c.Fingerprint, blue.Fingerprint, red.Fingerprint} {
			if got := recipeNames(t, s, false, fingerprint); !slices.Equal(got, []string{"of blue", "of red"}) {
				t.Errorf("the cause has %v", got)
			}
		}
		if got, err := s.Recipe(t.Context(), saved.ID); err != nil || got.Cause != c.Fingerprint {
			t.Errorf("the recipe is of %s, %v", got.Cause, err)
		}
	}
	if got := recipeNames(t, s, false, blue.Fingerprint, red.Fingerprint); len(got) != 2 {
		t.Errorf("asked for both, it has %v", got)
	}
	undo(t, s, rule)
	for cause, want := range map[string]string{blue.Fingerprint: "of blue", red.Fingerprint: "of red"} {
		if got := recipeNames(t, s, false, cause); !slices.Equal(got, []string{want}) {
			t.Errorf("after the undo the cause has %v", got)
		}
	}
}

func TestPagesOfRecipes(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	receiveMany(t, s, "a", "no id", 1)
	c := causesByTitle(t, s)["503 no id"]
	for i := range 5 {
		saveRecipe(t, s, c, fmt.Sprintf("recipe %d", i), fmt.Sprintf(".id = %d", i))
	}
	var names []string
	for cursor, pages := "", 0; pages < 5; pages++ {
		page, err := s.Recipes(t.Context(), false, cursor, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range page.Items {
			names = append(names, r.Name[len("recipe "):])
		}
		if cursor = page.Older; cursor == "" {
			break
		}
	}
	if got := strings.Join(names, ""); got != "43210" {
		t.Errorf("the pages have %s", got)
	}
}

// No query about recipes reads past those that it returns.
func TestQueriesAboutRecipesUseTheirIndexes(t *testing.T) {
	t.Parallel()
	_, path := setup(t)
	useIndexes(t, path, map[string]string{
		store.RecipeByID:     "SEARCH r USING INTEGER PRIMARY KEY (rowid=?)",
		store.RecipeVersions: "SEARCH v USING PRIMARY KEY (recipe=?)",
		store.RecipesInUse:   "SEARCH r USING INDEX recipes_name (fingerprint=?)",
		store.RecipesPutAway: "SEARCH r USING INDEX recipes_archived_of (fingerprint=?)",
		store.JobsWithRecipe: "SEARCH j USING INDEX jobs_recipe (saved_recipe=?)",
	}, "r", "v", "m")
}
