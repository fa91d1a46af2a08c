package app

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
	"unicode/utf8"

	"github.com/google/uuid"

	"dlqdesk/internal/config"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/server"
	"dlqdesk/internal/verify"
)

// Trial is a webhook to try a source out with.
type Trial struct {
	Source string
	Body   []byte
	ID     string // of the delivery, for schemes that sign one; "": one is made
	Type   string // of the content
	URL    string // where the receiver is; "": where the configuration lets it listen
}

// Curl writes the command of a POSIX shell that sends a trial the way the source's platform would, genuine at that
// time. A secret is in it by the name of its variable or file alone. lasts is how long the command is of use; 0: for
// ever.
func Curl(
	ctx context.Context,
	c config.Config,
	t Trial,
	now time.Time,
) (command string, lasts time.Duration, err error) {
	s, ok := c.Source(t.Source)
	if !ok {
		return "", 0, fmt.Errorf("there is no source %q in the configuration", t.Source)
	}
	if int64(len(t.Body)) > s.MaxBody {
		return "", 0, fmt.Errorf("the body has %d bytes, and the source takes %d: see max_body", len(t.Body), s.MaxBody)
	}
	proof, err := verify.New(s.Verify)
	if err != nil {
		return "", 0, err
	}
	base := cmp.Or(strings.TrimRight(t.URL, "/"), listenURL(c))
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/webhooks/"+s.Name, http.NoBody)
	if err != nil || r.URL.Host == "" {
		return "", 0, errors.Join(
			errors.New("the URL must be that of the receiver, such as https://hooks.example.com"),
			err,
		)
	}
	r.Header.Set("Content-Type", t.Type)
	args := []string{"curl -i -X POST"}
	if shown, ok := shownCredential(s.Verify); ok {
		args = append(args, shown)
	} else if err := proof.Sign(r, t.Body, cmp.Or(t.ID, "msg_"+uuid.NewString()), now); err != nil {
		return "", 0, err
	}
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		args = append(args, "-H "+word(name+": "+r.Header.Get(name)))
	}
	args = append(args, "--data-binary @-", word(r.URL.String()))
	return printed(t.Body) + " | " + strings.Join(args, " \\\n  "), s.Verify.Window(), nil
}

// listenURL is where the receiver is, for who is on the same machine.
func listenURL(c config.Config) string {
	u := url.URL{Scheme: "http", Host: server.LocalHost(c.Listen)}
	if c.TLS.On() {
		u.Scheme = "https"
	}
	return u.String()
}

// shownCredential is what proves a webhook genuine where that is a secret itself, or nothing of the request: the
// shell puts it in.
func shownCredential(s verify.Settings) (arg string, ok bool) {
	switch s.Scheme {
	case verify.Token:
		return "-H " + word(s.Header+": "+s.Prefix) + inShell(s.Secrets[0]), true
	case verify.Bearer:
		return "-H " + word("Authorization: Bearer ") + inShell(s.Secrets[0]), true
	case verify.Basic:
		return "-u " + word(s.User+":") + inShell(s.Secrets[0]), true
	case verify.MTLS:
		return "--cert platform.pem --key platform.key", true
	}
	return "", false
}

// inShell has the shell read a secret where dlqdesk reads it.
func inShell(s redact.Secret) string {
	place, name, _ := strings.Cut(s.From, ":")
	if place == "env" {
		return `"$` + name + `"`
	}
	return `"$(cat ` + word(name) + `)"`
}

// word writes a text as one word of a shell (POSIX.1-2024, section 2.2.2).
func word(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// printed is a command that writes exactly these bytes. What a terminal would take for a command of its own, or
// cannot show, is escaped.
func printed(body []byte) string {
	text := string(body)
	if utf8.Valid(body) &&
		!strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 }) {
		return "printf %s " + word(text)
	}
	var format strings.Builder
	for i, b := range body {
		switch {
		case b == '%':
			format.WriteString("%%")
		case b == '\\':
			format.WriteString(`\\`)
		case b < ' ' || b >= 0x7f || i == 0 && b == '-': // which would begin an option
			fmt.Fprintf(&format, `\%03o`, b)
		default:
			format.WriteByte(b)
		}
	}
	return "printf " + word(format.String())
}
