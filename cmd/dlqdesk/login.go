package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"dlqdesk/internal/api"
	"dlqdesk/internal/client"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/terminal"
)

type login struct {
	deskFlag
	Name      string `placeholder:"NAME" help:"The name of the token. Default: CLI on this machine's name."`
	NoBrowser bool   `name:"no-browser" help:"Do not open a browser."`
	JSON      bool   `name:"json" help:"Print JSON."`
}

// Run asks the desk for a token, and waits until a person grants it on a page of the desk.
func (l login) Run(p program) error {
	file, stored, address, err := l.signedIn(p)
	if err != nil {
		return err
	}
	if address == "" {
		return usageError{errors.New("name the desk: --desk https://desk.example.com")}
	}
	ctx, stop := untilSignal()
	defer stop()
	dialog := terminal.NewDialog(p.stdin, p.stderr)
	defer dialog.Clear()
	got, err := l.signIn(ctx, client.New(address, ""), dialog)
	if err != nil {
		return err
	}
	in := client.SignedIn{Token: got.Token, Name: got.Name}
	if got.ExpiresAt != nil {
		in.ExpiresAt = *got.ExpiresAt
	}
	if err := stored.With(address, in).Save(file); err != nil {
		return err
	}
	if l.JSON {
		return p.json(map[string]any{"desk": address, "name": got.Name, "role": got.Role, "expiresAt": got.ExpiresAt})
	}
	until := ""
	if got.ExpiresAt != nil {
		until = ", until " + got.ExpiresAt.Format(time.DateOnly)
	}
	return terminal.Screen{Out: p.stdout}.Line("signed in to %s as %s (%s)%s", address, got.Name, got.Role, until)
}

// signIn asks for a token and waits for it.
func (l login) signIn(
	ctx context.Context, c *client.Client, dialog *terminal.Dialog,
) (got api.GrantedToken, err error) {
	if u, err := url.Parse(c.Desk()); err == nil && u.Scheme == "http" && !isLoopback(u.Hostname()) {
		dialog.Say("Warning: %s is not encrypted: others on the way can read the token.", c.Desk())
	}
	machine, err := os.Hostname()
	if err != nil {
		machine = "a terminal"
	}
	const longest = 60
	name := cmp.Or(l.Name, deadletter.Printable("CLI on "+machine, longest))
	asked, _, err := client.Read[api.TokenRequest](c.Post(ctx, "/token-requests", "", map[string]string{"name": name}))
	if err != nil {
		return got, err
	}
	page := c.Desk() + asked.Page
	dialog.Say("Open %s, sign in, and enter the code %s there.", page, asked.Code)
	if !l.NoBrowser && dialog.Shows {
		openBrowser(ctx, page)
	}
	dialog.Progress("Waiting for you …")
	for {
		select {
		case <-ctx.Done():
			return got, ctx.Err()
		case <-time.After(time.Duration(max(asked.Interval, 1)) * time.Second):
		}
		got, _, err = client.Read[api.GrantedToken](
			c.Post(ctx, "/token-requests/take", "", map[string]string{"secret": asked.Secret}),
		)
		if err != nil && ctx.Err() == nil && mayBeTaken(err, asked.ExpiresAt) {
			err = fmt.Errorf(
				"the answer with the token may have been lost: if %s/account/tokens has a new token %q, revoke "+
					"it, and run dlqdesk login again: %w",
				c.Desk(),
				name,
				err,
			)
		}
		if err != nil || got.Token != "" {
			return got, err
		}
	}
}

// mayBeTaken reports whether a token may have been made although taking it failed: the answer did not come, or a
// request that has not expired is gone.
func mayBeTaken(err error, expires time.Time) bool {
	refused, ok := errors.AsType[*api.Problem](err)
	return !ok || refused.Status >= http.StatusInternalServerError ||
		refused.Status == http.StatusNotFound && time.Now().Before(expires)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// openBrowser opens a page, if there is a browser. The address is printed in any case.
func openBrowser(ctx context.Context, page string) {
	program := "xdg-open"
	if runtime.GOOS == "darwin" {
		program = "open"
	}
	cmd := exec.CommandContext(context.WithoutCancel(ctx), program, page) //nolint:gosec // the desk's own page
	if cmd.Start() == nil {
		go func() { _ = cmd.Wait() }()
	}
}

// variable returns a variable of the environment; "" if it is not set.
func (p program) variable(name string) string {
	i := slices.IndexFunc(p.environ, func(setting string) bool { return strings.HasPrefix(setting, name+"=") })
	if i < 0 {
		return ""
	}
	return p.environ[i][len(name)+1:]
}

// signedIn returns the file of where this person is signed in, what it has, and which desk is meant; "": none.
func (f deskFlag) signedIn(p program) (file string, stored client.Credentials, address string, err error) {
	if file, err = client.CredentialsFile(); err != nil {
		return file, stored, "", err
	}
	if stored, err = client.LoadCredentials(file); err != nil {
		return file, stored, "", err
	}
	if address = cmp.Or(f.Desk, p.variable(client.DeskVariable), stored.Current); address == "" {
		return file, stored, "", nil
	}
	if address, err = client.DeskAddress(address); err != nil {
		err = usageError{err}
	}
	return file, stored, address, err
}

type logout struct {
	deskFlag
}

// Run revokes the token of the desk, and forgets it.
func (l logout) Run(p program) error {
	file, stored, address, err := l.signedIn(p)
	if err != nil {
		return err
	}
	in, ok := stored.Desks[address]
	if !ok {
		return client.NotSignedIn{Desk: address}
	}
	ctx, stop := untilSignal()
	defer stop()
	_, revokeErr := client.New(address, in.Token).Post(ctx, "/me/revoke", "", nil)
	if refused, ok := errors.AsType[*api.Problem](revokeErr); ok && refused.Status == http.StatusUnauthorized {
		revokeErr = nil // it is not in force any more
	}
	if err := stored.Without(address).Save(file); err != nil {
		return err
	}
	if revokeErr != nil {
		return fmt.Errorf("signed out here, but the token could not be revoked, do so on the page of your account: %w",
			revokeErr)
	}
	return p.printLine("signed out of %s: its token is revoked", address)
}
