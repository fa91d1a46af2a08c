package doctor_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/config"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/doctor"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/verify"
)

const testSecret = "c2VjcmV0 of ours'$x"

// sourcesOfEveryScheme returns a configuration with a source for every scheme of verification.
func sourcesOfEveryScheme(t *testing.T) config.Config {
	t.Helper()
	file := filepath.Join(t.TempDir(), "it's a secret")
	if err := os.WriteFile(file, []byte(testSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	inVariable, inFile := redact.NewSecret("env:TEST_SECRET", testSecret), redact.NewSecret(
		"file:"+file, testSecret,
	)
	c := config.Config{Listen: ":8080"}
	for name, s := range map[string]verify.Settings{
		"stripe": {Scheme: verify.Stripe, Secrets: []redact.Secret{inVariable}},
		"hmac": {
			Scheme: verify.HMAC, Header: "X-It's", Prefix: "'a b'=", Signed: "{id}{body}", IDHeader: "X-Id",
			Secrets: []redact.Secret{inFile},
		},
		"twilio": {
			Scheme: verify.Twilio, URL: "https://hooks.example.com/calls",
			Secrets: []redact.Secret{inVariable},
		},
		"token":   {Scheme: verify.Token, Header: "X-Key", Prefix: "key ", Secrets: []redact.Secret{inVariable}},
		"bearer":  {Scheme: verify.Bearer, Secrets: []redact.Secret{inFile}},
		"basic":   {Scheme: verify.Basic, User: "it's", Secrets: []redact.Secret{inVariable}},
		"byoc":    {Scheme: verify.CXoneBYOC, ClientID: "cxone", Secrets: []redact.Secret{inFile}},
		"anybody": {},
	} {
		s.Source = name
		c.Sources = append(c.Sources, config.Source{Name: name, MaxBody: 1 << 12, Verify: s})
	}
	return c
}

// requestOf returns a request as the receiver sees it.
func requestOf(t *testing.T, raw desktest.RawRequest) *http.Request {
	t.Helper()
	_, target, _ := strings.Cut(raw.Line, " ")
	target, _, _ = strings.Cut(target, " ")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+raw.Host+target, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range raw.Headers {
		name, value, _ := strings.Cut(line, ":")
		r.Header.Add(name, strings.TrimSpace(value))
	}
	return r
}

// checkGenuine runs a command in every shell, and verifies the webhook that it sends.
func checkGenuine(t *testing.T, c config.Config, s config.Source, to *desktest.RawServer, body string) {
	t.Helper()
	now := time.Unix(1_700_000_000, 0)
	webhook := doctor.TestWebhook{Source: s.Name, Body: []byte(body), ContentType: "application/json"}
	command, lasts, err := doctor.Curl(t.Context(), c, webhook, now)
	if err != nil {
		t.Fatalf("%s: %v", s.Name, err)
	}
	if strings.Contains(command, "c2VjcmV0") || strings.ContainsAny(command, "\x00\x1b\t") {
		t.Errorf("%s shows the secret, or does something to a terminal: %q", s.Name, command)
	}
	v, err := verify.New(s.Verify)
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range desktest.Shells() {
		sent := to.Run(t, in, command, nil, "TEST_SECRET="+testSecret)
		r := requestOf(t, sent)
		if string(sent.Body) != body || r.URL.Path != "/webhooks/"+s.Name {
			t.Errorf("%s, %s: the command sends %q to %s", s.Name, in.Name, sent.Body, r.URL)
		}
		at := now.Add(lasts)
		if s.Verify.Scheme == verify.CXoneBYOC {
			at = at.Add(-time.Second)
		}
		proof, err := v.CheckHead(r, at)
		if err == nil {
			err = proof.Check(sent.Body)
		}
		if err != nil {
			t.Errorf("%s, %s: %v: %s", s.Name, in.Name, err, command)
		}
	}
}

func TestSignedCommandIsGenuineForEveryScheme(t *testing.T) {
	t.Parallel()
	c := sourcesOfEveryScheme(t)
	for _, s := range c.Sources {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			to, cfg := desktest.NewRawServer(t), c
			cfg.Listen = to.Address
			checkGenuine(t, cfg, s, to, "-\x00\xff\x0012%s\\x `touch pwned` it's!")
		})
	}
}

func TestSignedCommandSendsExactlyTheBody(t *testing.T) {
	t.Parallel()
	c := sourcesOfEveryScheme(t)
	s, _ := c.Source("stripe")
	text, binary := desktest.HostileBodies()
	for name, body := range map[string]string{"text": text, "binary": binary, "empty": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to, cfg := desktest.NewRawServer(t), c
			cfg.Listen = to.Address
			checkGenuine(t, cfg, s, to, body)
		})
	}
}

func TestUnsignableCommandIsRefused(t *testing.T) {
	t.Parallel()
	c := sourcesOfEveryScheme(t)
	c.Sources = append(c.Sources, config.Source{Name: "public", MaxBody: 100, Verify: verify.Settings{
		Scheme:  verify.StandardWebhooks,
		Secrets: []redact.Secret{redact.NewSecret("", "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=")},
	}})
	for want, webhook := range map[string]doctor.TestWebhook{
		`there is no source "nobody"`:  {Source: "nobody"},
		"the body has 4097 bytes":      {Source: "stripe", Body: make([]byte, 4097)},
		"is a public key":              {Source: "public"},
		"must be that of the receiver": {Source: "stripe", URL: "hooks.example.com"},
	} {
		t.Run(want, func(t *testing.T) {
			if _, _, err := doctor.Curl(t.Context(), c, webhook, time.Now()); err == nil ||
				!strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", want, err)
			}
		})
	}
	c.TLS.CertFile = "cert.pem"
	command, _, err := doctor.Curl(t.Context(), c, doctor.TestWebhook{Source: "stripe"}, time.Now())
	if err != nil || !strings.Contains(command, "--url 'https://127.0.0.1:8080/webhooks/stripe'") {
		t.Errorf("%s, %v", command, err)
	}
	command, _, err = doctor.Curl(
		t.Context(), c, doctor.TestWebhook{Source: "stripe", URL: "https://hooks.example.com/"}, time.Now(),
	)
	if err != nil || !strings.Contains(command, "'https://hooks.example.com/webhooks/stripe'") {
		t.Errorf("%s, %v", command, err)
	}
}
