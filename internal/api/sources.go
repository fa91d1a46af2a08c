package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
)

// Source is a configured source with the health of its destination.
type Source struct {
	Name          string     `json:"name"`
	Breaker       string     `json:"breaker" enum:"closed,half-open,open" doc:"While it is not closed, retries and jobs wait."`
	BreakerSince  *time.Time `json:"breakerSince,omitempty"`
	Destination   string     `json:"destination" doc:"The host and port of its handler."`
	Endpoint      string     `json:"endpoint,omitempty" doc:"Where platforms send its webhooks, if the configuration says."`
	Verification  string     `json:"verification" doc:"The scheme by which webhooks are verified."`
	Unverified    bool       `json:"unverified" doc:"Anyone who knows the address can send webhooks."`
	Buffered      bool       `json:"buffered" doc:"The platform gets its answer before the webhook is delivered."`
	MaxAttempts   int        `json:"maxAttempts" doc:"Automatic deliveries of a webhook at most."`
	TimeoutMS     int64      `json:"timeoutMs" doc:"Of one delivery."`
	MaxConcurrent int        `json:"maxConcurrent" doc:"Deliveries at once at most."`
	MaxPerSecond  float64    `json:"maxPerSecond" doc:"Deliveries a second at most; 0: no limit."`
	MaxBody       int64      `json:"maxBody" doc:"Bytes of a webhook at most."`
}

// SourceView is a source with its figures.
type SourceView struct {
	Source
	From              time.Time       `json:"from" doc:"The figures of whole hours begin here."`
	Received          int             `json:"received"`
	Failed            int             `json:"failed" doc:"Of the received ones, at their first delivery."`
	DeliveredByRetry  int             `json:"deliveredByRetry"`
	DeliveredByPeople int             `json:"deliveredByPeople" doc:"Because a person or a program asked."`
	Open              map[string]int  `json:"open" doc:"Its messages now, by status."`
	Refusals          []RefusedReason `json:"refusals" doc:"Requests that were refused, the latest first."`
}

// RefusedReason counts the requests of a source that were refused for one reason.
type RefusedReason struct {
	Reason string    `json:"reason"`
	Status int       `json:"status" doc:"That they were answered."`
	Count  int       `json:"count"`
	First  time.Time `json:"first"`
	Latest time.Time `json:"latest"`
	Why    string    `json:"why,omitempty" doc:"Of the latest."`
}

// SourceRef names a source.
type SourceRef struct {
	Name string `path:"name" maxLength:"200"`
}

func (a *API) sourceOperations(described huma.API) {
	huma.Register(described, operation("list-sources", http.MethodGet, "/sources", "Sources", "The configured sources"),
		handler(a, func(_ context.Context, by deadletter.Actor, _ *struct{}) (*pageResponse[Source], error) {
			if err := by.May(deadletter.ActView); err != nil {
				return nil, err
			}
			return &pageResponse[Source]{PageOf[Source]{Items: a.reached(by)}}, nil
		}))
	huma.Register(described, operation("get-source", http.MethodGet, "/sources/{name}", "Sources",
		"One source with its figures of the last day", http.StatusNotFound), handler(a, a.getSource))
	probe := operation("probe-source", http.MethodPost, "/sources/{name}/probe", "Sources",
		"Send one waiting message to its destination at once", http.StatusNotFound, http.StatusConflict)
	huma.Register(described, probe,
		handler(a, func(ctx context.Context, by deadletter.Actor, in *SourceRef) (*struct{}, error) {
			return nil, a.Desk.Probe(ctx, by, in.Name)
		}))
}

// reached returns the configured sources that an actor reaches.
func (a *API) reached(by deadletter.Actor) []Source {
	list := []Source{}
	for _, s := range a.Sources() {
		if by.Reaches(s.Name, "source") == nil {
			list = append(list, s)
		}
	}
	return list
}

// known reports whether a source is configured.
func (a *API) known(name string) bool {
	return slices.ContainsFunc(a.Sources(), func(s Source) bool { return s.Name == name })
}

func (a *API) getSource(ctx context.Context, by deadletter.Actor, in *SourceRef) (*struct{ Body SourceView }, error) {
	reached := a.reached(by)
	at := slices.IndexFunc(reached, func(s Source) bool { return s.Name == in.Name })
	if at < 0 {
		return nil, deadletter.Errorf(deadletter.NotFound, "there is no such source in the configuration")
	}
	figures, err := a.Desk.SourceFigures(ctx, by, in.Name)
	return &struct{ Body SourceView }{sourceViewOf(reached[at], figures)}, err
}

func sourceViewOf(s Source, f desk.SourceFigures) SourceView {
	tally := f.Tallies[s.Name]
	v := SourceView{
		Source: s, From: f.From.UTC(), Received: f.Received[s.Name], Failed: tally.Failed,
		DeliveredByRetry: tally.ByRetry, DeliveredByPeople: tally.ByPeople, Open: map[string]int{},
		Refusals: []RefusedReason{},
	}
	for _, status := range deadletter.OpenStatuses() {
		v.Open[string(status)] = f.Counts[s.Name][status]
	}
	for _, r := range f.Refusals {
		v.Refusals = append(v.Refusals, RefusedReason{
			string(r.Reason), r.Reason.Status(), r.Count, r.First.UTC(), r.LatestAt.UTC(), r.Why,
		})
	}
	return v
}
