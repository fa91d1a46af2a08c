package verify_test

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/verify"
)

func TestSchemesNeedTheirRequiredSettings(t *testing.T) {
	t.Parallel()
	full := verify.Settings{
		Secrets: secrets(whole), Header: "X-Sig", User: "genesys", ClientID: "cxone", URL: address,
	}
	for _, scheme := range verify.Schemes() {
		s := full
		s.Scheme = scheme.Name
		if v := newVerifier(t, s); v.Settings().Scheme != scheme.Name || scheme.Method == "" {
			t.Errorf("%s is %+v", scheme.Name, scheme)
		}
		s.Secrets = nil
		if faults := s.Faults(); (len(faults) > 0) != scheme.Uses("secrets") {
			t.Errorf("%s without a secret: %v", scheme.Name, faults)
		}
		for _, header := range s.SecretHeaders() {
			if _, err := newVerifier(
				t, func() verify.Settings { s.Secrets = full.Secrets; return s }(),
			).CheckHead(request(t, address, http.Header{"Content-Type": {"a"}}), noon); err == nil {
				t.Errorf("%s: nothing in %s is no matter", scheme.Name, header)
			}
		}
	}
}

func TestFaultsNameTheirKeyAndNoSecret(t *testing.T) {
	t.Parallel()
	hmac := func(change func(*verify.Settings)) verify.Settings {
		s := verify.Settings{Scheme: verify.HMAC, Header: "X-Sig", Secrets: secrets("hunter2")}
		change(&s)
		return s
	}
	for _, c := range []struct {
		key      string
		settings verify.Settings
	}{
		{"scheme", verify.Settings{Scheme: "strype", Secrets: secrets("hunter2")}},
		{"header", hmac(func(s *verify.Settings) { s.Header = "" })},
		{"encoding", hmac(func(s *verify.Settings) { s.Encoding = "base32" })},
		{"algorithm", hmac(func(s *verify.Settings) { s.Algorithm = "md5" })},
		{"signed", hmac(func(s *verify.Settings) { s.Signed = "body" })},
		{"signed", hmac(func(s *verify.Settings) { s.Signed = "{body}{" })},
		{"signed", hmac(func(s *verify.Settings) { s.Signed = "{body}{time}" })},
		{"timestamp_header", hmac(func(s *verify.Settings) { s.Signed = "{ts}{body}" })},
		{"timestamp_header", hmac(func(s *verify.Settings) { s.TimestampHeader = "X-Time" })},
		{"id_header", hmac(func(s *verify.Settings) { s.Signed = "{id}{body}" })},
		{"id_header", hmac(func(s *verify.Settings) { s.IDHeader = "X-Id" })},
		{"secrets[0]", hmac(func(s *verify.Settings) { s.SecretEncoding = "base64"; s.Secrets = secrets("hunter2!") })},
		{"secrets[0]", hmac(func(s *verify.Settings) { s.SecretEncoding = "base32" })},
		{"secrets[1]", hmac(func(s *verify.Settings) { s.Secrets = secrets("hunter2", "") })},
		{"secrets", hmac(func(s *verify.Settings) { s.Secrets = nil })},
		{"secrets[0]", verify.Settings{Scheme: verify.StandardWebhooks, Secrets: secrets("whsec_hunter2!")}},
		{"secrets[0]", verify.Settings{Scheme: verify.StandardWebhooks, Secrets: secrets("whpk_hunter2")}},
		{"secrets[0]", verify.Settings{Scheme: verify.StandardWebhooks, Secrets: secrets("whsk_hunter2")}},
		{"secrets[0]", verify.Settings{Scheme: verify.Token, Header: "X-Key", Secrets: secrets("hunter2\n")}},
		{"user", verify.Settings{Scheme: verify.Basic, User: "a:b", Secrets: secrets("hunter2")}},
		{"header", verify.Settings{Scheme: verify.Token, Secrets: secrets("hunter2")}},
		{"url", verify.Settings{Scheme: verify.Twilio, URL: "hooks.example.com", Secrets: secrets("hunter2")}},
		{"url", verify.Settings{Scheme: verify.Twilio, URL: address + "?a=1", Secrets: secrets("hunter2")}},
	} {
		t.Run(c.key, func(t *testing.T) {
			faults := c.settings.Faults()
			if len(faults) != 1 || faults[0].Key != c.key || faults[0].Text == "" {
				t.Errorf("%s: %v", c.key, faults)
			}
			_, err := verify.New(c.settings)
			if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), c.key) {
				t.Errorf("%s: %v", c.key, err)
			}
		})
	}
}

func TestSettingsShowNoSecret(t *testing.T) {
	t.Parallel()
	for name, s := range settings() {
		v := newVerifier(t, s)
		_, err := v.CheckHead(request(t, address, http.Header{"Authorization": {"Bearer x"}}), noon)
		text := fmt.Sprintf("%v %+v %#v %v %+v", s, s, s, v, err)
		for _, secret := range s.Secrets {
			if strings.Contains(text, secret.Reveal()) {
				t.Errorf("%s: %s", name, text)
			}
		}
	}
}

func TestTwilioRefusesUnsignedForms(t *testing.T) {
	t.Parallel()
	v := newVerifier(t, verify.Settings{Scheme: verify.Twilio, URL: address, Secrets: secrets("12345")})
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	genuine := func(body string) *http.Request {
		r := request(t, address, form)
		if err := v.Sign(r, []byte(body), "", noon); err != nil {
			t.Fatal(err)
		}
		return r
	}
	if err := check(v, genuine("b=2&a=1&a=1&a=0&c="), []byte("c=&a=0&b=2&a=1"), noon); err != nil {
		t.Errorf("the order of fields is no matter: %v", err)
	}
	asText := genuine("a=1")
	asText.Header.Set("Content-Type", "text/plain")
	mustRefuse(t, "form as text", check(v, asText, []byte("a=1"), noon))
	empty := genuine("")
	empty.Header.Set("Content-Type", "application/json")
	mustRefuse(t, "body without its hash", check(v, empty, []byte("{}"), noon))
	mustRefuse(t, "no form", check(v, genuine("a=1"), []byte("a=%zz"), noon))
	another := genuine("a=1")
	another.URL.RawQuery = "b=1"
	mustRefuse(t, "another query", check(v, another, []byte("a=1"), noon))
	twice := request(t, address, nil)
	if err := v.Sign(twice, []byte("{}"), "", noon); err != nil {
		t.Fatal(err)
	}
	twice.URL.RawQuery += "&" + twice.URL.RawQuery
	mustRefuse(t, "two hashes", check(v, twice, []byte("{}"), noon))
}

func TestAuthorizationSchemeIgnoresCase(t *testing.T) {
	t.Parallel()
	bearer := newVerifier(t, verify.Settings{Scheme: verify.Bearer, Secrets: secrets("secret of ours")})
	for value, ok := range map[string]bool{
		"bearer secret of ours": true, "BEARER secret of ours": true,
		"Bearer  secret of ours": false, "secret of ours": false, "Bearer": false, "": false,
	} {
		t.Run(fmt.Sprintf("%q", value), func(t *testing.T) {
			if err := check(
				bearer, request(t, address, http.Header{"Authorization": {value}}), nil, noon,
			); (err == nil) != ok {
				t.Errorf("%q: %v", value, err)
			}
		})
	}
}

func TestClientCertificates(t *testing.T) {
	t.Parallel()
	spiffe, err := url.Parse("spiffe://example.com/genesys")
	if err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{
		Subject: pkix.Name{CommonName: "genesys", Organization: []string{"Example"}},
		DNSNames: []string{
			"hooks.genesys.example",
		},
		IPAddresses:    []net.IP{net.IPv4(192, 0, 2, 1)},
		URIs:           []*url.URL{spiffe},
		EmailAddresses: []string{"hooks@example.com"},
	}
	for _, c := range []struct {
		subjects, sans []string
		ok             bool
	}{
		{nil, nil, true},
		{[]string{"CN=genesys,O=Example"}, nil, true},
		{[]string{"CN=genesys"}, nil, false},
		{[]string{"CN=cxone", "CN=genesys,O=Example"}, nil, true},
		{nil, []string{"HOOKS.genesys.example"}, true},
		{nil, []string{"192.0.2.1"}, true},
		{nil, []string{"spiffe://example.com/genesys"}, true},
		{nil, []string{"hooks@example.com"}, true},
		{nil, []string{"genesys"}, false},
		{[]string{"CN=cxone"}, []string{"hooks.genesys.example"}, true},
	} {
		t.Run(fmt.Sprintf("subjects %q, names %q", c.subjects, c.sans), func(t *testing.T) {
			v := newVerifier(t, verify.Settings{Scheme: verify.MTLS, Subjects: c.subjects, SANs: c.sans})
			r := request(t, address, nil)
			mustRefuse(t, "no TLS", check(v, r, nil, noon))
			r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}}
			mustRefuse(t, "unverified", check(v, r, nil, noon))
			r.TLS.VerifiedChains = [][]*x509.Certificate{{leaf}}
			if err := check(v, r, nil, noon); (err == nil) != c.ok {
				t.Errorf("%q %q: %v", c.subjects, c.sans, err)
			}
			if v.Sign(r, nil, "", noon) == nil {
				t.Error("it signs")
			}
		})
	}
}

func TestIssuedTokens(t *testing.T) {
	t.Parallel()
	s := verify.Settings{
		Scheme:   verify.CXoneBYOC,
		Source:   "byoc",
		ClientID: "cxone",
		Secrets:  secrets("new secret", "old secret"),
	}
	v := newVerifier(t, s)
	ask := func(id, secret, grant string) (string, error) {
		request, err := json.Marshal(map[string]string{"client_id": id, "client_secret": secret, "grant_type": grant})
		if err != nil {
			t.Fatal(err)
		}
		text, err := v.Issue(request, noon)
		if err != nil {
			return "", err
		}
		var got struct {
			AccessToken string `json:"access_token"`
			TokenType   string `json:"token_type"`
			ExpiresIn   int    `json:"expires_in"`
		}
		if err := json.Unmarshal(text, &got); err != nil || got.TokenType != "Bearer" || got.ExpiresIn != 3600 {
			t.Errorf("answered %s, %v", text, err)
		}
		return got.AccessToken, nil
	}
	bearer := func(token string) *http.Request {
		return request(t, address, http.Header{"Authorization": {"Bearer " + token}})
	}
	for _, secret := range []string{"new secret", "old secret"} {
		t.Run(secret, func(t *testing.T) {
			token, err := ask("cxone", secret, "client_credentials")
			if err != nil || !v.Issues() {
				t.Fatal(err)
			}
			if err := check(v, bearer(token), nil, noon.Add(verify.TokenLife-time.Second)); err != nil {
				t.Error(err)
			}
			if refusal, ok := errors.AsType[*verify.Refusal](
				check(v, bearer(token), nil, noon.Add(verify.TokenLife)),
			); !ok || !refusal.Expected {
				t.Errorf("a token that has ended: %v", refusal)
			}
			if err := check(newVerifier(t, s), bearer(token), nil, noon); err != nil {
				t.Errorf("another receiver: %v", err)
			}
			other := s
			other.Source = "another"
			mustRefuse(t, "another source", check(newVerifier(t, other), bearer(token), nil, noon))
			other = s
			other.Secrets = secrets("none of them")
			mustRefuse(t, "secret taken away", check(newVerifier(t, other), bearer(token), nil, noon))
		})
	}
	for _, c := range [][3]string{{"cxone", "wrong", "client_credentials"}, {
		"other", "new secret",
		"client_credentials",
	}, {"cxone", "new secret", "password"}, {"", "", ""}} {
		_, err := ask(c[0], c[1], c[2])
		mustRefuse(t, strings.Join(c[:], " "), err)
	}
	for _, text := range []string{"", "{", "[]", `{"client_id":1}`, "\xff"} {
		_, err := v.Issue([]byte(text), noon)
		mustRefuse(t, text, err)
	}
	if refusal, ok := errors.AsType[*verify.Refusal](check(v, request(t, address, nil), nil, noon)); !ok ||
		!refusal.Expected {
		t.Errorf("no token yet: %v", refusal)
	}
	if refusal, ok := errors.AsType[*verify.Refusal](check(v, bearer("AAAA"), nil, noon)); !ok || refusal.Expected {
		t.Errorf("a forged token: %v", refusal)
	}
	if _, err := newVerifier(t, verify.Settings{}).Issue(nil, noon); err == nil {
		t.Error("a source that issues none answers a token")
	}
}

// TestWebhookIDPlaces holds the place of the id that a platform repeats when it sends a webhook again.
func TestWebhookIDPlaces(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		verify.StandardWebhooks:     "header webhook-id",
		verify.GitHub:               "header X-GitHub-Delivery",
		verify.GenesysOpenMessaging: "body id",
		verify.CXoneExpert:          "header X-Nexus-Delivery-Id",
		verify.Stripe:               "body id",
		verify.Slack:                "body event_id",
		verify.Shopify:              "header X-Shopify-Webhook-Id",
		verify.Twilio:               "header I-Twilio-Idempotency-Token",
	}
	for _, s := range verify.Schemes() {
		var got string
		switch {
		case s.IDHeader != "" && s.IDPath == nil:
			got = "header " + s.IDHeader
		case s.IDHeader == "" && s.IDPath != nil:
			got = "body " + strings.Join(s.IDPath, ".")
		}
		if got != want[s.Name] {
			t.Errorf("the id of %s is in %q", s.Name, got)
		}
	}
}
