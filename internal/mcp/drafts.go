package mcp

import (
	"cmp"
	"context"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
)

// Draft is the answer to a suggestion of an assistant. A suggestion does nothing by itself.
type Draft struct {
	Page      string `json:"page"                jsonschema:"where a person decides about it: give them this address"`
	ExpiresAt string `json:"expiresAt"`
	Job       int64  `json:"job,omitempty"       jsonschema:"the id of the draft of a job, for get_job"`
	Messages  int    `json:"messages,omitempty"  jsonschema:"of the job"`
	Done      string `json:"done"                jsonschema:"what has been done so far"`
}

const nothingDone = "Nothing yet. A person must open the page and press start."

// chosen says which messages a job is over.
type chosen struct {
	Cause    string   `json:"cause,omitempty"    jsonschema:"all messages of this cause"`
	Query    string   `json:"query,omitempty"    jsonschema:"all messages that match, as in the desk's search box"`
	Messages []string `json:"messages,omitempty" jsonschema:"the ids of up to 200 messages, instead of cause and query"`
	Status   string   `json:"status,omitempty"   jsonschema:"with cause or query: failed unless given"`
}

type jobDraft struct {
	chosen
	Action string `json:"action" jsonschema:"replay, redrive, archive or restore"`
	Why    string `json:"why"    jsonschema:"for the person who decides; up to 2000 characters"`
}

type recipeDraft struct {
	chosen
	Kind string `json:"kind"           jsonschema:"merge, json-patch or jq"`
	Text string `json:"text"           jsonschema:"the recipe; see the manual of the desk for its bounds as jq"`
	Name string `json:"name,omitempty" jsonschema:"under which the person may save it, up to 60 characters"`
	Why  string `json:"why"            jsonschema:"for the person who decides; up to 2000 characters"`
}

type noteDraft struct {
	CauseRef
	Text string `json:"text" jsonschema:"the note, in Markdown"`
	Why  string `json:"why"  jsonschema:"for the person who decides; up to 2000 characters"`
}

type muteDraft struct {
	CauseRef
	Until          string `json:"until,omitempty"          jsonschema:"a time as 2026-03-02T10:00:00Z"`
	Count          int    `json:"count,omitempty"          jsonschema:"until so many further messages fail"`
	PerHour        int    `json:"perHour,omitempty"        jsonschema:"until so many fail within an hour"`
	UntilDelivered bool   `json:"untilDelivered,omitempty" jsonschema:"until its destination takes a message"`
	Why            string `json:"why"                      jsonschema:"for the person who decides; up to 2000 characters"`
}

func (t tools) addDrafts() {
	addDraft(t, "draft_job", "Suggest a job",
		"Suggests to replay, redrive, archive or restore messages. Their set is fixed now; a person starts it, or not.",
		t.draftJob)
	addDraft(
		t,
		"draft_recipe",
		"Suggest a recipe",
		"Suggests to edit messages by a recipe and replay them. The recipe is tried on each of them without sending "+
			"any: get_job says what came of it. A person starts it, or not.",
		t.draftRecipe,
	)
	addDraft(t, "draft_note", "Suggest a note", "Suggests a note about a cause. A person adds it, or not.", t.draftNote)
	addDraft(
		t,
		"draft_mute",
		"Suggest a mute",
		"Suggests to mute a cause until a condition is true. A person does it, or not.",
		t.draftMute,
	)
}

func (t tools) draftJob(ctx context.Context, by deadletter.Actor, in jobDraft) (Draft, error) {
	action, err := deadletter.JobAction(in.Action)
	if err != nil || action.Edits() { // a recipe is suggested by another tool
		return Draft{}, deadletter.Errorf(deadletter.Invalid, "action must be replay, redrive, archive or restore")
	}
	if action == deadletter.ActRestore && in.Status == "" {
		in.Status = string(deadletter.Archived)
	}
	return t.suggestJob(ctx, by, in.chosen, desk.JobSuggestion{Action: action, Why: in.Why})
}

func (t tools) draftRecipe(ctx context.Context, by deadletter.Actor, in recipeDraft) (Draft, error) {
	return t.suggestJob(ctx, by, in.chosen, desk.JobSuggestion{
		Action: deadletter.ActEdit, Why: in.Why, SaveAs: in.Name,
		Recipe: deadletter.Recipe{Kind: deadletter.RecipeKind(in.Kind), Text: in.Text},
	})
}

// suggestJob suggests a job over the chosen messages.
func (t tools) suggestJob(
	ctx context.Context, by deadletter.Actor, of chosen, s desk.JobSuggestion,
) (Draft, error) {
	s.Of = desk.Choice{IDs: of.Messages, Cause: of.Cause, Query: of.Query}
	if of.Cause+of.Query != "" {
		s.Of.Status = deadletter.Status(cmp.Or(of.Status, string(deadletter.Failed)))
	}
	made, j, err := t.Desk.SuggestJob(ctx, by, s)
	return Draft{
		Page: pageAt(ctx, "/jobs/"+j.ID.String()), ExpiresAt: when(made.ExpiresAt), Job: int64(j.ID),
		Messages: j.Items.Total(), Done: nothingDone,
	}, err
}

func (t tools) draftNote(ctx context.Context, by deadletter.Actor, in noteDraft) (Draft, error) {
	return t.suggest(ctx, by, deadletter.Suggestion{
		Kind: deadletter.SuggestNote, Cause: in.Cause, Note: in.Text, Why: in.Why,
	})
}

func (t tools) draftMute(ctx context.Context, by deadletter.Actor, in muteDraft) (Draft, error) {
	m := deadletter.Mute{Count: in.Count, PerHour: in.PerHour, UntilDelivered: in.UntilDelivered}
	if in.Until != "" {
		at, err := time.Parse(time.RFC3339, in.Until)
		if err != nil {
			return Draft{}, deadletter.Errorf(deadletter.Invalid, "until must be a time as 2026-03-02T10:00:00Z")
		}
		m.Until = at
	}
	return t.suggest(ctx, by, deadletter.Suggestion{
		Kind: deadletter.SuggestMute, Cause: in.Cause, Mute: m, Why: in.Why,
	})
}

func (t tools) suggest(ctx context.Context, by deadletter.Actor, s deadletter.Suggestion) (Draft, error) {
	made, err := t.Desk.Suggest(ctx, by, s)
	return Draft{
		Page: pageAt(ctx, "/suggestions/"+made.ID.String()), ExpiresAt: when(made.ExpiresAt), Done: nothingDone,
	}, err
}
