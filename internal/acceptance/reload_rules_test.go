package acceptance_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"dlqdesk/internal/desktest"
)

// Each rule has another effect in the running program after a reload.
func TestSIGHUPAppliesRulesOfDeliveries(t *testing.T) {
	t.Parallel()
	d := desktest.NewDestination(t)
	d.Set(desktest.Answer(http.StatusOK, `{}`))
	r := startReloaded(t, "sources:\n"+source("orders", d.URL, ""))
	const far = "retry: { base: 1h, cap: 1h }"

	t.Run("verify", func(t *testing.T) {
		r.reload(t, "sources:\n"+source("orders", d.URL,
			`verify: { scheme: token, header: X-Key, secrets: ["file:`+secretFile(t, "the key of this test")+`"] }`))
		if status, _ := r.send(t, "orders", `{}`); status != http.StatusUnauthorized {
			t.Errorf("without the key a webhook is answered %d", status)
		}
		if status, _ := r.send(t, "orders", `{}`, "X-Key", "the key of this test"); status != http.StatusOK {
			t.Errorf("with the key a webhook is answered %d", status)
		}
	})
	t.Run("handshake", func(t *testing.T) {
		r.reload(t, "sources:\n"+source("orders", d.URL, "handshake: microsoft-graph"))
		if _, text := r.send(t, "orders?validationToken=token-1", ""); text != "token-1" {
			t.Errorf("the handshake is answered %q", text)
		}
	})
	t.Run("timeouts", func(t *testing.T) {
		hanging := hangingServer(t)
		for key, want := range map[string]string{
			"timeout: 100ms": "No answer within 100ms", "read_timeout: 150ms": "Silence for 150ms",
		} {
			r.reload(t, "sources:\n"+source("orders", hanging, key+", "+far))
			r.send(t, "orders", `{}`)
			eventually(t, func() bool { return strings.Contains(r.page(t, "/messages?status=all"), want) })
		}
	})
	t.Run("tls", func(t *testing.T) {
		authority := desktest.NewAuthority(t)
		certificate := authority.Issue(t, time.Hour)
		secure := tlsServer(t, certificate)
		ca, _, _ := authority.Files(t, certificate)
		r.reload(t, "sources:\n"+source("orders", secure, far))
		if _, text := r.send(t, "orders", `{}`); !strings.Contains(text, "queued_for_retry") {
			t.Errorf("with an unknown authority a webhook is answered %s", text)
		}
		r.reload(t, "sources:\n"+source("orders", secure, "tls: { ca_file: "+ca+" }"))
		if _, text := r.send(t, "orders", `{}`); text != `{"status":"accepted"}` {
			t.Errorf("with its authority a webhook is answered %s", text)
		}
	})
	t.Run("breaker", func(t *testing.T) {
		d.Set(desktest.Answer(http.StatusServiceUnavailable, `{}`))
		r.reload(t, "sources:\n"+source("orders", d.URL, "breaker: { consecutive: 900, min_deliveries: 900 }, "+far))
		for range 6 {
			r.send(t, "orders", `{}`)
		}
		if strings.Contains(r.page(t, "/overview"), "Circuit breaker open") {
			t.Fatal("it opens for fewer failures than it should")
		}
		r.reload(t, "sources:\n"+source("orders", d.URL, "breaker: { consecutive: 2, probe: 1h }, "+far))
		r.send(t, "orders", `{}`)
		eventually(t, func() bool { return strings.Contains(r.page(t, "/overview"), "Circuit breaker open") })
		d.Set(desktest.Answer(http.StatusOK, `{}`))
	})
	t.Run("webhook_url and platforms", func(t *testing.T) {
		r.reload(t, "webhook_url: https://hooks.example.com\nplatforms: { chat: { preset: genesys-open-messaging } }\n"+
			"sources:\n"+source("orders", d.URL, "platform: chat"))
		page := r.page(t, "/sources/orders")
		for _, want := range []string{"https://hooks.example.com/webhooks/orders", "Genesys"} {
			if !strings.Contains(page, want) {
				t.Errorf("the page of the source lacks %q", want)
			}
		}
	})
	t.Run("grace", func(t *testing.T) {
		r.reload(t, "grace: 29s\nsources:\n"+source("orders", d.URL, ""))
		r.stop(t)
		if !strings.Contains(r.log.String(), "grace=29s") {
			t.Errorf("it stops with another grace period:\n%s", r.log)
		}
	})
}

// A message without a source gets the default one, and those of a queue are masked by its mask.
func TestSIGHUPAppliesRulesOfQueues(t *testing.T) {
	t.Parallel()
	server := desktest.StartSQS(t)
	dlq := desktest.CreateQueue(t, server, "webhooks-dlq", nil)
	orders := desktest.CreateQueue(t, server, "orders-dlq", nil)
	d := desktest.NewDestination(t)
	d.Set(desktest.Answer(http.StatusOK, `{}`))
	config := func(queue, mask string) string {
		return "queue: { dlq_url: " + dlq + queue + " }\n" +
			"queues: { orders-dlq: { url: " + orders + mask + " } }\nsources:\n" +
			source("orders", d.URL, "")
	}
	r := startReloaded(t, config("", ""), desktest.SQSEnvironment(server)...)
	client := desktest.SQSClient(t, server)
	for queueURL, body := range map[string]string{
		dlq: `{"messageId":"6b7c2d1e-0000-4000-8000-000000000001","timestamp":"2026-03-02T10:15:05Z","retryCount":0,` +
			`"originalPayload":{"n":"unnamed-4711"},"originalHeaders":{},"errorReason":"down"}`,
		orders: `{"shoe":"wide-4711"}`,
	} {
		_, err := client.SendMessage(
			t.Context(),
			&sqs.SendMessageInput{QueueUrl: &queueURL, MessageBody: aws.String(body)},
		)
		if err != nil {
			t.Fatal(err)
		}
	}
	list := func(text string) string { return r.page(t, "/messages?status=all&q="+text) }
	for _, text := range []string{"unnamed-4711", "wide-4711"} {
		eventually(t, func() bool { return strings.Contains(list(text), `href="/messages/`) })
	}
	unnamed, masked := messagePath(t, list("unnamed-4711")), messagePath(t, list("wide-4711"))
	if !strings.Contains(r.page(t, unnamed), "set queue.default_source") {
		t.Error("the message without a source has a destination before")
	}
	if !strings.Contains(r.page(t, masked), "wide-4711") {
		t.Error("the value is masked before")
	}
	r.reload(t, config(", default_source: orders", ", mask: { names: [shoe] }"))
	if strings.Contains(r.page(t, masked), "wide-4711") {
		t.Error("the message still shows the value")
	}
	if page := r.page(t, unnamed); strings.Contains(page, "set queue.default_source") {
		t.Error("the message without a source still has no destination")
	}
	form := url.Values{"version": {"0"}, "revision": {"0"}}.Encode()
	req, err := http.NewRequestWithContext(
		t.Context(),
		http.MethodPost,
		r.url+unnamed+"/replay",
		strings.NewReader(form),
	)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	do(t, r.browser, req)
	eventually(t, func() bool { return len(d.Received()) == 1 })
	r.stop(t)
}

// hangingServer starts a server that responds to no request until the test has ended.
func hangingServer(t *testing.T) (address string) {
	t.Helper()
	ended := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-ended:
		}
	}))
	t.Cleanup(func() { close(ended); s.Close() })
	return s.URL
}

func tlsServer(t *testing.T, certificate tls.Certificate) (address string) {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s.URL
}

func secretFile(t *testing.T, secret string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
