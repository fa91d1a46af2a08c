package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"dlqdesk/internal/deadletter"
)

// Configuration has every key that is in force, with the result of the latest reload.
type Configuration struct {
	PageOf[Setting]
	ReloadedAt *time.Time `json:"reloadedAt,omitempty" doc:"When it was read again last; absent: at the start only."`
	Fault      []string   `json:"fault" doc:"Why that changed nothing, one line for each fault."`
	Restart    []string   `json:"restart" doc:"Changed keys that the next start applies."`
}

// Setting is a key of the configuration.
type Setting struct {
	Key   string `json:"key" example:"sources.genesys.url"`
	Value string `json:"value" doc:"Secrets are masked."`
	From  string `json:"from" doc:"default, the line of a file, the name of a variable, or a flag."`
}

// Reload is the result of the latest reload of the configuration. The zero value: there was none.
type Reload struct {
	At      time.Time
	Fault   []string
	Restart []string
}

func (a *API) configurationOperations(described huma.API) {
	type response struct{ Body Configuration }
	huma.Register(described, operation("get-configuration", http.MethodGet, "/configuration", "Configuration",
		"Every key that is in force, for administrators"),
		handler(a, func(_ context.Context, by deadletter.Actor, _ *struct{}) (*response, error) {
			if err := by.May(deadletter.ActConfig); err != nil {
				return nil, err
			}
			reload := a.Reload()
			out := Configuration{
				PageOf: PageOf[Setting]{Items: append([]Setting{}, a.Config()...)}, ReloadedAt: optional(reload.At),
				Fault: append([]string{}, reload.Fault...), Restart: append([]string{}, reload.Restart...),
			}
			return &response{out}, nil
		}))
}
