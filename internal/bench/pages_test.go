package bench_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

const (
	fewMessages  = 1_000
	manyMessages = 100_000
	fillBatch    = 500
	warmUps      = 30
)

// BenchmarkListPage compares pages of a store with many messages to the same pages of one with few, asked for in turns.
func BenchmarkListPage(b *testing.B) {
	few, many := newSite(b, fewMessages), newSite(b, manyMessages)
	largest := few.largestCause(b)
	for _, page := range []struct{ name, path string }{
		{"default", "/messages"},
		{"all", "/messages?status=all"},
		{"search", "/messages?status=all&q=field"},
		{"message", "/messages/" + messageID(fewMessages/2)},
		{"cause", largest},
		{"overview", "/overview?range=30d"},
		{"audit", "/audit"},
		{"audit-kind", "/audit?action=message."},
		{"audit-people", "/audit?by=people&action=attempt."},
		{"audit-source", "/audit?source=genesys&action=message.received"},
	} {
		b.Run(page.name, func(b *testing.B) {
			few.times(b, page.path, warmUps)
			many.times(b, page.path, warmUps)
			var small, large []time.Duration
			for b.Loop() {
				small = append(small, few.times(b, page.path, 1)...)
				large = append(large, many.times(b, page.path, 1)...)
			}
			report(b, millis(quantile(large, 0.5)), "p50-ms")
			p95 := millis(quantile(large, 0.95))
			report(b, p95, "p95-ms")
			if page.name == "default" || page.name == "message" {
				resultBelow(b, page.name+" page of 100,000 messages, p95 in ms", p95, 50)
			}
			report(b, float64(quantile(large, 0.5))/float64(quantile(small, 0.5)), "ratio-p50")
			report(b, float64(quantile(large, 0.95))/float64(quantile(small, 0.95)), "ratio-p95")
		})
	}
}

// site is a running desk with a signed-in user.
type site struct {
	url    string
	client *http.Client
}

// newSite starts a desk on a store with n messages.
func newSite(b *testing.B, n int) site {
	b.Helper()
	cfg := settings(b, destination(b, http.StatusOK, ""), "")
	fill(b, cfg, n)
	a := start(b, cfg)
	s := newClient(b, a.ConsoleURL())
	s.signIn(b, a.SetupURL())
	s.awaitAudit(b)
	return s
}

// newClient is a browser without script.
func newClient(b *testing.B, deskURL string) site {
	b.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		b.Fatal(err)
	}
	return site{deskURL, &http.Client{Jar: jar}}
}

func messageID(n int) string { return fmt.Sprintf("message-%06d", n) }

// fill writes messages of the last thirty days: half of them need a person, a third is retried, the rest may have
// been processed.
func fill(b *testing.B, cfg config.Config, n int) {
	b.Helper()
	fillWith(b, cfg, n, func(int, *deadletter.Capture) {})
}

// fillWith writes messages as fill does, each as change makes it.
func fillWith(b *testing.B, cfg config.Config, n int, change func(i int, c *deadletter.Capture)) {
	b.Helper()
	if err := os.WriteFile(filepath.Join(cfg.DataDir, "audit.key"), desktest.Key(), 0o600); err != nil {
		b.Fatal(err)
	}
	s, err := store.Open(
		b.Context(), filepath.Join(cfg.DataDir, "desk.db"), desktest.Key(), slog.New(slog.DiscardHandler),
	)
	if err != nil {
		b.Fatal(err)
	}
	now := time.Now()
	// The masks are older than the messages, as on a desk whose masks were not changed for a month.
	if _, err := s.MasksSince(b.Context(), cfg.Masks().Digest(), now.AddDate(0, 0, -31)); err != nil {
		b.Fatal(err)
	}
	codes, gap, body := []int{422, 503, 422, 503, 422, 0}, 30*24*time.Hour/time.Duration(n), webhook()
	for from := 0; from < n; from += fillBatch {
		err := s.Write(b.Context(), func(ctx context.Context, tx *store.Tx) error {
			for i := from; i < from+fillBatch; i++ {
				c := desktest.Failure(messageID(i), codes[i%len(codes)], now.Add(-gap*time.Duration(n-i)))
				c.Body = body
				change(i, &c)
				if err := tx.Apply(ctx, deadletter.NewMessage(c, policy(), 0.5, now)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}

func (s site) signIn(b *testing.B, setupURL string) {
	b.Helper()
	link, err := url.Parse(setupURL)
	if err != nil {
		b.Fatal(err)
	}
	const password = "correct horse battery"
	form := url.Values{
		"token":    {link.Query().Get("token")},
		"name":     {"anna"},
		"password": {password},
		"confirm":  {password},
	}
	request, err := http.NewRequestWithContext(
		b.Context(), http.MethodPost, s.url+"/setup", strings.NewReader(form.Encode()),
	)
	if err != nil {
		b.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	s.do(b, request)
}

// awaitAudit waits until the desk has read its audit trail, which it does at start and which costs time that is no
// page's.
func (s site) awaitAudit(b *testing.B) {
	b.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !bytes.Contains(s.get(b, "/audit"), []byte("each confirmed by the next")) {
		<-tick.C
	}
}

// times requests a page n times, one after the other, and returns how long each took to its last byte.
func (s site) times(b *testing.B, path string, n int) []time.Duration {
	b.Helper()
	took := make([]time.Duration, n)
	for i := range took {
		started := time.Now()
		s.get(b, path)
		took[i] = time.Since(started)
	}
	return took
}

// largestCause returns the path of the cause with the most messages.
func (s site) largestCause(b *testing.B) string {
	b.Helper()
	path := regexp.MustCompile(`/causes/[0-9a-f]{16}`).Find(s.get(b, "/causes?sort=size"))
	if path == nil {
		b.Fatal("there is no cause")
	}
	return string(path)
}

func (s site) get(b *testing.B, path string) []byte {
	b.Helper()
	request, err := http.NewRequestWithContext(b.Context(), http.MethodGet, s.url+path, nil)
	if err != nil {
		b.Fatal(err)
	}
	return s.do(b, request)
}

func (s site) do(b *testing.B, request *http.Request) []byte {
	b.Helper()
	answer, err := s.client.Do(request)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK || strings.HasPrefix(answer.Request.URL.Path, "/signin") {
		b.Fatalf("%s %s: %d %v", request.Method, request.URL, answer.StatusCode, err)
	}
	return text
}
