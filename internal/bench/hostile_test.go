package bench_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/klauspost/compress/zstd"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/envelope"
	"dlqdesk/internal/store"
)

const (
	largest     = 64 << 20 // bytes of a body
	bombs       = 12
	behindBombs = 200 // ordinary messages on the same queue
	hostileRuns = 10  // requests of each page
)

// BenchmarkHostile measures memory and delay that the largest and the most compressed bodies cause, by the program
// itself: twelve bombs on its queue with ordinary messages behind them, two of the largest webhooks that fail at
// once, one of them incompressible,
// and pages of messages of 64 MiB beside those of small ones.
func BenchmarkHostile(b *testing.B) {
	b.Run("webhooks", hostileWebhooks)
	b.Run("queue", hostileQueue)
	b.Run("pages", hostilePages)
}

func hostileQueue(b *testing.B) {
	for b.Loop() {
		endpoint := desktest.StartSQS(b)
		desktest.UseSQS(b, endpoint)
		queueURL := desktest.CreateQueue(b, endpoint, "dlq", nil)
		client := desktest.SQSClient(b, endpoint)
		for n := range bombs {
			send(b, client, queueURL, bombEnvelope(b, n))
		}
		for n := range behindBombs {
			c := desktest.Failure(fmt.Sprintf("behind-%03d", n), http.StatusUnprocessableEntity, time.Now())
			send(b, client, queueURL, encoded(b, c))
		}
		p := startProgram(b, b.TempDir(), "queue: { dlq_url: "+queueURL+" }")
		began := time.Now()
		s := newClient(b, p.url)
		s.signIn(b, p.setup)
		behind := s.awaitMessage(b, fmt.Sprintf("behind-%03d", behindBombs-1), began)
		for n := range bombs {
			s.awaitMessage(b, bombID(n), began)
			s.get(b, "/messages/"+bombID(n))
		}
		all := time.Since(began)
		s.get(b, "/messages?status=all&q=bomb")
		memory := p.peakMemory(b)
		p.end(b)
		report(b, behind.Seconds(), "s-behind-bombs")
		report(b, all.Seconds(), "s-all")
		report(b, memory, "MiB-RSS")
		resultBelow(b, "memory with twelve bombs on the queue, MiB", memory, 150)
		resultBelow(b, "time until messages behind bombs are listed, s", behind.Seconds(), 10)
	}
}

func hostileWebhooks(b *testing.B) {
	for b.Loop() {
		target := serve(b, http.HandlerFunc(refuseFirst))
		p := startDesk(b, buildProgram(b), b.TempDir(),
			fmt.Sprintf("sources: { genesys: { destination: %s, max_body: 64MiB } }", target))
		s := newClient(b, p.url)
		s.signIn(b, p.setup)
		bodies := [][]byte{hostileBodies()["words"](), []byte(desktest.Noise(largest))}
		var sending sync.WaitGroup
		began := time.Now()
		for _, body := range bodies {
			sending.Go(func() { s.sendLarge(b, p.url+"/webhooks/genesys", body) })
		}
		sending.Wait()
		took := time.Since(began)
		for s.list(b, "/messages?status=all") < len(bodies) {
			time.Sleep(20 * time.Millisecond)
		}
		s.awaitSearch(b, 50*time.Millisecond)
		memory := p.peakMemory(b)
		p.end(b)
		report(b, took.Seconds(), "s")
		report(b, memory, "MiB-RSS")
		resultBelow(b, "memory of two failing webhooks of 64 MiB at once, MiB", memory, 400)
	}
}

// sendLarge sends a webhook that fails.
func (s site) sendLarge(b *testing.B, webhooks string, body []byte) {
	request, err := http.NewRequestWithContext(b.Context(), http.MethodPost, webhooks, bytes.NewReader(body))
	if err != nil {
		b.Error(err)
		return
	}
	answer, err := s.client.Do(request)
	if err != nil {
		b.Error(err)
		return
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		b.Errorf("a webhook was answered %s", answer.Status)
	}
}

// list returns how many messages a page of the list shows.
func (s site) list(b *testing.B, path string) int {
	b.Helper()
	return bytes.Count(s.get(b, path), []byte(" data-message="))
}

func bombID(n int) string { return fmt.Sprintf("bomb-%02d", n) }

// bombEnvelope is a message whose envelope, whose body, or both expand to 64 MiB.
func bombEnvelope(b *testing.B, n int) string {
	c := desktest.Failure(bombID(n), http.StatusUnprocessableEntity, time.Now())
	content := bytes.Repeat([]byte(" "), largest)
	coding := []string{"", "gzip", "br", "zstd"}[n%4]
	c.Body = packed(b, coding, append(content, `{"bomb":true}`...)[:largest])
	if coding != "" {
		c.Headers["Content-Encoding"] = []string{coding}
	}
	return encoded(b, c)
}

func packed(b *testing.B, coding string, content []byte) []byte {
	b.Helper()
	var out bytes.Buffer
	var w io.WriteCloser
	switch coding {
	case "":
		return content
	case "gzip":
		w = gzip.NewWriter(&out)
	case "br":
		w = brotli.NewWriter(&out)
	case "zstd":
		var err error
		if w, err = zstd.NewWriter(&out); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := w.Write(content); err != nil {
		b.Fatal(err)
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	return out.Bytes()
}

// encoded returns the envelope of a message, compressed if SQS would not take it otherwise.
func encoded(b *testing.B, c deadletter.Capture) string {
	b.Helper()
	const mostSQS = 256 << 10
	text, err := envelope.EncodeWithin(c, mostSQS)
	if err != nil || len(text) > mostSQS {
		b.Fatalf("an envelope of %d bytes, %v", len(text), err)
	}
	return string(text)
}

func send(b *testing.B, client *sqs.Client, queueURL, body string) {
	b.Helper()
	if _, err := client.SendMessage(
		b.Context(), &sqs.SendMessageInput{QueueUrl: aws.String(queueURL), MessageBody: aws.String(body)},
	); err != nil {
		b.Fatal(err)
	}
}

// awaitMessage waits until a message has a page, and returns how long that took.
func (s site) awaitMessage(b *testing.B, id string, began time.Time) time.Duration {
	b.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !strings.Contains(string(s.get(b, "/messages?status=all&q="+id)), "/messages/"+id) {
		if time.Since(began) > 5*time.Minute {
			b.Fatalf("message %s was not stored", id)
		}
		<-tick.C
	}
	return time.Since(began)
}

func hostilePages(b *testing.B) {
	folder := b.TempDir()
	fillHostile(b, folder)
	p := startProgram(b, folder)
	s := newClient(b, p.url)
	s.signIn(b, p.setup)
	s.awaitMessage(b, "large-json", time.Now())
	for b.Loop() {
		slowest := 0.0
		for _, path := range []string{
			"/messages/%s", "/messages/%s/edit", "/messages/%s/compare",
			"/messages?status=all&q=%s",
		} {
			small := quantile(s.times(b, fmt.Sprintf(path, "small-json"), hostileRuns), 0.5)
			for name := range hostileBodies() {
				large := quantile(s.times(b, fmt.Sprintf(path, "large-"+name), hostileRuns), 0.5)
				b.Logf("%s of %s: %s, %s of a small one", path, name, large, small)
				slowest = max(slowest, millis(large)-millis(small))
			}
		}
		memory := p.peakMemory(b)
		report(b, slowest, "ms-more")
		report(b, memory, "MiB-RSS")
		resultBelow(b, "page of a 64 MiB message, ms more than of a small one", slowest, 50)
		resultBelow(b, "memory of pages of 64 MiB messages, MiB", memory, 150)
	}
	p.end(b)
}

// hostileBodies are bodies of 64 MiB, by name.
func hostileBodies() map[string]func() []byte {
	repeat := func(text string) []byte { return []byte(strings.Repeat(text, largest/len(text))) }
	return map[string]func() []byte{
		"json":   func() []byte { return []byte(`{"a":"` + strings.Repeat("x", largest-8) + `"}`) },
		"list":   func() []byte { return append(append([]byte("["), repeat(`{"ssn":"1","a":2},`)...), "1]"...) },
		"nested": func() []byte { return repeat("[") },
		"words":  func() []byte { return repeat("order 4711 ") },
		"form":   func() []byte { return repeat("name=J%C3%BCrgen&") },
		"binary": func() []byte { return repeat("\x00\x01\x02\xff") },
	}
}

// fillHostile stores the bodies, and one small message.
func fillHostile(b *testing.B, folder string) {
	b.Helper()
	if err := os.WriteFile(filepath.Join(folder, "audit.key"), desktest.Key(), 0o600); err != nil {
		b.Fatal(err)
	}
	s, err := store.Open(b.Context(), filepath.Join(folder, "desk.db"), desktest.Key(), slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	put := func(id, contentType string, body []byte) {
		c := desktest.Failure(id, http.StatusUnprocessableEntity, time.Now())
		c.Body, c.Headers = body, deadletter.Headers{"Content-Type": {contentType}}
		err := s.Write(b.Context(), func(ctx context.Context, tx *store.Tx) error {
			return tx.Apply(ctx, deadletter.NewMessage(c, policy(), 0.5, time.Now()))
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	put("small-json", "application/json", webhook())
	for name, body := range hostileBodies() {
		contentType := map[string]string{"form": "application/x-www-form-urlencoded", "words": "text/plain"}[name]
		put("large-"+name, contentType, body())
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}
