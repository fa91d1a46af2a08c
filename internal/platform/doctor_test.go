package platform_test

import (
	"fmt"
	"strings"
	"testing"

	"dlqdesk/internal/desktest"
	"dlqdesk/internal/platform"
	"dlqdesk/internal/redact"
)

func examined(t *testing.T, c *platform.Client, w platform.Webhook) string {
	t.Helper()
	var lines []string
	for _, check := range c.Examine(t.Context(), w) {
		lines = append(lines, fmt.Sprintf("%s %s: %s: %s", check.State, check.Name, check.Text, check.Fix))
	}
	return strings.Join(lines, "\n")
}

func TestExamine(t *testing.T) {
	t.Parallel()
	b := setup(t, "genesys-open-messaging")
	says := func(want string) {
		t.Helper()
		if got := examined(t, b.client, webhook()); !strings.Contains(got, want) {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	says(
		"ok token: granted by " + b.genesys.URL + "/oauth/token for 24h: \nfail registration: nothing is " +
			"registered for https://hooks.example.com/webhooks/genesys: dlqdesk platform register genesys",
	)
	b.genesys.SlowBy = 2
	if _, err := b.client.Register(t.Context(), webhook()); err != nil {
		t.Fatal(err)
	}
	says("ok registration: open-1 dlqdesk genesys is registered for https://hooks.example.com/webhooks/genesys")
	w := webhook()
	w.Secret = secret("short")
	if got := examined(t, b.client, w); !strings.HasPrefix(
		got, "fail registrable: the signing secret is too short, with 5 characters: use one of over 15",
	) {
		t.Errorf("got %s", got)
	}
	b.genesys.ClientID = "another"
	b.client, _ = clientOf(
		t, "genesys-open-messaging", b.genesys.URL,
		platform.Credentials{ClientID: secret("client-1"), ClientSecret: secret("client-s3cret")},
	)
	says(
		"fail token: cannot get a token: 400 invalid_client: client not found or secret wrong (correlation id " +
			"corr-login): the client id or secret is wrong",
	)
}

func TestExamineWithoutCalls(t *testing.T) {
	t.Parallel()
	b := setup(t, "tutorial")
	if got := examined(t, b.client, webhook()); !strings.Contains(
		got, "warn registration: cannot be checked: tutorial cannot list: the tutorial names no such request",
	) {
		t.Errorf("got %s", got)
	}
	server := desktest.NewCXone(t)
	client, _ := clientOf(t, "cxone-byoc", server.URL, platform.Credentials{})
	got := examined(
		t, client,
		platform.Webhook{Source: "cxone", URL: "https://hooks.example.com/webhooks/cxone", Secret: redact.Secret{}},
	)
	if !strings.Contains(got, "ok registrable: by hand") || !strings.Contains(got, "warn token: not checked") ||
		len(server.Asked()) != 0 {
		t.Errorf("got %s", got)
	}
}

func TestExamineComparesSettings(t *testing.T) {
	t.Parallel()
	b := setup(t, "genesys-open-messaging")
	if _, err := b.client.Register(t.Context(), webhook()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ parameters, want string }{
		{"", "ok registration: open-1 dlqdesk genesys is registered for"},
		{
			`{"id":"content-7"}`,
			`warn registration: open-1 is registered with other settings: supportedContent is not set instead ` +
				`of {"id":"content-7"}: change them there, or delete open-1`,
		},
	} {
		t.Run(fmt.Sprintf("%q", c.parameters), func(t *testing.T) {
			client, _ := clientOf(
				t, "genesys-open-messaging", b.genesys.URL, credentialsOf(b.genesys),
				parameters(map[string]string{"supported_content": c.parameters}),
			)
			w := webhook()
			w.Name, w.Secret = "another name", secret("another secret, of 33 characters.")
			if got := examined(t, client, w); !strings.Contains(got, c.want) {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}
