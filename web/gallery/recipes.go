package gallery

import (
	"strconv"
	"strings"

	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

// recipes shows the lists of saved recipes, the page of one, and a draft that takes one.
func recipes() []Example {
	list := func(name string, v page.RecipesView) Example {
		v.Chrome, v.UsedURL, v.ArchivedURL = chromeOf(name, "Recipes", "/recipes"), "/recipes", "/recipes?archived=yes"
		return Example{Name: "recipes-" + name, Component: page.Recipes(v)}
	}
	one := func(name string, change func(*page.RecipeView)) Example {
		v := recipeOf()
		change(&v)
		v.Chrome = chrome(v.Row.Name, "/recipes/5")
		return Example{Name: "recipe-" + name, Component: page.Recipe(v)}
	}
	draft := func(name string, change func(*page.JobConfirmView)) Example {
		v := jobDraft()
		v.Action, v.Edits, v.Heading, v.Scope = "edit", true, "Edit and replay 214 messages", manyScope()
		v.Saved = chosenRecipe()
		v.Recipe = page.JobRecipe{Kind: "jq", Text: recipeRow().Text}
		v.Size.Action, v.Size.Label = v.Action, v.Heading
		change(&v)
		return Example{Name: "recipe-draft-" + name, Component: page.Job(page.JobPageView{
			Chrome: chrome("Job 17", "/jobs/17"), Job: page.JobView{ID: "17", State: "draft"}, Confirm: &v,
		})}
	}
	job := func(name string, change func(*page.JobView)) Example {
		v := jobDone()
		v.ReturnTo, v.Patch, v.PatchKind = "/jobs/15", recipeRow().Text, "jq"
		change(&v)
		return Example{Name: "recipe-job-" + name, Component: page.Job(page.JobPageView{
			Chrome: chrome("Job 15", "/jobs/15"), Job: v, Link: "https://desk.example.com/jobs/15",
		})}
	}
	archived := manyRecipes(3)
	for i := range archived {
		archived[i].Archived = true
	}
	return []Example{
		list("fifty", page.RecipesView{Rows: manyRecipes(50), OlderURL: "/recipes?cursor=o1"}),
		list("one", page.RecipesView{Rows: manyRecipes(1)}),
		list("cause", page.RecipesView{Rows: manyRecipes(7), CauseURL: "/causes/1", CauseTitle: longReason()}),
		list("nothing", page.RecipesView{State: page.StateNothing}),
		list("archived", page.RecipesView{Rows: archived, Archived: true}),
		list("none-archived", page.RecipesView{State: page.StateNothing, Archived: true}),
		list("fault", page.RecipesView{
			State: page.StateFault, Fault: "The store did not respond within 5 seconds.", RetryURL: "/recipes",
		}),
		one("many", func(*page.RecipeView) {}),
		one("new", func(v *page.RecipeView) {
			v.Row.Record, v.Row.Version = page.RecipeRecord{Text: "Not used yet", Tone: "plain"}, "1"
			v.Versions, v.Jobs = v.Versions[2:], nil
			v.Versions[0].Record = v.Row.Record
			v.Edit.Base, v.Edit.Next = "1", "2"
		}),
		one("changes", func(v *page.RecipeView) {
			v.Versions[0].Current = true
			v.Changes = &page.CompareView{
				Text:   true,
				Before: page.CompareSide{Name: "version 2", Body: v.Versions[1].Text},
				After:  page.CompareSide{Name: "version 3", Body: v.Versions[0].Text},
			}
		}),
		one("conflict", func(v *page.RecipeView) {
			v.Edit.Open, v.Edit.Base = true, "2"
			v.Edit.Error = "Anna saved version 3 of \"add id\" 2 min ago: look at it, then save again."
		}),
		one("archived", func(v *page.RecipeView) {
			v.Row.Archived, v.ArchivedBy, v.ArchivedAt, v.Row.Use.Cause = true, "jo", ago(30), ""
		}),
		one("long", longRecipe),
		one("viewer", func(v *page.RecipeView) { v.Deny, v.Row.Use.Deny = viewer, viewer }),
		draft("chosen", func(*page.JobConfirmView) {}),
		draft("offered", func(v *page.JobConfirmView) {
			v.Recipe = page.JobRecipe{}
			choices := v.Saved.Choices
			choices[0].Selected, choices[1].Selected = true, false
			v.Saved = page.JobSaved{URL: v.Saved.URL, Choices: choices, Cause: v.Saved.Cause}
		}),
		draft("none", func(v *page.JobConfirmView) {
			v.Recipe, v.Saved = page.JobRecipe{}, page.JobSaved{Cause: longWord}
		}),
		draft("table", func(v *page.JobConfirmView) {
			v.Recipe.Text, v.Recipe.AsksTable = ".id = $table[.conversation].id", true
		}),
		draft("fifty", func(v *page.JobConfirmView) {
			for i := range 50 {
				v.Saved.Choices = append(v.Saved.Choices, ui.Option{
					Value: strconv.Itoa(100 + i), Label: strings.Repeat("W", 60) + ", version 12: not used yet",
				})
			}
			v.Saved.Choices[1].Selected, v.Saved.Choices[10].Selected = false, true
			v.Saved.Chosen, v.Saved.SaveAs = strings.Repeat("W", 60), strings.Repeat("W", 60)
		}),
		draft("conflict", func(v *page.JobConfirmView) {
			v.Saved.SaveError = "Anna saved version 3 of \"add id\" 2 min ago: look at it, then save again."
		}),
		job("saved", func(v *page.JobView) { v.Saved, v.SavedURL, v.SavedVersion = "add id", "/recipes/5", "3" }),
		job("not-saved", func(v *page.JobView) { v.CanSave = true }),
		job("name-taken", func(v *page.JobView) {
			v.CanSave, v.SaveName = true, "add id"
			v.SaveError = "Anna saved a recipe \"add id\" of this cause 2 min ago: choose it in the list, or give " +
				"another name."
		}),
	}
}

func recipeRow() page.RecipeRow {
	return page.RecipeRow{
		ID: "5", URL: "/recipes/5", Name: "add id", Kind: "jq", Version: "3", By: "anna", At: ago(90),
		Text: `.customer.id = (.customerId // .customer.number) | del(.customerId)`,
		Record: page.RecipeRecord{
			Text: "Used 3 times: 1,420 of 1,431 delivered", Tone: "plain", By: "jo", At: ago(12),
		},
		CauseURL: "/causes/1", CauseTitle: "422 field customer.id is missing",
	}
}

func manyRecipes(n int) (rows []page.RecipeRow) {
	names := []string{"add id", "set the currency", strings.Repeat("W", 60), rtlText, emoji}
	records := []page.RecipeRecord{
		recipeRow().Record,
		{Text: "Used once: 214 of 214 delivered", Tone: ui.Done, By: longWord, At: ago(30)},
		{Text: "Used twice: 3 of 120 delivered", Tone: ui.Warn, By: "kim", At: ago(3000)},
		{Text: "Used once: 0 of 20 delivered", Tone: ui.Fault, By: "kim", At: ago(9000)},
		{Text: "Not used yet", Tone: "plain"},
	}
	for i := range n {
		row := recipeRow()
		row.ID, row.Name, row.Record = strconv.Itoa(i+1), names[i%len(names)], records[i%len(records)]
		if i%3 == 2 {
			row.CauseTitle, row.Text, row.Kind = longWord, longReason(), "JSON Merge Patch"
		}
		rows = append(rows, row)
	}
	return rows
}

func recipeOf() page.RecipeView {
	row := recipeRow()
	row.Use = page.RecipeUse{Recipe: "5", Cause: "4f2a9c6d01b7e385"}
	return page.RecipeView{
		Row:  row,
		Edit: page.RecipeEdit{Kind: "jq", Text: row.Text, Base: "3", Next: "4"},
		Versions: []page.RecipeVersion{
			{
				Number: "3", Kind: "jq", Text: row.Text, By: "anna", At: ago(90), ChangesURL: "/recipes/5?changes=3",
				Record: page.RecipeRecord{Text: "Used once: 1,204 of 1,204 delivered", Tone: ui.Done},
			},
			{
				Number: "2", Kind: "jq", Text: ".customer.id = .customerId", By: "jo", At: ago(120),
				ChangesURL: "/recipes/5?changes=2",
				Record:     page.RecipeRecord{Text: "Used once: 216 of 227 delivered", Tone: "plain"},
			},
			{
				Number: "1", Kind: "JSON Merge Patch", Text: "{\n  \"customer\": { \"id\": \"•••\" }\n}", By: "jo",
				At: ago(150), Record: page.RecipeRecord{Text: "Used once: no result yet", Tone: "plain"},
			},
		},
		Jobs: causeOf().Tried.Jobs,
	}
}

func longRecipe(v *page.RecipeView) {
	v.Row.Name, v.Row.CauseTitle, v.Row.Record.By = strings.Repeat("W", 60), longReason()+longWord, longWord
	for i := range v.Versions {
		v.Versions[i].By, v.Versions[i].Text = longWord, strings.Repeat(longWord+"\n", 20)
	}
	for len(v.Versions) < 50 {
		next := v.Versions[len(v.Versions)-1]
		next.Number = strconv.Itoa(100 + len(v.Versions))
		v.Versions = append(v.Versions, next)
	}
	v.Edit.Open, v.Edit.Text = true, strings.Repeat(longWord+" ", 20)
	v.MoreJobs = "These are the newest 20."
}

func chosenRecipe() page.JobSaved {
	return page.JobSaved{
		URL: "/jobs/17",
		Choices: []ui.Option{
			{Label: "None"},
			{Value: "5", Label: "add id, version 3: 1,204 of 1,204 delivered", Selected: true},
			{Value: "7", Label: "set the currency, version 1: not used yet"},
			{Value: "9", Label: "empty name, version 2: new, 3 of 120 delivered before"},
		},
		MadeOf: "5@3", ChosenURL: "/recipes/5", Chosen: "add id", SaveAs: "add id", Next: "4",
		Note:  "Version 3 by anna. Used 3 times: 1,420 of 1,431 delivered.",
		Cause: "500 NullPointerException: order is null in OrderMapper.toCrm",
	}
}

// causeRecipes are recipes as the page of their cause shows them.
func causeRecipes(n int) []page.RecipeRow {
	rows := manyRecipes(n)
	for i := range rows {
		rows[i].CauseURL, rows[i].Use = "", page.RecipeUse{Recipe: rows[i].ID, Cause: "4f2a9c6d01b7e385"}
	}
	return rows
}
