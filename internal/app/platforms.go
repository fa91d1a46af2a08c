package app

import (
	"cmp"
	"context"

	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/platform"
)

// Platform makes the calls of commands at a platform.
type Platform struct {
	*platform.Client
	name string
	cfg  config.Config
}

// What commands show of a platform.
type (
	Preset     = platform.Preset
	Webhook    = platform.Webhook
	Shown      = platform.Shown
	Granted    = platform.Granted
	Item       = platform.Item
	Registered = platform.Registered
	Paste      = platform.Paste
	Check      = platform.Check
)

// Fail is the State of a Check that has to be put right.
const Fail = platform.Fail

// Presets answers what dlqdesk knows of platforms.
func Presets() []platform.Preset { return platform.Presets() }

// Platform answers the platform of that name, one of the configuration or a preset, with credentials as the
// environment has them.
func (a *App) Platform(name string, environ []string) (*Platform, error) {
	p, err := a.cfg.Platform(name)
	if err != nil {
		return nil, err
	}
	preset, credentials, err := p.Resolve(environ)
	if err != nil {
		return nil, err
	}
	client, err := platform.New(preset, credentials)
	if err != nil {
		return nil, err
	}
	return &Platform{client, name, a.cfg}, nil
}

// PlatformOf answers the platform that a source's webhooks come from; instead, where it is not empty, is another one.
func (a *App) PlatformOf(source, instead string, environ []string) (*Platform, error) {
	s, known := a.cfg.Source(source)
	name := cmp.Or(instead, s.Platform)
	switch {
	case name == "" && !known:
		return nil, noSource(source)
	case name == "":
		return nil, deadletter.Errorf(
			deadletter.Invalid,
			"sources.%s.platform is not set: set it to a preset (dlqdesk platform presets lists them), or use --platform",
			source,
		)
	}
	return a.Platform(name, environ)
}

func noSource(name string) error {
	return deadletter.Errorf(
		deadletter.Invalid,
		"there is no source %q in the configuration: use one that is, or give both --platform and --url",
		name,
	)
}

// PlatformNameOf answers the name of the platform that a source's webhooks come from; "" where it is not known.
func (a *App) PlatformNameOf(source string) string {
	s, _ := a.cfg.Source(source)
	return s.Platform
}

// Webhook answers what is registered for a source. to and name go before what the configuration comes to; a source
// that is not configured needs a to.
func (a *App) Webhook(source, to, name string) (platform.Webhook, error) {
	s, ok := a.cfg.Source(source)
	if !ok && to == "" {
		return platform.Webhook{}, noSource(source)
	}
	w := platform.Webhook{
		Source:   source,
		Name:     cmp.Or(name, "dlqdesk "+source),
		URL:      cmp.Or(to, a.cfg.WebhookURLOf(source)),
		ClientID: s.Verify.ClientID,
	}
	if len(s.Verify.Secrets) > 0 {
		w.Secret = s.Verify.Secrets[0]
	}
	return w, nil
}

// Plan answers the requests that a call comes to, with secrets masked. Nothing is sent.
func (p *Platform) Plan(call, id string, w platform.Webhook) ([]platform.Shown, error) {
	return p.Client.Plan(platform.Order{Call: call, ID: id, Webhook: w})
}

// ByHand tells whether the platform has nothing to call.
func (p *Platform) ByHand() bool { return len(p.Preset().Paste) > 0 }

// Register registers a webhook. Where the platform has nothing to call, it answers what to paste there instead.
func (p *Platform) Register(ctx context.Context, w platform.Webhook) (platform.Registered, []platform.Paste, error) {
	if p.ByHand() {
		return platform.Registered{}, p.Pasted(w), nil
	}
	made, err := p.Client.Register(ctx, w)
	return made, nil, err
}
