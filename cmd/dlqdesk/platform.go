package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/doctor"
	"dlqdesk/internal/platform"
)

// platformCmds are the commands for platforms that webhooks come from.
type platformCmds struct {
	Presets  platformPresets  `cmd:"" help:"List the presets."`
	Token    platformToken    `cmd:"" help:"Request a token, to check the credentials. It is not shown."`
	Register platformRegister `cmd:"" help:"Register a source's webhook, or print what to paste."`
	List     platformList     `cmd:"" help:"List registrations."`
	Get      platformGet      `cmd:"" help:"Show a registration by its id."`
	Delete   platformDelete   `cmd:"" help:"Delete a registration by its id."`
	Doctor   platformDoctor   `cmd:"" help:"Check a source: configuration, token, registration, destination, queues."`
}

// platformFlags are those of every command that calls a platform.
type platformFlags struct {
	configFlag
	Set   map[string]string `name:"set" placeholder:"KEY=VALUE" help:"Override a key of the platform. Repeatable."`
	Limit time.Duration     `name:"limit" default:"2m" help:"Time limit of the command."`
	JSON  bool              `name:"json" help:"Print JSON."`
}

type dryRun struct {
	DryRun bool `name:"dry-run" help:"Print the requests, secrets masked, and send nothing."`
}

// open reads the configuration, with what --set overrides of a platform.
func (f platformFlags) open(p program, platform string) (config.Config, []string, error) {
	environ := append([]string{}, p.environ...)
	for key, value := range f.Set {
		environ = append(environ, config.PlatformVariable(platform, key)+"="+value)
	}
	file, err := f.path(p.environ)
	if err != nil {
		return config.Config{}, nil, err
	}
	cfg, err := config.LoadAny(file, environ)
	if err != nil {
		return config.Config{}, nil, f.asTyped(platform, err)
	}
	return cfg, environ, nil
}

// asTyped names a key of --set as it was typed, and not by the variable that it stands for.
func (f platformFlags) asTyped(platform string, err error) error {
	faults, ok := errors.AsType[config.Faults](err)
	if !ok || len(f.Set) == 0 {
		return err
	}
	variable := regexp.MustCompile(regexp.QuoteMeta(config.PlatformVariable(platform, "")) + `\w+`)
	text := variable.ReplaceAllStringFunc(faults.Error(), func(name string) string {
		key := strings.TrimPrefix(name, config.PlatformVariable(platform, ""))
		return "--set " + strings.ToLower(strings.ReplaceAll(key, "__", "."))
	})
	return deadletter.Errorf(deadletter.Invalid, "%s", text)
}

// client returns a client of a platform by its name.
func (f platformFlags) client(p program, name string) (*platform.Client, error) {
	cfg, environ, err := f.open(p, name)
	if err != nil {
		return nil, err
	}
	return doctor.OpenPlatform(cfg, name, environ)
}

// within returns the context of a command: it ends with the time limit, or by a signal.
func (f platformFlags) within() (context.Context, func()) {
	ctx, stop := untilSignal()
	ctx, cancel := context.WithTimeout(ctx, f.Limit)
	return ctx, func() { cancel(); stop() }
}

type platformPresets struct {
	Name string `arg:"" optional:"" help:"Show one in full."`
	JSON bool   `name:"json" help:"Print JSON."`
}

func (c platformPresets) Run(p program) error { return p.showPresets(c.Name, c.JSON) }

// platformCall is a command that makes one call of a platform.
type platformCall struct {
	platformFlags
	dryRun
	Platform string `arg:"" help:"A platform of the configuration, or a preset."`
}

// run makes the call. With --dry-run it prints the requests that it would send.
func (c platformCall) run(
	p program, planned platform.Command, call func(ctx context.Context, client *platform.Client) error,
) error {
	client, err := c.client(p, c.Platform)
	if err != nil {
		return err
	}
	if c.DryRun {
		return p.plan(c.JSON)(client.Plan(planned))
	}
	ctx, stop := c.within()
	defer stop()
	return call(ctx, client)
}

type platformToken struct{ platformCall }

func (c platformToken) Run(p program) error {
	return c.run(p, platform.Command{}, func(ctx context.Context, client *platform.Client) error {
		granted, err := client.Token(ctx)
		if err != nil {
			return err
		}
		return p.showToken(granted, c.JSON)
	})
}

type platformList struct{ platformCall }

func (c platformList) Run(p program) error {
	return c.run(p, platform.Command{Call: "list"}, func(ctx context.Context, client *platform.Client) error {
		items, err := client.List(ctx)
		if err != nil {
			return err
		}
		return p.showItems(items, c.JSON)
	})
}

type platformGet struct {
	platformCall
	ID string `arg:"" help:"The id of the registration."`
}

func (c platformGet) Run(p program) error {
	planned := platform.Command{Call: "get", ID: c.ID}
	return c.run(p, planned, func(ctx context.Context, client *platform.Client) error {
		item, err := client.Get(ctx, c.ID)
		if err != nil {
			return err
		}
		return p.json(item.All)
	})
}

type platformDelete struct {
	platformCall
	ID string `arg:"" help:"The id of the registration."`
}

func (c platformDelete) Run(p program) error {
	planned := platform.Command{Call: "delete", ID: c.ID}
	return c.run(p, planned, func(ctx context.Context, client *platform.Client) error {
		if err := client.Delete(ctx, c.ID); err != nil {
			return err
		}
		return p.showDeleted(c.ID, c.JSON)
	})
}

// sourceFlags are those of commands that are about a source.
type sourceFlags struct {
	platformFlags
	Source   string `arg:"" help:"A source of the configuration."`
	Platform string `placeholder:"NAME" help:"A platform or a preset, instead of the source's own."`
	URL      string `name:"url" placeholder:"URL" help:"The webhook's URL, instead of that of the configuration."`
}

// openSource is open for the platform of the source.
func (f sourceFlags) openSource(p program) (config.Config, []string, error) {
	if f.Platform != "" || len(f.Set) == 0 {
		return f.open(p, f.Platform)
	}
	plain := f.platformFlags
	plain.Set = nil
	cfg, _, err := plain.open(p, "")
	if err != nil {
		return cfg, nil, err
	}
	s, _ := cfg.Source(f.Source)
	if s.Platform == "" {
		return cfg, nil, usageError{
			fmt.Errorf("--set needs a platform: sources.%s.platform is not set, and neither is --platform", f.Source),
		}
	}
	return f.open(p, s.Platform)
}

type platformRegister struct {
	sourceFlags
	dryRun
	Name string `placeholder:"NAME" help:"The webhook's name at the platform. Default: dlqdesk and the source."`
}

func (c platformRegister) Run(p program) error {
	cfg, environ, err := c.openSource(p)
	if err != nil {
		return err
	}
	client, err := doctor.PlatformOf(cfg, c.Source, c.Platform, environ)
	if err != nil {
		return err
	}
	webhook, err := doctor.Webhook(cfg, c.Source, c.URL, c.Name)
	if err != nil {
		return err
	}
	preset := client.Preset()
	p.warn(preset.Warning)
	if len(preset.Paste) > 0 { // the platform has no API for it
		return p.showPaste(preset.Title, client.Pasted(webhook), c.JSON)
	}
	if c.DryRun {
		return p.plan(c.JSON)(client.Plan(platform.Command{Call: "create", Webhook: webhook}))
	}
	ctx, stop := c.within()
	defer stop()
	registered, err := client.Register(ctx, webhook)
	if err != nil {
		return err
	}
	return p.showRegistered(registered, c.JSON)
}

type platformDoctor struct {
	sourceFlags
	As   doctor.Role `name:"as" enum:"serve,receive" default:"serve" help:"Whose permissions to check."`
	Send bool        `help:"Post a signed test event as well. It is delivered to the destination."`
}

func (c platformDoctor) Run(p program) error {
	cfg, environ, err := c.openSource(p)
	if err != nil {
		return err
	}
	ctx, stop := c.within()
	defer stop()
	checks, err := doctor.Examine(ctx, cfg, doctor.Request{
		Source: c.Source, Platform: c.Platform, URL: c.URL, Role: c.As, Send: c.Send, Environ: environ,
	})
	if err != nil {
		return err
	}
	return p.showChecks(checks, c.JSON)
}

// warn prints a warning, if there is one.
func (p program) warn(text string) {
	if text != "" {
		_, _ = p.stderr.Write([]byte("warning: " + strings.TrimSpace(text) + "\n"))
	}
}
