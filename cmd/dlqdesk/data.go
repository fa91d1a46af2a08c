package main

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"dlqdesk/internal/app"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/server"
)

type drain struct {
	configFlag
	To     string `required:"" placeholder:"QUEUE" help:"dlq, or the name or URL of a queue below queues."`
	Status string `help:"Only messages that are failed, retrying or replaying."`
	Source string `help:"Only messages of a source."`
	Queue  string `help:"Only messages that came from a queue of the list."`
	DryRun bool   `help:"Count the messages, and send none. A server may run."`
	JSON   bool   `name:"json" help:"Print JSON."`
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
	if err == nil || result.Messages > 0 {
		err = errors.Join(err, p.showDrained(d, result))
	}
	if result.Skipped > 0 {
		did := "skipped"
		if d.DryRun {
			did = "would skip"
		}
		err = errors.Join(err, fmt.Errorf("%s %s, the last of them %s", did, messages(result.Skipped), result.LastSkip))
	}
	if err != nil {
		return fmt.Errorf("drain: %w", err)
	}
	return nil
}

func (p program) showDrained(d drain, result desk.DrainResult) error {
	if d.JSON {
		return p.json(map[string]any{
			"to": d.To, "dryRun": d.DryRun, "messages": result.Messages, "skipped": result.Skipped,
		})
	}
	did := "put on"
	if d.DryRun {
		did = "would be put on"
	}
	return p.printLine("%s %s %s", messages(result.Messages), did, d.To)
}

func messages(n int) string {
	if n == 1 {
		return "1 message"
	}
	return fmt.Sprintf("%d messages", n)
}

type backup struct {
	configFlag
	To    string `required:"" placeholder:"FOLDER" help:"Folder for the copies, new or empty."`
	Dated bool   `help:"Make a folder in it, named after the time of the backup."`
	JSON  bool   `name:"json" help:"Print JSON."`
}

// datedFolder is the name of a folder that --dated makes, in UTC.
const datedFolder = "2006-01-02T150405Z"

func (b backup) Run(p program) error {
	cfg, err := b.loadDataOnly(p)
	if err != nil {
		return err
	}
	ctx, stop := untilSignal()
	defer stop()
	dated := filepath.Join(b.To, time.Now().UTC().Format(datedFolder))
	to := b.To
	if b.Dated {
		to = dated
	}
	copied, err := app.New(cfg, app.Options{}).Backup(ctx, to)
	if errors.Is(err, server.ErrNotEmpty) {
		const name = "%w: a backup is never mixed with other files. Name a new folder, such as %s; --dated makes that"
		err = fmt.Errorf(name, err, dated)
	}
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	if b.JSON {
		return p.json(map[string]any{"folder": to, "files": copied})
	}
	const done = "%s: copied %s\nThe audit key is not in it: keep a copy of audit.key elsewhere, and put it beside " +
		"the files to restore them."
	return p.printLine(done, to, strings.Join(copied, ", "))
}
