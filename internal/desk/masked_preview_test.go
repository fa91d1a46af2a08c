package desk_test

import (
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
)

// carriers are recipes that show the password hunter2 of a body in other forms, with what of it would be seen.
var carriers = map[string]struct {
	recipe deadletter.Recipe
	shows  string
}{
	"code points":        {jq(`.x = (.password | explode)`), "104"},
	"base64":             {jq(`.x = (.password | @base64)`), "aHVudGVyMg"},
	"JSON in a text":     {jq(`.x = (.password | tojson)`), "hunter2"},
	"another name":       {jq(`.x = .password`), "hunter2"},
	"letters":            {jq(`.x = (.password | split(""))`), `"h"`},
	"a key":              {jq(`.[.password] = 1`), "hunter2"},
	"turned entries":     {jq(`with_entries({key: .value, value: .key})`), "hunter2"},
	"a guess":            {jq(`if .password | startswith("hun") then .guessed = 1 else . end`), "guessed"},
	"a cut guess":        {jq(`if .password | ltrimstr("hunter") == "2" then .guessed = 1 else . end`), "guessed"},
	"an error":           {jq(`error(.password)`), "hunter2"},
	"an error of points": {jq(`error(.password | explode | tostring)`), "104"},
	"an error in base64": {jq(`error(.password | @base64)`), "aHVudGVyMg"},
	"an error of a type": {jq(`.password | tonumber`), "hunter2"},
	"a copy":             {jsonPatch(`[{"op":"copy","from":"/password","path":"/x"}]`), "hunter2"},
	"a move":             {jsonPatch(`[{"op":"move","from":"/password","path":"/x"}]`), "hunter2"},
	"a test": {
		jsonPatch(`[{"op":"test","path":"/password","value":"hunter2"},{"op":"add","path":"/guessed","value":1}]`),
		"guessed",
	},
}

func jq(text string) deadletter.Recipe { return deadletter.Recipe{Kind: deadletter.JQ, Text: text} }

func jsonPatch(text string) deadletter.Recipe {
	return deadletter.Recipe{Kind: deadletter.JSONPatch, Text: text}
}

func TestPreviewShowsNoMaskedValueInAnyForm(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "a-1", func(c *deadletter.Capture) { c.Body = []byte(`{"password":"hunter2","n":1}`) })
	j := b.job(t, b.draft(t, deadletter.ActEdit, ref(m)))
	preview := func(by desk.Viewer, recipe deadletter.Recipe) string {
		t.Helper()
		list, err := b.PreviewRecipe(t.Context(), by, j, recipe)
		if err != nil || len(list) != 1 {
			t.Fatalf("%d previews, %v", len(list), err)
		}
		before, after := b.PreviewTexts(list[0])
		return before + after + deadletter.TextOf(list[0].Fault) + string(list[0].After.Body)
	}
	for name, c := range carriers {
		if got := preview(desk.Viewer{Actor: anna, Session: "s"}, c.recipe); strings.Contains(got, c.shows) {
			t.Errorf("%s shows %s", name, got)
		}
	}
	if got := preview(desk.Viewer{Actor: anna, Session: "s"}, merge(`{"id":7}`)); !strings.Contains(got, `"id":7`) {
		t.Errorf("a change elsewhere shows %s", got)
	}
	admin := desk.Viewer{Actor: deadletter.User("ada", deadletter.Admin, ""), Session: "s"}
	if _, err := b.Unmask(t.Context(), admin, m.ID, "", "ticket 7"); err != nil {
		t.Fatal(err)
	}
	points := carriers["code points"]
	if got := preview(admin, points.recipe); !strings.Contains(got, points.shows) {
		t.Errorf("who has unmasked it sees %s", got)
	}
	admin.Session = "another"
	if got := preview(admin, points.recipe); strings.Contains(got, points.shows) {
		t.Errorf("another session sees %s", got)
	}
}
