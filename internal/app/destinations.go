package app

import (
	"context"
	"fmt"
	"time"

	"dlqdesk/internal/config"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/store"
)

// newTracker makes the sender of all deliveries, which tracks the destinations. saved is their state before the
// restart.
func (a *App) newTracker(saved map[string]delivery.Snapshot, onChange func()) (*delivery.Tracker, error) {
	a.destinations = map[string]delivery.Destination{}
	for _, s := range a.cfg.Sources {
		to, err := a.destination(s)
		if err != nil {
			return nil, fmt.Errorf("source %s: %w", s.Name, err)
		}
		a.destinations[s.Name] = to
	}
	client := delivery.NewClient(a.life.Deliveries(), a.now)
	a.life.OnStop("connections to destinations", func(context.Context) error { client.Close(); return nil })
	tracker := delivery.NewTracker(delivery.TrackerDeps{
		Client:   client,
		Policies: a.breakerPolicies(),
		Restore:  saved,
		OnChange: onChange,
		Save: func(ctx context.Context, stored map[string][]byte) error {
			return a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
				return tx.SaveDestinations(ctx, stored)
			})
		},
		Log: a.log,
		Now: a.now,
	})
	a.sender = delivery.NewExclusive(delivery.ExclusiveDeps{
		Sender: tracker, Stop: a.life.Deliveries(), Observe: a.metrics.ObserveDelivery, Now: a.now,
	})
	return tracker, nil
}

func (a *App) destination(s config.Source) (to delivery.Destination, err error) {
	to = delivery.Destination{
		Source:        s.Name,
		URL:           s.Destination,
		Timeout:       s.Timeout,
		Connect:       s.Connect,
		Read:          s.Read,
		MaxConcurrent: s.MaxConcurrent,
		RateLimit:     delivery.NewRateLimit(s.MaxPerSecond, a.now),
		Masks:         masksOf(s),
	}
	files := delivery.TLSFiles{CA: s.TLS.CAFile, Cert: s.TLS.CertFile, Key: s.TLS.KeyFile, MinVersion: s.TLS.MinVersion}
	to.TLS, err = delivery.NewTLS(files, a.log.With("component", "delivery", "source", s.Name))
	return to, err
}

// probeMargin is what a probe may take beyond its timeout.
const probeMargin = time.Second

func (a *App) breakerPolicies() map[string]delivery.BreakerPolicy {
	policies := map[string]delivery.BreakerPolicy{}
	for _, s := range a.cfg.Sources {
		policies[s.Name] = delivery.BreakerPolicy{
			FailureRate:   s.Breaker.FailureRate,
			Window:        s.Breaker.Window,
			MinDeliveries: s.Breaker.MinDeliveries,
			ProbeInterval: s.Breaker.Probe,
			ProbeTimeout:  s.Timeout + probeMargin,
			ReleaseRate:   s.Breaker.RetriesPerSecond,
		}
	}
	return policies
}
