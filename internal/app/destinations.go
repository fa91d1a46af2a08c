package app

import (
	"context"
	"fmt"

	"dlqdesk/internal/config"
	"dlqdesk/internal/console"
	"dlqdesk/internal/delivery"
)

// newHealth makes what delivers, and watches how the destinations do.
func (a *App) newHealth() (*delivery.Health, error) {
	a.destinations = map[string]delivery.Destination{}
	for _, s := range a.cfg.Sources {
		to, err := a.destination(s)
		if err != nil {
			return nil, fmt.Errorf("source %s: %w", s.Name, err)
		}
		a.destinations[s.Name] = to
	}
	client := delivery.NewClient(a.now)
	a.onStop("connections to destinations", func(context.Context) error { client.Close(); return nil })
	return delivery.NewHealth(client, a.breakerPolicies(), a.now), nil
}

func (a *App) destination(s config.Source) (to delivery.Destination, err error) {
	to = delivery.Destination{
		Source: s.Name, URL: s.Destination, Timeout: s.Timeout, Connect: s.Connect, Read: s.Read, MaxConcurrent: s.MaxConcurrent,
		Pace: delivery.NewPace(s.MaxPerSecond, a.now),
	}
	files := delivery.TLSFiles{CA: s.TLS.CAFile, Cert: s.TLS.CertFile, Key: s.TLS.KeyFile, MinVersion: s.TLS.MinVersion}
	to.TLS, err = delivery.NewTLS(files, a.log.With("component", "delivery", "source", s.Name))
	return to, err
}

func (a *App) breakerPolicies() map[string]delivery.BreakerPolicy {
	policies := map[string]delivery.BreakerPolicy{}
	for _, s := range a.cfg.Sources {
		policies[s.Name] = delivery.BreakerPolicy{
			Share: s.Breaker.FailureRate, Window: s.Breaker.Window, Least: s.Breaker.MinDeliveries, Probe: s.Breaker.Probe, Release: s.Breaker.Release,
		}
	}
	return policies
}

// healthOf tells of a source what the console shows of its destination.
func (a *App) healthOf(h *delivery.Health) func(source string) console.Health {
	return func(source string) console.Health {
		s := h.Of(source)
		shown := console.Health{
			Seen: s.At, Delivered: s.Delivered, FailingSince: s.FailingSince, Failures: s.Failures, Refusals: s.Refusals,
			Outcome: s.Latest.Outcome, StatusCode: s.Latest.StatusCode, Error: s.Latest.Error,
		}
		switch state, since := h.Breaker(source).State(); state {
		case delivery.Open:
			shown.HeldSince = since
		case delivery.Releasing:
			shown.Releasing = true
		case delivery.Closed:
		}
		return shown
	}
}
