package api

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
)

// Rule acts by itself on messages that fail.
type Rule struct {
	ID        int64  `json:"id"`
	State     string `json:"state" enum:"shadow,on,off,away" doc:"In shadow it only records what it would do."`
	Why       string `json:"why,omitempty" doc:"Why dlqdesk switched it off; absent if a person did."`
	By        string `json:"by" doc:"In whose name it acts."`
	Version   int    `json:"version" doc:"Counts its changes; also the ETag, for If-Match."`
	CreatedBy string `json:"createdBy"`
	RuleSpec
	CreatedAt time.Time      `json:"createdAt"`
	ChangedAt time.Time      `json:"changedAt"`
	Day       map[string]int `json:"day" doc:"What it did in the last 24 hours, by state of its actions."`
	Refused   string         `json:"refused,omitempty" doc:"Why the token may not switch it."`
}

// RuleSpec is the part of a rule that people write: its messages, its action and its limits.
type RuleSpec struct {
	Name           string      `json:"name" maxLength:"200"`
	Cause          string      `json:"cause,omitempty" maxLength:"64" doc:"The id of the cause whose messages it is for; or give source and code."`
	Source         string      `json:"source,omitempty" maxLength:"200"`
	Code           string      `json:"code,omitempty" maxLength:"10" doc:"The status code that its messages failed with, such as 503 or 5xx, or none for no answer."`
	Action         string      `json:"action" enum:"archive,replay,edit" doc:"Edit: replay with a recipe."`
	Reason         string      `json:"reason,omitempty" maxLength:"1000" doc:"Needed for archive and edit."`
	Recipe         *RuleRecipe `json:"recipe,omitempty" doc:"Of an edit; in answers masked."`
	Saved          *RecipeUse  `json:"saved,omitempty" doc:"The version of a saved recipe, whose text it takes instead."`
	AfterMinutes   int         `json:"afterMinutes,omitempty" minimum:"0" maximum:"10080" doc:"How long after its failure a message is replayed."`
	Times          int         `json:"times,omitempty" minimum:"0" doc:"How often a message is replayed at most."`
	PerHour        int         `json:"perHour" minimum:"1" doc:"On how many messages it acts in an hour at most."`
	MaxFailed      int         `json:"maxFailed,omitempty" minimum:"0" maximum:"100" doc:"The share of its latest replays, in percent, beyond which it switches itself off if they failed; without it, 50."`
	IncludeUnknown bool        `json:"includeUnknown,omitempty" doc:"It also replays messages that may already have been processed."`
}

// RuleRecipe is how a rule edits each body.
type RuleRecipe struct {
	Kind string `json:"kind" enum:"merge,json-patch,jq"`
	Text string `json:"text" maxLength:"65536"`
}

// RuleAction is an action of a rule on one message, done or due.
type RuleAction struct {
	Message  string     `json:"message"`
	State    string     `json:"state"`
	FailedAt time.Time  `json:"failedAt"`
	At       time.Time  `json:"at" doc:"Of the state."`
	DueAt    *time.Time `json:"dueAt,omitempty" doc:"Of one that waits."`
	Text     string     `json:"text,omitempty" doc:"Why the message was left alone, or why its replay failed."`
}

// RulePreview counts the messages on which a rule would have acted in the last seven days.
type RulePreview struct {
	Messages int       `json:"messages" doc:"On how many it would have acted."`
	Actions  int       `json:"actions" doc:"How often in all."`
	Busiest  int       `json:"busiest" doc:"The most within an hour: beyond perHour they would have waited."`
	Read     int       `json:"read" doc:"Messages that were looked at."`
	All      bool      `json:"all" doc:"These are all of them."`
	Since    time.Time `json:"since" doc:"Messages that were received since count."`
	Examples []string  `json:"examples" doc:"The ids of up to 50 of the messages, those that failed last first."`
}

// RuleRef names a rule.
type RuleRef struct {
	ID int64 `path:"id" minimum:"1"`
}

type ruleResponse struct {
	ETag string `header:"ETag"`
	Body Rule
}

// usualMaxFailed is the share of failed replays, in percent, of rules that name none, as the form of the desk has it.
const usualMaxFailed = 50

func (s RuleSpec) spec() deadletter.RuleSpec {
	action, _ := deadletter.JobAction(s.Action) // the desk refuses none
	out := deadletter.RuleSpec{
		Name: s.Name, Match: deadletter.RuleMatch{Source: s.Source, Code: s.Code, Fingerprint: s.Cause},
		Action: action, Reason: s.Reason, Saved: s.Saved.use(),
		After: time.Duration(s.AfterMinutes) * time.Minute, Times: s.Times, PerHour: s.PerHour,
		MaxFailed: cmp.Or(s.MaxFailed, usualMaxFailed), Unknown: s.IncludeUnknown,
	}
	if s.Recipe != nil {
		out.Recipe = deadletter.Recipe{Kind: deadletter.RecipeKind(s.Recipe.Kind), Text: s.Recipe.Text}
	}
	return out
}

func ruleOf(v desk.RuleView) Rule {
	r := v.Rule
	out := Rule{
		ID: int64(r.ID), State: string(r.State), Why: r.Why, By: r.By, Version: r.Version, CreatedBy: r.CreatedBy,
		CreatedAt: r.CreatedAt.UTC(), ChangedAt: r.Last.At.UTC(), Day: map[string]int{},
		RuleSpec: RuleSpec{
			Name: r.Name, Cause: r.Match.Fingerprint, Source: r.Match.Source, Code: r.Match.Code,
			Action: r.Action.Name(), Reason: r.Reason,
			AfterMinutes: int(r.After.Minutes()), Times: r.Times, PerHour: r.PerHour, MaxFailed: r.MaxFailed,
			IncludeUnknown: r.Unknown,
		},
	}
	if r.Action.Edits() {
		out.Recipe = &RuleRecipe{kindOf(r.Recipe.Kind), r.Recipe.Text}
	}
	if r.Saved.ID != 0 {
		out.Saved = &RecipeUse{int64(r.Saved.ID), r.Saved.Version}
	}
	for state, n := range v.Counts.States {
		out.Day[string(state)] = n
	}
	if v.Denied != nil {
		out.Refused = deadletter.TextOf(v.Denied)
	}
	return out
}

type ruleSpecInput struct{ Body RuleSpec }

type ruleChangeInput struct {
	RuleRef
	Changed
	Body RuleSpec
}

type ruleSwitchInput struct {
	RuleRef
	Changed
	Body struct {
		State string `json:"state" enum:"shadow,on,off,away" doc:"Away: it is put away for good."`
	}
}

func (a *API) ruleOperations(described huma.API) {
	const tag = "Rules"
	huma.Register(described, operation("list-rules", http.MethodGet, "/rules", tag,
		"The rules that are not put away, the oldest first"),
		handler(a, func(ctx context.Context, by deadletter.Actor, _ *struct{}) (*pageResponse[Rule], error) {
			list, err := a.Desk.Rules(ctx, by)
			return respondWhole(list, err, ruleOf)
		}))
	huma.Register(described, operation("get-rule", http.MethodGet, "/rules/{id}", tag, "One rule",
		http.StatusNotFound),
		handler(a, func(ctx context.Context, by deadletter.Actor, in *RuleRef) (*ruleResponse, error) {
			return a.readRule(ctx, by, deadletter.RuleID(in.ID))
		}))
	huma.Register(described, operation("list-rule-actions", http.MethodGet, "/rules/{id}/actions", tag,
		"What it did, the latest failures first", http.StatusNotFound), handler(a, a.listRuleActions))
	huma.Register(described, operation("preview-rule", http.MethodPost, "/rules/preview", tag,
		"What a rule would have done in the last seven days", http.StatusNotFound),
		handler(a, func(
			ctx context.Context, by deadletter.Actor, in *ruleSpecInput,
		) (*struct{ Body RulePreview }, error) {
			p, err := a.Desk.PreviewRule(ctx, by, in.Body.spec())
			return &struct{ Body RulePreview }{rulePreviewOf(p)}, err
		}))
	add := operation("make-rule", http.MethodPost, "/rules", tag, "Make a rule, which begins in shadow",
		http.StatusNotFound, http.StatusConflict, http.StatusRequestEntityTooLarge)
	add.DefaultStatus = http.StatusCreated
	huma.Register(described, add,
		handler(a, func(ctx context.Context, by deadletter.Actor, in *ruleSpecInput) (*ruleResponse, error) {
			made, err := a.Desk.MakeRule(ctx, by, in.Body.spec())
			if err != nil {
				return nil, err
			}
			return a.readRule(ctx, by, made.ID)
		}))
	huma.Register(described, operation("change-rule", http.MethodPost, "/rules/{id}", tag,
		"Give it another specification; it begins in shadow again", http.StatusNotFound, http.StatusConflict,
		http.StatusRequestEntityTooLarge),
		handler(a, func(ctx context.Context, by deadletter.Actor, in *ruleChangeInput) (*ruleResponse, error) {
			return a.orderRule(ctx, by, in.RuleRef, in.Changed, func(ref desk.RuleRef) error {
				return a.Desk.ChangeRule(ctx, by, ref, in.Body.spec())
			})
		}))
	huma.Register(described, operation("switch-rule", http.MethodPost, "/rules/{id}/state", tag,
		"Bring it into another state", http.StatusNotFound, http.StatusConflict),
		handler(a, func(ctx context.Context, by deadletter.Actor, in *ruleSwitchInput) (*ruleResponse, error) {
			return a.orderRule(ctx, by, in.RuleRef, in.Changed, func(ref desk.RuleRef) error {
				return a.Desk.SwitchRule(ctx, by, ref, deadletter.RuleState(in.Body.State))
			})
		}))
}

func (a *API) readRule(ctx context.Context, by deadletter.Actor, id deadletter.RuleID) (*ruleResponse, error) {
	v, err := a.Desk.Rule(ctx, by, id)
	return &ruleResponse{etag(v.Version), ruleOf(v)}, err
}

// orderRule carries out an order for the version of a rule that the request names, and returns the rule as it is then.
func (a *API) orderRule(
	ctx context.Context, by deadletter.Actor, of RuleRef, at Changed, carryOut func(desk.RuleRef) error,
) (*ruleResponse, error) {
	if err := by.May(deadletter.ActRules); err != nil {
		return nil, err // whether there is such a rule or not
	}
	seen, err := a.Desk.Rule(ctx, by, deadletter.RuleID(of.ID))
	if err != nil {
		return nil, err
	}
	version, err := at.version(seen.Version)
	if err != nil {
		return nil, err
	}
	if err := carryOut(desk.RuleRef{ID: seen.ID, Version: version}); err != nil {
		return nil, err
	}
	return a.readRule(ctx, by, seen.ID)
}

func (a *API) listRuleActions(ctx context.Context, by deadletter.Actor, in *struct {
	RuleRef
	List
},
) (*pageResponse[RuleAction], error) {
	found, err := a.Desk.RuleActions(ctx, by, deadletter.RuleID(in.ID), in.Cursor, in.Limit)
	return respondPage(found, err, func(t deadletter.RuleAction) RuleAction {
		one := RuleAction{
			Message:  string(t.Message),
			State:    string(t.State),
			FailedAt: t.FailedAt.UTC(),
			At:       t.At.UTC(),
			Text:     t.Text,
		}
		if t.State == deadletter.RuleWaiting {
			one.DueAt = optional(t.DueAt)
		}
		return one
	})
}

// maxRuleExamples is how many messages the preview of a rule names.
const maxRuleExamples = 50

func rulePreviewOf(p desk.RulePreview) RulePreview {
	out := RulePreview{
		Messages: len(p.Messages),
		Actions:  p.Actions,
		Busiest:  p.Busiest,
		Read:     p.Read,
		All:      p.All,
		Since:    p.Since.UTC(),
		Examples: []string{},
	}
	for _, m := range p.Messages[:min(len(p.Messages), maxRuleExamples)] {
		out.Examples = append(out.Examples, string(m.Message))
	}
	return out
}
