package app

import (
	"context"
	"path/filepath"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/ledger"
	"dlqdesk/internal/search"
	"dlqdesk/internal/server"
	"dlqdesk/internal/store"
	"dlqdesk/internal/telemetry"
)

// serveMetrics serves /metrics on its own address, if one is configured.
func (a *App) serveMetrics(ctx context.Context, q *queues) (err error) {
	if a.cfg.MetricsListen == "" {
		return nil
	}
	handler := a.metrics.Handler(a.life.Loops(), a.gauges(q))
	a.metricsServer, err = a.serve(
		ctx, server.Listener{Name: "metrics", Address: a.cfg.MetricsListen, Handler: handler},
	)
	return err
}

// MetricsURL returns where Prometheus scrapes, as this machine reaches it. It needs a metrics_listen.
func (a *App) MetricsURL() string { return "http://" + a.metricsServer.Host() + "/metrics" }

func (a *App) gauges(q *queues) telemetry.Gauges {
	g := telemetry.Gauges{Version: a.version, Now: a.now, Store: a.storeGauges()}
	for _, name := range []string{server.DeskFile, search.FileName, server.QueueFile, server.SpoolFile} {
		g.Files = append(g.Files, filepath.Join(a.cfg.DataDir, name))
	}
	for _, state := range delivery.BreakerStates() {
		g.BreakerStates = append(g.BreakerStates, string(state))
	}
	g.Breakers = func() map[string]string {
		states := map[string]string{}
		for source, is := range a.tracker.BreakerStatuses() {
			states[source] = string(is.State)
		}
		return states
	}
	for i, shown := range q.shown {
		gauge := telemetry.QueueGauge{Name: shown.Name, Place: "queue", ReportsAge: shown.ReportsOldest}
		switch {
		case shown.Spool:
			gauge.Place = "spool"
		case i >= len(q.shown)-len(q.list): // their names are the configuration's, and may be those of others
			gauge.Place = "list"
		}
		gauge.Read = func(ctx context.Context) (telemetry.QueueDepth, error) {
			d, err := shown.Depth(ctx)
			away := shown.UnconfirmedSince != nil && !shown.UnconfirmedSince().IsZero()
			return telemetry.QueueDepth{
				Visible: d.Visible, InFlight: d.InFlight, Delayed: d.Delayed, Oldest: d.Oldest, Away: away,
			}, err
		}
		g.Queues = append(g.Queues, gauge)
	}
	return g
}

// storeGauges returns nil for a receiver alone, which has no store.
func (a *App) storeGauges() *telemetry.StoreGauges {
	if a.store == nil {
		return nil
	}
	return &telemetry.StoreGauges{
		Sources: func() (names []string) {
			for _, s := range a.settings.Load().Worker {
				names = append(names, s.Name)
			}
			return names
		},
		Jobs: a.store.JobCounts,
		Messages: func(ctx context.Context) (map[deadletter.Status]int, error) {
			counts, err := a.store.Counts(ctx, store.Filter{})
			return counts.ByStatus, err
		},
		RetriesDue: func(ctx context.Context, source string) (int, error) {
			return a.store.Overdue(ctx, source, a.now())
		},
		Imbalance: func() (open, acknowledged int, checked bool) {
			state := a.ledger.State()
			return sumOf(state.Wrong()), sumOf(state.Acknowledged()), !state.At.IsZero()
		},
		Alerts: a.store.CountAlerts,
		Audit: func() (intact bool, at time.Time) {
			latest := a.audit.Latest()
			return latest.Fault == "", latest.At
		},
	}
}

func sumOf(list []ledger.Imbalance) (sum int) {
	for _, i := range list {
		sum += i.Amount()
	}
	return sum
}
