package acceptance_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"dlqdesk/internal/desktest"
)

// reloaded is a running program whose configuration a test changes.
type reloaded struct {
	*process
	file    string
	base    string // the configuration without its sources
	browser *http.Client
	logged  int // how many lines about reloads were awaited
}

// startReloaded starts a program with one user, anna, who is an admin.
func startReloaded(t *testing.T, sources string, environ ...string) *reloaded {
	t.Helper()
	dir := t.TempDir()
	r := &reloaded{file: filepath.Join(dir, "desk.yaml"), base: "listen: 127.0.0.1:0\ndata_dir: " + dir + "/data\n"}
	r.write(t, r.base+sources)
	r.process = serve(t, r.file, environ...)
	r.addUser(t, "anna", "admin")
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	r.browser = &http.Client{Jar: jar}
	form := url.Values{"name": {"anna"}, "password": {password}}.Encode()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.url+"/signin", strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if status, text := do(t, r.browser, req); status != http.StatusOK {
		t.Fatalf("sign in: %d %s", status, text)
	}
	return r
}

func (r *reloaded) addUser(t *testing.T, name, role string) {
	t.Helper()
	add := exec.CommandContext( //nolint:gosec // our own program
		t.Context(), binary(t), "user", "add", name, "--role", role, "--password-stdin", "--config", r.file)
	add.Stdin = strings.NewReader(password + "\n")
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func (r *reloaded) write(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(r.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// reload replaces the part of the configuration behind the base, and waits until the program has read it.
func (r *reloaded) reload(t *testing.T, text string) {
	t.Helper()
	r.write(t, r.base+text)
	if err := r.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	r.awaitReload(t)
}

// awaitReload waits for the next log line about a reload.
func (r *reloaded) awaitReload(t *testing.T) {
	t.Helper()
	r.logged++
	eventually(t, func() bool {
		log := r.log.String()
		return strings.Count(log, `"the configuration was`) >= r.logged // read again, or not applied
	})
}

// eventually waits until something is so.
func eventually(t *testing.T, is func() bool) {
	t.Helper()
	within(t, 30*time.Second, is)
}

// within waits for a time until something is so.
func within(t *testing.T, most time.Duration, is func() bool) {
	t.Helper()
	tick, limit := time.NewTicker(10*time.Millisecond), time.After(most)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatal("it does not come to that")
		}
	}
}

func (r *reloaded) page(t *testing.T, path string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, text := do(t, r.browser, req)
	return text
}

// send posts a webhook with headers, given as pairs, and returns the answer.
func (r *reloaded) send(t *testing.T, source, body string, headers ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(
		t.Context(), http.MethodPost, r.url+"/webhooks/"+source, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return do(t, http.DefaultClient, req)
}

func source(name, destination, more string) string {
	return fmt.Sprintf("  %s: { destination: %q, %s }\n", name, destination, more)
}

// A reload changes the receiver, deliveries, the worker, the desk, the console and the listeners.
func TestSIGHUPAppliesWhatChanged(t *testing.T) {
	t.Parallel()
	first, second := desktest.NewDestination(t), desktest.NewDestination(t)
	first.Set(desktest.Answer(http.StatusUnprocessableEntity, `{}`))
	second.Set(desktest.Answer(http.StatusOK, `{}`))
	const far = "retry: { base: 1h, cap: 1h }"
	r := startReloaded(t, "sources:\n"+source("orders", first.URL, far))
	if _, text := r.send(t, "orders", `{"shoe":"wide-4711"}`); !strings.Contains(text, "queued_for_retry") {
		t.Fatalf("the first destination takes it: %s", text)
	}
	eventually(t, func() bool { return strings.Contains(r.page(t, "/messages?status=failed"), `href="/messages/`) })

	t.Run("destination", func(t *testing.T) {
		r.reload(t, "sources:\n"+source("orders", second.URL, far))
		if _, text := r.send(t, "orders", `{}`); text != `{"status":"accepted"}` || len(second.Received()) != 1 {
			t.Errorf("after the change: %s, and %d at the new destination", text, len(second.Received()))
		}
	})
	t.Run("max_body and ack", func(t *testing.T) {
		r.reload(t, "sources:\n"+source("orders", second.URL, `max_body: 10B, ack: { status: 202, body: "{}" }`))
		if status, _ := r.send(t, "orders", `{"n":1234567}`); status != http.StatusRequestEntityTooLarge {
			t.Errorf("a large webhook is answered %d", status)
		}
		if status, text := r.send(t, "orders", `{}`); status != http.StatusAccepted || text != "{}" {
			t.Errorf("a webhook is answered %d %s", status, text)
		}
	})
	t.Run("added source", func(t *testing.T) {
		if status, _ := r.send(t, "payments", `{}`); status != http.StatusNotFound {
			t.Errorf("before it is configured it is answered %d", status)
		}
		r.reload(t, "sources:\n"+source("orders", second.URL, far)+source("payments", second.URL, far))
		if status, _ := r.send(t, "payments", `{}`); status != http.StatusOK {
			t.Errorf("an added source answers %d", status)
		}
		if !strings.Contains(r.page(t, "/sources"), "/sources/payments") {
			t.Error("the page of sources lacks it")
		}
	})
	t.Run("retry", func(t *testing.T) {
		second.Set(desktest.Answer(http.StatusServiceUnavailable, `{}`))
		r.reload(t, "sources:\n"+source("orders", second.URL, "retry: { base: 10ms, cap: 10ms }"))
		before := len(second.Received())
		r.send(t, "orders", `{"retry":1}`)
		eventually(t, func() bool { return len(second.Received()) >= before+3 })
		second.Set(desktest.Answer(http.StatusOK, `{}`))
	})
	t.Run("buffered", func(t *testing.T) {
		second.Set(desktest.Answer(http.StatusUnprocessableEntity, `{}`))
		r.reload(t, "sources:\n"+source("orders", second.URL, "mode: buffered"))
		before := len(second.Received())
		if _, text := r.send(t, "orders", `{"buffered":1}`); text != `{"status":"accepted"}` {
			t.Errorf("a buffered webhook is answered %s", text)
		}
		eventually(t, func() bool { return len(second.Received()) > before })
		second.Set(desktest.Answer(http.StatusOK, `{}`))
	})
	t.Run("mask", func(t *testing.T) {
		path := messagePath(t, r.page(t, "/messages?status=failed&q=wide-4711"))
		if !strings.Contains(r.page(t, path), "wide-4711") {
			t.Fatal("the value is masked before")
		}
		r.reload(t, "sources:\n"+source("orders", second.URL, "mask: { json: [$.shoe] }"))
		if strings.Contains(r.page(t, path), "wide-4711") {
			t.Error("the message still shows it")
		}
		eventually(t, func() bool { return !strings.Contains(r.page(t, "/messages?status=all&q=wide-4711"), path) })
	})
	t.Run("removed source", func(t *testing.T) {
		second.Set(desktest.Answer(http.StatusServiceUnavailable, `{}`))
		r.reload(t, "sources:\n"+source("orders", second.URL, far)+source("payments", second.URL, far))
		r.send(t, "payments", `{"waits":1}`)
		eventually(t, func() bool {
			return strings.Contains(r.page(t, "/messages?status=retrying&source=payments"), `href="/messages/`)
		})
		r.reload(t, "sources:\n"+source("orders", second.URL, far))
		eventually(t, func() bool {
			return strings.Contains(r.page(t, "/messages?status=failed&source=payments"), "not configured")
		})
		if status, _ := r.send(t, "payments", `{}`); status != http.StatusNotFound {
			t.Errorf("a removed source is answered %d", status)
		}
	})
	t.Run("level and roles", func(t *testing.T) {
		r.addUser(t, "olga", "operator")
		const users = "users: { anna: viewer, olga: viewer, mika: admin }\n"
		r.reload(t, "log: { level: debug }\n"+users+"sources:\n"+source("orders", second.URL, far))
		eventually(t, func() bool { return strings.Count(r.log.String(), "the role of a user was not set") == 2 })
		if log := r.log.String(); !strings.Contains(log, "anna is the last administrator") ||
			!strings.Contains(log, "user=mika") {
			t.Errorf("it does not log which roles it cannot give:\n%s", log)
		}
		if _, list := run(t, "user", "list", "--config", r.file); !strings.Contains(list, "olga  viewer") {
			t.Errorf("the users are\n%s", list)
		}
		if !strings.Contains(r.page(t, "/audit?action=user.role"), "olga") {
			t.Error("the audit trail lacks the role")
		}
		eventually(t, func() bool { return strings.Contains(r.log.String(), "level=DEBUG msg=request") })
	})
	r.stop(t)
	log := r.log.String()
	for _, want := range []string{
		"msg=started version=", "webhooks=" + r.url, "desk=" + r.url, "data_dir=", "dlq=embedded processing=embedded",
		"msg=stopped",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %s:\n%s", want, log)
		}
	}

	r.write(t, r.base+"users: { olga: operator }\nsources:\n"+source("orders", second.URL, far))
	again := serve(t, r.file)
	if _, list := run(t, "user", "list", "--config", r.file); !strings.Contains(list, "olga  operator") {
		t.Errorf("after a start the users are\n%s", list)
	}
	again.stop(t)
}

// messagePath returns the path of the one message that a list shows.
func messagePath(t *testing.T, list string) string {
	t.Helper()
	_, rest, ok := strings.Cut(list, `href="/messages/`)
	id, _, _ := strings.Cut(rest, `"`)
	if id, _, _ = strings.Cut(id, "?"); !ok {
		t.Fatalf("the list shows no message")
	}
	return "/messages/" + id
}

// A faulty file changes nothing, and says why in the log, on the overview and in the audit trail.
func TestFaultyFileChangesNothing(t *testing.T) {
	t.Parallel()
	first, second := desktest.NewDestination(t), desktest.NewDestination(t)
	first.Set(desktest.Answer(http.StatusOK, `{}`))
	r := startReloaded(t, "sources:\n"+source("orders", first.URL+"?code=S3CRET", "timeout: 5s"))
	r.reload(t, "sources:\n"+source("orders", second.URL, "timeout: 2h")+source("added", second.URL, "timeout: 5s"))
	if status, _ := r.send(t, "orders", `{}`); status != http.StatusOK || len(first.Received()) != 1 {
		t.Errorf("the source from before answers %d", status)
	}
	if status, _ := r.send(t, "added", `{}`); status != http.StatusNotFound {
		t.Errorf("a source of the faulty file answers %d", status)
	}
	const fault = "sources.orders.timeout: must be under 30s (got 2h)"
	overview := r.page(t, "/overview")
	for where, text := range map[string]string{
		"log": r.log.String(), "overview": overview, "audit trail": r.page(t, "/audit?action=config."),
	} {
		if !strings.Contains(text, fault) {
			t.Errorf("the %s does not say %q", where, fault)
		}
	}
	if !strings.Contains(overview, "was not applied") {
		t.Error("the overview does not say that it was not applied")
	}

	// Mended, it is applied; what needs a restart is named, and secrets are masked.
	r.base = strings.Replace(r.base, "127.0.0.1:0", "127.0.0.1:1", 1)
	r.reload(t, "metrics_listen: 127.0.0.1:0\nsources:\n"+source("orders", second.URL+"?code=OTHER", "timeout: 4s"))
	overview = r.page(t, "/overview")
	if strings.Contains(overview, "was not applied") || !strings.Contains(overview, "Restart dlqdesk to apply") {
		t.Errorf("the overview has the wrong notice")
	}
	trail := r.page(t, "/audit?action=config.")
	for where, text := range map[string]string{"log": r.log.String(), "overview": overview, "audit trail": trail} {
		if !strings.Contains(text, "metrics_listen") {
			t.Errorf("the %s does not name metrics_listen", where)
		}
		if strings.Contains(text, "S3CRET") || strings.Contains(text, "OTHER") {
			t.Errorf("the %s has the key of the destination", where)
		}
	}
	for _, want := range []string{"sources.orders.timeout", "5s", "4s", "sources.orders.destination"} {
		if !strings.Contains(trail, want) {
			t.Errorf("the audit trail lacks %q", want)
		}
	}
	r.stop(t)
}

// A secret in a file is read again by itself. A half-written one changes nothing.
func TestSecretFileIsReadAgain(t *testing.T) {
	t.Parallel()
	d := desktest.NewDestination(t)
	d.Set(desktest.Answer(http.StatusOK, `{}`))
	secret := filepath.Join(t.TempDir(), "secret")
	const old, fresh = "the old secret of this test", "the new secret of this test"
	if err := os.WriteFile(secret, []byte(old+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := startReloaded(t, "sources:\n"+source(
		"orders", d.URL, `verify: { scheme: hmac, header: X-Signature, secrets: ["file:`+secret+`"] }`))
	signed := func(secret string) int {
		mac := hmac.New(sha256.New, []byte(secret))
		_, _ = io.WriteString(mac, `{}`) // never fails
		status, _ := r.send(t, "orders", `{}`, "X-Signature", hex.EncodeToString(mac.Sum(nil)))
		return status
	}
	if status := signed(old); status != http.StatusOK {
		t.Fatalf("the old secret is answered %d", status)
	}
	if err := os.WriteFile(secret, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r.awaitReload(t)
	if status := signed(old); status != http.StatusOK {
		t.Errorf("with an empty file the old secret is answered %d", status)
	}
	if err := os.WriteFile(secret, []byte(fresh+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.awaitReload(t)
	if status := signed(fresh); status != http.StatusOK {
		t.Errorf("the new secret is answered %d", status)
	}
	if status := signed(old); status != http.StatusUnauthorized {
		t.Errorf("the old secret is answered %d", status)
	}
	trail := r.page(t, "/audit?action=config.")
	for where, text := range map[string]string{"log": r.log.String(), "audit trail": trail} {
		if !strings.Contains(text, "sources.orders.verify.secrets") || strings.Contains(text, "secret of this test") {
			t.Errorf("the %s says\n%s", where, text)
		}
	}
	r.stop(t)
}

// The files of a listener's certificate can be others after a reload; switching TLS off needs a restart.
func TestReloadedCertificate(t *testing.T) {
	t.Parallel()
	d, authority := desktest.NewDestination(t), desktest.NewAuthority(t)
	tlsKey := func(certificate tls.Certificate) string {
		_, cert, key := authority.Files(t, certificate)
		return fmt.Sprintf("tls: { cert_file: %q, key_file: %q }\nsources:\n%s", cert, key, source("orders", d.URL, ""))
	}
	first, second := authority.Issue(t, time.Hour), authority.Issue(t, time.Hour)
	dir := t.TempDir()
	r := &reloaded{file: filepath.Join(dir, "desk.yaml"), base: "listen: 127.0.0.1:0\ndata_dir: " + dir + "/data\n"}
	r.write(t, r.base+tlsKey(first))
	r.process = serve(t, r.file)
	presents := func(want tls.Certificate) {
		t.Helper()
		dialer := tls.Dialer{Config: &tls.Config{RootCAs: authority.Pool(), MinVersion: tls.VersionTLS12}}
		conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(r.url, "https://"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		secure, ok := conn.(*tls.Conn)
		if !ok || !secure.ConnectionState().PeerCertificates[0].Equal(want.Leaf) {
			t.Error("it presents another certificate")
		}
	}
	presents(first)
	r.reload(t, tlsKey(second))
	presents(second)
	r.reload(t, "sources:\n"+source("orders", d.URL, ""))
	presents(second)
	if log := r.log.String(); !strings.Contains(log, "tls.cert_file") {
		t.Errorf("it does not say that this needs a restart:\n%s", log)
	}
	r.stop(t)
}
