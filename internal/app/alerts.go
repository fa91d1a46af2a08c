package app

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"

	"dlqdesk/internal/config"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/notify"
	"dlqdesk/internal/server"
)

// startAlerts starts looking for what people should know, and telling the configured sinks. The sender is stopped after
// the watch, and finishes what is under way.
func (a *App) startAlerts(dir *server.DataDir, q *queues, orders *desk.Desk) {
	log := a.log.With("component", "alerts")
	client := delivery.NewClient(a.life.Deliveries(), a.now)
	a.life.OnStop("connections to sinks of alerts", func(context.Context) error { client.Close(); return nil })
	host, err := os.Hostname()
	if err != nil {
		host = "dlqdesk"
	}
	sender := notify.NewSender(notify.SenderDeps{
		Store: a.store,
		Sink: func(name string) (notify.Sink, bool) {
			alerts := a.alertSettings()
			for _, s := range alerts.Sinks {
				if s.Name == name {
					return notify.NewSink(client, s, alerts.SMTP, a.now), true
				}
			}
			return nil, false
		},
		Show:       orders.ShownAlert,
		Desk:       a.cfg.PublicURL,
		Name:       cmp.Or(a.cfg.PublicURL, host),
		Deliveries: a.life.Deliveries(),
		Observe:    a.metrics.AlertTried,
		Now:        a.now,
		Log:        log,
	})
	a.tell = sender.Kick
	a.run("sending of alerts", sender.Run)
	watch := notify.NewWatch(notify.WatchDeps{
		Store: a.store, Settings: a.alertSettings, Readings: a.readings(dir, q, orders), Kick: sender.Kick, Now: a.now,
		Log: log,
	})
	a.run("watch of alerts", watch.Run)
}

// alertSettings returns the alerts as configured at the moment.
func (a *App) alertSettings() config.Alerts { return a.settings.Load().Config.Alerts }

// alertSinks returns where alerts go, for the desk.
func (a *App) alertSinks() (list []desk.AlertSink) {
	alerts := a.alertSettings()
	for _, s := range alerts.Sinks {
		sink := desk.AlertSink{Name: s.Name, Kind: s.Kind}
		for _, r := range alerts.Routes {
			if slices.Contains(r.To, s.Name) {
				sink.Routes = append(sink.Routes, r.Name)
			}
		}
		list = append(list, sink)
	}
	return list
}

// readings returns what the parts of the program measure.
func (a *App) readings(dir *server.DataDir, q *queues, orders *desk.Desk) notify.Readings {
	return notify.Readings{
		Destinations: func() map[string]delivery.DestinationHealth {
			all := map[string]delivery.DestinationHealth{}
			for source := range a.tracker.BreakerStatuses() {
				all[source] = a.tracker.Health(source)
			}
			return all
		},
		ErrorText: orders.ErrorText,
		Ledger:    a.ledger.State,
		Audit:     a.audit.Latest,
		Spools:    q.spools,
		Expiring:  q.expiring,
		SpoolUse: func(ctx context.Context) (notify.Use, error) {
			if q.spool == nil {
				return notify.Use{}, nil
			}
			used, err := q.spool.Used(ctx)
			return notify.Use{Used: used, Of: a.cfg.Queue.SpoolLimit}, err
		},
		DiskUse: func() (notify.Use, error) {
			used, of, err := dir.DiskUse()
			return notify.Use{Used: used, Of: of}, err
		},
		StartedAt: a.now(),
		Sources:   func() []string { return a.settings.Load().Config.SourceNames() },
	}
}

// spools returns what waits on this machine's disk for SQS queues.
func (q *queues) spools(ctx context.Context) (list []notify.Spool, err error) {
	var of notify.Spool // the queue that the next spool is of
	for _, shown := range q.shown {
		if shown.UnconfirmedSince != nil {
			of = notify.Spool{Queue: shown.Name, Since: shown.UnconfirmedSince()}
		}
		if !shown.Spool || shown.Fate != desk.SpoolFate {
			continue
		}
		depth, err := shown.Depth(ctx)
		if err != nil {
			return nil, fmt.Errorf("count what waits for %s: %w", of.Queue, err)
		}
		of.Waiting = depth.Total()
		list = append(list, of)
	}
	return list, nil
}

// expiring returns the queues that forget messages which were read from them and could not be deleted or stored.
func (q *queues) expiring(ctx context.Context) (list []notify.Expiring, err error) {
	for _, shown := range q.shown {
		if shown.Undeleted == nil {
			continue
		}
		undeleted := shown.Undeleted()
		if len(undeleted) == 0 {
			continue
		}
		depth, err := shown.Depth(ctx)
		if err != nil {
			return nil, fmt.Errorf("read how long %s keeps messages: %w", shown.Name, err)
		}
		if depth.Retention == 0 {
			continue
		}
		list = append(list, notify.Expiring{
			Queue: shown.Name, Messages: len(undeleted), At: undeleted[0].SentAt.Add(depth.Retention),
		})
	}
	return list, nil
}

// sinkNames returns the names of the sinks, for metrics.
func sinkNames(c config.Alerts) (names []string) {
	for _, s := range c.Sinks {
		names = append(names, s.Name)
	}
	return names
}
