package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
)

// Copy is the outcome of sending a copy of a message to another destination.
type Copy struct {
	To         string `json:"to"`
	Outcome    string `json:"outcome" enum:"delivered,error_response,unreachable,unknown"`
	StatusCode int    `json:"statusCode" doc:"0 without an answer."`
	LatencyMS  int64  `json:"latencyMs"`
	Error      string `json:"error" doc:"Why it failed; empty if it was delivered."`
}

type copyInput struct {
	MessageRef
	Body struct {
		To string `json:"to" minLength:"1" maxLength:"200" doc:"The name of a destination below sources.NAME.destinations." example:"staging"`
	}
}

func (a *API) copyOperations(described huma.API) {
	huma.Register(described, operation("copy-message", http.MethodPost, "/messages/{id}/copy", "Messages",
		"Send a copy to another configured destination; the message stays as it is", http.StatusNotFound,
		http.StatusConflict, http.StatusRequestEntityTooLarge), handler(a, a.copyMessage))
}

func (a *API) copyMessage(ctx context.Context, by deadletter.Actor, in *copyInput) (*struct{ Body Copy }, error) {
	_, sent, err := a.Desk.SendElsewhere(ctx, by, desk.Ref{ID: deadletter.ID(in.ID)}, in.Body.To)
	return &struct{ Body Copy }{Copy{
		To: in.Body.To, Outcome: string(sent.Outcome), StatusCode: sent.StatusCode,
		LatencyMS: sent.Latency.Milliseconds(), Error: sent.Error,
	}}, err
}
