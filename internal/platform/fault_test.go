package platform_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"dlqdesk/internal/platform"
	"dlqdesk/internal/redact"
)

// The error of each common fault is one line with its remedy.
func TestErrorsNameTheFix(t *testing.T) {
	t.Parallel()
	register := func(t *testing.T, c *platform.Client, w platform.Webhook) error {
		_, err := c.Register(t.Context(), w)
		return err
	}
	for name, c := range map[string]struct {
		preset  string
		change  func(*bundle, *platform.Webhook)
		want    string
		reaches bool
	}{
		"secret too short": {
			change: func(_ *bundle, w *platform.Webhook) { w.Secret = secret("0123456789abcde") },
			want: "the signing secret is too short, with 15 characters: use one of over 15, which Genesys " +
				"Cloud, Open Messaging requires",
		},
		"no secret": {
			change: func(_ *bundle, w *platform.Webhook) { w.Secret = redact.Secret{} },
			want: "a signing secret is part of the registration: set the source's verify to { scheme: " +
				"genesys-open-messaging, secrets: [env:NAME] }",
		},
		"no https": {
			change: func(_ *bundle, w *platform.Webhook) { w.URL = "http://hooks.example.com/webhooks/genesys" },
			want: "accepts only https URLs (got http://hooks.example.com/webhooks/genesys): put TLS in front of " +
				"dlqdesk",
		},
		"another port": {
			change: func(_ *bundle, w *platform.Webhook) { w.URL = "https://hooks.example.com:8443/webhooks/genesys" },
			want:   "calls only port 443 (got https://hooks.example.com:8443/webhooks/genesys)",
		},
		"no URL": {
			change: func(_ *bundle, w *platform.Webhook) { w.URL = "" },
			want:   "the webhook's URL is not known: set webhook_url",
		},
		"wrong secret or region": {
			change: func(b *bundle, _ *platform.Webhook) { b.genesys.ClientSecret = "another" },
			want: "cannot get a token: 400 invalid_client: client not found or secret wrong. The client id or " +
				"secret is wrong, or belongs to another region " +
				"(it is us-east-1 now: set region, or GENESYS_CLOUD_ENVIRONMENT) (correlation id corr-login)",
			reaches: true,
		},
		"missing permission": {
			change: func(b *bundle, _ *platform.Webhook) {
				b.genesys.Permissions = []string{
					"messaging:integration:view",
				}
			},
			want: "cannot register https://hooks.example.com/webhooks/genesys: 403 missing.permissions: Unable " +
				"to perform the requested action. You are missing the " +
				"following permission(s): messaging:integration:add. Give the role of the OAuth client the " +
				"permission messaging:integration:add (correlation id corr-42)",
			reaches: true,
		},
		"not made in the end": {
			change: func(b *bundle, _ *platform.Webhook) { b.genesys.CreateError = "the webhook cannot be reached" },
			want: "cannot register https://hooks.example.com/webhooks/genesys: integration.failed: createStatus " +
				"is Error: the webhook cannot be reached. " +
				"Correct that, delete open-1, and register again (correlation id corr-create)",
			reaches: true,
		},
		"the tutorial at the vendor": {
			preset: "tutorial", change: func(*bundle, *platform.Webhook) {},
			want: "404 not.found: The requested resource could not be found. /api/v2/integration/webhooks is " +
				"not in the vendor's published API; expect 404 there. " +
				"Use another preset for the vendor's own API (correlation id corr-42)",
			reaches: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			preset := c.preset
			if preset == "" {
				preset = "genesys-open-messaging"
			}
			b, w := setup(t, preset), webhook()
			c.change(&b, &w)
			err := register(t, b.client, w)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
			if reached := len(b.genesys.Asked()) > 0; reached != c.reaches {
				t.Errorf("reached the platform: %t", reached)
			}
		})
	}
}

func TestMissingCredentialsAreNamed(t *testing.T) {
	t.Parallel()
	client, _ := clientOf(
		t,
		"cxone-expert",
		"http://127.0.0.1:1",
		platform.Credentials{ClientID: secret("a")},
		func(p *platform.Preset) {
			p.Calls = map[string]platform.Call{platform.List: {Path: "/x"}}
		},
	)
	_, err := client.Token(t.Context())
	if _, listErr := client.List(t.Context()); listErr == nil || err == nil || listErr.Error() != err.Error() {
		t.Errorf("got %v and %v", err, listErr)
	}
	const want = "no client_secret, access_key_id, access_key_secret: set each below platforms to env:NAME or " +
		"file:PATH, or by the environment, CXONE_CLIENT_SECRET, "
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v", err)
	}
}

func TestUnreachablePlatformIsReported(t *testing.T) {
	t.Parallel()
	b := setup(t, "genesys-open-messaging")
	client, clock := clientOf(t, "genesys-open-messaging", "http://127.0.0.1:1", credentialsOf(b.genesys))
	_, err := client.List(t.Context())
	if err == nil || !strings.HasPrefix(err.Error(), "cannot get a token: dial tcp 127.0.0.1:1: ") ||
		strings.Contains(err.Error(), b.genesys.ClientSecret) {
		t.Errorf("got %v", err)
	}
	if len(clock.all()) != 4 {
		t.Errorf("waited %s", clock.all())
	}
}

// A response that is empty, truncated or no JSON is an error and no panic.
func TestMalformedResponsesAreReported(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "<html>", "[]", `{"entities":1}`, `{"entities":null}`, `{"entities":[1,` +
		`null,"x"]}`} {
		t.Run(fmt.Sprintf("%q", body), func(t *testing.T) {
			b := setup(t, "genesys-open-messaging")
			b.genesys.Next(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) })
			items, err := b.client.List(t.Context())
			if len(items) == 0 && err == nil && body != `{"entities":null}` {
				t.Errorf("%q: nothing, and no fault", body)
			}
		})
	}
	b := setup(t, "genesys-open-messaging")
	b.genesys.Next(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "<html>\n"+strings.Repeat("x", 4096), http.StatusTeapot)
	})
	if _, err := b.client.List(t.Context()); err == nil ||
		err.Error() != "cannot list what is registered: 418 I'm a teapot" {
		t.Errorf("got %v", err)
	}
}
