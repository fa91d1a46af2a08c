package receiver_test

import (
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"dlqdesk/internal/redact"
	"dlqdesk/internal/telemetry"
	"dlqdesk/internal/verify"
)

// setupHandshakes returns a receiver with a source of each handshake, and "plain" with none.
func setupHandshakes(t *testing.T) proofs {
	t.Helper()
	settings := []verify.Settings{{Source: "plain"}}
	for _, h := range verify.Handshakes() {
		s := verify.Settings{Source: h.Name, Handshake: h.Name}
		switch h.Name {
		case verify.Slack:
			s.Scheme = verify.Slack
		case verify.Zoom:
			s.Scheme, s.Header, s.Prefix, s.Signed = verify.HMAC, "x-zm-signature", "v0=", "v0:{ts}:{body}"
			s.TimestampHeader = "x-zm-request-timestamp"
		case verify.Asana:
			s.Scheme, s.Header = verify.HMAC, "X-Hook-Signature"
		case verify.EventGrid:
			s.Scheme, s.Header = verify.Token, "X-Key"
		}
		if h.Secrets == verify.OwnSecret {
			s.HandshakeSecrets = []redact.Secret{redact.NewSecret("", "older"), redact.NewSecret("", "t")}
		}
		settings = append(settings, s)
	}
	return setupVerified(t, slog.LevelInfo, settings)
}

// request sends a request to a source.
func (p proofs) request(t *testing.T, method, path, header, body string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, p.url+"/webhooks/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if name, value, ok := strings.Cut(header, ": "); ok {
		req.Header.Set(name, value)
	}
	return ask(t, req)
}

func TestHandshakesAreAnswered(t *testing.T) {
	t.Parallel()
	const text, json = "text/plain; charset=utf-8", "application/json"
	const hub = "?hub.mode=subscribe&hub.verify_token=t&hub.challenge=1158201444"
	p := setupHandshakes(t)
	for _, c := range []struct {
		method, path, header   string
		contentType, body, has string // has: a header of the response
	}{
		{"GET", "meta" + hub, "", text, "1158201444", ""},
		{"GET", "strava" + hub, "", json, `{"hub.challenge":"1158201444"}`, ""},
		{
			"POST",
			"microsoft-graph?validationToken=Validation%3a+Testing+client+application+Request-Id%3A+522a8e7e", "",
			text, "Validation: Testing client application Request-Id: 522a8e7e", "",
		},
		{
			"OPTIONS", "cloudevents", "WebHook-Request-Origin: eventgrid.azure.net", "", "",
			"Webhook-Allowed-Origin: eventgrid.azure.net",
		},
		{"OPTIONS", "cloudevents", "WebHook-Request-Origin: eventgrid.azure.net", "", "", "Webhook-Allowed-Rate: *"},
		{"OPTIONS", "cloudevents", "WebHook-Request-Origin: eventgrid.azure.net", "", "", "Allow: POST"},
		{"GET", "dropbox?challenge=AbC-1_2", "", text, "AbC-1_2", ""},
		{"GET", "okta", "X-Okta-Verification-Challenge: abc", json, `{"verification":"abc"}`, ""},
		// By openssl dgst -sha256 -hmac 'hunter2 of ours'.
		{
			"GET", "x?crc_token=challenge_string", "", json,
			`{"response_token":"sha256=XQn1hlr8v5NSsRQU04ly5kpcSbGGs4xn9mLUvjH9M2U="}`, "",
		},
		{"POST", "asana", "X-Hook-Secret: b537207f20cbfa02", "", "", "X-Hook-Secret: b537207f20cbfa02"},
		{"HEAD", "head", "", "", "", ""},
		{"GET", "head", "", "", "", ""},
	} {
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			got := p.request(t, c.method, c.path, c.header, "")
			if got.status != http.StatusOK || got.body != c.body || got.header.Get("Content-Type") != c.contentType {
				t.Errorf("the response is %d %q %s", got.status, got.body, got.header.Get("Content-Type"))
			}
			if name, value, ok := strings.Cut(c.has, ": "); ok && got.header.Get(name) != value {
				t.Errorf("its header %s is %q", name, got.header.Get(name))
			}
			mustBeInert(t, got)
		})
	}
	p.mustHaveTakenNothing(t)
}

func TestHandshakesOfVerifiedBodiesAreAnswered(t *testing.T) {
	t.Parallel()
	p := setupHandshakes(t)
	for source, c := range map[string]struct{ body, want, header string }{
		"slack": {
			`{"type":"url_verification","token":"x","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY"}`,
			"3eZbrw1aBm2rZgRNFdxV2595E9CY", "",
		},
		// By openssl dgst -sha256 -hmac 'hunter2 of ours'.
		"zoom": {
			`{"event":"endpoint.url_validation","payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"},"event_ts":1}`,
			`{"encryptedToken":"02a0272b92c0f9d635b3c7d988df0ab6810b55fc89aab0d670bb3d1951b804dc",` +
				`"plainToken":"qgg8vlvZRS6UYooatFL8Aw"}`, "",
		},
		"event-grid": {
			`[{"id":"1","eventType":"Microsoft.EventGrid.SubscriptionValidationEvent",` +
				`"data":{"validationCode":"512d38b6-c7b8-40c8-89fe-f46f9e9622b6"}}]`,
			`{"validationResponse":"512d38b6-c7b8-40c8-89fe-f46f9e9622b6"}`, "SubscriptionValidation",
		},
		"monday": {`{"challenge":"3eZbrw1aBm2rZg"}`, `{"challenge":"3eZbrw1aBm2rZg"}`, ""},
	} {
		t.Run(source, func(t *testing.T) {
			got := p.post(t, source, c.body, true, func(r *http.Request) {
				if c.header != "" {
					r.Header.Set("Aeg-Event-Type", c.header)
				}
			})
			if got.status != http.StatusOK || got.body != c.want {
				t.Errorf("the response is %d %q", got.status, got.body)
			}
			mustBeInert(t, got)
			if source == "monday" {
				return
			}
			if forged := p.post(t, source, c.body, false, nil); forged.status != http.StatusUnauthorized {
				t.Errorf("without a signature it is answered %d %q", forged.status, forged.body)
			}
		})
	}
	p.mustHaveTakenNothing(t)
}

// mustBeInert checks that no browser takes a response for a page.
func mustBeInert(t *testing.T, a answer) {
	t.Helper()
	if a.header.Get("X-Content-Type-Options") != "nosniff" || a.header.Get("Location") != "" ||
		a.header.Get("Content-Security-Policy") != "default-src 'none'; sandbox" ||
		strings.Contains(a.header.Get("Content-Type"), "html") {
		t.Errorf("its headers are %v", a.header)
	}
}

func (p proofs) mustHaveTakenNothing(t *testing.T) {
	t.Helper()
	if n := len(p.destination.Received()) + len(kept(t, p.dlq)); n > 0 || p.counts.sum.Received > 0 {
		t.Errorf("%d handshakes were taken for webhooks", n)
	}
	if !slices.Contains(p.counts.answers, telemetry.AnswerHandshake) {
		t.Errorf("counted are %v", p.counts.answers)
	}
}

func TestWrongHandshakesAreRefused(t *testing.T) {
	t.Parallel()
	p := setupHandshakes(t)
	const hub = "?hub.mode=subscribe&hub.challenge=1&hub.verify_token="
	html := "%3Cscript%3Ealert(1)%3C/script%3E"
	for _, c := range []struct {
		method, path, header string
		status               int
	}{
		{"GET", "meta" + hub + "wrong", "", http.StatusForbidden},
		{"GET", "meta" + hub, "", http.StatusForbidden},
		{"GET", "meta" + hub + "t&hub.verify_token=t", "", http.StatusForbidden},
		{"GET", "meta?hub.mode=subscribe&hub.challenge=" + html + "&hub.verify_token=t", "", http.StatusForbidden},
		{"GET", "meta?hub.mode=subscribe&hub.verify_token=t", "", http.StatusMethodNotAllowed},
		{"GET", "meta?hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=t", "", http.StatusMethodNotAllowed},
		{"GET", "strava" + hub + "wrong", "", http.StatusForbidden},
		{"POST", "microsoft-graph?validationToken=" + html, "", http.StatusForbidden},
		{"POST", "microsoft-graph?validationToken=", "", http.StatusForbidden},
		{"POST", "microsoft-graph?validationToken=a&validationToken=b", "", http.StatusForbidden},
		{"POST", "microsoft-graph?validationToken=a%0d%0aX-Evil:1", "", http.StatusForbidden},
		{"POST", "microsoft-graph?validationToken=%ff", "", http.StatusForbidden},
		{"POST", "microsoft-graph?validationToken=" + strings.Repeat("a", 3000), "", http.StatusForbidden},
		{"GET", "microsoft-graph?validationToken=a", "", http.StatusMethodNotAllowed},
		{"GET", "dropbox?challenge=" + html, "", http.StatusForbidden},
		{"GET", "okta", "X-Okta-Verification-Challenge: <b>", http.StatusForbidden},
		{"OPTIONS", "cloudevents", "WebHook-Request-Origin: http://evil.example/<b>", http.StatusForbidden},
		{"OPTIONS", "cloudevents", "Origin: a.example", http.StatusMethodNotAllowed},
		{"POST", "asana", "X-Hook-Secret: <b>", http.StatusForbidden},
		{"POST", "asana", "X-Hook-Secret: ", http.StatusUnauthorized},
		{"GET", "asana", "X-Hook-Secret: b537207f20cbfa02", http.StatusMethodNotAllowed},
		{"GET", `x?crc_token={"a":1}`, "", http.StatusForbidden}, // it would sign a webhook of a forger
		{"GET", "x", "", http.StatusMethodNotAllowed},
		{"PUT", "head", "", http.StatusMethodNotAllowed},
		{"GET", "plain", "", http.StatusMethodNotAllowed},
		{"HEAD", "plain", "", http.StatusMethodNotAllowed},
		{"OPTIONS", "plain", "WebHook-Request-Origin: a.example", http.StatusMethodNotAllowed},
		{"GET", "plain" + hub + "t", "", http.StatusMethodNotAllowed},
		{"GET", "unknown" + hub + "t", "", http.StatusMethodNotAllowed},
	} {
		t.Run(c.method+" "+c.path[:min(60, len(c.path))], func(t *testing.T) {
			got := p.request(t, c.method, c.path, c.header, "")
			if got.status != c.status || strings.Contains(got.body, "script") || got.header.Get("X-Evil") != "" {
				t.Errorf("the response is %d %q %v", got.status, got.body, got.header)
			}
		})
	}
	for source, body := range map[string]string{
		"zoom":  `{"event":"endpoint.url_validation","payload":{"plainToken":"v0:1700000000:{}"}}`,
		"slack": `{"type":"url_verification","challenge":"<script>alert(1)</script>"}`,
	} {
		if got := p.post(t, source, body, true, nil); got.status != http.StatusForbidden {
			t.Errorf("%s: the response is %d %q", source, got.status, got.body)
		}
	}
	if !strings.Contains(p.log.String(), "hub.verify_token of the handshake is none of handshake_secrets") {
		t.Errorf("the log lacks the reason: %s", p.log)
	}
}

// A source with a handshake delivers every other request like any webhook.
func TestOtherRequestsOfHandshakeSourcesAreWebhooks(t *testing.T) {
	t.Parallel()
	p := setupHandshakes(t)
	n := 0
	for _, h := range verify.Handshakes() {
		for _, body := range []string{
			`{"type":"event_callback","challenge":"x","a":1}`, `[]`, `{"challenge":1}`,
			"", "{",
		} {
			if got := p.post(t, h.Name, body, true, nil); got.status != http.StatusOK {
				t.Errorf("%s: %q is answered %d %s", h.Name, body, got.status, got.body)
			}
			n++
		}
	}
	challenge := `{"type":"url_verification","challenge":"x"}`
	if got := p.request(t, "POST", "plain?validationToken=x", "", challenge); got.body == "x" {
		t.Error("a source without a handshake answers one")
	}
	if got := len(kept(t, p.dlq)); got == 0 || p.counts.sum.Received != n+1 {
		t.Errorf("%d of %d are received", p.counts.sum.Received, n+1)
	}
}
