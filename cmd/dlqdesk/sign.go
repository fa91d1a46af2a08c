package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"dlqdesk/internal/app"
)

type sign struct {
	configFlag
	Source string `required:"" placeholder:"NAME" help:"The source that the webhook is for."`
	ID     string `name:"id" help:"The id of the delivery, where the scheme signs one; without: a new one."`
	Type   string `name:"type" default:"application/json" help:"The Content-Type of the body."`
	URL    string `name:"url" help:"Where the receiver is; without: where the configuration lets it listen."`
}

// maxTrial is more than a receiver takes, in bytes.
const maxTrial = 65 << 20

func (s sign) Run(p program) error {
	cfg, err := s.load(p)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(io.LimitReader(p.stdin, maxTrial))
	if err != nil {
		return fmt.Errorf("read the body: %w", err)
	}
	trial := app.Trial{Source: s.Source, Body: body, ID: s.ID, Type: s.Type, URL: s.URL}
	now := time.Now()
	command, lasts, err := app.Curl(context.Background(), cfg, trial, now)
	if err != nil {
		return err
	}
	fmt.Fprintln(p.stdout, command)
	if source, _ := cfg.Source(s.Source); source.Verify.Open() {
		fmt.Fprintln(p.stderr, "The source takes every webhook: there is nothing to sign.")
	}
	if lasts > 0 {
		fmt.Fprintf(p.stderr, "It is taken until %s.\n", now.Add(lasts).Format(time.TimeOnly))
	}
	return nil
}
