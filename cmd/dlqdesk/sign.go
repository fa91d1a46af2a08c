package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"dlqdesk/internal/doctor"
)

type sign struct {
	configFlag
	Source string `required:"" placeholder:"NAME" help:"The source of the webhook."`
	ID     string `name:"id" help:"The id of the webhook, if the scheme signs one. Default: a new one."`
	Type   string `name:"type" default:"application/json" help:"The Content-Type of the body."`
	URL    string `name:"url" help:"The URL of the receiver. Default: listen of the configuration."`
}

// maxWebhook is more than a receiver accepts, in bytes.
const maxWebhook = 65 << 20

func (s sign) Run(p program) error {
	cfg, err := s.load(p)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(io.LimitReader(p.stdin, maxWebhook))
	if err != nil {
		return fmt.Errorf("read the body: %w", err)
	}
	webhook := doctor.TestWebhook{Source: s.Source, Body: body, ID: s.ID, ContentType: s.Type, URL: s.URL}
	now := time.Now()
	command, validFor, err := doctor.Curl(context.Background(), cfg, webhook, now)
	if err != nil {
		return err
	}
	fmt.Fprintln(p.stdout, command)
	if source, _ := cfg.Source(s.Source); source.Verify.Open() {
		fmt.Fprintln(p.stderr, "The source accepts every webhook: there is nothing to sign.")
	}
	if validFor > 0 {
		fmt.Fprintf(p.stderr, "The receiver accepts it until %s.\n", now.Add(validFor).Format(time.TimeOnly))
	}
	return nil
}
