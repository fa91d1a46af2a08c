package page

import (
	"strings"

	"dlqdesk/web/ui"

	"github.com/a-h/templ"
)

// RecipesView is the list of saved recipes.
type RecipesView struct {
	Chrome
	State                         string // StateRows, StateNothing or StateFault
	Fault                         string
	RetryURL                      string
	Archived                      bool   // they are the archived ones
	UsedURL, ArchivedURL          string // the lists of those in use and of those that were archived
	CauseURL, CauseTitle          string // of the one cause whose recipes these are; empty: of all
	Rows                          []RecipeRow
	NewestURL, NewerURL, OlderURL string
}

// RecipeRow is a saved recipe in a list.
type RecipeRow struct {
	ID, URL    string
	Name       string
	Kind       string // "jq"
	Text       string // its beginning
	Version    string // of the latest version
	By         string // who saved that
	At         ui.Moment
	Record     RecipeRecord
	CauseURL   string // empty on the page of the cause
	CauseTitle string
	Archived   bool
	Use        RecipeUse
}

// RecipeRecord is what the jobs with a recipe came to.
type RecipeRecord struct {
	Text string // "Used 3 times: 1,420 of 1,431 delivered"
	Tone string // done, warn, fault or plain
	By   string // who used it last; empty: it was not used yet
	At   ui.Moment
}

// RecipeUse begins a job with a recipe over all failed messages of its cause. An empty Cause: it is not offered.
type RecipeUse struct {
	Recipe string // its id
	Cause  string // the fingerprint
	Deny   string
}

// CauseRecipes are the recipes of a cause.
type CauseRecipes struct {
	List   []RecipeRow // the likeliest to help first
	AllURL string      // the list of all
	More   string      // "All 50 recipes"; empty: these are all
}

// RecipeView is one saved recipe as a page.
type RecipeView struct {
	Chrome
	Row        RecipeRow
	ArchivedBy string
	ArchivedAt ui.Moment
	Deny       string // why this person may change nothing
	Edit       RecipeEdit
	Versions   []RecipeVersion // newest first
	Changes    *CompareView    // of the version that was chosen; nil: none was
	Jobs       []CauseJob      // newest first
	MoreJobs   string          // "These are the newest 20."; empty: these are all
}

// RecipeEdit is the form of the next version.
type RecipeEdit struct {
	Kind, Text string
	Base       string // the version that is in the form
	Next       string // the number that another text gets
	Error      string
	Open       bool
}

// RecipeVersion is one text of a recipe.
type RecipeVersion struct {
	Number     string
	Kind       string
	Text       string
	By         string
	At         ui.Moment
	Record     RecipeRecord
	ChangesURL string // shows how it differs from the version before it; empty: there is none
	Current    bool   // its changes are shown
}

// JobSaved is how a draft that edits takes a saved recipe, and saves the one in its form.
type JobSaved struct {
	URL       string      // of the draft
	Choices   []ui.Option // empty: its causes have none
	MadeOf    string      // "5@2": the recipe and version in the form; empty: none
	Latest    string      // likewise, the latest version of that recipe
	ChosenURL string      // the page of that recipe
	Chosen    string      // its name
	Note      string      // "Version 2 by anna. Used 3 times: 1,420 of 1,431 delivered."
	Next      string      // the version that a changed text becomes
	AsksTable bool        // it reads a table
	Cause     string      // the title of the cause for which a new one is saved; empty: it cannot be saved
	SaveAs    string      // the name in the form
	SaveError string
	Back, To  string // as of the draft
}

// draft returns the end of the name under which a browser keeps the input of the form, so that it does not fill what
// was typed without the recipe into a form that has it.
func (v JobSaved) draft() string {
	id, _, _ := strings.Cut(v.MadeOf, "@")
	return strings.TrimSuffix(" recipe "+id, " recipe ")
}

// fills makes the select of a recipe fill the form at once, and leave what was typed beside it.
func (v JobSaved) fills() templ.Attributes {
	return templ.Attributes{
		"hx-get": v.URL, "hx-trigger": "change", "hx-target": "#job-edit", "hx-select": "#job-edit",
		"hx-swap": "outerHTML", "hx-sync": "this:replace",
	}
}

// RecipeStep returns the next step of a cause that a saved recipe fixes.
func RecipeStep(name, delivered, tried string) string {
	return "Edit and replay with “" + name + "”: " + delivered + " of " + tried + " delivered"
}
