package doctor

import (
	"path/filepath"
	"strings"
	"time"

	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/platform"
	"dlqdesk/internal/shell"
	"dlqdesk/internal/verify"
)

// Setup is how a source receives webhooks and what happens to them, for the page that explains a source.
type Setup struct {
	URL     string // that platforms post to; "": the configuration does not say
	Scheme  string // of verification, as the configuration names it
	Proof   string // what the scheme verifies, in a few words
	Open    bool   // nothing is verified
	Secrets []string
	// Signs reports whether the scheme signs bodies, and Resign whether edited and late deliveries are signed anew.
	Signs, Resign bool
	Handshake     string // how the platform tries the URL, and gets a reply; "": it does not
	Buffered      bool
	Ack           Ack           // the response to the platform; the zero Ack: dlqdesk's own responses
	RepeatID      string        // where a webhook's own id is; "": repeats are not recognised
	Window        time.Duration // for which an id is remembered

	Timeout       time.Duration
	MaxConcurrent int
	MaxPerSecond  float64 // 0: no limit
	MaxBody       int64
	Retry         deadletter.RetryPolicy

	Register, Doctor, Sign string // commands
	Platform               Platform
}

// Ack is the response that a source's platform gets.
type Ack struct {
	Status            int
	ContentType, Body string // with variables in braces
}

// Platform is where the webhooks of a source come from. The zero Platform: the source names none.
type Platform struct {
	Name, Title, Status, About, Warning, Deliveries string
	// Paste returns the fields to fill in by hand. nil: there is a command.
	Paste func(url string) []platform.Paste
}

// SetupOf returns the setup of a source.
func SetupOf(cfg config.Config, s config.Source) Setup {
	scheme, _ := verify.Named(s.Verify.Scheme)
	setup := Setup{
		URL:           cfg.WebhookURLOf(s.Name),
		Scheme:        scheme.Name,
		Proof:         scheme.Method,
		Open:          s.Verify.Open(),
		Signs:         s.Verify.Signs(),
		Resign:        s.Verify.Resign,
		Buffered:      s.Mode == config.Buffered,
		RepeatID:      repeatID(s.Dedup),
		Window:        s.Dedup.Window,
		Timeout:       s.Timeout,
		MaxConcurrent: s.MaxConcurrent,
		MaxPerSecond:  s.MaxPerSecond,
		MaxBody:       s.MaxBody,
		Retry:         s.Retry,
		Register:      command(cfg, "platform register "+s.Name),
		Doctor:        command(cfg, "platform doctor "+s.Name),
		Sign:          command(cfg, "sign --source "+s.Name) + " < body.json",
		Platform:      platformOf(cfg, s),
	}
	if h, ok := verify.HandshakeNamed(s.Verify.Handshake); ok {
		setup.Handshake = h.Name + ": " + h.Request
	}
	for _, secret := range s.Verify.Secrets {
		setup.Secrets = append(setup.Secrets, secret.From)
	}
	if s.Ack != nil {
		setup.Ack = Ack{Status: s.Ack.Status, ContentType: s.Ack.ContentType, Body: s.Ack.Template()}
	}
	return setup
}

func repeatID(d payload.Dedup) string {
	switch header, path := d.Place(); {
	case d.Window > 0 && header != "":
		return "the header " + header
	case d.Window > 0 && path != nil:
		return "$." + strings.Join(path, ".")
	}
	return ""
}

// command returns the command line to type, in any folder of this machine.
func command(cfg config.Config, args string) string {
	line := "dlqdesk " + args
	if file, err := filepath.Abs(cfg.File); err == nil && cfg.File != "" {
		line += " --config " + shell.Word(file)
	}
	return line
}

func platformOf(cfg config.Config, s config.Source) Platform {
	if s.Platform == "" {
		return Platform{}
	}
	configured, err := cfg.Platform(s.Platform)
	if err != nil {
		return Platform{} // the configuration was checked: this cannot happen
	}
	preset, _, _ := configured.Resolve(nil) // a page needs no credentials
	p := Platform{
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
	p.Paste = func(url string) []platform.Paste {
		withoutSecret := platform.Webhook{
			Source: s.Name, Name: "dlqdesk " + s.Name, URL: url, ClientID: s.Verify.ClientID,
		}
		return client.Pasted(withoutSecret)
	}
	return p
}
