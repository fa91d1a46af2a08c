package bench_test

import (
	"bufio"
	"bytes"
	"context"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
)

const (
	livePages   = 200
	livePerSec  = 20 // messages that arrive
	liveSeconds = 5
)

// BenchmarkLivePages measures what it costs to keep pages of the list up to date while messages arrive, as against
// no viewers. The viewers run in the same process, so their share of the costs is in the figures.
func BenchmarkLivePages(b *testing.B) {
	for b.Loop() {
		s, webhooks := newLiveSite(b)
		alone, _ := s.arrivals(b, webhooks)
		ctx, cancel := context.WithCancel(b.Context())
		before := memory()
		var told atomic.Int64
		var reading sync.WaitGroup
		address := s.liveAddress(b)
		for range livePages {
			body := s.follow(ctx, b, address)
			reading.Go(func() {
				defer func() { _ = body.Body.Close() }()
				for lines := bufio.NewScanner(body.Body); lines.Scan(); {
					if strings.HasPrefix(lines.Text(), "data:") {
						told.Add(1)
					}
				}
			})
		}
		each := float64(memory()-before) / livePages
		watched, took := s.arrivals(b, webhooks)
		cancel()
		reading.Wait()
		report(b, (watched-alone)/took.Seconds(), "cpu-s/s")
		report(b, each/1024, "KiB/page")
		report(b, float64(told.Load())/livePages/took.Seconds(), "updates/s/page")
	}
}

func newLiveSite(b *testing.B) (s site, webhooks string) {
	b.Helper()
	cfg := settings(b, destination(b, http.StatusUnprocessableEntity, `{"error":"field id is missing"}`), "")
	fill(b, cfg, fewMessages)
	a := start(b, cfg)
	s = newClient(b, a.ConsoleURL())
	s.signIn(b, a.SetupURL())
	s.awaitAudit(b)
	return s, a.URL() + "/webhooks/genesys"
}

// liveAddress is what the newest page of the list asks for to be kept up to date.
func (s site) liveAddress(b *testing.B) string {
	b.Helper()
	page, err := goquery.NewDocumentFromReader(bytes.NewReader(s.get(b, "/messages")))
	if err != nil {
		b.Fatal(err)
	}
	address, _ := page.Find("[data-live]").Attr("data-live")
	var ids []string
	for _, row := range page.Find("tr[data-message]").EachIter() {
		ids = append(ids, row.AttrOr("data-message", ""))
	}
	return address + "&rows=" + strings.Join(ids, ",")
}

func (s site) follow(ctx context.Context, b *testing.B, address string) *http.Response {
	b.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+address, nil)
	if err != nil {
		b.Fatal(err)
	}
	answer, err := s.client.Do(request)
	if err != nil || answer.StatusCode != http.StatusOK {
		b.Fatalf("following the list answers %v, %v", answer, err)
	}
	return answer
}

// arrivals lets messages arrive for a while. It returns the CPU seconds used and the time passed.
func (s site) arrivals(b *testing.B, webhooks string) (busy float64, took time.Duration) {
	b.Helper()
	before, begun := cpu(b), time.Now()
	pace := time.NewTicker(time.Second / livePerSec)
	defer pace.Stop()
	for range livePerSec * liveSeconds {
		<-pace.C
		request, err := http.NewRequestWithContext(
			b.Context(), http.MethodPost, webhooks, strings.NewReader(`{"eventType":"x"}`),
		)
		if err != nil {
			b.Fatal(err)
		}
		s.do(b, request)
	}
	return cpu(b) - before, time.Since(begun)
}

// cpu is the time that this process has run on all cores, in seconds.
func cpu(b *testing.B) float64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// memory is what is in use, in bytes.
func memory() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
