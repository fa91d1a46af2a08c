package acceptance_test

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/app"
	"dlqdesk/internal/auth"
	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
)

// browser returns a client that keeps cookies and follows no redirect.
func browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
}

// signInFrom posts the sign-in form, as a proxy forwards it.
func (p program) signInFrom(t *testing.T, client *http.Client, forwarded, name, password string) int {
	t.Helper()
	form := url.Values{"name": {name}, "password": {password}}
	r, err := http.NewRequestWithContext(
		t.Context(), http.MethodPost, p.ConsoleURL()+"/signin", strings.NewReader(form.Encode()),
	)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("X-Forwarded-For", forwarded)
	status, _ := do(t, client, r)
	return status
}

// A command in another process stops the sessions and the streams of a running server.
func TestCommandBesideTheServerStopsAUser(t *testing.T) {
	t.Parallel()
	p := setup(t, nil)
	command := func(do func(users *auth.Auth) error) {
		t.Helper()
		if err := app.New(p.cfg, app.Options{Log: desktest.Log(t)}).Users(t.Context(), do); err != nil {
			t.Fatal(err)
		}
	}
	by := deadletter.CLI("root")
	command(func(users *auth.Auth) error {
		return users.AddUser(t.Context(), by, "anna", "admin", password)
	})
	command(func(users *auth.Auth) error {
		return users.AddUser(t.Context(), by, "olga", "operator", password)
	})
	olga := browser(t)
	if status := p.signInFrom(t, olga, "", "olga", password); status != http.StatusSeeOther {
		t.Fatalf("olga's sign-in is answered %d", status)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.ConsoleURL()+"/live?only=count&after=0", nil)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := olga.Do(r)
	if err != nil || stream.StatusCode != http.StatusOK {
		t.Fatalf("the stream is answered %v, %v", stream, err)
	}
	defer func() { _ = stream.Body.Close() }()
	over := make(chan bool, 1)
	go func() {
		told := false
		for lines := bufio.NewScanner(stream.Body); lines.Scan(); {
			told = told || lines.Text() == "event: over"
		}
		over <- told
	}()
	command(func(users *auth.Auth) error { return users.Disable(t.Context(), by, "olga") })
	if status, _ := p.get(t, olga, "/messages"); status != http.StatusSeeOther {
		t.Errorf("a page is answered %d", status)
	}
	select {
	case told := <-over:
		if !told {
			t.Error("the stream ends without a word")
		}
	case <-time.After(30 * time.Second):
		t.Error("the stream goes on")
	}
	if status := p.signInFrom(t, olga, "", "olga", password); status != http.StatusForbidden {
		t.Errorf("a sign-in is answered %d", status)
	}
	anna := browser(t)
	p.signInFrom(t, anna, "", "anna", password)
	p.await(t, anna, "/audit?action=user.disable", "root (command line)")
}

// The audit trail and the limits of sign-in use the forwarded address behind a trusted proxy, and the address of the
// connection otherwise.
func TestForwardedAddresses(t *testing.T) {
	t.Parallel()
	for _, trusted := range []bool{false, true} {
		t.Run(fmt.Sprintf("trusted=%t", trusted), func(t *testing.T) {
			t.Parallel()
			p := setup(t, func(c *config.Config) {
				if trusted {
					c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
				}
			})
			anna := p.signIn(t)
			if status := p.signInFrom(
				t, browser(t), "9.9.9.9, 198.51.100.66", "olga", "wrong password",
			); status != http.StatusUnauthorized {
				t.Errorf("a wrong password is answered %d", status)
			}
			trail := p.await(t, anna, "/audit?action=user.sign_in_refused", "olga")
			if strings.Contains(trail, "198.51.100.66") != trusted || strings.Contains(trail, "9.9.9.9") ||
				!trusted && !strings.Contains(trail, "127.0.0.1") {
				t.Errorf("the trail has other addresses than that of the client:\n%s", trail)
			}
		})
	}
}
