package main

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"dlqdesk/internal/app"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
)

type drain struct {
	configFlag
	To     string `required:"" placeholder:"QUEUE" help:"dlq, or the name or URL of a queue below queues."`
	Status string `help:"Only messages that are failed, retrying or replaying."`
	Source string `help:"Only messages of a source."`
	Queue  string `help:"Only messages that came from a queue of the list."`
	DryRun bool   `help:"Count the messages, and send none."`
}

func (d drain) Run(p program) error {
	cfg, err := d.loadDataOnly(p)
	if err != nil {
		return err
	}
	ctx, stop := untilSignal()
	defer stop()
	request := desk.DrainRequest{
		DryRun: d.DryRun, Status: deadletter.Status(d.Status), Source: d.Source, Queue: d.Queue,
	}
	log := slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	result, err := app.New(cfg, app.Options{Log: log}).Drain(ctx, d.To, request)
	did := "put on"
	if d.DryRun {
		did = "would be put on"
	}
	if err == nil || result.Messages > 0 {
		fmt.Fprintf(p.stdout, "%s %s %s\n", messages(result.Messages), did, d.To)
	}
	if result.Skipped > 0 {
		err = errors.Join(err, fmt.Errorf("skipped %s, the last of them %s", messages(result.Skipped), result.LastSkip))
	}
	if err != nil {
		return fmt.Errorf("drain: %w", err)
	}
	return nil
}

func messages(n int) string {
	if n == 1 {
		return "1 message"
	}
	return fmt.Sprintf("%d messages", n)
}

type backup struct {
	configFlag
	To string `required:"" placeholder:"FOLDER" help:"Folder for the copies. None of them may exist yet."`
}

func (b backup) Run(p program) error {
	cfg, err := b.loadDataOnly(p)
	if err != nil {
		return err
	}
	ctx, stop := untilSignal()
	defer stop()
	copied, err := app.New(cfg, app.Options{}).Backup(ctx, b.To)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	const done = "%s: copied %s\nThe audit key is not in it: keep a copy of audit.key elsewhere, and put it beside " +
		"the files to restore them.\n"
	_, err = fmt.Fprintf(p.stdout, done, b.To, strings.Join(copied, ", "))
	return err
}
