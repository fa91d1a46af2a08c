package console

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

const (
	recipesPath = "/recipes"

	// maxCauseRecipes is how many recipes the page of a cause lists.
	maxCauseRecipes = 5

	maxRecipeJobs = 20
)

func recipePath(id deadletter.RecipeID) string { return recipesPath + "/" + id.String() }

func (c *Console) recipeRoutes(r chi.Router) {
	r.Get(recipesPath, c.handle(c.recipes))
	r.Get("/recipes/{recipe}", c.handle(c.recipe))
	r.With(c.form(maxRecipe)).Post("/recipes/{recipe}/save", c.handle(c.saveRecipe))
	r.Group(func(r chi.Router) {
		r.Use(c.form(maxForm))
		r.Post("/recipes/{recipe}/archive", c.handle(c.orderRecipe("Archived.", c.Desk.ArchiveRecipe)))
		r.Post("/recipes/{recipe}/restore", c.handle(c.orderRecipe("Restored.", c.Desk.RestoreRecipe)))
	})
}

func parseRecipe(text string) (deadletter.RecipeID, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 {
		return 0, deadletter.Errorf(deadletter.NotFound, "there is no recipe %q", printable(text))
	}
	return deadletter.RecipeID(n), nil
}

// recipes lists the saved recipes: all, or those of one cause with the likeliest to help first.
func (c *Console) recipes(w http.ResponseWriter, r *http.Request) error {
	query := pickFields(r.URL.Query(), []field{{"cause", "Cause"}, {"archived", "Archived"}})
	archived, cause := query.Get("archived") != "", query.Get("cause")
	v := page.RecipesView{
		RetryURL: r.URL.RequestURI(), Archived: archived,
		UsedURL:     address(recipesPath, replaceParam(query, "archived", "")),
		ArchivedURL: address(recipesPath, replaceParam(query, "archived", "yes")),
	}
	status := http.StatusOK
	by, cursor := auth.Actor(r.Context()), r.URL.Query().Get("cursor")
	found, err := c.Desk.Recipes(r.Context(), by, cause, archived, cursor, pageSize)
	if err == nil {
		v.Rows, err = c.recipeRows(r.Context(), found.Items)
	}
	var titles map[string]string
	if err == nil && cause != "" {
		v.CauseURL = page.CauseURL(cause)
		titles, err = c.causeTitles(r.Context(), []string{cause})
		for _, title := range titles {
			v.CauseTitle = title
		}
	}
	switch {
	case err != nil:
		v.State, v.Fault, status = c.unreadable(r, err)
	case len(v.Rows) == 0:
		v.State = page.StateNothing
	}
	v.NewerURL, v.OlderURL = pageURL(recipesPath, query, found.Newer), pageURL(recipesPath, query, found.Older)
	if v.NewerURL != "" {
		v.NewestURL = address(recipesPath, query)
	}
	v.Chrome = c.chrome(r, "Recipes")
	return c.render(w, r, status, page.Recipes(v))
}

// recipeRows shows recipes whose secrets are hidden, with their causes.
func (c *Console) recipeRows(ctx context.Context, list []deadletter.SavedRecipe) (rows []page.RecipeRow, err error) {
	causes := make([]string, len(list))
	for i, s := range list {
		causes[i] = s.Cause
	}
	titles, err := c.causeTitles(ctx, causes)
	if err != nil {
		return nil, err
	}
	for _, s := range list {
		row := recipeRow(s)
		if row.CauseTitle = titles[s.Cause]; row.CauseTitle != "" {
			row.CauseURL = page.CauseURL(s.Cause)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// recipeRow shows a recipe whose secrets are hidden.
func recipeRow(s deadletter.SavedRecipe) page.RecipeRow {
	return page.RecipeRow{
		ID: s.ID.String(), URL: recipePath(s.ID), Name: printable(s.Name),
		Kind: page.RecipeName(string(s.Latest.Kind)), Text: printable(strings.Join(strings.Fields(s.Latest.Text), " ")),
		Version: strconv.Itoa(s.Latest.Number), By: printable(s.Latest.By), At: ui.At(s.Latest.At),
		Record: recipeRecord(s.Record), Archived: s.Archived(),
	}
}

func recipeRecord(r deadletter.RecipeRecord) page.RecipeRecord {
	v := page.RecipeRecord{Text: usedText(r), Tone: "plain", By: printable(r.By), At: ui.At(r.At)}
	switch {
	case r.Tried == 0:
	case r.Delivered == 0:
		v.Tone = ui.Fault
	case r.Delivered == r.Tried:
		v.Tone = ui.Done
	case 2*r.Delivered <= r.Tried:
		v.Tone = ui.Warn
	}
	return v
}

// recipeTarget is the target kind of events about a saved recipe.
const recipeTarget = "recipe"

// recipeName returns the name of the recipe that an event is about.
func recipeName(e store.EventRow) (string, bool) {
	var facts struct{ Name string }
	err := json.Unmarshal(e.After, &facts)
	return facts.Name, err == nil && facts.Name != ""
}

// usedText says what a recipe came to.
func usedText(r deadletter.RecipeRecord) string {
	if r.Jobs == 0 {
		return "Not used yet"
	}
	text := "Used " + number(r.Jobs) + " times"
	switch r.Jobs {
	case 1:
		text = "Used once"
	case 2:
		text = "Used twice"
	}
	if r.Tried == 0 {
		return text + ": no result yet"
	}
	return text + ": " + number(r.Delivered) + " of " + number(r.Tried) + " delivered"
}

// causeRecipes shows the recipes of a cause.
func (c *Console) causeRecipes(ctx context.Context, seen desk.CauseView) (v page.CauseRecipes, err error) {
	fingerprint := seen.Cause.Fingerprint
	list, err := c.Store.RecipesOf(ctx, []string{fingerprint}, false)
	if err != nil {
		return v, err
	}
	deadletter.SortRecipes(list)
	if len(list) > maxCauseRecipes {
		v.More = "All " + number(len(list)) + " recipes"
		v.AllURL, list = address(recipesPath, url.Values{"cause": {fingerprint}}), list[:maxCauseRecipes]
	}
	c.Desk.Hider().Recipes(list)
	for _, s := range list {
		row := recipeRow(s)
		row.Use = page.RecipeUse{
			Recipe: row.ID, Cause: fingerprint, Deny: errorText(seen.Refused[deadletter.ActEdit]),
		}
		v.List = append(v.List, row)
	}
	return v, nil
}

func (c *Console) recipe(w http.ResponseWriter, r *http.Request) error {
	return c.showRecipe(w, r, http.StatusOK, func(*page.RecipeView) {})
}

// showRecipe shows a recipe as a page. change adds what came of a form.
func (c *Console) showRecipe(
	w http.ResponseWriter, r *http.Request, status int, change func(*page.RecipeView),
) error {
	id, err := parseRecipe(chi.URLParam(r, "recipe"))
	if err != nil {
		return err
	}
	s, err := c.Desk.Recipe(r.Context(), auth.Actor(r.Context()), id)
	if err != nil {
		return err
	}
	v := page.RecipeView{
		Row:        recipeRow(s),
		ArchivedBy: printable(s.ArchivedBy), ArchivedAt: ui.At(s.ArchivedAt),
		Deny: errorText(auth.Actor(r.Context()).May(deadletter.ActEdit)),
		Edit: page.RecipeEdit{
			Kind: string(s.Latest.Kind), Text: printable(s.Latest.Text), Base: strconv.Itoa(s.Latest.Number),
			Next: strconv.Itoa(s.Latest.Number + 1),
		},
	}
	if err := c.addRecipeCause(r.Context(), &v, s); err != nil {
		return err
	}
	if err := c.addVersions(r, &v, s); err != nil {
		return err
	}
	jobs, err := c.Store.RecipeJobs(r.Context(), id, maxRecipeJobs)
	if err != nil {
		return err
	}
	for _, j := range jobs {
		v.Jobs = append(v.Jobs, jobResult(store.CauseJob{
			Job: j, Done: j.Items.Done, Failed: j.Items.Failed, Skipped: j.Items.Skipped,
		}))
	}
	if len(jobs) == maxRecipeJobs {
		v.MoreJobs = "These are the newest " + number(maxRecipeJobs) + "."
	}
	change(&v)
	v.Chrome = c.chrome(r, v.Row.Name)
	return c.render(w, r, status, page.Recipe(v))
}

// addRecipeCause adds the cause of a recipe, and whether its failed messages can be edited with it.
func (c *Console) addRecipeCause(ctx context.Context, v *page.RecipeView, s deadletter.SavedRecipe) error {
	seen, err := c.Desk.Cause(ctx, auth.Actor(ctx), s.Cause)
	if deadletter.KindOf(err) == deadletter.NotFound {
		return nil // retention has deleted it
	}
	if err != nil {
		return err
	}
	v.Row.CauseURL, v.Row.CauseTitle = page.CauseURL(s.Cause), printable(seen.Cause.Title)
	if v.Row.CauseTitle == "" {
		v.Row.CauseTitle = "No error recorded"
	}
	if !s.Archived() {
		v.Row.Use = page.RecipeUse{
			Recipe: v.Row.ID, Cause: s.Cause, Deny: errorText(seen.Refused[deadletter.ActEdit]),
		}
	}
	return nil
}

// addVersions adds the versions of a recipe, and how the one that is asked for differs from the one before it.
func (c *Console) addVersions(r *http.Request, v *page.RecipeView, s deadletter.SavedRecipe) error {
	list, err := c.Desk.RecipeVersions(r.Context(), auth.Actor(r.Context()), s.ID)
	if err != nil {
		return err
	}
	asked := r.URL.Query().Get("changes")
	for i, one := range list {
		shown := page.RecipeVersion{
			Number: strconv.Itoa(one.Number), Kind: page.RecipeName(string(one.Kind)), Text: printable(one.Text),
			By: printable(one.By), At: ui.At(one.At), Record: recipeRecord(one.Record),
		}
		if i+1 < len(list) {
			shown.ChangesURL = address(recipePath(s.ID), url.Values{"changes": {shown.Number}}) + "#recipe-changes"
			if shown.Current = asked == shown.Number; shown.Current {
				changes := recipeChanges(list[i+1], one)
				v.Changes = &changes
			}
		}
		v.Versions = append(v.Versions, shown)
	}
	return nil
}

// recipeChanges shows two versions side by side.
func recipeChanges(before, after deadletter.RecipeVersion) page.CompareView {
	side := func(one deadletter.RecipeVersion) page.CompareSide {
		return page.CompareSide{
			Name: fmt.Sprintf("version %d", one.Number), Body: printable(one.Text), JSON: one.Kind != deadletter.JQ,
		}
	}
	v := page.CompareView{Text: true, Before: side(before), After: side(after)}
	if before.Text == after.Text {
		v.SameNote = "They differ in nothing that is shown here."
	}
	return v
}

// saveRecipe makes the text of a form the next version of a recipe. A fault is reported in the form.
func (c *Console) saveRecipe(w http.ResponseWriter, r *http.Request) error {
	id, err := parseRecipe(chi.URLParam(r, "recipe"))
	if err != nil {
		return err
	}
	base, err := strconv.Atoi(r.PostForm.Get("version"))
	if err != nil {
		return deadletter.Errorf(deadletter.Invalid, "this form is incomplete: reload the page")
	}
	recipe := formRecipe(r)
	err = c.Desk.SaveRecipe(r.Context(), auth.Actor(r.Context()), id, base, recipe)
	switch kind := deadletter.KindOf(err); {
	case err == nil:
		c.redirect(w, r, recipePath(id), ui.Notice{Kind: ui.Done, Text: fmt.Sprintf("Version %d is saved.", base+1)})
		return nil
	case kind == deadletter.Invalid || kind == deadletter.Conflict:
		return c.showRecipe(w, r, statusOf(kind), func(v *page.RecipeView) {
			v.Edit.Open, v.Edit.Error = true, errorText(err)
			v.Edit.Kind, v.Edit.Text = string(recipe.Kind), recipe.Text
			if kind == deadletter.Invalid {
				v.Edit.Base = strconv.Itoa(base) // the person does not know of a later version
			}
		})
	}
	return err
}

// orderRecipe returns the handler of an action on a recipe. It shows the recipe with done, or with why it was refused.
func (c *Console) orderRecipe(
	done string, order func(context.Context, deadletter.Actor, deadletter.RecipeID) error,
) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		id, err := parseRecipe(chi.URLParam(r, "recipe"))
		if err == nil {
			err = order(r.Context(), auth.Actor(r.Context()), id)
		}
		notice := ui.Notice{Kind: ui.Done, Text: done}
		if deadletter.KindOf(err) == deadletter.Conflict {
			notice, err = ui.Notice{Kind: ui.Warn, Text: errorText(err), Hint: "You changed nothing."}, nil
		}
		if err != nil {
			return err
		}
		c.redirect(w, r, recipePath(id), notice)
		return nil
	}
}

// saveJobRecipe saves the recipe of a job that was started.
func (c *Console) saveJobRecipe(w http.ResponseWriter, r *http.Request) error {
	j, err := c.readJob(r)
	if err != nil {
		return err
	}
	name := r.PostForm.Get("name")
	err = c.Desk.SaveJobRecipe(r.Context(), auth.Actor(r.Context()), j.ID, name)
	switch kind := deadletter.KindOf(err); {
	case err == nil:
		c.redirect(w, r, jobPath(j.ID), ui.Notice{Kind: ui.Done, Text: "The recipe is saved."})
		return nil
	case deadletter.FieldOf(err) == deadletter.FieldName:
		return c.showJob(w, r, statusOf(kind), j, deadletter.Recipe{}, func(v *page.JobPageView) {
			v.Job.SaveName, v.Job.SaveError = name, errorText(err)
		})
	}
	return err
}

// madeOf returns the saved recipe that the recipe of a form was made of: "5@2" is version 2 of the fifth.
func madeOf(r *http.Request) deadletter.RecipeUse {
	id, version, _ := strings.Cut(r.FormValue("made-of"), "@")
	recipe, err := parseRecipe(id)
	number, _ := strconv.Atoi(version)
	if err != nil || number < 1 {
		return deadletter.RecipeUse{}
	}
	return deadletter.RecipeUse{ID: recipe, Version: number}
}

// formedRecipe is the recipe in the form of a draft.
type formedRecipe struct {
	shown  deadletter.Recipe // as the form has it: values are masked
	recipe deadletter.Recipe
	saved  deadletter.SavedRecipe // that it was made of; zero: none
	use    deadletter.RecipeUse   // the version of that
}

// recipeInForm returns the recipe with which the form of a draft begins: the saved one that a person has chosen just
// now, or else the given one, which may be made of one.
func (c *Console) recipeInForm(r *http.Request, recipe deadletter.Recipe) (f formedRecipe, err error) {
	f.shown, f.recipe, f.use = recipe, recipe, madeOf(r)
	asked := r.FormValue("recipe")
	if asked != "" {
		if f.use.ID, err = parseRecipe(asked); err != nil {
			return f, err
		}
	}
	if f.use.ID == 0 {
		return f, nil
	}
	if f.saved, err = c.Store.Recipe(r.Context(), f.use.ID); err != nil {
		return f, err
	}
	if asked == "" {
		f.recipe, err = c.Desk.Unmasked(r.Context(), auth.Actor(r.Context()), f.use, recipe)
		return f, err
	}
	f.use, f.recipe = f.saved.Use(), f.saved.Latest.Edit()
	f.shown = f.recipe
	f.shown.Text = printable(c.Desk.Hider().Patch(f.recipe.Text))
	return f, nil
}

// fields returns the recipe as the fields of the form.
func (f formedRecipe) fields() page.JobRecipe {
	return page.JobRecipe{
		Kind: string(f.shown.Kind), Text: f.shown.Text, Table: f.shown.Table,
		AsksTable: f.saved.ID != 0 && payload.ReadsTable(f.recipe),
	}
}

// addSaved adds the recipes of the causes of a draft, and says which one is in its form.
func (c *Console) addSaved(v *page.JobConfirmView, scope desk.JobScope, draft formedRecipe) {
	v.Saved = page.JobSaved{URL: "/jobs/" + v.ID, Back: v.Back, To: v.To}
	if len(v.Scope.Causes) > 0 {
		v.Saved.Cause = v.Scope.Causes[0].Title
	}
	list := scope.Recipes
	chosen := []deadletter.SavedRecipe{draft.saved}
	c.Desk.Hider().Recipes(chosen)
	if s := draft.saved; s.ID != 0 && !slices.ContainsFunc(list, func(one deadletter.SavedRecipe) bool {
		return one.ID == s.ID
	}) {
		list = append(list, chosen[0]) // it is of another cause, or was archived a moment ago
	}
	if len(list) > 0 {
		v.Saved.Choices = []ui.Option{{Label: "None"}}
	}
	for _, s := range list {
		v.Saved.Choices = append(v.Saved.Choices, recipeOption(s, s.ID == draft.saved.ID))
	}
	if draft.saved.ID == 0 {
		return
	}
	s := chosen[0]
	v.Saved.MadeOf = fmt.Sprintf("%d@%d", s.ID, draft.use.Version)
	v.Saved.Latest = fmt.Sprintf("%d@%d", s.ID, s.Latest.Number)
	v.Saved.Chosen, v.Saved.ChosenURL, v.Saved.SaveAs = printable(s.Name), recipePath(s.ID), printable(s.Name)
	v.Saved.Next = strconv.Itoa(s.Latest.Number + 1)
	v.Saved.Note = fmt.Sprintf("Version %d by %s. %s.", s.Latest.Number, printable(s.Latest.By), usedText(s.Record))
}

// recipeOption offers a recipe with what its latest version came to.
func recipeOption(s deadletter.SavedRecipe, selected bool) ui.Option {
	label := fmt.Sprintf("%s, version %d: ", printable(s.Name), s.Latest.Number)
	record := s.Latest.Record
	switch {
	case record.Tried > 0:
		label += number(record.Delivered) + " of " + number(record.Tried) + " delivered"
	case s.Record.Tried > 0:
		label += "new, " + number(s.Record.Delivered) + " of " + number(s.Record.Tried) + " delivered before"
	default:
		label += "not used yet"
	}
	return ui.Option{Value: s.ID.String(), Label: label, Selected: selected}
}
