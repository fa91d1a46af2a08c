package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
)

// DryRun is the trial of a recipe on every message of a draft. It sends nothing and changes no message.
type DryRun struct {
	State      string        `json:"state" enum:"running,done,cancelled"`
	By         string        `json:"by"`
	Recipe     JobRecipe     `json:"recipe" doc:"Masked, and without its table."`
	Messages   int           `json:"messages" doc:"Of the draft."`
	Tried      int           `json:"tried" doc:"That have their result."`
	Changed    int           `json:"changed"`
	Unchanged  int           `json:"unchanged"`
	Failed     int           `json:"failed" doc:"The recipe fails, or the job would skip them for another reason."`
	Differing  int           `json:"differing" doc:"Of the changed ones: they still differ from nearly all delivered webhooks."`
	Uncompared int           `json:"uncompared" doc:"Of the changed ones: they could not be compared with delivered webhooks."`
	Groups     []DryRunGroup `json:"groups" doc:"Messages that came to the same, the largest groups first."`
	StartedAt  time.Time     `json:"startedAt"`
	EndedAt    *time.Time    `json:"endedAt,omitempty"`
}

// DryRunGroup counts messages of a dry run that fail for the same reason, or still differ in the same way.
type DryRunGroup struct {
	Messages  int                   `json:"messages"`
	Refusal   string                `json:"refusal,omitempty" doc:"Why they fail."`
	Departure *deadletter.Departure `json:"departure,omitempty" doc:"How they still differ from nearly all delivered webhooks."`
	Further   bool                  `json:"further,omitempty" doc:"It counts all further groups together."`
	Examples  []string              `json:"examples" doc:"The ids of the first of them."`
}

// Preview shows one message before and after a recipe.
type Preview struct {
	Message string       `json:"message"`
	Source  string       `json:"source"`
	Cause   string       `json:"cause"`
	Changes bool         `json:"changes"`
	Fault   string       `json:"fault,omitempty" doc:"Why the recipe fails."`
	Before  string       `json:"before" doc:"The decoded body, masked; at most its first 64 KiB."`
	After   string       `json:"after" doc:"Likewise, after the change; empty if the recipe fails."`
	Differs []Difference `json:"differs" doc:"How it then differs from nearly all delivered webhooks."`
}

type recipeInput struct {
	JobRef
	Body struct {
		Recipe JobRecipe  `json:"recipe"`
		Saved  *RecipeUse `json:"saved,omitempty" doc:"The version of a saved recipe that it was made of: values that are masked in its text are taken from there."`
	}
}

func (a *API) dryRunOperations(described huma.API) {
	huma.Register(described, operation("preview-recipe", http.MethodPost, "/jobs/{id}/preview", "Jobs",
		"What a recipe makes of five messages of a draft that differ most", http.StatusNotFound, http.StatusConflict,
		http.StatusRequestEntityTooLarge), handler(a, a.previewRecipe))
	start := operation("start-dry-run", http.MethodPost, "/jobs/{id}/dry-run", "Jobs",
		"Try a recipe on every message of a draft; nothing is sent", http.StatusNotFound, http.StatusConflict,
		http.StatusRequestEntityTooLarge)
	start.DefaultStatus = http.StatusAccepted
	huma.Register(described, start,
		handler(a, func(ctx context.Context, by deadletter.Actor, in *recipeInput) (*dryRunResponse, error) {
			id := deadletter.JobID(in.ID)
			if err := a.Desk.StartDryRun(ctx, by, id, in.Body.Saved.use(), in.Body.Recipe.recipe()); err != nil {
				return nil, err
			}
			return a.readDryRun(ctx, by, id, http.StatusAccepted)
		}))
	huma.Register(described, operation("get-dry-run", http.MethodGet, "/jobs/{id}/dry-run", "Jobs",
		"The latest dry run of a job", http.StatusNotFound),
		handler(a, func(ctx context.Context, by deadletter.Actor, in *JobRef) (*dryRunResponse, error) {
			return a.readDryRun(ctx, by, deadletter.JobID(in.ID), http.StatusOK)
		}))
	huma.Register(described, operation("cancel-dry-run", http.MethodPost, "/jobs/{id}/dry-run/cancel", "Jobs",
		"Stop it; what it has found stays", http.StatusNotFound, http.StatusConflict),
		handler(a, func(ctx context.Context, by deadletter.Actor, in *JobRef) (*dryRunResponse, error) {
			id := deadletter.JobID(in.ID)
			if err := a.Desk.CancelDryRun(ctx, by, id); err != nil {
				return nil, err
			}
			return a.readDryRun(ctx, by, id, http.StatusOK)
		}))
}

// dryRunResponse is answered with 202 where the trial goes on after the answer, and says where to look.
type dryRunResponse struct {
	Status   int
	Location string `header:"Location"`
	Body     DryRun
}

func (a *API) readDryRun(
	ctx context.Context, by deadletter.Actor, id deadletter.JobID, status int,
) (*dryRunResponse, error) {
	run, groups, err := a.Desk.DryRun(ctx, by, id)
	if err != nil {
		return nil, err
	}
	out := DryRun{
		State:      string(run.State),
		By:         run.By.Name,
		Recipe:     JobRecipe{Kind: kindOf(run.Recipe.Kind), Text: run.Recipe.Text},
		Messages:   run.Messages,
		Tried:      run.Tried(),
		Changed:    run.Changed,
		Unchanged:  run.Unchanged,
		Failed:     run.Failed,
		Differing:  run.Differing,
		Uncompared: run.Uncompared,
		Groups:     []DryRunGroup{},
		StartedAt:  run.StartedAt.UTC(),
		EndedAt:    optional(run.EndedAt),
	}
	for _, g := range groups {
		one := DryRunGroup{Messages: g.Messages, Refusal: g.Refusal, Further: g.Further, Examples: []string{}}
		if g.Departure != (deadletter.Departure{}) {
			one.Departure = &g.Departure
		}
		for _, example := range g.Examples {
			one.Examples = append(one.Examples, string(example))
		}
		out.Groups = append(out.Groups, one)
	}
	return &dryRunResponse{status, Path + "/jobs/" + id.String() + "/dry-run", out}, nil
}

func (a *API) previewRecipe(
	ctx context.Context, by deadletter.Actor, in *recipeInput,
) (*pageResponse[Preview], error) {
	j, err := a.Desk.Job(ctx, by, deadletter.JobID(in.ID))
	if err != nil {
		return nil, err
	}
	recipe, err := a.Desk.Unmasked(ctx, by, in.Body.Saved.use(), in.Body.Recipe.recipe())
	if err != nil {
		return nil, err
	}
	list, err := a.Desk.PreviewRecipe(ctx, desk.TokenViewer(by), j, recipe)
	return respondWhole(list, err, func(p desk.Preview) Preview {
		one := Preview{
			Message: string(p.Message.ID), Source: p.Message.Source, Cause: p.Message.Fingerprint, Changes: p.Changes,
			Differs: []Difference{},
		}
		if p.Fault != nil {
			one.Fault = deadletter.TextOf(p.Fault)
		}
		one.Before, one.After = a.Desk.PreviewTexts(p)
		for _, d := range p.Departures {
			one.Differs = append(one.Differs, differenceOf(d))
		}
		return one
	})
}
