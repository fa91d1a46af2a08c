package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
)

// Unmasking shows masked values of a message to one token for a time.
type Unmasking struct {
	Value string    `json:"value" doc:"The name of the field or header that is shown; empty: all."`
	Until time.Time `json:"until"`
}

type unmaskInput struct {
	MessageRef
	Body struct {
		Value  string `json:"value,omitempty" maxLength:"500" doc:"The name of a field or header; absent: all."`
		Reason string `json:"reason" maxLength:"1000" doc:"For the audit trail."`
	}
}

func (a *API) unmaskOperations(described huma.API) {
	huma.Register(described, operation("unmask-message", http.MethodPost, "/messages/{id}/unmask", "Messages",
		"Show its masked values to this token for five minutes", http.StatusNotFound), handler(a, a.unmask))
	huma.Register(described, operation("mask-message", http.MethodPost, "/messages/{id}/mask", "Messages",
		"Mask its values again before that time is over", http.StatusNotFound, http.StatusConflict),
		handler(a, func(ctx context.Context, by deadletter.Actor, in *MessageRef) (*struct{}, error) {
			return nil, a.Desk.MaskAgain(ctx, desk.TokenViewer(by), deadletter.ID(in.ID))
		}))
}

func (a *API) unmask(ctx context.Context, by deadletter.Actor, in *unmaskInput) (*struct{ Body Unmasking }, error) {
	until, err := a.Desk.Unmask(ctx, desk.TokenViewer(by), deadletter.ID(in.ID), in.Body.Value, in.Body.Reason)
	return &struct{ Body Unmasking }{Unmasking{in.Body.Value, until.UTC()}}, err
}
