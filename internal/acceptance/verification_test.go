package acceptance_test

import (
	"crypto/tls"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/config"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/verify"
)

// over returns a client that trusts an authority and shows certificates, on connections of its own.
func over(t *testing.T, a desktest.Authority, ours ...tls.Certificate) *http.Client {
	t.Helper()
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: a.Pool(), Certificates: ours, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2: true,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func (p program) postTo(t *testing.T, client *http.Client, source, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(
		t.Context(), http.MethodPost, p.URL()+"/webhooks/"+source, strings.NewReader(body),
	)
	if err != nil {
		t.Fatal(err)
	}
	return do(t, client, req)
}

func TestCertificatesOfPlatforms(t *testing.T) {
	t.Parallel()
	ours, theirs, strange := desktest.NewAuthority(t), desktest.NewAuthority(t), desktest.NewAuthority(t)
	_, cert, key := ours.Files(t, ours.Issue(t, time.Hour))
	ca, _, _ := theirs.Files(t, ours.Issue(t, time.Hour))
	p := setup(t, func(c *config.Config) {
		c.TLS = config.ListenTLS{CertFile: cert, KeyFile: key, ClientCAFile: ca}
		any, one := c.Sources[0], c.Sources[0]
		any.Name, any.Verify = "any", verify.Settings{Source: "any", Scheme: verify.MTLS}
		one.Name, one.Verify = "one", verify.Settings{
			Source: "one",
			Scheme: verify.MTLS,
			SANs:   []string{"hooks.genesys.example"},
		}
		c.Sources = append(c.Sources, any, one)
	})
	platform := theirs.Issue(t, time.Hour, "hooks.genesys.example")
	another := theirs.Issue(t, time.Hour, "elsewhere.example")
	for _, c := range []struct {
		name, source string
		client       *http.Client
		want         int
	}{
		{"nothing to prove", "genesys", over(t, ours), http.StatusOK},
		{"no certificate", "any", over(t, ours), http.StatusUnauthorized},
		{"certificate", "any", over(t, ours, another), http.StatusOK},
		{"another's certificate", "one", over(t, ours, another), http.StatusUnauthorized},
		{"its certificate", "one", over(t, ours, platform), http.StatusOK},
		{"no certificate of a browser", "one", over(t, ours), http.StatusUnauthorized},
	} {
		t.Run(c.name, func(t *testing.T) {
			if status, body := p.postTo(t, c.client, c.source, "{}"); status != c.want {
				t.Errorf("%s: answered %d %s", c.name, status, body)
			}
		})
	}
	// it is refused at once
	if answer, err := over(
		t, ours, strange.Issue(t, time.Hour),
	).Get(p.URL() + "/healthz"); err == nil { //nolint:noctx // loopback
		_ = answer.Body.Close()
		t.Error("a certificate of an authority that nobody named is taken")
	}
	if !strings.HasPrefix(p.URL(), "https://") || !strings.HasPrefix(p.ConsoleURL(), "https://") ||
		!strings.HasPrefix(p.SetupURL(), "https://") {
		t.Errorf("it says it is at %s and %s", p.URL(), p.ConsoleURL())
	}
}

func TestChangedCertificateIsReloaded(t *testing.T) {
	t.Parallel()
	before, after := desktest.NewAuthority(t), desktest.NewAuthority(t)
	_, cert, key := before.Files(t, before.Issue(t, time.Hour))
	p := setup(t, func(c *config.Config) { c.TLS = config.ListenTLS{CertFile: cert, KeyFile: key} })
	if status, body := p.postTo(t, over(t, before), "genesys", "{}"); status != http.StatusOK {
		t.Fatalf("answered %d %s", status, body)
	}
	_, newCert, newKey := after.Files(t, after.Issue(t, time.Hour))
	replace := func(file, by string) {
		if err := os.Rename(by, file); err != nil {
			t.Fatal(err)
		}
	}
	replace(cert, newCert)
	// Between the two files the certificate goes with no key: what was there before stays.
	if status, body := p.postTo(t, over(t, before), "genesys", "{}"); status != http.StatusOK {
		t.Errorf("with half of the new files it answers %d %s", status, body)
	}
	replace(key, newKey)
	if status, body := p.postTo(t, over(t, after), "genesys", "{}"); status != http.StatusOK {
		t.Errorf("with the new files it answers %d %s", status, body)
	}
}

// A platform that gets no response sends the event again: it is one message, and its signature is never shown.
func TestRepeatedEventIsOneMessage(t *testing.T) {
	t.Parallel()
	s := verify.Settings{
		Source:  "genesys",
		Scheme:  verify.HMAC,
		Header:  "X-Own-Proof",
		Secrets: []redact.Secret{redact.NewSecret("", "secret of ours")},
	}
	p := setup(t, func(c *config.Config) {
		c.Sources[0].Verify = s
		c.Sources[0].Dedup = payload.Dedup{Path: payload.Path{"id"}, Window: time.Hour}
	})
	p.destination.Set(desktest.Answer(http.StatusUnprocessableEntity, ""))
	v, err := verify.New(s)
	if err != nil {
		t.Fatal(err)
	}
	const body = `{"id":"evt-1"}`
	signed, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.URL(), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Sign(signed, []byte(body), "", time.Now()); err != nil {
		t.Fatal(err)
	}
	if status, told := p.post(t, body, nil); status != http.StatusUnauthorized || strings.Contains(told, "Own") {
		t.Errorf("without proof it is answered %d %s", status, told)
	}
	var first string
	for range 2 {
		status, told := p.post(t, body, signed.Header)
		id := kept(t, status, told)
		if first == "" {
			first = id
		}
	}
	browser := p.signIn(t)
	page := p.await(t, browser, "/messages/"+first, "2 times")
	if strings.Contains(page, signed.Header.Get("X-Own-Proof")) || !strings.Contains(page, "X-Own-Proof") {
		t.Error("the message shows its proof, or not that it had one")
	}
	if n := len(p.destination.Received()); n != 2 {
		t.Errorf("%d deliveries, want that of each webhook", n)
	}
}
