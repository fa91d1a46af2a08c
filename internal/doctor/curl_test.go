package doctor_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/config"
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
		c.Sources = append(c.Sources, config.Source{Name: name, MaxBody: 1 << 10, Verify: s})
	}
	return c
}

// shell runs a command in a shell with a stand-in for curl, and returns the request that curl would have sent.
func shell(t *testing.T, command string) (*http.Request, []byte) {
	t.Helper()
	dir := t.TempDir()
	script := "#!/bin/sh\nprintf '%s\\000' \"$@\" > " + dir + "/args\ncat > " + dir + "/body\n"
	// it has to be run
	if err := os.WriteFile(filepath.Join(dir, "curl"), []byte(script), 0o700); err != nil { //nolint:gosec // it is run
		t.Fatal(err)
	}
	sh := exec.CommandContext(t.Context(), "sh", "-c", command)
	sh.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "TEST_SECRET=" + testSecret}
	if out, err := sh.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v %s", command, err, out)
	}
	args, err := os.ReadFile(filepath.Join(dir, "args"))
	if err != nil {
		t.Fatal(err)
	}
	body, err := os.ReadFile(filepath.Join(dir, "body"))
	if err != nil {
		t.Fatal(err)
	}
	return requestOf(t, strings.Split(strings.TrimSuffix(string(args), "\x00"), "\x00")), body
}

func requestOf(t *testing.T, args []string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, args[len(args)-1], http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for i, arg := range args {
		switch arg {
		case "-H":
			name, value, _ := strings.Cut(args[i+1], ": ")
			r.Header.Add(name, value)
		case "-u":
			user, password, _ := strings.Cut(args[i+1], ":")
			r.SetBasicAuth(user, password)
		}
	}
	return r
}

func TestSignedCommandIsGenuine(t *testing.T) {
	t.Parallel()
	c := sourcesOfEveryScheme(t)
	now := time.Unix(1_700_000_000, 0)
	for n, body := range []string{
		"", `{"text":"it's"}`, "@file", "-n 100%d \\n $HOME `id` \"!!\"\n\n", "Größe\t\x1b[31m", "-\x00\xff\x0012%s\\x",
		"a=1&b=%2B",
	} {
		t.Run(fmt.Sprintf("body %d", n), func(t *testing.T) {
			for _, s := range c.Sources {
				webhook := doctor.TestWebhook{Source: s.Name, Body: []byte(body), ContentType: "application/json"}
				command, lasts, err := doctor.Curl(t.Context(), c, webhook, now)
				if err != nil {
					t.Fatalf("%s: %v", s.Name, err)
				}
				if strings.Contains(command, "c2VjcmV0") || strings.ContainsAny(command, "\x00\x1b\t") {
					t.Errorf("%s shows the secret, or does something to a terminal: %q", s.Name, command)
				}
				r, sent := shell(t, command)
				if !bytes.Equal(sent, []byte(body)) || r.URL.Host != "127.0.0.1:8080" ||
					r.URL.Path != "/webhooks/"+s.Name {
					t.Errorf("%s: the command sends %q to %s", s.Name, sent, r.URL)
				}
				v, err := verify.New(s.Verify)
				if err != nil {
					t.Fatal(err)
				}
				proof, err := v.CheckHead(r, now.Add(lasts))
				if s.Name == "byoc" {
					proof, err = v.CheckHead(r, now.Add(lasts-time.Second))
				}
				if err == nil {
					err = proof.Check(sent)
				}
				if err != nil {
					t.Errorf("%s: %v: %s", s.Name, err, command)
				}
			}
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
		"the body has 1025 bytes":      {Source: "stripe", Body: make([]byte, 1025)},
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
	if err != nil || !strings.Contains(command, "'https://127.0.0.1:8080/webhooks/stripe'") {
		t.Errorf("%s, %v", command, err)
	}
	command, _, err = doctor.Curl(
		t.Context(), c, doctor.TestWebhook{Source: "stripe", URL: "https://hooks.example.com/"}, time.Now(),
	)
	if err != nil || !strings.Contains(command, "'https://hooks.example.com/webhooks/stripe'") {
		t.Errorf("%s, %v", command, err)
	}
}
