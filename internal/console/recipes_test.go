package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
)

// saveRecipe starts a job over a message that saves its recipe under a name.
func (p person) saveRecipe(message, name, kind, text string) {
	p.t.Helper()
	p.startEdit(p.draftEdit(message), form("kind", kind, "patch", text, "save-as", name), http.StatusSeeOther)
}

// draftEdit makes the draft of a job that edits a message, and returns its path.
func (p person) draftEdit(message string) string {
	p.t.Helper()
	a := p.post("/messages/bulk", form("action", "edit", "item", message+"@0", "back", "status=all"))
	path, _, _ := strings.Cut(a.header.Get("Location"), "?")
	if a.status != http.StatusSeeOther || !strings.HasPrefix(path, "/jobs/") {
		p.t.Fatalf("answered %d, to %q", a.status, a.header.Get("Location"))
	}
	return path
}

// startEdit starts a draft with the values of its form, some of which are changed.
func (p person) startEdit(path string, values url.Values, want int) answer {
	p.t.Helper()
	fields := p.get(path).draft()
	fields.Set("reason", "the id was missing")
	for name := range values {
		fields.Set(name, values.Get(name))
	}
	a := p.post(path+"/start", fields)
	if a.status != want {
		p.t.Fatalf("answered %d: %s", a.status, a.says("main"))
	}
	return a
}

// savedRecipe saves the first recipe, by a job over a message.
func (b bundle) savedRecipe(t *testing.T, message deadletter.ID) {
	t.Helper()
	boss := deadletter.User("boss", deadletter.Admin, "")
	j, err := b.desk.FreezeSelected(t.Context(), boss, deadletter.ActEdit, []desk.Ref{{ID: message}})
	if err == nil {
		err = b.desk.StartJob(t.Context(), boss, j.ID, deadletter.JobInput{
			Recipe: deadletter.Recipe{Text: `{"id":1}`}, SaveAs: "add id", Reason: "x",
		})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// draft returns what the form of a draft would send: the choice of a recipe is in a form of its own.
func (a answer) draft() url.Values {
	a.t.Helper()
	fields := a.fields("#job-confirm")
	fields.Del("recipe")
	return fields
}

// Without a script: a job saves its recipe, and another one takes it.
func TestRecipeIsSavedAndChosenAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, id := range []string{"a-1", "b-2", "c-3"} {
		b.receive(t, id)
	}
	p := b.member(t, "olga", deadletter.Operator)
	path := p.draftEdit("a-1")
	if a := p.get(path); a.count("#recipe") != 0 || a.count("#save-as") != 1 {
		t.Errorf("without a recipe there are %d to choose", a.count("#recipe"))
	}
	text := "{\"id\": 4711,\n\"password\": \"hunter-22\"}"
	p.startEdit(path, form("patch", text, "save-as", "add id"), http.StatusSeeOther)

	path = p.draftEdit("b-2")
	draft := p.get(path + "?back=status%3Dall")
	if got := draft.says("#recipe option"); !strings.Contains(got, "add id, version 1: not used yet") {
		t.Errorf("offered is %s", got)
	}
	choose := draft.fields("#recipe-form")
	choose.Set("recipe", "1")
	if got := draft.doc().Find("#recipe-form").AttrOr("action", ""); got != path ||
		draft.doc().Find("#recipe").AttrOr("form", "") != "recipe-form" {
		t.Errorf("the choice is sent to %q", got)
	}
	filled := p.get(path + "?" + choose.Encode())
	fields := filled.draft()
	if strings.Contains(filled.text, "hunter-22") || !strings.Contains(fields.Get("patch"), "4711") ||
		fields.Get("made-of") != "1@1" || fields.Get("save-as") != "add id" || fields.Get("back") != "status=all" {
		t.Fatalf("the form is %v", fields)
	}
	if got := filled.says("#recipe-hint"); !strings.Contains(got, "Version 1 by olga. Used once: no result yet.") {
		t.Errorf("it says %s", got)
	}
	fields.Set("reason", "again")
	if a := p.post(path+"/start", fields); a.status != http.StatusSeeOther {
		t.Fatalf("answered %d: %s", a.status, a.says("main"))
	}
	if j := b.work(t, 2); j.Saved.Version != 1 || j.Recipe.Text != text {
		t.Errorf("the job edits by %q, of %+v", j.Recipe.Text, j.Saved)
	}
	if got := p.get(path).says(".facts"); !strings.Contains(got, "add id, version 1") {
		t.Errorf("the job says %s", got)
	}

	path = p.draftEdit("c-3")
	fields = p.get(path + "?recipe=1").draft()
	fields.Set("reason", "other")
	fields.Set("patch", strings.Replace(fields.Get("patch"), "4711", "4712", 1))
	if a := p.post(path+"/start", fields); a.status != http.StatusSeeOther {
		t.Fatalf("answered %d: %s", a.status, a.says("main"))
	}
	v, err := b.store.RecipeVersion(t.Context(), 1, 2)
	if err != nil || v.Text != strings.Replace(text, "4711", "4712", 1) {
		t.Errorf("version 2 is %q, %v", v.Text, err)
	}
}

func TestRecipeOfAnotherIsNotOverwritten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, id := range []string{"a-1", "b-2", "c-3"} {
		b.receive(t, id)
	}
	p := b.member(t, "olga", deadletter.Operator)
	p.saveRecipe("a-1", "add id", "merge", `{"id":1}`)
	seen := p.get(p.draftEdit("b-2") + "?recipe=1").draft()
	p.startEdit("/jobs/2", form("patch", `{"id":2}`, "made-of", "1@1", "save-as", "add id"), http.StatusSeeOther)
	path := p.draftEdit("c-3")
	for name, headers := range map[string][]string{"page": nil, "htmx": htmx()} {
		seen.Set("patch", `{"id":3}`)
		seen.Set("reason", "x")
		a := p.post(path+"/start", seen, headers...)
		again := a.draft()
		if a.status != http.StatusConflict || !strings.Contains(a.says("#save-as-fault"), "Olga saved version 2") ||
			again.Get("patch") != `{"id":3}` || again.Get("made-of") != "1@2" || again.Get("reason") != "x" {
			t.Errorf("%s: answered %d: %s", name, a.status, a.says("#job-confirm"))
		}
	}
	seen.Set("made-of", "1@2") // the person has seen it
	if a := p.post(path+"/start", seen); a.status != http.StatusSeeOther {
		t.Errorf("answered %d: %s", a.status, a.says("#job-confirm"))
	}
	if v, err := b.store.RecipeVersion(t.Context(), 1, 3); err != nil || v.Text != `{"id":3}` {
		t.Errorf("version 3 is %q, %v", v.Text, err)
	}
}

func TestRecipeAsksForItsTable(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1")
	b.receive(t, "b-2")
	p := b.member(t, "olga", deadletter.Operator)
	p.startEdit(p.draftEdit("a-1"), form(
		"kind", "jq", "patch", ".id = $table[.id].id", "table", "id,new\n1,2", "save-as", "from table",
	), http.StatusSeeOther)
	path := p.draftEdit("b-2")
	filled := p.get(path + "?recipe=1")
	if filled.count("details.job-table[open]") != 1 || !strings.Contains(filled.says(".job-table"), "paste it here") ||
		strings.Contains(filled.text, "1,2") {
		t.Errorf("it says %s", filled.says(".job-table"))
	}
	a := p.startEdit(path, form("kind", "jq", "patch", ".id = $table[.id].id"), http.StatusUnprocessableEntity)
	if got := a.says("#table-fault"); !strings.Contains(got, "paste the table") {
		t.Errorf("without a table it says %s", got)
	}
}

func TestPageOfARecipe(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cause := b.receive(t, "a-1").Fingerprint
	b.receive(t, "b-2")
	p, vera := b.member(t, "olga", deadletter.Operator), b.member(t, "vera", deadletter.Viewer)
	p.saveRecipe("a-1", "add <id>", "jq", `.id = 1 | .password = "hunter-22"`)
	b.work(t, 1)

	read := vera.get("/recipes/1")
	if read.status != http.StatusOK || strings.Contains(read.text, "hunter-22") || read.says("h1") != "add <id>" ||
		!strings.Contains(read.says(".facts"), "Used once: no result yet") || read.count("main form") != 0 ||
		!strings.Contains(read.says("main"), "A viewer may not edit") {
		t.Errorf("a viewer reads %s", read.says("main"))
	}
	edit := p.get("/recipes/1").fields("#recipe-edit")
	edit.Set("patch", strings.Replace(edit.Get("patch"), "1", "2", 1))
	if a := p.post("/recipes/1/save", edit); a.status != http.StatusSeeOther {
		t.Fatalf("answered %d: %s", a.status, a.says("main"))
	}
	if v, err := b.store.RecipeVersion(t.Context(), 1, 2); err != nil || v.Text != `.id = 2 | .password = "hunter-22"` {
		t.Errorf("version 2 is %q, %v", v.Text, err)
	}
	edit.Set("patch", ".id = 3")
	if a := p.post("/recipes/1/save", edit); a.status != http.StatusConflict ||
		!strings.Contains(a.says("#recipe-patch-fault"), "Olga saved version 2") ||
		a.fields("#recipe-edit").Get("patch") != ".id = 3" || a.fields("#recipe-edit").Get("version") != "2" {
		t.Errorf("an older version: %d: %s", a.status, a.says("main"))
	}
	edit.Set("version", "2")
	edit.Set("patch", ".id = (")
	if a := p.post("/recipes/1/save", edit); a.status != http.StatusUnprocessableEntity ||
		!strings.Contains(a.says("#recipe-patch-fault"), "not valid jq") {
		t.Errorf("no jq: %d: %s", a.status, a.says("main"))
	}
	changes := p.get(p.get("/recipes/1").doc().Find("#version-2 a").AttrOr("href", ""))
	if got := changes.says("#recipe-changes"); !strings.Contains(got, ".id = 1") || !strings.Contains(got, ".id = 2") {
		t.Errorf("the changes are %s", got)
	}

	for _, step := range []struct{ do, used, archived string }{
		{"archive", "", "add <id>"}, {"restore", "add <id>", ""},
	} {
		if a := p.post("/recipes/1/"+step.do, nil); a.status != http.StatusSeeOther {
			t.Fatalf("%s: %d", step.do, a.status)
		}
		for path, want := range map[string]string{
			"/recipes": step.used, "/recipes?archived=yes": step.archived, "/recipes?cause=" + cause: step.used,
		} {
			if got := vera.get(path).says(".recipes li .link.font-medium"); got != want {
				t.Errorf("after %s %s lists %q", step.do, path, got)
			}
		}
		p.post("/recipes/1/"+step.do, nil)
		if got := p.get("/recipes/1").says(".notice"); !strings.Contains(got, "You changed nothing") {
			t.Errorf("%s twice says %s", step.do, got)
		}
	}
	trail := p.get("/audit").says("main")
	for _, want := range []string{"saved the recipe add <id>", "archived the recipe", "restored the recipe"} {
		if !strings.Contains(trail, want) {
			t.Errorf("the trail lacks %q: %s", want, trail)
		}
	}
}

func TestCauseOffersItsRecipes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cause := "/causes/" + b.receive(t, "a-1").Fingerprint
	b.receive(t, "b-2")
	p, vera := b.member(t, "olga", deadletter.Operator), b.member(t, "vera", deadletter.Viewer)
	if got := p.get(cause).says("#cause-recipes"); !strings.Contains(got, "No recipe yet") {
		t.Errorf("without one it says %s", got)
	}
	p.saveRecipe("a-1", "add id", "jq", ".id = 1")
	if a := vera.get(cause); !strings.Contains(a.says("#cause-recipes"), "add id") ||
		a.count("#cause-recipes form") != 0 {
		t.Errorf("a viewer reads %s", a.says("#cause-recipes"))
	}
	use := p.get(cause).fields("#cause-recipes form")
	a := p.post("/messages/bulk", use)
	filled := p.get(a.header.Get("Location")).draft()
	if filled.Get("patch") != ".id = 1" || filled.Get("kind") != "jq" || filled.Get("return") != cause ||
		filled.Get("made-of") != "1@1" {
		t.Errorf("the form is %v", filled)
	}
	dialog := p.post("/messages/bulk", use, htmx()...)
	if got := dialog.draft().Get("patch"); got != ".id = 1" ||
		dialog.header.Get("HX-Retarget") != "#job-dialog" {
		t.Errorf("the dialog has %q", got)
	}
	for i := range 6 {
		more := form("patch", "{}", "save-as", "more "+string(rune('a'+i)))
		p.startEdit(p.draftEdit("b-2"), more, http.StatusSeeOther)
	}
	all := p.get(cause)
	if all.count("#cause-recipes li") != 5 || all.says("#cause-recipes .section-head a") != "All 7 recipes" {
		t.Errorf("of many it lists %s", all.says("#cause-recipes"))
	}
	list := p.get(all.doc().Find("#cause-recipes .section-head a").AttrOr("href", ""))
	if list.count(".recipes > li") != 7 {
		t.Errorf("the list has %d", list.count(".recipes > li"))
	}
}

func TestRecipeOfAJobIsSavedOnItsPage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1")
	b.receive(t, "b-2")
	p, vera := b.member(t, "olga", deadletter.Operator), b.member(t, "vera", deadletter.Viewer)
	p.saveRecipe("a-1", "add id", "jq", ".id = 1")
	p.startEdit(p.draftEdit("b-2"), form("patch", `{"id":2}`), http.StatusSeeOther)
	if a := vera.get("/jobs/2"); a.count("#save-name") != 0 {
		t.Error("a viewer can save it")
	}
	if a := p.post("/jobs/2/recipe", form("name", "Add id")); a.status != http.StatusConflict ||
		!strings.Contains(a.says("#save-name-fault"), "Olga saved a recipe") ||
		a.fields("main").Get("name") != "Add id" {
		t.Errorf("a name twice: %d: %s", a.status, a.says("main"))
	}
	if a := p.post("/jobs/2/recipe", form("name", "set id")); a.status != http.StatusSeeOther {
		t.Fatalf("answered %d: %s", a.status, a.says("main"))
	}
	if a := p.get("/jobs/2"); !strings.Contains(a.says(".facts"), "set id, version 1") || a.count("#save-name") != 0 {
		t.Errorf("afterwards it says %s", a.says(".facts"))
	}
}
