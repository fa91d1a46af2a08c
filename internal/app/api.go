package app

import (
	"net/http"

	"dlqdesk/internal/api"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/mcp"
	"dlqdesk/internal/redact"
)

func (a *App) newAPI(orders *desk.Desk, q *queues, refused *desk.Refusals) *api.API {
	return api.New(api.Deps{
		Desk:       orders,
		Auth:       a.auth,
		Store:      a.store,
		Sources:    a.apiSources,
		Queues:     q.shown,
		Refused:    refused,
		Config:     a.apiSettings,
		Reload:     func() api.Reload { return api.Reload(a.settings.Status()) },
		Chain:      a.audit.Latest,
		OnTheirWay: a.ledger.OnTheirWay,
		URL:        a.ConsoleURL,
		Now:        a.now,
		Log:        a.log.With("component", "api"),
	})
}

// newMCP returns the desk for assistants, behind the checks of the API.
func (a *App) newMCP(orders *desk.Desk) http.Handler {
	return a.api.Guard(mcp.New(mcp.Deps{
		Desk: orders, Caller: api.By, PublicURL: a.cfg.PublicURL, Version: a.version, Now: a.now,
		Log: a.log.With("component", "mcp"),
	}))
}

// apiSettings returns every key of the configuration that is in force. Secrets are masked.
func (a *App) apiSettings() (list []api.Setting) {
	for _, v := range a.settings.Load().Config.Values {
		list = append(list, api.Setting{Key: v.Key, Value: v.Text, From: v.From})
	}
	return list
}

// apiSources returns the configured sources with the states of their circuit breakers.
func (a *App) apiSources() (list []api.Source) {
	for _, s := range a.settings.Load().Console.Sources {
		breaker, setup := a.tracker.Health(s.Name).Breaker, s.Setup
		one := api.Source{
			Name:          s.Name,
			Breaker:       string(breaker.State),
			Destination:   redact.Host(s.URL),
			Endpoint:      setup.URL,
			Verification:  setup.Scheme,
			Unverified:    setup.Open,
			Buffered:      setup.Buffered,
			MaxAttempts:   s.MaxAttempts,
			TimeoutMS:     setup.Timeout.Milliseconds(),
			MaxConcurrent: setup.MaxConcurrent,
			MaxPerSecond:  setup.MaxPerSecond,
			MaxBody:       setup.MaxBody,
		}
		if !breaker.Since.IsZero() {
			one.BreakerSince = &breaker.Since
		}
		list = append(list, one)
	}
	return list
}
