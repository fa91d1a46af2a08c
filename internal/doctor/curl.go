package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"dlqdesk/internal/config"
	"dlqdesk/internal/server"
	"dlqdesk/internal/shell"
	"dlqdesk/internal/verify"
)

// TestWebhook is a webhook to test a source with.
type TestWebhook struct {
	Source      string
	Body        []byte
	ID          string // of the webhook, for schemes that sign one; "": a new one
	ContentType string
	URL         string // of the receiver; "": the address at which the configuration lets it listen
}

// Curl returns the command that sends a webhook as the source's platform would, signed at that time. The command names
// the variable or the file of a secret, and never contains the secret. validFor is how long the receiver accepts the
// signature; 0: for ever.
func Curl(
	ctx context.Context, cfg config.Config, w TestWebhook, now time.Time,
) (command string, validFor time.Duration, err error) {
	s, ok := cfg.Source(w.Source)
	if !ok {
		return "", 0, fmt.Errorf("there is no source %q in the configuration", w.Source)
	}
	if n := len(w.Body); int64(n) > s.MaxBody {
		return "", 0, fmt.Errorf("the body has %d bytes, and the source accepts %d: see max_body", n, s.MaxBody)
	}
	verifier, err := verify.New(s.Verify)
	if err != nil {
		return "", 0, err
	}
	r, err := newRequest(ctx, cmp.Or(w.URL, listenURL(cfg)), s.Name)
	if err != nil {
		return "", 0, err
	}
	if w.ContentType != "" {
		r.Header.Set("Content-Type", w.ContentType)
	}
	secret := credentialArgs(s.Verify)
	if secret == nil {
		if err := verifier.Sign(r, w.Body, cmp.Or(w.ID, "msg_"+uuid.NewString()), now); err != nil {
			return "", 0, err
		}
	}
	c := shell.Curl{URL: r.URL.String(), Headers: r.Header, Body: w.Body, Args: secret}
	return c.Command(), s.Verify.Window(), nil
}

func newRequest(ctx context.Context, receiver, source string) (*http.Request, error) {
	to := strings.TrimRight(receiver, "/") + "/webhooks/" + source
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, http.NoBody)
	if err != nil || r.URL.Host == "" {
		wrong := errors.New("the URL must be that of the receiver, such as https://hooks.example.com")
		return nil, errors.Join(wrong, err)
	}
	return r, nil
}

// listenURL returns the URL of the receiver for clients on the same machine.
func listenURL(c config.Config) string {
	u := url.URL{Scheme: "http", Host: server.LocalHost(c.Listen)}
	if c.TLS.On() {
		u.Scheme = "https"
	}
	return u.String()
}

// credentialArgs returns the arguments of curl for a scheme that sends the secret itself, or a client certificate; nil
// for other schemes. The shell reads the secret.
func credentialArgs(s verify.Settings) []string {
	header := func(before string) []string { return []string{"-H " + shell.Quote(before) + secretOf(s)} }
	switch s.Scheme {
	case verify.Token:
		return header(s.Header + ": " + s.Prefix)
	case verify.Bearer:
		return header("Authorization: Bearer ")
	case verify.Basic:
		return []string{"-u " + shell.Quote(s.User+":") + secretOf(s)}
	case verify.MTLS:
		return []string{"--cert platform.pem --key platform.key"}
	}
	return nil
}

// secretOf returns the first secret of a source as a word that the shell reads from where dlqdesk reads it.
func secretOf(s verify.Settings) string {
	place, name, _ := strings.Cut(s.Secrets[0].From, ":")
	if place == "env" {
		return shell.Env(name)
	}
	return shell.Contents(name)
}
