package receiver_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/receiver"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/telemetry"
	"dlqdesk/internal/verify"
)

// proofs is a receiver whose sources ask for proof.
type proofs struct {
	bundle
	clock  *desktest.Clock
	log    *bytes.Buffer
	counts *notes
	by     map[string]*verify.Verifier
}

func setupProofs(t *testing.T, level slog.Level) proofs {
	t.Helper()
	return setupVerified(t, level, []verify.Settings{
		{Source: "stripe", Scheme: verify.Stripe},
		{Source: "token", Scheme: verify.Token, Header: "X-Key"},
		{Source: "basic", Scheme: verify.Basic, User: "u"},
		{Source: "byoc", Scheme: verify.CXoneBYOC, ClientID: "cxone"},
	})
}

// setupVerified returns a receiver with sources that are verified like this, with one secret.
func setupVerified(t *testing.T, level slog.Level, settings []verify.Settings) proofs {
	t.Helper()
	p := proofs{clock: desktest.NewClock(), log: &bytes.Buffer{}, counts: &notes{}, by: map[string]*verify.Verifier{}}
	p.destination, p.dlq = desktest.NewDestination(t), queues(t)("dlq")
	secrets := []redact.Secret{redact.NewSecret("env:X", "hunter2 of ours")}
	ack, err := payload.NewAck(http.StatusOK, "application/json", `{"idOnExternalPlatform":"{message_id}"}`)
	if err != nil {
		t.Fatal(err)
	}
	var sources []receiver.Source
	for _, s := range settings {
		s.Secrets = secrets
		if p.by[s.Source], err = verify.New(s); err != nil {
			t.Fatal(err)
		}
		source := receiver.Source{
			Name:    s.Source,
			MaxBody: limit,
			Verify:  p.by[s.Source],
			Dedup:   payload.Dedup{Path: payload.Path{"id"}},
			Destination: delivery.Destination{
				Source:        s.Source,
				URL:           p.destination.URL,
				Timeout:       5 * time.Second,
				MaxConcurrent: 8,
			},
		}
		if s.Source == "byoc" {
			source.Ack = ack
		}
		sources = append(sources, source)
	}
	log := slog.New(slog.NewTextHandler(p.log, &slog.HandlerOptions{Level: level}))
	r := receiver.New(receiver.Deps{
		Sources: desktest.Always(sources),
		Sender:  newClient(t),
		DLQ:     p.dlq,
		Ledger:  p.counts,
		Now:     p.clock.Now,
		Log:     log,
	})
	server := httptest.NewServer(r.Handler())
	t.Cleanup(server.Close)
	p.url = server.URL
	return p
}

// post sends a webhook that is signed first, and then changed.
func (p proofs) post(t *testing.T, path, body string, sign bool, change func(*http.Request)) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(
		t.Context(), http.MethodPost, p.url+"/webhooks/"+path, strings.NewReader(body),
	)
	if err != nil {
		t.Fatal(err)
	}
	source, _, _ := strings.Cut(path, "/")
	if sign {
		if err := p.by[source].Sign(req, []byte(body), "", p.clock.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if change != nil {
		change(req)
	}
	return ask(t, req)
}

func TestOnlyVerifiedWebhooksAreDeliveredOrStored(t *testing.T) {
	t.Parallel()
	for _, source := range []string{"stripe", "token", "basic", "byoc"} {
		t.Run(source, func(t *testing.T) {
			p := setupProofs(t, slog.LevelInfo)
			p.destination.Set(desktest.Answer(http.StatusUnprocessableEntity, ""))
			if got := p.post(t, source, `{"id":"evt-1"}`, true, nil); got.status != http.StatusOK {
				t.Errorf("%s: a genuine webhook is answered %d %s", source, got.status, got.body)
			}
			forged := func(r *http.Request) {
				for name, values := range r.Header {
					values[0] = strings.ReplaceAll(values[0], "0", "1")
					if !strings.Contains(values[0], "1") {
						r.Header[name] = []string{values[0] + "1"}
					}
				}
			}
			for name, got := range map[string]answer{"forged": p.post(
				t, source, `{"id":"evt-1"}`, true, forged,
			), "without proof": p.post(t, source, `{"id":"evt-1"}`, false, nil)} {
				if got.status != http.StatusUnauthorized || got.body != `{"error":"unauthorized"}` {
					t.Errorf("%s, %s: answered %d %s", source, name, got.status, got.body)
				}
				challenged := got.header.Get("Www-Authenticate") != ""
				if challenged != (source == "basic" || source == "byoc") {
					t.Errorf("%s, %s: %v", source, name, got.header)
				}
			}
			messages := kept(t, p.dlq)
			if len(messages) != 1 || messages[0].WebhookID != "evt-1" || len(p.destination.Received()) != 1 ||
				p.destination.Received()[0].Header.Get("Webhook-Id") != "evt-1" {
				t.Errorf("%s: %d deliveries, kept %+v", source, len(p.destination.Received()), messages)
			}
			if strings.Contains(p.log.String(), "hunter2") {
				t.Errorf("the log shows a secret: %s", p.log)
			}
		})
	}
}

func TestLateWebhookIsRefused(t *testing.T) {
	t.Parallel()
	p := setupProofs(t, slog.LevelInfo)
	for _, late := range []time.Duration{6 * time.Minute, -12 * time.Minute} {
		t.Run(late.String(), func(t *testing.T) {
			got := p.post(t, "stripe", "{}", true, func(*http.Request) { p.clock.Add(late) })
			if got.status != http.StatusUnauthorized {
				t.Errorf("%s late: %d", late, got.status)
			}
		})
	}
	if n := len(p.destination.Received()); n != 0 {
		t.Errorf("%d deliveries", n)
	}
}

func TestRefusalsDoNotFillTheLog(t *testing.T) {
	t.Parallel()
	p := setupProofs(t, slog.LevelWarn)
	for range 5 {
		p.post(t, "stripe", "{}", false, nil)
	}
	p.clock.Add(time.Minute)
	p.post(t, "stripe", "{}", true, func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("[]")) })
	lines := strings.Split(strings.TrimSpace(p.log.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "refused=1 ") ||
		!strings.Contains(lines[0], "Stripe-Signature is missing") ||
		!strings.Contains(lines[1], "refused=5 ") ||
		!strings.Contains(lines[1], "no secret of this source") ||
		!strings.Contains(lines[1], "source=stripe") {
		t.Errorf("logged:\n%s", p.log)
	}
}

// A forger is turned away before as much as a byte of the body is there.
func TestInvalidHeadersAreRefusedBeforeTheBody(t *testing.T) {
	t.Parallel()
	p := setupProofs(t, slog.LevelError)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for _, headers := range []string{"X-Key: wrong\r\n", ""} {
		t.Run(fmt.Sprintf("%q", headers), func(t *testing.T) {
			conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", strings.TrimPrefix(p.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(
				conn,
				"POST /webhooks/token HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"+
					"Expect: 100-continue\r\n"+headers+"\r\n",
			); err != nil {
				t.Fatal(err)
			}
			deadline, _ := ctx.Deadline()
			_ = conn.SetReadDeadline(deadline)
			head := make([]byte, len("HTTP/1.1 401"))
			if _, err := io.ReadFull(conn, head); err != nil || string(head) != "HTTP/1.1 401" {
				t.Errorf("answered %q, %v", head, err)
			}
			_ = conn.Close()
		})
	}
}

func TestPlatformRequestsItsToken(t *testing.T) {
	t.Parallel()
	p := setupProofs(t, slog.LevelInfo)
	const message = "byoc/1.0/posts/p%20ost-1/messages"
	if got := p.post(t, message, "{}", false, nil); got.status != http.StatusUnauthorized ||
		got.header.Get("Www-Authenticate") != "Bearer" {
		t.Errorf("the first webhook is answered %d %v", got.status, got.header)
	}
	if p.log.Len() != 0 {
		t.Errorf("it raises an alarm: %s", p.log)
	}
	if len(p.counts.answers) != 0 {
		t.Errorf("it is counted as %v", p.counts.answers)
	}
	if got := p.post(
		t, "byoc/token", `{"client_id":"cxone","client_secret":"wrong","grant_type":"client_credentials"}`,
		false, nil,
	); got.status != http.StatusUnauthorized ||
		got.body != `{"error":"invalid_client"}` ||
		!strings.Contains(p.log.String(), "wrong client id or secret") {
		t.Errorf("another secret is answered %d %s, logged %s", got.status, got.body, p.log)
	}
	if got := p.post(
		t, "byoc/token", strings.Repeat("x", 5000), false, nil,
	); got.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a large request for a token is answered %d", got.status)
	}
	forged := func(r *http.Request) { r.Header.Set("Authorization", "Bearer AAAA") }
	if p.post(t, message, "{}", false, forged); !slices.Equal(
		p.counts.answers, []telemetry.Answer{telemetry.AnswerUnauthorized},
	) {
		t.Errorf("a forged token is counted as %v", p.counts.answers)
	}
	got := p.post(
		t, "byoc/token",
		`{"client_id":"cxone","client_secret":"hunter2 of ours","grant_type":"client_credentials"}`, false,
		nil,
	)
	var token struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
	}
	if err := json.Unmarshal(
		[]byte(got.body), &token,
	); err != nil || got.status != http.StatusOK || token.ExpiresIn != 3600 ||
		got.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("answered %d %s %v, %v", got.status, got.body, got.header, err)
	}
	bearer := func(r *http.Request) {
		r.Header.Set("Authorization", "Bearer "+token.AccessToken)
		r.Header.Set("X-Dlqdesk-Path", "/forged")
	}
	for _, handler := range []int{http.StatusOK, http.StatusUnprocessableEntity} {
		t.Run(fmt.Sprint(handler), func(t *testing.T) {
			p.destination.Set(desktest.Answer(handler, ""))
			got := p.post(t, message, `{"thread":{}}`, false, bearer)
			var told struct {
				ID string `json:"idOnExternalPlatform"`
			}
			if err := json.Unmarshal(
				[]byte(got.body), &told,
			); err != nil || got.status != http.StatusOK || len(told.ID) != 36 ||
				got.header.Get("Content-Type") != "application/json" {
				t.Errorf("handler %d: answered %d %s, %v", handler, got.status, got.body, err)
			}
			sent := p.destination.Received()
			if path := sent[len(sent)-1].Header.Get("X-Dlqdesk-Path"); path != "/1.0/posts/p%20ost-1/messages" {
				t.Errorf("the handler is told the path %q", path)
			}
			if handler != http.StatusOK {
				if messages := kept(t, p.dlq); len(messages) != 1 || string(messages[0].ID) != told.ID ||
					messages[0].Headers.Get("X-Dlqdesk-Path") == "" {
					t.Errorf("kept %+v, told %s", messages, told.ID)
				}
			}
		})
	}
	p.clock.Add(time.Hour)
	if got := p.post(t, message, "{}", false, bearer); got.status != http.StatusUnauthorized {
		t.Errorf("a token that has ended is answered %d", got.status)
	}
	for _, path := range []string{"stripe/token", "nobody/token", "stripe/1.0/posts/1/messages"} {
		t.Run(path, func(t *testing.T) {
			if got := p.post(t, path, "{}", false, nil); got.status != http.StatusNotFound {
				t.Errorf("%s is answered %d", path, got.status)
			}
		})
	}
}
