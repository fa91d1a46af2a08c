package bench_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"dlqdesk/internal/desktest"
)

const (
	singles     = 60                     // failed webhooks, one after the other
	singlePause = 200 * time.Millisecond // between them, so that the desk is idle
	outage      = 5_000                  // failed webhooks
	outageConns = 20
)

// BenchmarkSingleFailure measures how long it takes from the response to a webhook that failed until its message can be
// opened, on a desk that has nothing else to do.
func BenchmarkSingleFailure(b *testing.B) {
	f := &field{handler: startRole(b, roleHandler, "")}
	f.endpoint, f.server = desktest.StartSQSProcess(b)
	binary := buildProgram(b)
	for _, queue := range []struct{ name, url string }{{"embedded", ""}, {"SQS", f.queue(b, "single")}} {
		c := startServe(b, f, binary, "direct", queue.url)
		var took []time.Duration
		for range singles {
			time.Sleep(singlePause)
			took = append(took, c.desk.site.openFailed(b, c.url+"/webhooks/fail"))
		}
		report(b, millis(quantile(took, 0.5)), queue.name+"-p50-ms")
		resultBelow(
			b,
			"single failure until its page opens, "+queue.name+", p95 in ms",
			millis(quantile(took, 0.95)),
			200,
		)
	}
}

// openFailed sends a webhook that fails, and returns how long it takes from the response until its page opens.
func (s site) openFailed(b *testing.B, webhooks string) time.Duration {
	b.Helper()
	request, err := http.NewRequestWithContext(b.Context(), http.MethodPost, webhooks, bytes.NewReader(webhook()))
	if err != nil {
		b.Fatal(err)
	}
	var id string
	text := s.do(b, request)
	if _, err := fmt.Sscanf(string(text), `{"status":"queued_for_retry","messageId":%q}`, &id); err != nil {
		b.Fatalf("%s: %v", text, err)
	}
	began := time.Now()
	for !s.opens(b, "/messages/"+id) {
		if time.Sleep(2 * time.Millisecond); time.Since(began) > time.Minute {
			b.Fatalf("message %s cannot be opened", id)
		}
	}
	return time.Since(began)
}

// opens reports whether there is such a page.
func (s site) opens(b *testing.B, path string) bool {
	b.Helper()
	request, err := http.NewRequestWithContext(b.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		b.Fatal(err)
	}
	answer, err := s.client.Do(request)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		b.Fatal(err)
	}
	return answer.StatusCode == http.StatusOK
}

// BenchmarkRecoveredJob has webhooks fail, so that the circuit breaker opens, and measures a job that replays all of
// them once the handler has recovered. Every setting is the default, so automatic retries go on beside it.
func BenchmarkRecoveredJob(b *testing.B) {
	var recovered atomic.Bool
	target := serve(b, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if !recovered.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	folder := b.TempDir()
	p := startDesk(b, buildProgram(b), folder, fmt.Sprintf("sources: { genesys: { destination: %s } }", target))
	s := newClient(b, p.url)
	s.signIn(b, p.setup)
	desk := newVisible(b, s, folder)
	newLoad(b, p.url+"/webhooks/genesys", jsonQueued, outageConns).send(b, outage/outageConns)
	for desk.messages(b) < outage {
		time.Sleep(10 * time.Millisecond)
	}
	recovered.Store(true)
	before := spentBy(b, p.running)
	took := s.awaitJob(b, s.beginJob(b, "status=all"))
	report(b, micros(spentBy(b, p.running)-before)/outage, "cpu-µs/message")
	resultBelow(b, "job of 5,000 messages of a recovered handler, s", took.Seconds(), 15)
}
