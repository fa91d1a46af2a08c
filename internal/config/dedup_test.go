package config_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/verify"
)

// A sender who can repeat one signed body must not choose the id of another event: a Webhook-Id that the scheme does
// not sign never goes before the platform's own id, at any scheme.
func TestUnsignedWebhookIDTakesNoID(t *testing.T) {
	t.Parallel()
	const secret = "env:SECRET"
	settings := map[string]string{
		verify.None:      "{ scheme: none }",
		verify.Twilio:    "{ scheme: twilio, url: 'https://a.example/webhooks/a', secrets: [" + secret + "] }",
		verify.HMAC:      "{ scheme: hmac, header: X-Sig, secrets: [" + secret + "] }",
		verify.Token:     "{ scheme: token, header: X-Token, secrets: [" + secret + "] }",
		verify.Basic:     "{ scheme: basic, user: u, secrets: [" + secret + "] }",
		verify.CXoneBYOC: "{ scheme: cxone-byoc, client_id: c, secrets: [" + secret + "] }",
		verify.MTLS:      "{ scheme: mtls, sans: [a.example] }",
		"hmac with an id": "{ scheme: hmac, header: X-Sig, signed: '{id}.{body}', id_header: X-Id, secrets: [" +
			secret +
			"] }",
		"hmac with Webhook-Id": "{ scheme: hmac, header: X-Sig, signed: '{id}.{body}', id_header: Webhook-Id, " +
			"secrets: [" +
			secret + "] }",
	}
	for _, s := range verify.Schemes() {
		if settings[s.Name] == "" {
			settings[s.Name] = "{ scheme: " + s.Name + ", secrets: [" + secret + "] }"
		}
	}
	headers := deadletter.Headers{
		"Webhook-Id": {"claimed"}, "X-Github-Delivery": {"own"}, "X-Nexus-Delivery-Id": {"own"},
		"X-Shopify-Webhook-Id": {"own"}, "I-Twilio-Idempotency-Token": {"own"}, "X-Id": {"own"},
	}
	const body = `{"id":"own","event_id":"own","key":"configured"}`
	// Without a key, and with one. "": no id.
	want := map[string][2]string{
		verify.None:                 {"claimed", "configured"},
		verify.StandardWebhooks:     {"claimed", "claimed"}, // it is signed
		"hmac with Webhook-Id":      {"claimed", "claimed"},
		"hmac with an id":           {"own", "configured"},
		verify.HMAC:                 {"", "configured"},
		verify.GitHub:               {"own", "configured"},
		verify.GenesysOpenMessaging: {"own", "configured"},
		verify.CXoneExpert:          {"own", "configured"},
		verify.Stripe:               {"own", "configured"},
		verify.Slack:                {"own", "configured"},
		verify.Shopify:              {"own", "configured"},
		verify.Twilio:               {"own", "configured"},
		verify.CXoneBYOC:            {"claimed", "configured"}, // a credential proves who wrote every header
		verify.Token:                {"claimed", "configured"},
		verify.Basic:                {"claimed", "configured"},
		verify.Bearer:               {"claimed", "configured"},
		verify.MTLS:                 {"claimed", "configured"},
	}
	cert, certKey := pair(t, time.Now().Add(time.Hour))
	for name, verification := range settings {
		for place, key := range []string{"", "\n    dedup: { key: $.key }"} {
			t.Run(name+key, func(t *testing.T) {
				t.Parallel()
				file := filepath.Join(t.TempDir(), "desk.yaml")
				text := "tls: { cert_file: " + cert + ", key_file: " + certKey + ", client_ca_file: " + cert +
					" }\nsources:\n  a:\n    " +
					"destination: http://127.0.0.1:9/a\n    verify: " + verification + key + "\n"
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				c, err := config.Load(file, []string{"SECRET=0123456789abcdef0123456789abcdef"})
				s, ok := c.Source("a")
				if !ok {
					t.Fatal(err)
				}
				if expected, ok := want[name]; !ok || s.Dedup.ID(headers, []byte(body)) != expected[place] {
					t.Errorf("the id is %q, want %q", s.Dedup.ID(headers, []byte(body)), expected[place])
				}
			})
		}
	}
}
