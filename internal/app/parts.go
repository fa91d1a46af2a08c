package app

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/config"
	"dlqdesk/internal/console"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/doctor"
	"dlqdesk/internal/ingest"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/receiver"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/verify"
	"dlqdesk/internal/worker"
)

// deliverable returns the sources and, if a default source is configured, a copy of it named "": messages without a
// source are delivered by that.
func (a *App) deliverable() []config.Source {
	sources := a.cfg.Sources
	if byDefault, ok := a.cfg.Source(a.cfg.Queue.DefaultSource); ok {
		unnamed := byDefault
		unnamed.Name = ""
		sources = append([]config.Source{unnamed}, sources...)
	}
	return sources
}

func (a *App) newWorker(tracker *delivery.Tracker, q *queues) *worker.Worker {
	var sources []worker.Source
	for _, s := range a.deliverable() {
		to := a.destinations[cmp.Or(s.Name, a.cfg.Queue.DefaultSource)]
		// Half of the places stay for webhooks that come in while a backlog is worked off.
		sources = append(sources, worker.Source{
			Name:        s.Name,
			Destination: to,
			Retry:       s.Retry,
			Slots:       max(1, s.MaxConcurrent/2),
			Breaker:     tracker.Breaker(to.Source),
		})
	}
	back, _ := redrivers(q.list)
	return worker.New(worker.Deps{
		Store:   a.store,
		Sender:  a.sender,
		Sources: sources,
		Queues:  back,
		Now:     a.now,
		Random:  a.roll,
		Log:     a.log.With("component", "worker"),
	})
}

// ingestPollers is how many batches of messages are moved side by side, and ingestHelpers how many more while there
// are more messages; their commits are shared.
const (
	ingestPollers = 4
	ingestHelpers = 60
)

func masksOf(s config.Source) redact.Rules {
	return redact.Rules{Headers: s.Mask.Headers, Paths: s.Mask.JSON}
}

// arrivedAfter is how long messages that arrived wait until they are looked at, all that arrive meanwhile at once.
const arrivedAfter = 50 * time.Millisecond

func (a *App) startIngest(q *queues, kick func()) {
	settings := ingest.Settings{
		DefaultSource: a.cfg.Queue.DefaultSource,
		Retry:         map[string]deadletter.RetryPolicy{},
		EventType:     map[string][]payload.Path{},
		Pollers:       ingestPollers,
		Helpers:       ingestHelpers,
		Dedup:         map[string]payload.Dedup{},
		Masks:         map[string]redact.Rules{},
		SourceOf:      map[string]string{},
	}
	for _, s := range a.cfg.Sources {
		settings.Retry[s.Name], settings.EventType[s.Name], settings.Dedup[s.Name] = s.Retry, s.EventType, s.Dedup
		settings.Masks[s.Name] = masksOf(s)
	}
	for _, d := range q.list {
		settings.SourceOf[d.Name] = d.Source
	}
	deps := ingest.Deps{
		Store:        a.store,
		Settings:     settings,
		Arrived:      ingest.Coalesce(kick, arrivedAfter),
		UnpackMemory: ingest.NewUnpackMemory(),
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

func (a *App) newReceiver(q *queues) (http.Handler, error) {
	var sources []receiver.Source
	for _, s := range a.cfg.Sources {
		proof, err := verify.New(s.Verify)
		if err != nil {
			return nil, err
		}
		sources = append(sources, receiver.Source{
			Name:        s.Name,
			Destination: a.destinations[s.Name],
			Buffered:    s.Mode == config.Buffered,
			Shared:      a.sharesProcessing(),
			MaxBody:     s.MaxBody,
			Verify:      proof,
			Dedup:       s.Dedup,
			Ack:         s.Ack,
		})
	}
	r := receiver.New(receiver.Deps{
		Sources:    sources,
		Sender:     a.sender,
		DLQ:        q.dlq,
		Processing: q.processing,
		Ledger:     a.counts,
		Now:        a.now,
		Log:        a.log.With("component", "receiver"),
	})
	for _, pending := range q.webhooks {
		a.run("deliveries from "+pending.Name(), receiver.NewProcessor(r, pending).Run)
	}
	return r.Handler(), nil
}

func (a *App) newConsole(
	ctx context.Context, kick func(), tracker *delivery.Tracker, q *queues,
) (*console.Console, error) {
	secure := strings.HasPrefix(cmp.Or(a.cfg.PublicURL, a.consoleScheme()), "https:")
	a.auth = auth.New(a.store, auth.Settings{Secure: secure}, a.now)
	var err error
	if a.setupToken, err = a.auth.NewSetupLink(ctx); err != nil {
		return nil, fmt.Errorf("make the set-up link: %w", err)
	}
	var orders []desk.Source
	for _, s := range a.deliverable() {
		probe := tracker.Breaker(cmp.Or(s.Name, a.cfg.Queue.DefaultSource)).ProbeNow
		masked := slices.Concat(s.Mask.Headers, s.Verify.SecretHeaders())
		orders = append(orders, desk.Source{
			Name: s.Name, MaskHeaders: masked, MaskPaths: s.Mask.JSON, Probe: probe,
			Unnamed: s.Name == a.cfg.Queue.DefaultSource,
		})
	}
	_, origins := redrivers(q.list)
	ordering := desk.New(desk.Deps{
		Store: a.store, Sources: orders, Origins: origins, Ledger: a.ledger, Kick: kick, Now: a.now,
	})
	var names []string
	for _, d := range q.list {
		names = append(names, d.Name)
	}
	return console.New(console.Deps{
		Store:         a.store,
		Desk:          ordering,
		Auth:          a.auth,
		Sources:       a.consoleSources(),
		DefaultSource: a.cfg.Queue.DefaultSource,
		PublicURL:     a.cfg.PublicURL,
		WebhookURL:    a.webhookURL(),
		Secure:        secure,
		Chain:         a.audit.Latest,
		Health:        tracker.Health,
		Queues:        q.shown,
		DLQs:          names,
		Ledger:        a.ledger.State,
		Now:           a.now,
		Log:           a.log.With("component", "console"),
	}), nil
}

func (a *App) consoleSources() (list []console.Source) {
	for _, s := range a.cfg.Sources {
		list = append(list, console.Source{
			Name:        s.Name,
			Destination: doctor.Host(s.Destination),
			MaxAttempts: s.Retry.MaxAttempts,
			Setup:       doctor.SetupOf(a.cfg, s),
		})
	}
	return list
}

// webhookURL is where webhooks are taken, where that is not the console's address.
func (a *App) webhookURL() string {
	if a.cfg.ConsoleListen == "" {
		return ""
	}
	return a.scheme() + a.cfg.Listen
}
