package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"dlqdesk/internal/app"
	"dlqdesk/internal/server"
)

type serve struct{ runFlags }

func (s serve) Run(p program) error {
	return s.run(p, (*app.App).Start, p.greet)
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
	LogLevel slog.Level `name:"log-level" default:"info" help:"Lowest level to log: debug, info, warn or error."`
}

func (f runFlags) run(p program, start func(a *app.App, ctx context.Context) error, started func(a *app.App)) error {
	cfg, err := f.load(p)
	if err != nil {
		return err
	}
	server.BoundMemory(p.environ)
	log := slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: f.LogLevel}))
	for _, w := range cfg.Warnings {
		log.Warn("look at the configuration", "warning", w)
	}
	ctx, stop := untilSignal()
	defer stop()
	a := app.New(cfg, app.Options{Log: log, Version: buildVersion()})
	if err := start(a, ctx); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	started(a)
	var failed error
	select {
	case <-ctx.Done():
		log.Info("stopping: finishing what is in flight")
	case failed = <-a.Failed():
	}
	stop() // a second signal ends the program at once
	ending, cancel := context.WithTimeout(context.Background(), cfg.Grace)
	defer cancel()
	return errors.Join(failed, a.Stop(ending))
}

// greet prints the addresses, and how to sign in.
func (p program) greet(a *app.App) {
	fmt.Fprintf(p.stdout, "\n  dlqdesk is at  %s\n", a.ConsoleURL())
	if link := a.SetupURL(); link != "" {
		fmt.Fprintf(p.stdout, "  First user:    %s\n                 (works once, until dlqdesk restarts)\n", link)
	} else {
		fmt.Fprintf(p.stdout, "  Sign in:       %s/signin\n", a.ConsoleURL())
	}
	fmt.Fprintf(p.stdout, "  Webhooks go to %s/webhooks/{source}\n\n", a.URL())
}
