package console

import (
	"cmp"
	"context"
	"net/http"
	"strconv"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

// previewRecipe shows what the recipe in the form of a draft makes of a few messages.
func (c *Console) previewRecipe(w http.ResponseWriter, r *http.Request) error {
	j, err := c.readJob(r)
	if err != nil {
		return err
	}
	return c.showTrial(w, r, j, nil)
}

// startDryRun tries the recipe in the form of a draft on all of its messages.
func (c *Console) startDryRun(w http.ResponseWriter, r *http.Request) error {
	j, err := c.readJob(r)
	if err != nil {
		return err
	}
	in, _ := jobInput(r) // its time does not matter here
	err = c.Desk.StartDryRun(r.Context(), auth.Actor(r.Context()), j.ID, in.Saved, in.Recipe)
	if err != nil && deadletter.FieldOf(err) == "" {
		return err
	}
	return c.showTrial(w, r, j, err)
}

func (c *Console) cancelDryRun(w http.ResponseWriter, r *http.Request) error {
	j, err := c.readJob(r)
	if err == nil {
		err = c.Desk.CancelDryRun(r.Context(), auth.Actor(r.Context()), j.ID)
	}
	if err != nil {
		return err
	}
	return c.showTrial(w, r, j, nil)
}

// showTrial shows the trial of the recipe in a form: its part of the dialog or, without scripts, the page of the draft
// with all that was entered.
func (c *Console) showTrial(w http.ResponseWriter, r *http.Request, j deadletter.Job, fault error) error {
	if err := j.CheckTry(auth.Actor(r.Context()), c.Now()); err != nil {
		return err
	}
	in, timeFault := jobInput(r)
	if !isPartial(r) {
		status := http.StatusOK
		if fault = cmp.Or(fault, timeFault); fault != nil {
			status = statusOf(deadletter.KindOf(fault))
		}
		return c.showJob(w, r, status, j, in.Recipe, func(v *page.JobPageView) { keepInput(v.Confirm, r, in, fault) })
	}
	recipe, err := c.Desk.Unmasked(r.Context(), auth.Actor(r.Context()), in.Saved, in.Recipe)
	if err != nil && deadletter.FieldOf(err) == "" {
		return err
	}
	fault = cmp.Or(fault, err)
	run, err := c.Store.DryRun(r.Context(), j.ID)
	if err != nil {
		return err
	}
	j = j.After(run, recipe)
	var v page.JobTrialUpdate
	if v.Trial, err = c.trialView(r.Context(), j, run, recipe, &v.Recipe); err != nil {
		return err
	}
	if fault != nil {
		showRecipeFault(&v.Recipe, fault)
	}
	if r.PostForm.Get("sends") != strconv.Itoa(j.Sends()) {
		found, err := c.Desk.JobScope(r.Context(), j)
		if err != nil {
			return err
		}
		scope, err := c.jobScopeView(r.Context(), j, found)
		if err != nil {
			return err
		}
		size := jobSize(j, scope)
		size.Count, v.Size = r.PostForm.Get("count"), &size
	}
	return c.render(w, r, http.StatusOK, page.JobTrialChanged(v))
}

// jobSize returns what of the dialog of a draft depends on how many messages it sends.
func jobSize(j deadletter.Job, scope page.JobScope) page.JobSize {
	return page.JobSize{
		Sends: strconv.Itoa(j.Sends()), Action: j.Action.Name(), Asked: scope.Asked,
		Label: wordsOf(j.Action).verb + " " + plural(j.Sends(), "message"),
	}
}

// dryRunProgress renders how far a dry run is, for a dialog that polls.
func (c *Console) dryRunProgress(w http.ResponseWriter, r *http.Request) error {
	j, err := c.readJob(r)
	if err != nil {
		return err
	}
	run, err := c.Store.DryRun(r.Context(), j.ID)
	if err != nil {
		return err
	}
	v, err := c.dryRunView(r.Context(), j, run, run.Recipe)
	v.Outdated, v.Refreshes = false, run.State != deadletter.DryRunRunning && j.State == deadletter.JobDraft
	if err != nil {
		return err
	}
	return c.render(w, r, http.StatusOK, page.DryRunResult(v))
}

// draftRecipe returns the recipe that the form of a draft begins with: that of its dry run. A person who did not
// write it gets it only without secrets, and without a table.
func (c *Console) draftRecipe(ctx context.Context, j deadletter.Job) (recipe deadletter.Recipe, err error) {
	if j.State != deadletter.JobDraft || !j.Action.Edits() {
		return recipe, nil
	}
	run, err := c.Store.DryRun(ctx, j.ID)
	if err != nil || run.ID == 0 {
		return recipe, err
	}
	if run.By.Name == auth.Actor(ctx).Name && run.Saved == 0 {
		recipe = run.Recipe
		recipe.Table, err = c.Store.DryRunTable(ctx, run.ID)
		return recipe, err
	}
	if c.Desk.Hider().Patch(run.Recipe.Text) == run.Recipe.Text {
		recipe = run.Recipe
	}
	return recipe, nil
}

// trialView tries a recipe on a few messages of a draft, and shows its dry run. A fault of the recipe goes to its
// field.
func (c *Console) trialView(
	ctx context.Context, j deadletter.Job, run deadletter.DryRun, recipe deadletter.Recipe, fields *page.JobRecipe,
) (v page.JobTrial, err error) {
	v.ID = j.ID.String()
	if v.Run, err = c.dryRunView(ctx, j, run, recipe); err != nil {
		return v, err
	}
	if recipe.Text == "" {
		v.Note = "Enter a change to see what it does to messages that differ most."
		return v, nil
	}
	by := desk.Viewer{Actor: auth.Actor(ctx), Session: c.Auth.Session(ctx)}
	list, err := c.Desk.PreviewRecipe(ctx, by, j, recipe)
	if deadletter.KindOf(err) == deadletter.Invalid {
		v.Note = "There is no preview while the change has a fault."
		showRecipeFault(fields, err)
		return v, nil
	}
	for _, p := range list {
		one, err := c.previewView(ctx, p)
		if err != nil {
			return v, err
		}
		v.Previews = append(v.Previews, one)
	}
	return v, err
}

// showRecipeFault shows a fault at the field that it is about. It returns false if that is no field of a recipe.
func showRecipeFault(fields *page.JobRecipe, fault error) bool {
	switch deadletter.FieldOf(fault) {
	case deadletter.FieldPatch:
		fields.Error = errorText(fault)
	case deadletter.FieldTable:
		fields.TableError = errorText(fault)
	default:
		return false
	}
	return true
}

func (c *Console) previewView(ctx context.Context, p desk.Preview) (page.RecipePreview, error) {
	m, source := p.Message, c.Desk.SourceOf(p.Message)
	if err := c.Desk.Hider().Message(ctx, &m); err != nil {
		return page.RecipePreview{}, err
	}
	v := page.RecipePreview{
		Source: printable(m.Source), Cause: printable(deadletter.WithStatus(m.StatusCode, m.Reason)),
		Fault: printable(errorText(p.Fault)), Unchanged: p.Fault == nil && !p.Changes,
	}
	if p.Fault != nil || v.Unchanged {
		v.Compare.ID = string(m.ID)
		return v, nil
	}
	v.Compare = compareView(m.ID, p.Before, p.After, nil, source, source)
	v.Compare.After.Name, v.Compare.After.FullURL = "after the change", ""
	for _, d := range p.Departures {
		v.Departures = append(v.Departures, differenceRow(d))
	}
	return v, nil
}

func (c *Console) dryRunView(
	ctx context.Context, j deadletter.Job, run deadletter.DryRun, recipe deadletter.Recipe,
) (page.DryRun, error) {
	v := page.DryRun{Job: j.ID.String()}
	if run.ID == 0 {
		return v, nil
	}
	v.State, v.Summary = string(run.State), dryRunSummary(run)
	v.Tried, v.Total = strconv.Itoa(run.Tried()), strconv.Itoa(run.Messages)
	v.By, v.At = printable(run.By.Name), ui.At(run.StartedAt)
	v.Outdated, v.Masked = !run.IsOf(recipe), run.Masked
	if run.Differing > 0 {
		v.Differing = number(run.Differing) +
			" of those that would change still differ from nearly all delivered webhooks"
	}
	if run.Uncompared > 0 && run.State != deadletter.DryRunRunning {
		v.Uncompared = number(run.Uncompared) + " could not be compared with delivered webhooks: none of their " +
			"type was sampled, or they are over 256 KiB."
	}
	groups, err := c.Store.DryRunGroups(ctx, run.ID)
	hider := c.Desk.Hider()
	for _, g := range groups {
		one := page.DryRunGroup{Count: number(g.Messages), Further: g.Further}
		for _, id := range g.Examples {
			one.Examples = append(one.Examples, page.MessageLink{ID: string(id), URL: messageURL(id, "")})
		}
		if g.Refusal != "" {
			one.Text = printable(sentence(hider.Text(g.Refusal, run.StartedAt)))
			v.Refusals = append(v.Refusals, one)
			continue
		}
		one.Difference, one.Of = departureRow(g.Departure), departureOf(g.Departure)
		v.Departures = append(v.Departures, one)
	}
	return v, err
}

func departureRow(d deadletter.Departure) page.Difference {
	row := page.Difference{
		Kind: "missing", Path: shortened(d.Path), Delivered: d.Delivered, UsualIn: d.UsualIn,
		There: d.Delivered - d.UsualIn,
	}
	if d.Type != "" {
		row.Kind, row.Value, row.Usual = "type", d.Type, d.Usual
	}
	return row
}

// departureOf names the webhooks that a departure is about.
func departureOf(d deadletter.Departure) string {
	if d.EventType == "" {
		return printable(d.Source)
	}
	return printable(d.Source + ", " + d.EventType)
}

// dryRunSummary says what a dry run came to: "1,204 of 1,300 would change, 90 unchanged, 6 fail".
func dryRunSummary(d deadletter.DryRun) string {
	text := number(d.Changed) + " of " + number(d.Messages) + " would change, " + number(d.Unchanged) + " unchanged, " +
		number(d.Failed) + " fail"
	if left := d.Messages - d.Tried(); left > 0 {
		text += ", " + number(left) + " not tried"
	}
	return text
}

// addDryRun adds what the dry run of a job came to.
func (c *Console) addDryRun(ctx context.Context, v *page.JobView, j deadletter.Job) error {
	if !j.Action.Edits() {
		return nil
	}
	run, err := c.Store.DryRun(ctx, j.ID)
	if err != nil || run.ID == 0 {
		return err
	}
	v.DryRun = sentence(dryRunSummary(run))
	switch {
	case j.State == deadletter.JobDraft:
		v.DryRun = "Dry run: " + dryRunSummary(run) + "."
		v.Active = run.State == deadletter.DryRunRunning
	case j.DryRun != run.ID:
		v.DryRun += " The job was started with another change, or before the end of the dry run."
	}
	return nil
}
