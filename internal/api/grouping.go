package api

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// GroupRule is a rule of people that groups messages: a merge or a split of causes, or one that joins errors that match
// a pattern, or ignores parts of them.
type GroupRule struct {
	ID         int64      `json:"id"`
	Kind       string     `json:"kind" enum:"merge,split,join,ignore"`
	Source     string     `json:"source"`
	Pattern    string     `json:"pattern,omitempty" doc:"A regular expression."`
	Title      string     `json:"title,omitempty"`
	Into       string     `json:"into,omitempty" doc:"Of a merge: the error of the cause that the others became part of."`
	From       []string   `json:"from,omitempty" doc:"Of a merge: the errors of the others; of a split: that of the cause."`
	Configured bool       `json:"configured" doc:"It is in the configuration, and can be changed there only."`
	By         string     `json:"by,omitempty"`
	At         time.Time  `json:"at"`
	UndoneBy   string     `json:"undoneBy,omitempty"`
	UndoneAt   *time.Time `json:"undoneAt,omitempty"`
}

// GroupTrial says which stored messages a rule would move, if it were in force.
type GroupTrial struct {
	Looked int         `json:"looked" doc:"Stored messages that were looked at."`
	All    bool        `json:"all" doc:"These are all of them."`
	Moves  []GroupMove `json:"moves" doc:"Causes that messages would leave."`
}

// GroupMove is a cause whose messages a rule would move.
type GroupMove struct {
	Cause    string `json:"cause"`
	Title    string `json:"title"`
	Messages int    `json:"messages" doc:"That would move."`
	Stay     int    `json:"stay" doc:"That would stay."`
	To       string `json:"to" doc:"The error of the cause that they would move to."`
}

func (a *API) groupingOperations(described huma.API) {
	const tag = "Causes"
	huma.Register(described, operation("merge-causes", http.MethodPost, "/causes/merge", tag,
		"Make causes of one source part of another one", http.StatusNotFound, http.StatusConflict),
		handler(a, a.mergeCauses))
	huma.Register(described, operation("split-cause", http.MethodPost, "/causes/{id}/split", tag,
		"Make the messages whose errors match a pattern another cause", http.StatusNotFound, http.StatusConflict),
		handler(a, func(ctx context.Context, by deadletter.Actor, in *splitInput) (*causeResponse, error) {
			if err := a.Desk.SplitCause(ctx, by, in.ID, in.pattern(), in.Body.Title); err != nil {
				return nil, err
			}
			return a.causeResponse(a.Desk.Cause(ctx, by, in.ID))
		}))
	huma.Register(described, operation("try-split", http.MethodPost, "/causes/{id}/split/try", tag,
		"What a split would do to stored messages; nothing is changed", http.StatusNotFound, http.StatusConflict),
		handler(a, func(ctx context.Context, by deadletter.Actor, in *splitInput) (*trialResponse, error) {
			return trialOf(a.Desk.TrySplit(ctx, by, in.ID, in.pattern(), in.Body.Title))
		}))
	huma.Register(described, operation("list-group-rules", http.MethodGet, "/group-rules", tag,
		"The rules of people that group messages, newest first"), handler(a, a.listGroupRules))
	add := operation("add-group-rule", http.MethodPost, "/group-rules", tag,
		"Add a rule of a source that joins errors, or ignores parts of them", http.StatusConflict)
	add.DefaultStatus = http.StatusNoContent
	huma.Register(described, add,
		handler(a, func(ctx context.Context, by deadletter.Actor, in *groupRuleInput) (*struct{}, error) {
			return nil, a.Desk.AddGroupRule(ctx, by, in.rule())
		}))
	huma.Register(described, operation("try-group-rule", http.MethodPost, "/group-rules/try", tag,
		"What a rule would do to stored messages; nothing is changed", http.StatusNotFound),
		handler(a, func(ctx context.Context, by deadletter.Actor, in *groupRuleInput) (*trialResponse, error) {
			return trialOf(a.Desk.TryGroupRule(ctx, by, in.rule()))
		}))
	type ref struct {
		ID int64 `path:"id" minimum:"1"`
	}
	huma.Register(described, operation("undo-group-rule", http.MethodPost, "/group-rules/{id}/undo", tag,
		"Undo a merge, a split or a rule: its causes come back as they were", http.StatusNotFound,
		http.StatusConflict),
		handler(a, func(ctx context.Context, by deadletter.Actor, in *ref) (*struct{}, error) {
			return nil, a.Desk.UndoGroupRule(ctx, by, in.ID)
		}))
}

type mergeInput struct {
	Body struct {
		Causes []string `json:"causes" minItems:"1" maxItems:"101" doc:"The ids of causes, with or without that of into."`
		Into   string   `json:"into" maxLength:"64" doc:"The id of the cause that they become part of."`
	}
}

func (a *API) mergeCauses(ctx context.Context, by deadletter.Actor, in *mergeInput) (*causeResponse, error) {
	if err := a.Desk.MergeCauses(ctx, by, in.Body.Causes, in.Body.Into); err != nil {
		return nil, err
	}
	return a.causeResponse(a.Desk.Cause(ctx, by, in.Body.Into))
}

type splitInput struct {
	CauseRef
	Body struct {
		Text    string `json:"text,omitempty" maxLength:"500" doc:"Words that the errors of the new cause have."`
		Pattern string `json:"pattern,omitempty" maxLength:"500" doc:"A regular expression, instead of a text."`
		Title   string `json:"title" maxLength:"500" doc:"Of the new cause."`
	}
}

func (in *splitInput) pattern() string {
	return cmp.Or(in.Body.Pattern, deadletter.LiteralPattern(in.Body.Text))
}

type groupRuleInput struct {
	Body struct {
		Kind    string `json:"kind" enum:"join,ignore"`
		Source  string `json:"source" maxLength:"200"`
		Pattern string `json:"pattern" maxLength:"500" doc:"A regular expression."`
		Title   string `json:"title,omitempty" maxLength:"500" doc:"Of the cause, for a rule that joins."`
	}
}

func (in *groupRuleInput) rule() deadletter.GroupRule {
	b := in.Body
	return deadletter.GroupRule{
		Kind: deadletter.GroupKind(b.Kind), Source: b.Source, Pattern: b.Pattern, Title: b.Title,
	}
}

type trialResponse struct{ Body GroupTrial }

func trialOf(t store.GroupTrial, err error) (*trialResponse, error) {
	out := GroupTrial{Looked: t.Looked, All: t.All, Moves: []GroupMove{}}
	for _, m := range t.Moves {
		out.Moves = append(out.Moves, GroupMove{m.Fingerprint, m.Title, m.Messages, m.Stay, m.To})
	}
	return &trialResponse{out}, err
}

func (a *API) listGroupRules(ctx context.Context, by deadletter.Actor, in *struct {
	Source string `query:"source" maxLength:"200" doc:"Absent: of all."`
},
) (*pageResponse[GroupRule], error) {
	rules, err := a.Desk.GroupRules(ctx, by, in.Source)
	return respondWhole(rules, err, groupRuleOf)
}

func groupRuleOf(r deadletter.GroupRule) GroupRule {
	out := GroupRule{
		ID: r.ID, Kind: string(r.Kind), Source: r.Source, Pattern: r.Pattern, Title: r.Title, Into: r.Into.Error,
		Configured: r.Configured, By: r.By, At: r.At.UTC(), UndoneBy: r.UndoneBy, UndoneAt: optional(r.UndoneAt),
	}
	for _, from := range r.From {
		out.From = append(out.From, from.Error)
	}
	return out
}
