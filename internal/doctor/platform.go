package doctor

import (
	"cmp"

	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/platform"
)

// OpenPlatform returns a client of a platform of the configuration, or of a preset, with the credentials that the
// environment has.
func OpenPlatform(cfg config.Config, name string, environ []string) (*platform.Client, error) {
	p, err := cfg.Platform(name)
	if err != nil {
		return nil, err
	}
	preset, credentials, err := p.Resolve(environ)
	if err != nil {
		return nil, err
	}
	return platform.New(preset, credentials)
}

// PlatformOf returns a client of the platform that a source's webhooks come from, or of another platform if override
// is not empty.
func PlatformOf(cfg config.Config, source, override string, environ []string) (*platform.Client, error) {
	s, known := cfg.Source(source)
	name := cmp.Or(override, s.Platform)
	switch {
	case name == "" && !known:
		return nil, unknownSource(source)
	case name == "":
		return nil, deadletter.Errorf(deadletter.Invalid, "sources.%s.platform is not set: "+
			"set it to a preset (dlqdesk platform presets lists them), or use --platform", source)
	}
	return OpenPlatform(cfg, name, environ)
}

func unknownSource(name string) error {
	return deadletter.Errorf(deadletter.Invalid,
		"there is no source %q in the configuration: name one that is, or give both --platform and --url", name)
}

// Webhook returns the webhook to register for a source. url and name override the configuration; a source that is not
// configured needs a url.
func Webhook(cfg config.Config, source, url, name string) (platform.Webhook, error) {
	s, ok := cfg.Source(source)
	if !ok && url == "" {
		return platform.Webhook{}, unknownSource(source)
	}
	w := platform.Webhook{
		Source:   source,
		Name:     cmp.Or(name, "dlqdesk "+source),
		URL:      cmp.Or(url, cfg.WebhookURLOf(source)),
		ClientID: s.Verify.ClientID,
	}
	if len(s.Verify.Secrets) > 0 {
		w.Secret = s.Verify.Secrets[0]
	}
	return w, nil
}
