package main

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"

	"dlqdesk/internal/app"
	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
)

// platformCmds deal with the platforms that webhooks come from.
type platformCmds struct {
	Presets  platformPresets  `cmd:"" help:"List the presets, and where each comes from."`
	Token    platformToken    `cmd:"" help:"Get a token, to see that the credentials work. It is not shown."`
	Register platformRegister `cmd:"" help:"Register a source's webhook, or print what to paste."`
	List     platformList     `cmd:"" help:"List what is registered."`
	Get      platformGet      `cmd:"" help:"Show what is registered by its id."`
	Delete   platformDelete   `cmd:"" help:"Take away what is registered by its id."`
	Doctor   platformDoctor   `cmd:"" help:"Check everything that a source's webhooks pass."`
}

// platformFlags are those of every command that calls a platform.
type platformFlags struct {
	configFlag
	Set   map[string]string `name:"set" placeholder:"KEY=VALUE" help:"Override a key of the platform's configuration, as in --set region=eu-central-1 or --set calls.create.path=/hooks. May be repeated."`
	Limit time.Duration     `name:"limit" default:"2m" help:"How long the command may take."`
	JSON  bool              `name:"json" help:"Answer in JSON."`
}

type dryRun struct {
	DryRun bool `name:"dry-run" help:"Print the requests, secrets masked, and send nothing."`
}

// open reads the configuration, with what --set overrides of a platform.
func (f platformFlags) open(p program, platform string) (*app.App, []string, error) {
	environ := append([]string{}, p.environ...)
	for key, value := range f.Set {
		environ = append(environ, config.PlatformVariable(platform, key)+"="+value)
	}
	file, err := f.path(p.environ)
	if err != nil {
		return nil, nil, err
	}
	cfg, err := config.LoadAny(file, environ)
	if err != nil {
		return nil, nil, f.asTyped(platform, err)
	}
	return app.New(cfg, app.Options{}), environ, nil
}

// asTyped names what --set gave as it was typed, and not by the variable that it stands for.
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

// at answers a platform by its name.
func (f platformFlags) at(p program, name string) (*app.Platform, error) {
	a, environ, err := f.open(p, name)
	if err != nil {
		return nil, err
	}
	return a.Platform(name, environ)
}

// within bounds a command, which a signal ends as well.
func (f platformFlags) within() (context.Context, func()) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	ctx, cancel := context.WithTimeout(ctx, f.Limit)
	return ctx, func() { cancel(); stop() }
}

type platformPresets struct {
	Name string `arg:"" optional:"" help:"Show one in full."`
	JSON bool   `name:"json" help:"Answer in JSON."`
}

func (c platformPresets) Run(p program) error { return p.showPresets(c.Name, c.JSON) }

type platformToken struct {
	platformFlags
	dryRun
	Platform string `arg:"" help:"A platform of the configuration, or a preset."`
}

func (c platformToken) Run(p program) error {
	at, err := c.at(p, c.Platform)
	if err != nil {
		return err
	}
	if c.DryRun {
		return p.plan(c.JSON)(at.Plan("", "", app.Webhook{}))
	}
	ctx, stop := c.within()
	defer stop()
	granted, err := at.Token(ctx)
	if err != nil {
		return err
	}
	return p.showToken(granted, c.JSON)
}

type platformList struct {
	platformFlags
	dryRun
	Platform string `arg:"" help:"A platform of the configuration, or a preset."`
}

func (c platformList) Run(p program) error {
	at, err := c.at(p, c.Platform)
	if err != nil {
		return err
	}
	if c.DryRun {
		return p.plan(c.JSON)(at.Plan("list", "", app.Webhook{}))
	}
	ctx, stop := c.within()
	defer stop()
	items, err := at.List(ctx)
	if err != nil {
		return err
	}
	return p.showItems(items, c.JSON)
}

type platformGet struct {
	platformFlags
	dryRun
	Platform string `arg:"" help:"A platform of the configuration, or a preset."`
	ID       string `arg:"" help:"Of what is registered."`
}

func (c platformGet) Run(p program) error {
	at, err := c.at(p, c.Platform)
	if err != nil {
		return err
	}
	if c.DryRun {
		return p.plan(c.JSON)(at.Plan("get", c.ID, app.Webhook{}))
	}
	ctx, stop := c.within()
	defer stop()
	item, err := at.Get(ctx, c.ID)
	if err != nil {
		return err
	}
	return p.json(item.All)
}

type platformDelete struct {
	platformFlags
	dryRun
	Platform string `arg:"" help:"A platform of the configuration, or a preset."`
	ID       string `arg:"" help:"Of what is registered."`
}

func (c platformDelete) Run(p program) error {
	at, err := c.at(p, c.Platform)
	if err != nil {
		return err
	}
	if c.DryRun {
		return p.plan(c.JSON)(at.Plan("delete", c.ID, app.Webhook{}))
	}
	ctx, stop := c.within()
	defer stop()
	if err := at.Delete(ctx, c.ID); err != nil {
		return err
	}
	return p.showDeleted(c.ID, c.JSON)
}

// sourceFlags are those of commands that are about a source.
type sourceFlags struct {
	platformFlags
	Source   string `arg:"" help:"A source of the configuration."`
	Platform string `placeholder:"NAME" help:"A platform of the configuration, or a preset, instead of the source's own."`
	URL      string `name:"url" placeholder:"URL" help:"The webhook's URL, instead of the one that webhook_url comes to."`
}

// openSource is open for the platform of the source.
func (f sourceFlags) openSource(p program) (*app.App, []string, error) {
	if f.Platform != "" || len(f.Set) == 0 {
		return f.open(p, f.Platform)
	}
	plain := f.platformFlags
	plain.Set = nil
	a, _, err := plain.open(p, "")
	if err != nil {
		return nil, nil, err
	}
	name := a.PlatformNameOf(f.Source)
	if name == "" {
		return nil, nil, usageError{
			fmt.Errorf("--set needs a platform: sources.%s.platform is not set, and neither is --platform", f.Source),
		}
	}
	return f.open(p, name)
}

type platformRegister struct {
	sourceFlags
	dryRun
	Name string `placeholder:"NAME" help:"What it is called at the platform; otherwise dlqdesk and the source's name."`
}

func (c platformRegister) Run(p program) error {
	a, environ, err := c.openSource(p)
	if err != nil {
		return err
	}
	at, err := a.PlatformOf(c.Source, c.Platform, environ)
	if err != nil {
		return err
	}
	webhook, err := a.Webhook(c.Source, c.URL, c.Name)
	if err != nil {
		return err
	}
	p.warn(at.Preset().Warning)
	if c.DryRun && !at.ByHand() {
		return p.plan(c.JSON)(at.Plan("create", "", webhook))
	}
	ctx, stop := c.within()
	defer stop()
	made, paste, err := at.Register(ctx, webhook)
	if err != nil {
		return err
	}
	if at.ByHand() {
		return p.showPaste(at.Preset().Title, paste, c.JSON)
	}
	return p.showRegistered(made, c.JSON)
}

type platformDoctor struct {
	sourceFlags
	As   string `name:"as" enum:"serve,receive" default:"serve" placeholder:"COMMAND" help:"The command whose rights on the queues are looked at: serve or receive."`
	Send bool   `help:"Post a signed test event as well. It reaches the handler."`
}

func (c platformDoctor) Run(p program) error {
	a, environ, err := c.openSource(p)
	if err != nil {
		return err
	}
	ctx, stop := c.within()
	defer stop()
	checks, err := a.Doctor(
		ctx,
		app.Examination{Source: c.Source, Platform: c.Platform, URL: c.URL, Role: c.As, Send: c.Send, Environ: environ},
	)
	if err != nil {
		return err
	}
	return p.showChecks(checks, c.JSON)
}

// warn says what to know before something is sent.
func (p program) warn(text string) {
	if text != "" {
		_, _ = p.stderr.Write([]byte("warning: " + strings.TrimSpace(text) + "\n"))
	}
}
