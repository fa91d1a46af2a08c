package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"dlqdesk/internal/deadletter"
)

// Identity is who a token is.
type Identity struct {
	Name      string     `json:"name" doc:"As the audit trail names it." example:"deploy of anna"`
	Role      string     `json:"role" enum:"viewer,operator,admin" doc:"What it may do now."`
	Sources   []string   `json:"sources" doc:"The only ones that it reaches; empty: all."`
	May       []string   `json:"may" doc:"The actions that its role allows."`
	ExpiresAt *time.Time `json:"expiresAt,omitempty" doc:"When the token expires."`
}

func (a *API) identityOperations(described huma.API) {
	type response struct{ Body Identity }
	huma.Register(described, operation("whoami", http.MethodGet, "/me", "Identity", "Who the token is"),
		handler(a, func(ctx context.Context, by deadletter.Actor, _ *struct{}) (*response, error) {
			me := Identity{
				Name: by.Name, Role: string(by.Role), Sources: append([]string{}, by.Sources.List()...),
				May: []string{}, ExpiresAt: optional(callerOf(ctx).token.ExpiresAt),
			}
			for _, act := range deadletter.Actions() {
				if by.May(act) == nil {
					me.May = append(me.May, string(act))
				}
			}
			return &response{me}, nil
		}))
}

// optional returns a time; nil for the zero time.
func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
