package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dlqdesk/internal/config"
)

// A change of a secret at the same place is a change, and neither value is shown.
func TestChanges(t *testing.T) {
	t.Parallel()
	const text = `
sources:
  orders:
    destination: http://127.0.0.1:9090/orders?code=first
    verify: { scheme: hmac, header: X-Signature, secrets: ["env:ORDERS_SECRET"] }
`
	for name, c := range map[string]struct {
		from, to string
		secret   string
		want     []config.Change
	}{
		"nothing": {"", "", "a secret of this test", nil},
		"secret": {"", "", "another of this test", []config.Change{{
			Key:    "sources.orders.verify.secrets",
			Before: "[env:ORDERS_SECRET •••]", After: "[env:ORDERS_SECRET •••]",
		}}},
		"key of a query": {
			"code=first", "code=second", "a secret of this test",
			[]config.Change{{
				Key: "sources.orders.destination", Before: "http://127.0.0.1:9090/orders?code=•••",
				After: "http://127.0.0.1:9090/orders?code=•••",
			}},
		},
		"password": {
			"http://", "https://svc:p4ss@", "a secret of this test",
			[]config.Change{{
				Key: "sources.orders.destination", Before: "http://127.0.0.1:9090/orders?code=•••",
				After: "https://•••@127.0.0.1:9090/orders?code=•••",
			}},
		},
		"added source": {
			"sources:", "sources:\n  new: { destination: http://127.0.0.1:9090/new }", "a secret of this test",
			[]config.Change{{Key: "sources.new.destination", After: "http://127.0.0.1:9090/new"}},
		},
		"needs a restart": {
			"sources:", "listen: 127.0.0.1:1\nlog: { level: warn, format: json }\nsources:", "a secret of this test",
			[]config.Change{
				{Key: "listen", Before: "127.0.0.1:8080", After: "127.0.0.1:1", Restart: true},
				{Key: "log.format", Before: "text", After: "json", Restart: true},
				{Key: "log.level", Before: "info", After: "warn"},
			},
		},
		"default written out": {"sources:", "grace: 40s\nsources:", "a secret of this test", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			load := func(text, secret string) config.Config {
				file := filepath.Join(t.TempDir(), "desk.yaml")
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				c, err := config.Load(file, []string{"ORDERS_SECRET=" + secret})
				if err != nil {
					t.Fatal(err)
				}
				return c
			}
			before := load(text, "a secret of this test")
			got := before.Changes(load(strings.Replace(text, c.from, c.to, 1), c.secret))
			if !slices.Equal(got, c.want) {
				t.Errorf("%+v\nwant %+v", got, c.want)
			}
		})
	}
}

// The place of an event's id is shown as it is used: the header Webhook-Id is the default wherever it counts.
func TestShownPlaceOfIDs(t *testing.T) {
	t.Parallel()
	const signedID = `verify: { scheme: hmac, header: X-Sig, signed: "{id}.{body}", id_header: Webhook-Id, ` +
		`secrets: ["env:ORDERS_SECRET"] }, `
	for source, want := range map[string]string{
		`dedup: { window: 1h }`: "header:Webhook-Id",
		`verify: { scheme: hmac, header: X-Sig, secrets: ["env:ORDERS_SECRET"] }`: "none",
		`verify: { scheme: slack, secrets: ["env:ORDERS_SECRET"] }`:               "$.event_id",
		`dedup: { key: header:X-Id }`:                                             "header:X-Id",
		`dedup: { key: none }`:                                                    "none",
		signedID + `dedup: { key: $.id }`:                                         "header:Webhook-Id",
		signedID + `dedup: { key: header:X-Id }`:                                  "header:Webhook-Id",
		signedID + `dedup: { key: none }`:                                         "none",
	} {
		file := filepath.Join(t.TempDir(), "desk.yaml")
		text := "sources: { orders: { destination: 'http://127.0.0.1:9090/orders', " + source + " } }"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(file, []string{"ORDERS_SECRET=a secret of this test"})
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(c.Values, func(v config.Value) bool { return v.Key == "sources.orders.dedup.key" })
		if i < 0 || c.Values[i].Text != want {
			t.Errorf("%s is shown with %+v, want %s", source, c.Values, want)
		}
	}
}

func TestRereadSecrets(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "secret")
	write := func(text string) {
		if err := os.WriteFile(secret, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("the first secret of this test")
	file := filepath.Join(t.TempDir(), "desk.yaml")
	text := `sources: { orders: { destination: "http://127.0.0.1:9090/", verify: { scheme: hmac, header: X, ` +
		`secrets: ["file:` +
		secret + `"] } } }`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, changed, err := c.RereadSecrets(); changed || err != nil {
		t.Errorf("unchanged: %t, %v", changed, err)
	}
	write("")
	if same, _, err := c.RereadSecrets(); err == nil ||
		same.Sources[0].Verify.Secrets[0].Reveal() != "the first secret of this test" {
		t.Errorf("an empty file: %v", err)
	}
	write("the second secret of this test\n")
	next, changed, err := c.RereadSecrets()
	if err != nil || !changed || next.Sources[0].Verify.Secrets[0].Reveal() != "the second secret of this test" ||
		c.Sources[0].Verify.Secrets[0].Reveal() != "the first secret of this test" {
		t.Errorf("a new secret: %t, %v", changed, err)
	}
	if changes := c.Changes(next); len(changes) != 1 || changes[0].Key != "sources.orders.verify.secrets" {
		t.Errorf("changes %+v", changes)
	}
}

// A handler may repeat any secret that a source shares with its platform.
func TestSecretsOfASourceAreMasked(t *testing.T) {
	t.Parallel()
	c, err := config.Load("", []string{
		"DLQDESK_SOURCES__A__DESTINATION=http://svc:p4ss%2Fword@127.0.0.1:9090/a?code=c0de-of-destination",
		"DLQDESK_SOURCES__A__VERIFY__SCHEME=github", "DLQDESK_SOURCES__A__VERIFY__SECRETS=env:KEY",
		"DLQDESK_SOURCES__A__HANDSHAKE=meta", "DLQDESK_SOURCES__A__HANDSHAKE_SECRETS=env:TOKEN",
		"KEY=k3y-of-the-signature", "TOKEN=t0ken-of-the-handshake",
	})
	if err != nil {
		t.Fatal(err)
	}
	known := c.Masks().Of("", "a").Secrets(nil, "", nil)
	for _, secret := range []string{
		"c0de-of-destination", "p4ss/word", "k3y-of-the-signature", "t0ken-of-the-handshake",
	} {
		if shown := known.HideText("cannot accept " + secret); strings.Contains(shown, secret) {
			t.Errorf("an error of the handler is shown as %q", shown)
		}
	}
}
