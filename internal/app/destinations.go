package app

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"dlqdesk/internal/config"
	"dlqdesk/internal/console"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/store"
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
	client.Until(a.deliveries)
	a.onStop("connections to destinations", func(context.Context) error { client.Close(); return nil })
	return delivery.NewHealth(client, a.breakerPolicies(), a.now), nil
}

func (a *App) destination(s config.Source) (to delivery.Destination, err error) {
	to = delivery.Destination{
		Source:        s.Name,
		URL:           s.Destination,
		Timeout:       s.Timeout,
		Connect:       s.Connect,
		Read:          s.Read,
		MaxConcurrent: s.MaxConcurrent,
		Pace:          delivery.NewPace(s.MaxPerSecond, a.now),
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
			Share:   s.Breaker.FailureRate,
			Window:  s.Breaker.Window,
			Least:   s.Breaker.MinDeliveries,
			Probe:   s.Breaker.Probe,
			Release: s.Breaker.Release,
			Hang:    s.Timeout + probeMargin,
		}
	}
	return policies
}

// recallHealth has the desk know of destinations what it knew before it stopped, however it did.
func (a *App) recallHealth(ctx context.Context, h *delivery.Health) error {
	kept, err := a.store.Destinations(ctx)
	if err != nil {
		return err
	}
	memory := map[string]delivery.Memory{}
	for source, text := range kept {
		var m delivery.Memory
		if err := json.Unmarshal(text, &m); err != nil {
			a.log.WarnContext(ctx, "what was known of a destination cannot be read", "source", source, "err", err)
			continue
		}
		memory[source] = m
	}
	h.Recall(memory)
	return nil
}

// keepHealth writes down what is known of destinations whenever a breaker concludes something else, and when the
// program stops.
func (a *App) keepHealth(h *delivery.Health, changed func()) {
	again, told := make(chan struct{}, 1), a.standings(h)
	h.OnChange(func() {
		select {
		case again <- struct{}{}:
		default:
		}
		changed()
	})
	a.onStop("memory of destinations", func(ctx context.Context) error { return a.writeHealth(ctx, h) })
	a.run("memory of destinations", func(ctx context.Context) error {
		for {
			select {
			case <-again:
			case <-ctx.Done():
				return nil
			}
			told = a.tellChanges(ctx, h, told)
			if err := a.writeHealth(ctx, h); err != nil && ctx.Err() == nil {
				a.log.WarnContext(ctx, "what is known of destinations could not be kept", "err", err)
			}
		}
	})
}

// standings answers what the breakers conclude, by source.
func (a *App) standings(h *delivery.Health) map[string]delivery.Standing {
	all := map[string]delivery.Standing{}
	for _, s := range a.cfg.Sources {
		all[s.Name] = h.Breaker(s.Name).Standing()
	}
	return all
}

// tellChanges logs which destinations went down and came back since, and answers what there is to tell no more.
func (a *App) tellChanges(
	ctx context.Context,
	h *delivery.Health,
	told map[string]delivery.Standing,
) map[string]delivery.Standing {
	now := a.standings(h)
	for source, is := range now {
		was := told[source]
		switch log := a.log.With("source", source); {
		case is.State == was.State:
		case is.State == delivery.Open:
			latest := h.Of(source).Latest // without the handler's own words, which may be of a payload
			log.ErrorContext(
				ctx,
				"a handler is down: its retries and jobs wait, and one at a time probes it",
				"outcome",
				latest.Outcome,
				"status",
				latest.StatusCode,
			)
		case was.State == delivery.Open:
			log.InfoContext(
				ctx,
				"a handler answers again: what waited for it is let go",
				"down",
				is.Since.Sub(was.Since).Round(time.Second),
			)
		}
	}
	return now
}

// writeLimit bounds how long a store that cannot be written holds up what is only good to know.
const writeLimit = 5 * time.Second

func (a *App) writeHealth(ctx context.Context, h *delivery.Health) error {
	ctx, cancel := context.WithTimeout(ctx, writeLimit)
	defer cancel()
	kept := map[string][]byte{}
	for source, m := range h.Memory() {
		text, err := json.Marshal(m)
		if err != nil {
			return err
		}
		kept[source] = text
	}
	return a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.KeepDestinations(ctx, kept) })
}

// healthOf tells of a source what the console shows of its destination.
func (a *App) healthOf(h *delivery.Health) func(source string) console.Health {
	policies := a.breakerPolicies()
	return func(source string) console.Health {
		s, at := h.Of(source), h.Breaker(source).Standing()
		shown := console.Health{
			Seen:         s.At,
			Delivered:    s.Delivered,
			FailingSince: s.FailingSince,
			Failures:     s.Failures,
			Refusals:     s.Refusals,
			Outcome:      s.Latest.Outcome,
			StatusCode:   s.Latest.StatusCode,
			Error:        s.Latest.Error,
			PausedUntil:  at.PausedUntil,
			Release:      policies[source].Release,
		}
		switch at.State {
		case delivery.Open:
			shown.HeldSince, shown.NextProbe = at.Since, at.NextProbe
		case delivery.Releasing:
			shown.ReleasingSince = at.Since
		case delivery.Closed:
		}
		return shown
	}
}
