package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"dlqdesk/internal/deadletter"
)

// Source is a configured source with the health of its destination.
type Source struct {
	Name    string `json:"name"`
	Breaker string `json:"breaker" enum:"closed,half-open,open" doc:"While it is not closed, retries and jobs wait."`
}

func (a *API) sourceOperations(described huma.API) {
	type response struct{ Body PageOf[Source] }
	huma.Register(described, operation("list-sources", http.MethodGet, "/sources", "Sources", "The configured sources"),
		handler(a, func(_ context.Context, by deadletter.Actor, _ *struct{}) (*response, error) {
			if err := by.May(deadletter.ActView); err != nil {
				return nil, err
			}
			out := PageOf[Source]{Items: []Source{}}
			for _, s := range a.Sources() {
				if by.Reaches(s.Name, "source") == nil {
					out.Items = append(out.Items, s)
				}
			}
			return &response{out}, nil
		}))
	type ref struct {
		Name string `path:"name" maxLength:"200"`
	}
	probe := operation("probe-source", http.MethodPost, "/sources/{name}/probe", "Sources",
		"Send one waiting message to its destination at once", http.StatusNotFound, http.StatusConflict)
	huma.Register(described, probe,
		handler(a, func(ctx context.Context, by deadletter.Actor, in *ref) (*struct{}, error) {
			return nil, a.Desk.Probe(ctx, by, in.Name)
		}))
}
