package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"dlqdesk/internal/app"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
)

type forward struct {
	configFlag
	Message  string `arg:"" placeholder:"MESSAGE" help:"The id of a message."`
	To       string `required:"" placeholder:"URL" help:"A handler on this machine, such as http://127.0.0.1:3000."`
	Unmasked bool   `help:"Send the values that are shown as •••. Needs --reason."`
	Reason   string `placeholder:"TEXT" help:"Why, for the audit trail."`
	JSON     bool   `name:"json" help:"Print JSON."`
}

func (f forward) Run(p program) error {
	if f.Unmasked && f.Reason == "" {
		return usageError{errors.New("--unmasked needs --reason: it is kept with the message")}
	}
	cfg, err := f.load(p)
	if err != nil {
		return err
	}
	if err := checkDesk(cfg); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), commandLimit)
	defer cancel()
	sent, err := app.New(cfg, app.Options{}).Forward(
		ctx, deadletter.CLI(osUser()), deadletter.ID(f.Message),
		desk.Forward{To: f.To, Unmasked: f.Unmasked, Reason: f.Reason},
	)
	if kind := deadletter.KindOf(err); err != nil && kind != deadletter.Internal {
		return deadletter.Errorf(kind, "%s", deadletter.TextOf(err))
	}
	if err == nil {
		err = f.show(p, sent)
	}
	if err == nil && sent.Outcome != deadletter.Delivered {
		err = errors.New(sent.Error)
	}
	if err != nil {
		return fmt.Errorf("forward: %w", err)
	}
	return nil
}

// show prints what came of the copy. The message stays as it is in every case.
func (f forward) show(p program, sent deadletter.Attempt) error {
	if f.JSON {
		return p.json(map[string]any{
			"message": f.Message, "to": f.To, "masked": !f.Unmasked, "outcome": sent.Outcome,
			"statusCode": sent.StatusCode, "latencyMs": sent.Latency.Milliseconds(), "error": sent.Error,
		})
	}
	how, got := "masked", sent.Outcome.Label()
	if f.Unmasked {
		how = "unmasked"
	}
	if sent.StatusCode > 0 {
		got = fmt.Sprintf("%d", sent.StatusCode)
	}
	return p.printLine("%s copy of %s: %s in %d ms", strings.ToUpper(how[:1])+how[1:], f.Message, got,
		sent.Latency.Milliseconds())
}
