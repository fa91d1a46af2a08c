package worker_test

import (
	"fmt"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
)

func withPassword(_ int, c *deadletter.Capture) { c.Body = []byte(`{"password":"hunter2","n":1}`) }

// The words of a fault say nothing of a masked value, in whatever form a recipe writes it, in a dry run and in a job.
func TestFaultOfARecipeTellsNoMaskedValue(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.numbered(t, 1, withPassword)
	b.run(t)
	const fixed = "fails on a masked value"
	for text, want := range map[string]string{
		`error(.password)`:                                       "•••",
		`error(.password | explode | tostring)`:                  "[8226,8226,8226]",
		`error(.password | @base64)`:                             "4oCi4oCi4oCi",
		`error(with_entries(.key += "x") | tojson)`:              "•••",
		`if .password == "hunter2" then error("104") else . end`: fixed,
		`error("order \(.n) is gone")`:                           "order 1 is gone",

		`if (.password | length) > 3 then error(.password | explode | tostring) else . end`: fixed,
	} {
		recipe := deadletter.Recipe{Kind: deadletter.JQ, Text: text}
		j := b.draft(t)
		b.dryRun(t, j.ID, recipe)
		groups := b.groups(t, b.tried(t, j.ID))
		if len(groups) != 1 || !strings.Contains(groups[0].Refusal, want) || showsPassword(groups[0].Refusal) {
			t.Errorf("%s: the dry run has %+v", text, groups)
		}
		j = b.draft(t)
		b.start(t, j.ID, recipe, 1)
		b.until(t, func() bool {
			now, err := b.Job(t.Context(), anna, j.ID)
			if err != nil {
				t.Fatal(err)
			}
			return now.State == deadletter.JobDone
		})
		faults, err := b.store.JobFaults(t.Context(), j.ID)
		if got := fmt.Sprint(faults); err != nil || !strings.Contains(got, want) || showsPassword(got) {
			t.Errorf("%s: the job has %s, %v", text, got, err)
		}
	}
}

func showsPassword(text string) bool {
	for _, form := range []string{"hunter2", "104", "aHVudGVyMg"} {
		if strings.Contains(text, form) {
			return true
		}
	}
	return false
}

// What the recipe of an assistant comes to is the same for any masked value, so its counts are no answer to a guess.
// The dry run of a person sees the bodies as they are.
func TestDryRunOfAnAssistantSeesNoMaskedValue(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.numbered(t, 1, withPassword)
	b.run(t)
	claude := deadletter.Actor{Kind: deadletter.ActorToken, Name: "claude of anna", Role: deadletter.Operator}
	for _, recipe := range []deadletter.Recipe{
		{Kind: deadletter.JQ, Text: `if .password | startswith("hun") then .x = 1 else . end`},
		{Kind: deadletter.JQ, Text: `if .password | ltrimstr("hunter") == "2" then .x = 1 else . end`},
		{Kind: deadletter.JQ, Text: `if .password | @base64 == "aHVudGVyMg==" then .x = 1 else . end`},
		{Kind: deadletter.JQ, Text: `if any(.[]; . == "hunter2") then .x = 1 else . end`},
		{Kind: deadletter.JSONPatch, Text: `[{"op":"test","path":"/password","value":"hunter2"},` +
			`{"op":"add","path":"/x","value":1}]`},
	} {
		_, j, err := b.SuggestJob(t.Context(), claude, desk.JobSuggestion{
			Action: deadletter.ActEdit, Of: desk.Choice{Status: deadletter.Failed}, Recipe: recipe, Why: "a guess",
		})
		if err != nil {
			t.Fatal(err)
		}
		if run := b.tried(t, j.ID); !run.Masked || run.Changed != 0 || run.Tried() != 1 {
			t.Errorf("%s comes to %+v", recipe.Text, run)
		}
		b.dryRun(t, j.ID, recipe)
		if run := b.tried(t, j.ID); run.Masked || run.Changed != 1 {
			t.Errorf("%s of a person comes to %+v", recipe.Text, run)
		}
	}
	if n := len(b.destination.Received()); n > 0 || desktest.Message(t, b.store, "n-00000").Version != 0 {
		t.Errorf("it sent %d messages, or changed one", n)
	}
}
