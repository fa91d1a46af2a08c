package notify_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/notify"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/verify"
)

// The vector that Standard Webhooks publishes with its libraries.
const (
	vectorSecret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	vectorID        = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	vectorBody      = `{"test": 2432232314}`
	vectorTime      = 1614265330
	vectorSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
)

// The sink signs by the package that verifies webhooks: here is that it does as the published vector says.
func TestPublishedVectorOfStandardWebhooks(t *testing.T) {
	t.Parallel()
	v, err := verify.New(verify.Settings{
		Scheme: verify.StandardWebhooks, Secrets: []redact.Secret{secret(vectorSecret)},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := http.Request{Header: http.Header{}}
	if err := v.Sign(&r, []byte(vectorBody), vectorID, time.Unix(vectorTime, 0)); err != nil {
		t.Fatal(err)
	}
	if got := r.Header.Get("Webhook-Signature"); got != vectorSignature {
		t.Errorf("%s", got)
	}
}

func newWebhook(t *testing.T, p *platform, secretValue string) notify.Webhook {
	t.Helper()
	sink, err := notify.NewWebhook(newClient(t), secret(p.URL+"/hooks/alerts"), secret(secretValue), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return sink
}

func accepts(http.ResponseWriter, request) {}

func TestWebhooksAreVerifiedByTheLibraryOfStandardWebhooks(t *testing.T) {
	t.Parallel()
	receiver, err := standardwebhooks.NewWebhook(vectorSecret)
	if err != nil {
		t.Fatal(err)
	}
	other, err := standardwebhooks.NewWebhook("whsec_bm90IHRoaXMgb25lIGF0IGFsbA==")
	if err != nil {
		t.Fatal(err)
	}
	p := newPlatform(t, func(w http.ResponseWriter, r request) {
		if err := receiver.Verify(r.body, r.header); err != nil {
			t.Error(err)
			w.WriteHeader(http.StatusUnauthorized)
		}
		if other.Verify(r.body, r.header) == nil {
			t.Error("another secret fits")
		}
	})
	sink := newWebhook(t, p, vectorSecret)
	eachHostile(t, sink)
	for range 2 {
		if err := sink.Send(t.Context(), newCause()); err != nil {
			t.Fatal(err)
		}
	}
	sent := p.received()
	for _, r := range sent[len(sent)-2:] {
		if id := r.header.Get("webhook-id"); id != "alert-7-raised-chat" {
			t.Errorf("id %q", id)
		}
	}
}

func TestWebhookSaysWhatHappened(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, accepts)
	n := resolved(newCause())
	n.Alert.Job, n.Alert.CauseCount = 4, 12
	n.Alert.Causes = []deadletter.AlertCause{{Fingerprint: "1f0c", Title: "customer is required"}}
	if err := newWebhook(t, p, "").Send(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	if p.received()[0].header.Get("webhook-signature") != "" {
		t.Error("signed without a secret")
	}
	const want = `{"type":"alert.resolved","timestamp":"2026-11-30T08:16:35Z","data":{"id":"7","kind":"new-cause",` +
		`"key":"cause:1f0c","severity":"warning","title":"New cause: customer is required",` +
		`"text":"422 from handler.example.com: customer is required","sources":["genesys"],"cause":"1f0c","job":"4",` +
		`"facts":[{"label":"Failed","value":"1,204 messages"}],"causes":[{"id":"1f0c","title":"customer is required"}],` +
		`"cause_count":12,"raised_at":"2026-11-30T08:15:00Z","resolved_at":"2026-11-30T08:16:35Z",` +
		`"resolution":"all messages of the cause are resolved","links":[` +
		`{"label":"Cause","url":"https://desk.example.com/causes/1f0c"},` +
		`{"label":"Claim","url":"https://desk.example.com/causes/1f0c?open=claim"},` +
		`{"label":"Mute","url":"https://desk.example.com/causes/1f0c?open=mute&from=alert"},` +
		`{"label":"Test batch","url":"https://desk.example.com/causes/1f0c?open=test"}],"desk":"https://desk.example.com"}}`
	if got := string(p.received()[0].body); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestWebhookIsBounded(t *testing.T) {
	t.Parallel()
	p := newPlatform(t, accepts)
	if err := newWebhook(t, p, "").Send(t.Context(), hostile(strings.Repeat("漢", 60_000))); err != nil {
		t.Fatal(err)
	}
	var document struct{ Data map[string]any }
	if err := json.Unmarshal(p.received()[0].body, &document); err != nil || document.Data["title"] == "" {
		t.Fatal(err)
	}
	if got := len(p.received()[0].body); got > 512<<10 {
		t.Errorf("%d bytes", got)
	}
}

func TestUnusableSecretOfAWebhookIsNotRepeated(t *testing.T) {
	t.Parallel()
	_, err := notify.NewWebhook(newClient(t), secret("https://x.example"), secret("whsec_hunter2!"), time.Now)
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Error(err)
	}
}
