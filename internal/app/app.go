// Package app wires the whole program and owns its life: New, Start, Stop. It is the only place where the parts meet;
// a test embeds the whole program with it.
package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"dlqdesk/internal/api"
	"dlqdesk/internal/auth"
	"dlqdesk/internal/config"
	"dlqdesk/internal/console"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/ledger"
	"dlqdesk/internal/mcp"
	"dlqdesk/internal/pressure"
	"dlqdesk/internal/receiver"
	"dlqdesk/internal/server"
	"dlqdesk/internal/settings"
	"dlqdesk/internal/store"
	"dlqdesk/internal/telemetry"
)

// App is one dlqdesk. It is started once and stopped once.
type App struct {
	life    *server.Lifecycle
	cfg     config.Config // of the start: use it only for keys that need a restart
	version string
	log     *slog.Logger
	level   *slog.LevelVar // of log
	now     func() time.Time
	roll    func() float64

	store   *store.Store
	auth    *auth.Auth
	audit   *store.AuditChecker
	counts  receiver.Ledger
	metrics *telemetry.Metrics
	tracer  *telemetry.Tracer
	ledger  *ledger.Checker

	// How often the ledger is checked, and how long a message may be on its way: see ledger.Settings.
	ledgerEvery, ledgerSettle time.Duration

	settings *settings.Live // in force
	tracker  *delivery.Tracker
	sender   delivery.Sender // of the whole program
	copies   delivery.Sender // of copies of messages
	pressure *pressure.Gauge

	receiver, console, metricsServer *server.Server
	api                              *api.API     // nil where there is no desk
	mcp                              http.Handler // of assistants; likewise
	setupToken                       string
	kick                             func() // wakes the worker
	tell                             func() // wakes what sends alerts
	jobRate                          func(deadletter.JobID) float64
}

// Options are what New needs besides the configuration. The zero value of each field is a default.
type Options struct {
	Log     *slog.Logger   // nil: nothing is logged
	Level   *slog.LevelVar // of Log, which a reload may set; nil: it cannot be set
	Version string         // reported by metrics and traces

	// Clock returns the time of day and how long the process has run. nil: the clocks of the machine.
	Clock func() (at time.Time, running time.Duration)

	// LedgerEvery is the interval between checks of the ledger, and LedgerSettle is how long a message may be on its
	// way before the check misses it. 0: ledger.UsualEvery and ledger.UsualSettle.
	LedgerEvery, LedgerSettle time.Duration
}

// New wires a dlqdesk of a valid configuration. Nothing runs before Start.
func New(cfg config.Config, o Options) *App {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Level == nil {
		o.Level = &slog.LevelVar{}
	}
	if o.Clock == nil {
		o.Clock = server.MachineTime()
	}
	a := &App{
		cfg:          cfg,
		version:      o.Version,
		log:          slog.New(telemetry.Log(o.Log.Handler())),
		level:        o.Level,
		kick:         func() {},
		tell:         func() {},
		roll:         rand.Float64,
		life:         server.NewLifecycle(),
		ledgerEvery:  cmp.Or(o.LedgerEvery, ledger.UsualEvery),
		ledgerSettle: cmp.Or(o.LedgerSettle, ledger.UsualSettle),
		metrics:      telemetry.NewMetrics(cfg.SourceNames()),
		pressure:     pressure.New(pressure.ProcessorWaits()),
	}
	a.metrics.AddSinks(sinkNames(cfg.Alerts))
	a.counts = receiver.Unledgered{Metrics: a.metrics}
	a.now = server.NewClock(o.Clock, a.logClockStep).Now
	return a
}

// startLimit bounds opening files and asking the queue for its limits.
const startLimit = time.Minute

// Start starts everything, and returns once webhooks are received. If it fails, it stops the parts that it started.
func (a *App) Start(ctx context.Context) error { return a.bringUp(ctx, a.start) }

// StartReceiver brings up the receiver alone, with what it needs to keep what fails: any number of these write to the
// queues that one whole dlqdesk reads. It fails as Start does.
func (a *App) StartReceiver(ctx context.Context) error { return a.bringUp(ctx, a.startReceiver) }

func (a *App) bringUp(ctx context.Context, start func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	if err := a.startTraces(ctx); err != nil {
		return err
	}
	if err := start(ctx); err != nil {
		return errors.Join(err, a.Stop(context.WithoutCancel(ctx)))
	}
	return nil
}

func (a *App) start(ctx context.Context) error {
	dir, err := a.lockDataDir()
	if err != nil {
		return err
	}
	if err := a.openStore(ctx, dir); err != nil {
		return err
	}
	if err := a.configureGrouping(ctx, a.cfg); err != nil {
		return err
	}
	queues, err := a.openQueues(ctx, dir)
	if err != nil {
		return err
	}
	a.openDLQs(ctx, queues)
	if err := a.startLedger(ctx, queues); err != nil {
		return err
	}
	saved, err := a.store.Destinations(ctx)
	if err != nil {
		return err
	}
	if err := a.newTracker(delivery.DecodeSnapshots(ctx, saved, a.log)); err != nil {
		return err
	}
	order := a.startOrdering()
	a.run("search index", func(ctx context.Context) error { return a.store.RunIndex(ctx, a.masks, a.pressure) })
	a.run("grouping", func(ctx context.Context) error {
		return a.store.RunRegrouping(ctx, a.pressure, a.log.With("component", "grouping"))
	})
	samples := a.startSampler()
	work := a.newWorker(queues, samples)
	a.kick, a.jobRate = work.Kick, work.JobRate
	a.life.OnStop("state of destinations", a.tracker.Save)
	a.run("state of destinations", a.tracker.Run)
	a.run("worker", work.Run)
	a.startIngest(queues, order)
	front := a.newReceiver(queues, order.Observe, samples.Observe)
	orders := a.newDesk(queues)
	a.startAlerts(dir, queues, orders)
	desk, err := a.newConsole(ctx, queues, orders)
	if err != nil {
		return err
	}
	a.applyRoles(ctx)
	a.run("live updates", desk.Run)
	a.run("audit verification", a.audit.Run)
	if err := a.serveMetrics(ctx, queues); err != nil {
		return err
	}
	return a.listen(ctx, a.receiverRoutes(front, queues), desk)
}

// startTraces makes later loops and requests produce spans, if a collector is configured. The last spans are sent at
// the end of Stop.
func (a *App) startTraces(ctx context.Context) (err error) {
	if a.tracer, err = telemetry.StartTraces(ctx, a.version, a.log.With("component", "traces")); err != nil {
		return fmt.Errorf("start tracing: %w", err)
	}
	a.life.OnStop("traces", a.tracer.Stop)
	return nil
}

// lockDataDir makes the data folder and keeps other processes out of it.
func (a *App) lockDataDir() (*server.DataDir, error) {
	dir, err := server.OpenDataDir(a.cfg.DataDir)
	if err != nil {
		return nil, err
	}
	if err := dir.Lock(); err != nil {
		return nil, err
	}
	a.life.OnStop("data folder", func(context.Context) error { return dir.Unlock() })
	return dir, nil
}

// openStore opens the desk's file with the key of its audit trail.
func (a *App) openStore(ctx context.Context, dir *server.DataDir) error {
	key, err := dir.AuditKey()
	if err != nil {
		return err
	}
	if a.store, err = store.Open(ctx, dir.File(server.DeskFile), key, a.log.With("component", "store")); err != nil {
		return fmt.Errorf("open the store: %w", err)
	}
	a.audit = store.NewAuditChecker(store.AuditCheckerDeps{
		Store: a.store, CheckKey: func() error { return dir.CheckAuditKey(key) }, Now: a.now, Log: a.log,
	})
	a.life.OnStop("store", func(context.Context) error { return a.store.Close() })
	return nil
}

// run starts a loop, in which spans are made if traces are.
func (a *App) run(name string, loop func(ctx context.Context) error) {
	a.life.Run(name, func(ctx context.Context) error { return loop(a.tracer.Into(ctx)) })
}

// Failed returns a channel with the error after which the program cannot go on.
func (a *App) Failed() <-chan error { return a.life.Failed() }

// Stop receives no more webhooks and starts nothing more, finishes what is in flight within ctx, and closes everything,
// the store last. A delivery that would outlast ctx is cut off, and its outcome recorded, before ctx ends.
func (a *App) Stop(ctx context.Context) error { return a.life.Stop(ctx) }

// listen opens the addresses and serves. The console shares the receiver's address unless it has its own.
func (a *App) listen(ctx context.Context, routes *http.ServeMux, c *console.Console) (err error) {
	shared := a.cfg.ConsoleListen == ""
	desk := routes
	if !shared {
		desk = http.NewServeMux()
	}
	desk.Handle("/", c)
	desk.Handle(api.Path+"/", a.api)
	desk.Handle(mcp.Path, a.mcp)
	closeStreams := func() { c.CloseStreams(); a.api.CloseStreams() }
	if a.receiver, err = a.serveReceiver(ctx, routes, closeStreams); err != nil {
		return err
	}
	if a.console = a.receiver; shared {
		return nil
	}
	a.console, err = a.serve(ctx, server.Listener{
		Name: "console", Address: a.cfg.ConsoleListen, Handler: desk, OnShutdown: closeStreams,
	})
	return err
}

func (a *App) serveReceiver(ctx context.Context, h http.Handler, onShutdown func()) (*server.Server, error) {
	return a.serve(ctx, server.Listener{
		Name: "receiver", Address: a.cfg.Listen, TLS: a.listenTLS, Handler: h, OnShutdown: onShutdown,
	})
}

func (a *App) listenTLS() config.ListenTLS { return a.settings.Load().Config.TLS }

// receiverRoutes serves webhooks and /readyz.
func (a *App) receiverRoutes(webhooks http.Handler, q *queues) *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("/webhooks/", a.tracer.Received(webhooks))
	mux.Handle("GET /readyz", server.NewReadiness(q.readyChecks, a.now, a.log))
	return mux
}

// serve starts a listener and stops it with the program.
func (a *App) serve(ctx context.Context, l server.Listener) (*server.Server, error) {
	l.Proxies, l.OnFailure, l.Log = a.cfg.TrustedProxies, a.life.Fail, a.log
	s, err := server.Start(ctx, l)
	if err != nil {
		return nil, err
	}
	a.life.OnStop(l.Name+" listener", s.Stop)
	return s, nil
}

func (a *App) logClockStep(back time.Duration) {
	const stepped = "the machine's clock was set back: times are ahead of it until it has caught up"
	a.log.Warn(stepped, "by", back.Round(time.Second))
}

// URL returns where webhooks are received, as this machine reaches it.
func (a *App) URL() string { return a.scheme() + a.receiver.Host() }

// ConsoleURL returns where the desk is: the public address if one is configured. A receiver alone has none.
func (a *App) ConsoleURL() string {
	if a.cfg.PublicURL != "" {
		return a.cfg.PublicURL
	}
	host := server.LocalHost(cmp.Or(a.cfg.ConsoleListen, a.cfg.Listen))
	if a.console != nil {
		host = a.console.Host()
	}
	return a.consoleScheme() + host
}

// About returns what the log says of a program that has started: pairs of key and value.
func (a *App) About() []any {
	about := []any{"version", a.version, "webhooks", a.URL() + "/webhooks/"}
	if a.console != nil {
		about = append(about, "desk", a.ConsoleURL())
	}
	if a.metricsServer != nil {
		about = append(about, "metrics", a.MetricsURL())
	}
	const embedded = "embedded"
	about = append(
		about, "data_dir", a.cfg.DataDir, "dlq", cmp.Or(a.cfg.Queue.DLQURL, embedded),
		"processing", cmp.Or(a.cfg.Queue.ProcessingURL, embedded),
	)
	for _, q := range a.cfg.Queues {
		about = append(about, "queues."+q.Name, q.URL)
	}
	return about
}

// SetupURL returns the one-time link that makes the first user; "" if there are users.
func (a *App) SetupURL() string {
	if a.setupToken == "" {
		return ""
	}
	return a.ConsoleURL() + "/setup?" + url.Values{"token": {a.setupToken}}.Encode()
}

// NewSetupURL makes a new link for the first user, while a server runs on the data folder or not. Older links end. It
// returns Conflict if there are users.
func (a *App) NewSetupURL(ctx context.Context) (string, error) {
	err := a.withStore(ctx, func() (err error) {
		a.setupToken, err = auth.New(a.store, auth.Settings{}, a.now).NewSetupLink(ctx)
		return err
	})
	if err == nil && a.setupToken == "" {
		err = deadletter.Errorf(deadletter.Conflict, "there are users already: dlqdesk user add adds another one")
	}
	return a.SetupURL(), err
}

// scheme returns https if the receiver's listener has a certificate.
func (a *App) scheme() string {
	if a.cfg.TLS.On() {
		return "https://"
	}
	return "http://"
}

// consoleScheme returns the scheme of the listener that serves the desk.
func (a *App) consoleScheme() string {
	if a.cfg.ConsoleListen == "" {
		return a.scheme()
	}
	return "http://"
}
