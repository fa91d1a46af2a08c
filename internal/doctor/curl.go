package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"dlqdesk/internal/config"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/server"
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

// Curl returns the command for a POSIX shell that sends a webhook as the source's platform would, signed at that time.
// The command names the variable or the file of a secret, and never contains the secret. validFor is how long the
// receiver accepts the signature; 0: for ever.
func Curl(
	ctx context.Context, c config.Config, w TestWebhook, now time.Time,
) (command string, validFor time.Duration, err error) {
	s, ok := c.Source(w.Source)
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
	r, err := newRequest(ctx, cmp.Or(w.URL, listenURL(c)), s.Name)
	if err != nil {
		return "", 0, err
	}
	r.Header.Set("Content-Type", w.ContentType)
	args := []string{"curl -i -X POST"}
	if arg, ok := credentialArg(s.Verify); ok {
		args = append(args, arg)
	} else if err := verifier.Sign(r, w.Body, cmp.Or(w.ID, "msg_"+uuid.NewString()), now); err != nil {
		return "", 0, err
	}
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		args = append(args, "-H "+payload.ShellQuote(name+": "+r.Header.Get(name)))
	}
	args = append(args, "--data-binary @-", payload.ShellQuote(r.URL.String()))
	return payload.ShellPrintf(w.Body) + " | " + strings.Join(args, " \\\n  "), s.Verify.Window(), nil
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

// credentialArg returns the argument of curl for a scheme that sends the secret itself, or a client certificate. The
// shell reads the secret.
func credentialArg(s verify.Settings) (arg string, ok bool) {
	switch s.Scheme {
	case verify.Token:
		return "-H " + payload.ShellQuote(s.Header+": "+s.Prefix) + shellValue(s.Secrets[0]), true
	case verify.Bearer:
		return "-H " + payload.ShellQuote("Authorization: Bearer ") + shellValue(s.Secrets[0]), true
	case verify.Basic:
		return "-u " + payload.ShellQuote(s.User+":") + shellValue(s.Secrets[0]), true
	case verify.MTLS:
		return "--cert platform.pem --key platform.key", true
	}
	return "", false
}

// shellValue returns what makes the shell read a secret from where dlqdesk reads it.
func shellValue(s redact.Secret) string {
	place, name, _ := strings.Cut(s.From, ":")
	if place == "env" {
		return `"$` + name + `"`
	}
	return `"$(cat ` + payload.ShellQuote(name) + `)"`
}
