package app

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"dlqdesk/internal/config"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/store"
)

// newTracker makes the sender of all deliveries, which tracks how the destinations do.
func (a *App) newTracker(saved map[string]delivery.Snapshot, onChange func()) (*delivery.Tracker, error) {
	a.destinations = map[string]delivery.Destination{}
	for _, s := range a.cfg.Sources {
		to, err := a.destination(s)
		if err != nil {
			return nil, fmt.Errorf("source %s: %w", s.Name, err)
		}
		a.destinations[s.Name] = to
	}
	client := delivery.NewClient(a.deliveries, a.now)
	a.onStop("connections to destinations", func(context.Context) error { client.Close(); return nil })
	tracker := delivery.NewTracker(delivery.TrackerDeps{
		Client:   client,
		Policies: a.breakerPolicies(),
		Restore:  saved,
		OnChange: onChange,
		Now:      a.now,
	})
	a.sender = delivery.NewExclusive(delivery.ExclusiveDeps{
		Sender: tracker, Stop: a.deliveries, Observe: a.metrics.ObserveDelivery, Now: a.now,
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

// savedDestinations returns the snapshots that saveDestinations stored before the restart, by source.
func (a *App) savedDestinations(ctx context.Context) (map[string]delivery.Snapshot, error) {
	stored, err := a.store.Destinations(ctx)
	if err != nil {
		return nil, err
	}
	saved := map[string]delivery.Snapshot{}
	for source, text := range stored {
		var s delivery.Snapshot
		if err := json.Unmarshal(text, &s); err != nil {
			a.log.WarnContext(ctx, "the saved state of a destination cannot be read", "source", source, "err", err)
			continue
		}
		saved[source] = s
	}
	return saved, nil
}

// notify wakes the reader of a channel with room for one signal. It never blocks.
func notify(changed chan<- struct{}) {
	select {
	case changed <- struct{}{}:
	default:
	}
}

// saveDestinations stores a snapshot of the destinations, and logs breakers that open and close, whenever a breaker
// changes and when the program stops.
func (a *App) saveDestinations(t *delivery.Tracker, changed <-chan struct{}) {
	before := a.breakerStatuses(t)
	a.onStop("state of destinations", func(ctx context.Context) error { return a.writeSnapshots(ctx, t) })
	a.run("state of destinations", func(ctx context.Context) error {
		for {
			select {
			case <-changed:
			case <-ctx.Done():
				return nil
			}
			after := a.breakerStatuses(t)
			a.logBreakerChanges(ctx, t, before, after)
			before = after
			if err := a.writeSnapshots(ctx, t); err != nil && ctx.Err() == nil {
				a.log.WarnContext(ctx, "the state of the destinations could not be stored", "err", err)
			}
		}
	})
}

func (a *App) breakerStatuses(t *delivery.Tracker) map[string]delivery.BreakerStatus {
	all := map[string]delivery.BreakerStatus{}
	for _, s := range a.cfg.Sources {
		all[s.Name] = t.Breaker(s.Name).Status()
	}
	return all
}

func (a *App) logBreakerChanges(
	ctx context.Context,
	t *delivery.Tracker,
	before, after map[string]delivery.BreakerStatus,
) {
	for source, is := range after {
		was := before[source]
		switch log := a.log.With("source", source); {
		case is.State == was.State:
		case is.State == delivery.Open:
			latest := t.Health(source).Latest // without its error text, which may quote a payload
			log.ErrorContext(ctx, "circuit breaker open: retries and jobs wait, and one probe at a time is sent",
				"outcome", latest.Outcome, "status", latest.StatusCode)
		case was.State == delivery.Open:
			log.InfoContext(
				ctx,
				"circuit breaker half-open: the destination responds again, and the backlog is let through",
				"down",
				is.Since.Sub(was.Since).Round(time.Second),
			)
		}
	}
}

// writeLimit bounds how long a store that cannot be written delays the loop that saves snapshots.
const writeLimit = 5 * time.Second

func (a *App) writeSnapshots(ctx context.Context, t *delivery.Tracker) error {
	ctx, cancel := context.WithTimeout(ctx, writeLimit)
	defer cancel()
	stored := map[string][]byte{}
	for source, s := range t.Snapshots() {
		text, err := json.Marshal(s)
		if err != nil {
			return err
		}
		stored[source] = text
	}
	return a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.SaveDestinations(ctx, stored) })
}
