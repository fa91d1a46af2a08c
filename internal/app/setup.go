package app

import (
	"path/filepath"
	"strings"

	"dlqdesk/internal/config"
	"dlqdesk/internal/console"
	"dlqdesk/internal/doctor"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/platform"
	"dlqdesk/internal/verify"
)

// shownSources are the sources as the console tells of them.
func (a *App) shownSources() []console.Source {
	var shown []console.Source
	for _, s := range a.cfg.Sources {
		shown = append(
			shown,
			console.Source{
				Name:        s.Name,
				Destination: doctor.Host(s.Destination),
				MaxAttempts: s.Retry.MaxAttempts,
				Setup:       a.setupOf(s),
			},
		)
	}
	return shown
}

func (a *App) setupOf(s config.Source) console.Setup {
	scheme, _ := verify.Named(s.Verify.Scheme)
	setup := console.Setup{
		URL: a.cfg.WebhookURLOf(
			s.Name,
		),
		Scheme:   scheme.Name,
		Proof:    scheme.Method,
		Open:     s.Verify.Open(),
		Buffered: s.Mode == config.Buffered,
		RepeatID: repeatID(
			s.Dedup,
		),
		Window:        s.Dedup.Window,
		Timeout:       s.Timeout,
		MaxConcurrent: s.MaxConcurrent,
		MaxPerSecond:  s.MaxPerSecond,
		MaxBody:       s.MaxBody,
		Retry:         s.Retry,
		Register:      a.command("platform register " + s.Name),
		Doctor: a.command(
			"platform doctor " + s.Name,
		),
		Sign:     a.command("sign --source "+s.Name) + " < body.json",
		Platform: a.shownPlatform(s),
	}
	for _, secret := range s.Verify.Secrets {
		setup.Secrets = append(setup.Secrets, secret.From)
	}
	if s.Ack != nil {
		setup.Ack = console.Ack{Status: s.Ack.Status, ContentType: s.Ack.ContentType, Body: s.Ack.Template()}
	}
	return setup
}

func repeatID(d payload.Dedup) string {
	switch {
	case d.Window == 0:
		return ""
	case d.Header != "":
		return "the header " + d.Header
	case d.Path != nil:
		return "$." + strings.Join(d.Path, ".")
	}
	return ""
}

// command is what to type, from anywhere on this machine.
func (a *App) command(args string) string {
	command := "dlqdesk " + args
	if file, err := filepath.Abs(a.cfg.File); err == nil && a.cfg.File != "" {
		command += " --config " + payload.ShellWord(file)
	}
	return command
}

func (a *App) shownPlatform(s config.Source) console.Platform {
	if s.Platform == "" {
		return console.Platform{}
	}
	configured, err := a.cfg.Platform(s.Platform)
	if err != nil {
		return console.Platform{} // the configuration was checked: this cannot be
	}
	preset, _, _ := configured.Resolve(nil) // credentials are of no use to a page
	p := console.Platform{
		Name:       configured.Name,
		Title:      preset.Title,
		Status:     string(preset.Status),
		About:      preset.About,
		Warning:    preset.Warning,
		Deliveries: preset.Deliveries,
	}
	if len(preset.Paste) == 0 {
		return p
	}
	client, err := platform.New(preset, platform.Credentials{})
	if err != nil {
		return p
	}
	p.Paste = func(url string) []console.Paste {
		var list []console.Paste
		for _, field := range client.Pasted(a.webhookAt(s, url)) {
			list = append(list, console.Paste(field))
		}
		return list
	}
	return p
}

// webhookAt is a source's webhook at a URL, without its secret.
func (a *App) webhookAt(s config.Source, url string) platform.Webhook {
	return platform.Webhook{Source: s.Name, Name: "dlqdesk " + s.Name, URL: url, ClientID: s.Verify.ClientID}
}
