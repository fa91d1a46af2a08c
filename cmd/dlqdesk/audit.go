package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"dlqdesk/internal/audit"
	"dlqdesk/internal/deadletter"
)

type auditCmds struct {
	List   auditList   `cmd:"" help:"List events of the audit trail of a desk, newest first."`
	Export auditExport `cmd:"" help:"Print all events of the audit trail that match, as JSON Lines."`
	Verify auditVerify `cmd:"" help:"Check whether the audit trail was tampered with, and print its last event."`
	Accept auditAccept `cmd:"" help:"Accept what is wrong with the audit trail, while no server runs."`
	Rekey  auditRekey  `cmd:"" help:"Give the audit trail a new key, while no server runs."`
}

func (f configFlag) trail(p program) (audit.Folder, error) {
	cfg, err := f.loadDataOnly(p)
	return audit.Folder{Path: cfg.DataDir, Now: time.Now, Log: slog.New(slog.DiscardHandler)}, err
}

type auditVerify struct {
	configFlag
	AtLeast string `name:"at-least" placeholder:"SEQ:HASH" help:"An event that the trail must contain."`
	JSON    bool   `name:"json" help:"Print JSON."`
}

func (v auditVerify) Run(p program) error {
	var marks []deadletter.Mark
	if v.AtLeast != "" {
		mark, err := deadletter.ParseMark(v.AtLeast)
		if err != nil {
			return fmt.Errorf("--at-least: %w", err)
		}
		marks = append(marks, mark)
	}
	folder, err := v.trail(p)
	if err != nil {
		return err
	}
	result, err := audit.Summary(folder.Verify(context.Background(), marks...))
	if err != nil {
		return fmt.Errorf("audit trail: %w", err)
	}
	var tampered error
	if !result.Intact {
		tampered = fmt.Errorf("the audit trail was tampered with: %s", result.Fault)
	}
	if v.JSON {
		return errors.Join(p.json(result), tampered)
	}
	return errors.Join(p.showTrail(result), tampered)
}

func (p program) showTrail(v audit.Verification) error {
	if !v.Intact {
		return nil
	}
	if v.Events == 0 {
		const empty = "the audit trail has no events. A new data folder has none. If this one was in use, its trail " +
			"was deleted: check with --at-least."
		return p.printLine(empty)
	}
	fmt.Fprintf(p.stdout, "the audit trail is intact: %d events\n", v.Events)
	for _, g := range v.Accepted {
		found := strings.Join(g.Found, "; ")
		fmt.Fprintf(p.stdout, "accepted by %s at %s (event %d): %s\n", g.By, g.At.Format(time.RFC3339), g.Event, found)
		fmt.Fprintf(p.stdout, "reason: %s\n", g.Reason)
	}
	return p.printLine("%s", v.Last)
}

// auditOrder is what both orders ask for.
type auditOrder struct {
	configFlag
	By     string `required:"" placeholder:"NAME" help:"Your name, for the audit trail."`
	Reason string `required:"" placeholder:"TEXT" help:"Why, for the audit trail."`
}

func (o auditOrder) carryOut(
	p program, order func(audit.Folder, context.Context, audit.Order) (deadletter.Mark, error), done string,
) error {
	folder, err := o.trail(p)
	if err != nil {
		return err
	}
	end, err := order(folder, context.Background(), audit.Order{By: o.By, Reason: o.Reason})
	if err != nil {
		return err
	}
	return p.printLine(
		"%s\nEvent %d of the audit trail says so. Write its hash down elsewhere:\n%s", done, end.Sequence, end,
	)
}

type auditAccept struct{ auditOrder }

func (a auditAccept) Run(p program) error {
	return a.carryOut(p, audit.Folder.Accept, "the audit trail is accepted as it is")
}

type auditRekey struct{ auditOrder }

func (a auditRekey) Run(p program) error {
	const done = "the audit trail has a new key: copy audit.key to a place apart from the backups"
	return a.carryOut(p, audit.Folder.Rekey, done)
}
