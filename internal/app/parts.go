package app

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"dlqdesk/internal/config"
	"dlqdesk/internal/console"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/ingest"
	"dlqdesk/internal/memory"
	"dlqdesk/internal/ordering"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/receiver"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/sampler"
	"dlqdesk/internal/server"
	"dlqdesk/internal/settings"
	"dlqdesk/internal/worker"
)

// newTracker makes the sender of all deliveries, which tracks the destinations, and the settings that it is part of.
// saved is the state of the destinations before the restart.
func (a *App) newTracker(saved map[string]delivery.Snapshot) error {
	client := delivery.NewClient(a.life.Deliveries(), a.now)
	a.copies = a.copySender(client)
	a.life.OnStop("connections to destinations", func(context.Context) error { client.Close(); return nil })
	a.tracker = delivery.NewTracker(delivery.TrackerDeps{
		Client:   client,
		Policies: settings.Breakers(a.cfg),
		Restore:  saved,
		OnChange: func() { a.kick() },
		Save:     a.store.SaveDestinations,
		Log:      a.log,
		Now:      a.now,
	})
	a.sender = delivery.NewExclusive(delivery.ExclusiveDeps{
		Sender: a.tracker, Stop: a.life.Deliveries(), Observe: a.metrics.ObserveDelivery, Now: a.now,
	})
	deps := settings.LiveDeps{
		Deps:    settings.Deps{Tracker: a.tracker, MasksSince: a.masksSince, Now: a.now, Log: a.log},
		Applied: a.applied,
	}
	if a.store == nil {
		deps.Check = config.Config.CheckReceiver
	} else {
		deps.Record = a.store.Record
	}
	var err error
	if a.settings, err = settings.NewLive(a.cfg, deps); err != nil {
		return err
	}
	a.run("secrets", a.settings.WatchSecrets)
	return nil
}

// copySender sends copies of messages. They are none of the destinations' deliveries: neither the circuit breakers nor
// the metrics count them, and they wait for no delivery of their message.
func (a *App) copySender(client *delivery.Client) delivery.Sender {
	return delivery.NewExclusive(delivery.ExclusiveDeps{
		Sender: client, Stop: a.life.Deliveries(), Observe: func(string, deadletter.Attempt) {}, Now: a.now,
	})
}

// startOrdering records what is delivered of the things that messages are about.
func (a *App) startOrdering() *ordering.Recorder {
	r := ordering.New(ordering.Deps{
		Store:    a.store,
		Keys:     func() map[string]payload.OrderKey { return a.settings.Load().Ingest.OrderKey },
		Pressure: a.pressure,
		Now:      a.now,
		Log:      a.log.With("component", "ordering"),
	})
	a.life.OnStop("delivered events", r.Save)
	a.run("delivered events", r.Run)
	return r
}

// startSampler learns from what is delivered from now on.
func (a *App) startSampler() *sampler.Sampler {
	s := sampler.New(sampler.Deps{
		Store:    a.store,
		Settings: func() map[string]sampler.Source { return a.settings.Load().Sampler },
		Now:      a.now,
		Log:      a.log.With("component", "sampler"),
	})
	a.life.OnStop("sample of deliveries", s.End)
	a.run("sample of deliveries", s.Run)
	return s
}

func (a *App) newWorker(q *queues, samples *sampler.Sampler) *worker.Worker {
	back, _ := redrivers(q.list)
	return worker.New(worker.Deps{
		Store:     a.store,
		Sender:    a.sender,
		Sources:   func() []worker.Source { return a.settings.Load().Worker },
		Queues:    back,
		Masks:     a.masks,
		Pressure:  a.pressure,
		Delivered: samples.Delivered,
		Now:       a.now,
		Random:    a.roll,
		Log:       a.log.With("component", "worker"),
	})
}

// arrivedAfter is how long messages that arrived wait until they are looked at, all that arrive meanwhile at once.
const arrivedAfter = 50 * time.Millisecond

func (a *App) startIngest(q *queues, order *ordering.Recorder) {
	deps := ingest.Deps{
		Store:        a.store,
		Settings:     func() ingest.Settings { return a.settings.Load().Ingest },
		Arrived:      ingest.Coalesce(a.kick, arrivedAfter),
		Keyed:        order.Failed,
		UnpackMemory: memory.NewBudget(ingest.UnpackBudget),
		Pressure:     a.pressure,
		Now:          a.now,
		Random:       a.roll,
		Log:          a.log.With("component", "ingest"),
	}
	for _, from := range q.messages {
		d := deps
		d.Queue, d.Undeleted = from, q.undeleted(from.Name())
		a.run("ingest from "+from.Name(), ingest.New(d).Run)
	}
	a.startDLQs(q, deps)
}

func (a *App) newReceiver(q *queues, observers ...receiver.Observer) http.Handler {
	r := receiver.New(receiver.Deps{
		Sources:    func() []receiver.Source { return a.settings.Load().Receiver },
		Sender:     a.sender,
		DLQ:        q.dlq,
		Processing: q.processing,
		Ledger:     a.counts,
		Pressure:   a.pressure,
		Observers:  observers,
		Now:        a.now,
		Log:        a.log.With("component", "receiver"),
	})
	for _, pending := range q.webhooks {
		a.run("deliveries from "+pending.Name(), receiver.NewProcessor(r, pending).Run)
	}
	return r.Handler()
}

// newDesk makes what carries out the orders of people.
func (a *App) newDesk(q *queues) *desk.Desk {
	_, origins := redrivers(q.list)
	return desk.New(desk.Deps{
		Store:   a.store,
		Sources: func() []desk.Source { return a.settings.Load().Desk },
		Masks:   a.masks,
		Origins: origins,
		Ledger:  a.ledger,
		Tickets: func() deadletter.Tickets { return a.settings.Load().Config.Tickets.Tickets },
		Kick:    a.kick,
		JobRate: a.jobRate,
		Copies:  a.copies,
		Sinks:   a.alertSinks,
		Tell:    func() { a.tell() },
		Now:     a.now,
	})
}

func (a *App) newConsole(ctx context.Context, q *queues, orders *desk.Desk) (*console.Console, error) {
	secure := strings.HasPrefix(cmp.Or(a.cfg.PublicURL, a.consoleScheme()), "https:")
	a.auth = a.newAuth(secure)
	var err error
	if a.setupToken, err = a.auth.NewSetupLink(ctx); err != nil {
		return nil, fmt.Errorf("make the set-up link: %w", err)
	}
	var names []string
	for _, d := range q.list {
		names = append(names, d.Name)
	}
	refusals := desk.NewRefusals(a.store, a.now, a.log.With("component", "console"))
	a.run("refusals", refusals.Run)
	a.api = a.newAPI(orders, q, refusals)
	a.mcp = a.newMCP(orders)
	return console.New(console.Deps{
		Refusals:   refusals,
		API:        a.api.Document,
		Store:      a.store,
		Desk:       orders,
		Auth:       a.auth,
		Settings:   func() console.Settings { return a.settings.Load().Console },
		PublicURL:  a.cfg.PublicURL,
		WebhookURL: a.webhookURL(),
		Secure:     secure,
		Chain:      a.audit.Latest,
		Health:     a.tracker.Health,
		Queues:     q.shown,
		DLQs:       names,
		Ledger:     a.ledger.State,
		OnTheirWay: a.ledger.OnTheirWay,
		Reload:     a.settings.Status,
		Now:        a.now,
		Log:        a.log.With("component", "console"),
	}), nil
}

// webhookURL is where webhooks are taken, where that is not the console's address.
func (a *App) webhookURL() string {
	if a.cfg.ConsoleListen == "" {
		return ""
	}
	return a.scheme() + server.LocalHost(a.cfg.Listen)
}

// masksSince returns since when the masks with a digest are in force. A receiver alone shows nothing that was stored.
func (a *App) masksSince(digest []byte) (time.Time, error) {
	if a.store == nil {
		return time.Time{}, nil
	}
	return a.store.MasksSince(context.Background(), digest, a.now())
}

// masks returns what is secret by the settings in force.
func (a *App) masks() *redact.Masks { return a.settings.Load().Masks }
