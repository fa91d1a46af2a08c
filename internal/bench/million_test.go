package bench_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

const (
	million    = 1_000_000
	largeOnes  = 100_000 // messages of 4 KiB, whose size on disk is told for a million
	millionJob = 10_000  // messages that a job replays
	teapot     = 418     // what marks them
	manyCauses = 10_000  // causes of every second message
	newOnes    = 2000    // webhooks that come meanwhile
	newConns   = 32      // connections that they come on
)

// BenchmarkMillion keeps a million messages of 10,000 causes by the store's own means, then has the program itself
// serve pages, search, take webhooks and run a job over them. It reports the peak memory and how much disk a message
// takes. It takes some minutes and 6 GB of disk.
func BenchmarkMillion(b *testing.B) {
	folder := b.TempDir()
	fillMany(b, folder, million, 1<<10)
	p := startProgram(b, folder)
	s := newClient(b, p.url)
	s.signIn(b, p.setup)
	s.awaitSearch(b, time.Second)
	awaitMerge(b, folder)
	for _, page := range []struct{ name, path string }{
		{"list", "/messages"},
		{"search", "/messages?status=all&q=gamma+conversation"},
		{"message", "/messages/" + manyID(million/2)},
		{"cause", s.largestCause(b)},
		{"causes", "/causes"},
		{"causes-by-size", "/causes?sort=size&state=all"},
		{"causes-of-a-word", "/causes?q=" + wordOf(manyCauses-1)},
		{"overview", "/overview?range=30d"},
		{"audit", "/audit"},
	} {
		report(b, millis(quantile(s.times(b, page.path, 50), 0.95)), page.name+"-p95-ms")
	}
	s.search(b, million/2)
	job := s.beginJob(b, "status=all&code="+strconv.Itoa(teapot))
	newLoad(b, p.url+"/webhooks/genesys", "queued_for_retry", newConns).send(b, newOnes/newConns)
	// ingested beside all else
	report(b, millionJob/s.awaitJob(b, job).Seconds(), "job-messages/s")
	s.get(b, "/messages?status=all&q=gamma")
	memory := p.peakMemory(b)
	p.end(b)
	report(b, memory, "MiB-RSS")
	resultBelow(b, "memory with a million messages, MiB", memory, 150)
	onDisk(b, folder, million, 1<<10)

	folder = b.TempDir()
	fillMany(b, folder, largeOnes, 4<<10)
	p = startProgram(b, folder)
	s = newClient(b, p.url)
	s.signIn(b, p.setup)
	s.awaitSearch(b, time.Second)
	p.end(b)
	onDisk(b, folder, largeOnes, 4<<10)
}

// onDisk returns the bytes that a message takes beyond two and a half for each byte of its payload.
func onDisk(b *testing.B, folder string, messages, payload int) {
	b.Helper()
	var onDisk int64
	for _, name := range []string{"desk.db", "desk.db-wal", "search.db", "search.db-wal"} {
		if info, err := os.Stat(filepath.Join(folder, name)); err == nil {
			onDisk += info.Size()
		}
	}
	each := float64(onDisk) / float64(messages)
	report(b, each, fmt.Sprintf("bytes/message-of-%d", payload))
	resultBelow(b, fmt.Sprintf("disk for a message of %d bytes", payload), each, 2.5*float64(payload)+1024)
}

func manyID(n int) string {
	r := rand.New(rand.NewPCG(uint64(n), 1))
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", r.Uint32(), r.Uint32()>>16, r.Uint32()>>20, r.Uint32()>>20, n)
}

// masksOf returns the digest of the masks that startProgram's configuration has.
func masksOf(b *testing.B, folder string) []byte {
	b.Helper()
	configure(b, folder, programConfig("http://127.0.0.1:9"))
	cfg, err := config.Load(configFile(folder), nil)
	if err != nil {
		b.Fatal(err)
	}
	return cfg.Masks().Digest()
}

// fillMany keeps messages of the last thirty days, each with ids and words of its own, under the masks that the program
// has: it took them itself.
func fillMany(b *testing.B, folder string, messages, payload int) {
	b.Helper()
	if err := os.WriteFile(filepath.Join(folder, "audit.key"), desktest.Key(), 0o600); err != nil {
		b.Fatal(err)
	}
	s, err := store.Open(b.Context(), filepath.Join(folder, "desk.db"), desktest.Key(), slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	began, now := time.Now(), time.Now()
	if _, err := s.MasksSince(b.Context(), masksOf(b, folder), now.AddDate(0, 0, -31)); err != nil {
		b.Fatal(err)
	}
	gap, codes := 30*24*time.Hour/time.Duration(messages), []int{422, 503, 422, 503, 500, 0}
	for from := 0; from < messages; from += 1000 {
		changes := make([]deadletter.Change, 1000)
		for i := range changes {
			n := from + i
			c := desktest.Failure(manyID(n), codes[n%len(codes)], now.Add(-gap*time.Duration(messages-n)))
			if n < millionJob {
				c.FirstAttempt.StatusCode = teapot
			}
			if n%2 == 1 {
				c.Reason = reasonOf(n / 2 % manyCauses)
			}
			c.Body, c.EventType = eventOf(n, payload), "v2.conversations.updated"
			changes[i] = deadletter.NewMessage(c, policy(), 0.5, now)
		}
		err := s.Write(b.Context(), func(ctx context.Context, tx *store.Tx) error {
			for _, c := range changes {
				if err := tx.Apply(ctx, c); err != nil {
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
	b.Logf("%d messages of %d bytes were kept in %s", messages, payload, time.Since(began).Round(time.Second))
}

// eventOf is a webhook of so many bytes, half ids and half words, as those of contact centres are.
func eventOf(n, bytes int) []byte {
	r := rand.New(rand.NewPCG(uint64(n), 2))
	words := strings.Fields(
		"alpha beta gamma delta conversation customer agent queue message order delivery invoice phone callback " +
			"transfer",
	)
	var text strings.Builder
	fmt.Fprintf(&text, `{"topicName":"v2.conversations.updated","id":"%s","participants":[`, manyID(n))
	for text.Len() < bytes-250 {
		fmt.Fprintf(
			&text, `{"id":"%08x-%04x","name":"%s %s","n":%d,"note":"%s %s %s"},`, r.Uint32(), r.Uint32()>>16,
			words[r.IntN(len(words))], words[r.IntN(len(words))], r.IntN(1000), words[r.IntN(len(words))],
			words[r.IntN(len(words))], words[r.IntN(len(words))],
		)
	}
	text.WriteString(`{}],"note":"`)
	text.WriteString(strings.Repeat("x", max(0, bytes-text.Len()-2)))
	text.WriteString(`"}`)
	return []byte(text.String())
}

// refuseFirst is a handler that refuses the first attempt of a message, and accepts each further one.
func refuseFirst(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	if r.Header.Get("X-Dlqdesk-Attempt") == "1" {
		w.WriteHeader(http.StatusUnprocessableEntity)
	}
}

// awaitMerge waits until the segments of the search index are merged, which happens some seconds after the last message
// of many.
func awaitMerge(b *testing.B, folder string) {
	b.Helper()
	db, err := sql.Open("sqlite", filepath.Join(folder, "search.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for merged := 0; merged == 0; time.Sleep(time.Second) {
		if err := db.QueryRowContext(b.Context(), "SELECT merged FROM position").Scan(&merged); err != nil {
			b.Fatal(err)
		}
	}
}

// awaitSearch waits until a search finds every message that is stored, and looks every so often.
func (s site) awaitSearch(b *testing.B, often time.Duration) {
	b.Helper()
	for strings.Contains(string(s.get(b, "/messages?q=alpha")), "not searchable yet") {
		time.Sleep(often)
	}
}

// askedCount is the number that the dialog of a large job asks for.
var askedCount = regexp.MustCompile(`Enter ([0-9]+) to send`)

// beginJob starts a replay job over the messages of a list and returns its address.
func (s site) beginJob(b *testing.B, list string) string {
	b.Helper()
	confirm := s.post(
		b, "/messages/bulk",
		url.Values{"action": {"replay"}, "scope": {"all"}, "back": {list}},
	)
	start := url.Values{"back": {"status=all"}, "unknown": {"yes"}}
	if asked := askedCount.FindSubmatch(s.get(b, confirm)); asked != nil {
		start.Set("count", string(asked[1]))
	}
	s.post(b, confirm+"/start", start)
	return confirm
}

// awaitJob waits for the end of a job, and returns how long that took.
func (s site) awaitJob(b *testing.B, job string) time.Duration {
	b.Helper()
	began := time.Now()
	for !bytes.Contains(s.get(b, job), []byte(`data-job-state="done"`)) {
		if time.Sleep(100 * time.Millisecond); time.Since(began) > 5*time.Minute {
			b.Fatalf("%s was not done", job)
		}
	}
	return time.Since(began)
}

// post sends a form and returns the path that it redirects to.
func (s site) post(b *testing.B, path string, form url.Values) string {
	b.Helper()
	request, err := http.NewRequestWithContext(
		b.Context(), http.MethodPost, s.url+path, strings.NewReader(form.Encode()),
	)
	if err != nil {
		b.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := s.client.Do(request)
	if err != nil {
		b.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		b.Fatalf("POST %s: %s", path, answer.Status)
	}
	return answer.Request.URL.Path
}
