package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/signal"
	"syscall"

	"dlqdesk/internal/app"
)

type serve struct {
	configFlag
	LogLevel slog.Level `name:"log-level" default:"info" help:"The least that is logged: debug, info, warn or error."`
}

func (s serve) Run(p program) error {
	cfg, err := s.load(p)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: s.LogLevel}))
	for _, w := range cfg.Warnings {
		log.Warn("look at the configuration", "warning", w)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	a := app.New(cfg, log)
	if err := a.Start(ctx); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	p.greet(a)
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

// greet says where to go and how to come in.
func (p program) greet(a *app.App) {
	fmt.Fprintf(p.stdout, "\n  dlqdesk is at  %s\n", a.ConsoleURL())
	if link := a.SetupURL(); link != "" {
		fmt.Fprintf(p.stdout, "  First user:    %s\n                 (works once, until dlqdesk restarts)\n", link)
	} else {
		fmt.Fprintf(p.stdout, "  Sign in:       %s/signin\n", a.ConsoleURL())
	}
	fmt.Fprintf(p.stdout, "  Webhooks go to %s/webhooks/{source}\n\n", a.URL())
}
