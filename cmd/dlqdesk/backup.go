package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"dlqdesk/internal/app"
)

type backup struct {
	configFlag
	To string `required:"" placeholder:"FOLDER" help:"Folder for the copies. None of them may exist yet."`
}

func (b backup) Run(p program) error {
	cfg, err := b.load(p)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	copied, err := app.New(cfg, app.Options{}).Backup(ctx, b.To)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	_, err = fmt.Fprintf(
		p.stdout,
		"%s: copied %s\nThe audit key is not in it: keep a copy of audit.key elsewhere, and put it beside the "+
			"files to restore them.\n",
		b.To,
		strings.Join(copied, ", "),
	)
	return err
}
