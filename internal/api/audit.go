package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// Event is one row of the audit trail.
type Event struct {
	Sequence   int64           `json:"sequence"`
	At         time.Time       `json:"at"`
	ActorKind  string          `json:"actorKind" enum:"user,token,cli,system,rule"`
	By         string          `json:"by"`
	Address    string          `json:"address,omitempty"`
	Action     string          `json:"action"`
	TargetKind string          `json:"targetKind"`
	Target     string          `json:"target"`
	Reason     string          `json:"reason,omitempty"`
	Before     json.RawMessage `json:"before,omitempty" doc:"Facts before it."`
	After      json.RawMessage `json:"after,omitempty" doc:"Facts after it."`
}

type eventListInput struct {
	List
	By     string    `query:"by" maxLength:"200" doc:"Who did it."`
	Action string    `query:"action" maxLength:"100" doc:"The whole action, or its first part with a dot at the end." example:"message."`
	Target string    `query:"target" maxLength:"200" doc:"What it was done to: the id of a message, for example."`
	Job    int64     `query:"job" minimum:"0"`
	From   time.Time `query:"from" doc:"Inclusive."`
	To     time.Time `query:"to" doc:"Exclusive."`
}

func (a *API) auditOperations(described huma.API) {
	huma.Register(described, operation("list-events", http.MethodGet, "/audit", "Audit trail",
		"Its events, newest first"), handler(a, a.listEvents))
}

func (a *API) listEvents(ctx context.Context, by deadletter.Actor, in *eventListInput) (*pageResponse[Event], error) {
	found, err := a.Desk.Events(ctx, by, store.EventQuery{
		EventFilter: store.EventFilter{
			By: in.By, Action: in.Action, Target: in.Target, Job: deadletter.JobID(in.Job), From: in.From, To: in.To,
		},
		Cursor: in.Cursor, Limit: in.Limit,
	})
	return respondPage(found, err, eventOf)
}

func eventOf(e store.EventRow) Event {
	return Event{
		Sequence: e.Sequence, At: e.At.UTC(), ActorKind: string(e.Actor), By: e.By, Address: e.Addr, Action: e.Action,
		TargetKind: e.TargetKind, Target: e.Target, Reason: e.Reason, Before: e.Before, After: e.After,
	}
}
