package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"

	"dlqdesk/internal/app"
	"dlqdesk/internal/config"
	"dlqdesk/internal/server"
)

type serve struct{ runFlags }

func (s serve) Run(p program) error {
	return s.run(p, (*app.App).Start, func(a *app.App) { p.greet(a, s.configFlag) })
}

type receive struct{ runFlags }

func (r receive) Run(p program) error {
	return r.run(p, (*app.App).StartReceiver, func(a *app.App) {
		fmt.Fprintf(p.stdout, "\n  Webhooks go to %s/webhooks/{source}\n\n", a.URL())
	})
}

// runFlags are the flags of commands that run until they are stopped.
type runFlags struct {
	configFlag
	logFlags
}

// logFlags go before the keys of log in the configuration.
type logFlags struct {
	LogLevel  string `name:"log-level" placeholder:"LEVEL" help:"Lowest level to log: debug, info, warn or error."`
	LogFormat string `name:"log-format" placeholder:"FORMAT" help:"Form of the log: text or json."`
}

func (f logFlags) set() (flags []config.Flag) {
	if f.LogLevel != "" {
		flags = append(flags, config.Flag{Key: "log.level", Name: "--log-level", Value: f.LogLevel})
	}
	if f.LogFormat != "" {
		flags = append(flags, config.Flag{Key: "log.format", Name: "--log-format", Value: f.LogFormat})
	}
	return flags
}

func (f runFlags) run(p program, start func(a *app.App, ctx context.Context) error, started func(a *app.App)) error {
	cfg, err := f.load(p, f.set()...)
	if err != nil {
		return err
	}
	server.BoundMemory(p.environ)
	log, level := p.log(cfg.Log)
	for _, w := range cfg.Warnings {
		log.Warn("look at the configuration", "warning", w)
	}
	ctx, stop := untilSignal()
	defer stop()
	reload := make(chan os.Signal, 1)
	signal.Notify(reload, syscall.SIGHUP)
	defer signal.Stop(reload)
	terminalClosed := watchTerminal(p.stdout) // before anything is printed on it
	a := app.New(cfg, app.Options{Log: log, Level: level, Version: buildVersion()})
	if err := start(a, ctx); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	log.Info("started", a.About()...)
	started(a)
	failed := f.serve(ctx, p, a, reload, terminalClosed, log)
	stop() // a second signal ends the program at once
	log.Info("stopping: finishing what is in flight", "grace", a.Grace().String())
	ending, cancel := context.WithTimeout(context.Background(), a.Grace())
	defer cancel()
	if err = errors.Join(failed, a.Stop(ending)); err == nil {
		log.Info("stopped")
	}
	return err
}

// serve reloads the configuration at each signal, until ctx ends or the program cannot go on. A terminal that is closed
// sends the same signal: the program then stops, as others do.
func (f runFlags) serve(
	ctx context.Context, p program, a *app.App, reload <-chan os.Signal, terminalClosed func() bool, log *slog.Logger,
) (failed error) {
	for {
		select {
		case <-ctx.Done():
			return nil
		case failed = <-a.Failed():
			return failed
		case <-reload:
			if terminalClosed() {
				return nil
			}
			_ = a.Reload(ctx, func() (config.Config, error) { // it has logged its error
				cfg, err := f.load(p, f.set()...)
				for _, w := range cfg.Warnings {
					log.WarnContext(ctx, "look at the configuration", "warning", w)
				}
				return cfg, err
			})
		}
	}
}

// log returns the log of the server, and its level.
func (p program) log(c config.Log) (*slog.Logger, *slog.LevelVar) {
	level := &slog.LevelVar{}
	level.Set(c.Level)
	options := &slog.HandlerOptions{Level: level}
	if c.Format == config.LogJSON {
		return slog.New(slog.NewJSONHandler(p.stderr, options)), level
	}
	return slog.New(slog.NewTextHandler(p.stderr, options)), level
}

// greet prints the addresses, and how to sign in. It prints the link that makes the first user to a terminal only:
// logs are read by more people than may become an admin.
func (p program) greet(a *app.App, f configFlag) {
	fmt.Fprintf(p.stdout, "\n  dlqdesk is at  %s\n", a.ConsoleURL())
	link := a.SetupURL()
	switch {
	case link == "":
		fmt.Fprintf(p.stdout, "  Sign in:       %s/signin\n", a.ConsoleURL())
	case isTerminal(p.stdout):
		fmt.Fprintf(p.stdout, "  First user:    %s\n                 (works once, until dlqdesk restarts)\n", link)
	default:
		fmt.Fprintf(p.stdout, "  First user:    %s\n", f.command(p.environ, "user setup-link"))
	}
	fmt.Fprintf(p.stdout, "  Webhooks go to %s/webhooks/{source}\n\n", a.URL())
}

// isTerminal reports whether an input or output is a terminal.
func isTerminal(stream any) bool {
	_, ok := terminalOf(stream)
	return ok
}

// watchTerminal returns a function that reports whether a stream, which was a terminal, is none any more.
func watchTerminal(stream any) (closed func() bool) {
	was := isTerminal(stream)
	return func() bool { return was && !isTerminal(stream) }
}

// terminalOf returns the file descriptor of an input or output that is a terminal.
func terminalOf(stream any) (int, bool) {
	f, ok := stream.(*os.File)
	if !ok {
		return 0, false
	}
	fd := int(f.Fd()) //nolint:gosec // fits an int
	return fd, term.IsTerminal(fd)
}
