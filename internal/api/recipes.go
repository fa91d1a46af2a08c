package api

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"dlqdesk/internal/deadletter"
)

// Recipe is a saved edit that fixes messages of a cause.
type Recipe struct {
	ID         int64         `json:"id"`
	Cause      string        `json:"cause" doc:"The id of the cause that it is for."`
	Name       string        `json:"name"`
	Latest     RecipeVersion `json:"latest" doc:"Its latest version. Lists have the beginning of its text only."`
	Record     RecipeRecord  `json:"record" doc:"What all its versions came to."`
	ArchivedBy string        `json:"archivedBy,omitempty"`
	ArchivedAt *time.Time    `json:"archivedAt,omitempty"`
}

// RecipeVersion is one text of a saved recipe. It never changes.
type RecipeVersion struct {
	Number int          `json:"number"`
	Kind   string       `json:"kind" enum:"merge,json-patch,jq"`
	Text   string       `json:"text" doc:"Masked."`
	By     string       `json:"by"`
	At     time.Time    `json:"at"`
	Record RecipeRecord `json:"record"`
}

// RecipeRecord sums up the results of the jobs with a recipe.
type RecipeRecord struct {
	Jobs      int `json:"jobs"`
	Tried     int `json:"tried" doc:"Messages that were delivered or failed with it."`
	Delivered int `json:"delivered"`
}

// RecipeUse names a version of a saved recipe.
type RecipeUse struct {
	ID      int64 `json:"id" minimum:"1"`
	Version int   `json:"version" minimum:"1"`
}

func (u *RecipeUse) use() deadletter.RecipeUse {
	if u == nil {
		return deadletter.RecipeUse{}
	}
	return deadletter.RecipeUse{ID: deadletter.RecipeID(u.ID), Version: u.Version}
}

func (r JobRecipe) recipe() deadletter.Recipe {
	return deadletter.Recipe{Kind: deadletter.RecipeKind(r.Kind), Text: r.Text, Table: r.Table}
}

// kindOf returns the language of a recipe. One that was stored without it is a merge patch.
func kindOf(k deadletter.RecipeKind) string { return string(cmp.Or(k, deadletter.MergePatch)) }

// RecipeRef names a saved recipe.
type RecipeRef struct {
	ID int64 `path:"id" minimum:"1"`
}

type recipeResponse struct{ Body Recipe }

func (a *API) recipeOperations(described huma.API) {
	const tag = "Recipes"
	huma.Register(described, operation("list-recipes", http.MethodGet, "/recipes", tag,
		"Saved recipes, newest first; of a cause the likeliest to help first", http.StatusNotFound),
		handler(a, a.listRecipes))
	huma.Register(described, operation("get-recipe", http.MethodGet, "/recipes/{id}", tag, "One recipe",
		http.StatusNotFound), handler(a, a.getRecipe))
	huma.Register(described, operation("list-recipe-versions", http.MethodGet, "/recipes/{id}/versions", tag,
		"Its versions, latest first", http.StatusNotFound), handler(a, a.listRecipeVersions))
	save := operation("save-recipe", http.MethodPost, "/recipes/{id}/versions", tag, "Save its next version",
		http.StatusNotFound, http.StatusConflict, http.StatusRequestEntityTooLarge)
	save.DefaultStatus = http.StatusCreated
	huma.Register(described, save, handler(a, a.saveRecipe))
	for _, order := range []struct {
		name, summary string
		carryOut      func(ctx context.Context, by deadletter.Actor, id deadletter.RecipeID) error
	}{
		{"archive", "Put it away: it is no longer offered", a.Desk.ArchiveRecipe},
		{"restore", "Bring it back", a.Desk.RestoreRecipe},
	} {
		huma.Register(described, operation(order.name+"-recipe", http.MethodPost, "/recipes/{id}/"+order.name, tag,
			order.summary, http.StatusNotFound, http.StatusConflict),
			handler(a, func(ctx context.Context, by deadletter.Actor, in *RecipeRef) (*recipeResponse, error) {
				if err := order.carryOut(ctx, by, deadletter.RecipeID(in.ID)); err != nil {
					return nil, err
				}
				return a.getRecipe(ctx, by, in)
			}))
	}
	type nameInput struct {
		JobRef
		Body struct {
			Name string `json:"name" maxLength:"200"`
		}
	}
	keep := operation("save-job-recipe", http.MethodPost, "/jobs/{id}/recipe", tag,
		"Save the recipe of a job that was started, for the cause of most of its messages", http.StatusNotFound,
		http.StatusConflict)
	keep.DefaultStatus = http.StatusNoContent
	huma.Register(described, keep,
		handler(a, func(ctx context.Context, by deadletter.Actor, in *nameInput) (*struct{}, error) {
			return nil, a.Desk.SaveJobRecipe(ctx, by, deadletter.JobID(in.ID), in.Body.Name)
		}))
}

func recipeOf(s deadletter.SavedRecipe) Recipe {
	return Recipe{
		ID: int64(s.ID), Cause: s.Cause, Name: s.Name, Latest: recipeVersionOf(s.Latest), Record: recordOf(s.Record),
		ArchivedBy: s.ArchivedBy, ArchivedAt: optional(s.ArchivedAt),
	}
}

func recipeVersionOf(v deadletter.RecipeVersion) RecipeVersion {
	return RecipeVersion{v.Number, kindOf(v.Kind), v.Text, v.By, v.At.UTC(), recordOf(v.Record)}
}

func recordOf(r deadletter.RecipeRecord) RecipeRecord {
	return RecipeRecord{r.Jobs, r.Tried, r.Delivered}
}

type recipeListInput struct {
	List
	Cause    string `query:"cause" maxLength:"64" doc:"The recipes of this cause alone, on one page."`
	Archived bool   `query:"archived" doc:"Those that were put away."`
}

func (a *API) listRecipes(
	ctx context.Context, by deadletter.Actor, in *recipeListInput,
) (*pageResponse[Recipe], error) {
	found, err := a.Desk.Recipes(ctx, by, in.Cause, in.Archived, in.Cursor, in.Limit)
	return respondPage(found, err, recipeOf)
}

func (a *API) getRecipe(ctx context.Context, by deadletter.Actor, in *RecipeRef) (*recipeResponse, error) {
	s, err := a.Desk.Recipe(ctx, by, deadletter.RecipeID(in.ID))
	return &recipeResponse{recipeOf(s)}, err
}

func (a *API) listRecipeVersions(
	ctx context.Context, by deadletter.Actor, in *RecipeRef,
) (*pageResponse[RecipeVersion], error) {
	list, err := a.Desk.RecipeVersions(ctx, by, deadletter.RecipeID(in.ID))
	return respondWhole(list, err, recipeVersionOf)
}

type recipeSaveInput struct {
	RecipeRef
	Body struct {
		Base int    `json:"base" minimum:"1" doc:"The version that was changed: if there is a later one by now, it is a conflict."`
		Kind string `json:"kind" enum:"merge,json-patch,jq"`
		Text string `json:"text" maxLength:"65536" doc:"Where it has a masked value, that of the base is kept."`
	}
}

func (a *API) saveRecipe(ctx context.Context, by deadletter.Actor, in *recipeSaveInput) (*recipeResponse, error) {
	r := deadletter.Recipe{Kind: deadletter.RecipeKind(in.Body.Kind), Text: in.Body.Text}
	if err := a.Desk.SaveRecipe(ctx, by, deadletter.RecipeID(in.ID), in.Body.Base, r); err != nil {
		return nil, err
	}
	return a.getRecipe(ctx, by, &in.RecipeRef)
}
