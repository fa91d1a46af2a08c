package bench_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"dlqdesk/internal/deadletter"
)

const (
	causeMessages = 100_000
	newCauses     = 30 // failures whose causes an open page is timed by
)

// BenchmarkCausesPage asks for the pages of a list of causes, in stores that have the same number of messages.
func BenchmarkCausesPage(b *testing.B) {
	for _, causes := range []int{100, 1_000, 10_000} {
		cfg := settings(b, destination(b, http.StatusOK, ""), "")
		fillWith(b, cfg, causeMessages, func(i int, c *deadletter.Capture) {
			c.Reason, c.Body = reasonOf(i%causes), bodyOfCause(i, i%causes, causes)
		})
		s := newClient(b, "")
		a := start(b, cfg)
		s.url = a.ConsoleURL()
		s.signIn(b, a.SetupURL())
		s.awaitAudit(b)
		s.awaitStates(b)
		s.awaitSearch(b, 100*time.Millisecond)
		for _, page := range []struct{ name, path string }{
			{"default", "/causes"},
			{"newest", "/causes?sort=newest"},
			{"size", "/causes?sort=size&state=all"},
			{"growing", "/causes?sort=growing"},
			{"source", "/causes?source=genesys"},
			{"text", "/causes?q=" + wordOf(causes-1)},
			{"no match", "/causes?q=nothing"},
			{"messages by cause", "/messages?group=cause"},
			{"all messages by cause", "/messages?group=cause&status=all"},
			{"messages of a word by cause", "/messages?group=cause&q=missing"},
			{"messages of a time by cause", "/messages?group=cause&status=all&from=2020-01-01"},
			{"exact words", "/causes?q=" + url.QueryEscape(`"is missing"`)},
			{"without a word", "/causes?q=-" + wordOf(causes-1)},
			{"destination", "/causes?q=destination:none"},
			{"one message", "/causes?q=" + url.QueryEscape("$.order=order-50000")},
			{"rare value", "/causes?q=" + url.QueryEscape("$.tier=t77")},
			{"value in each cause", "/causes?q=" + url.QueryEscape("$.channel=sms")},
			{"value in few causes", "/causes?q=" + url.QueryEscape("$.kind=b")},
			{"value in no cause", "/causes?q=" + url.QueryEscape("$.channel=fax")},
			{"numbers", "/causes?q=" + url.QueryEscape("total:>333")},
			{"code", "/causes?q=code:5xx"},
			{"status", "/causes?q=status:failed"},
			{"status of none", "/causes?q=status:archived"},
			{"recent", "/causes?q=" + url.QueryEscape("received:<7d")},
			{"recent with a word", "/causes?q=" + url.QueryEscape("received:<7d $.channel=sms missing")},
			{"code and value", "/causes?q=" + url.QueryEscape("code:5xx $.channel=sms")},
		} {
			b.Run(fmt.Sprintf("%d/%s", causes, page.name), func(b *testing.B) {
				s.times(b, page.path, warmUps)
				var took []time.Duration
				before := spent(b)
				for b.Loop() {
					took = append(took, s.times(b, page.path, 1)...)
				}
				report(b, millis(spent(b)-before)/float64(len(took)), "cpu-ms/page")
				p95 := millis(quantile(took, 0.95))
				report(b, millis(quantile(took, 0.5)), "p50-ms")
				report(b, p95, "p95-ms")
				if causes == 10_000 {
					resultBelow(b, "causes page of 10,000 causes, "+page.name+", p95 in ms", p95, 50)
				}
			})
		}
	}
}

// awaitStates waits until no cause is new: the messages failed long ago.
func (s site) awaitStates(b *testing.B) {
	b.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for bytes.Contains(s.get(b, "/causes?state=new"), []byte("data-cause=")) {
		<-tick.C
	}
}

// bodyOfCause returns a body. Its order is its own, its tier is in a few messages, its channel is sms in a tenth of the
// messages of all causes, and its kind is b in a tenth of the causes alone.
func bodyOfCause(i, cause, causes int) []byte {
	channel, kind := "mail", "a"
	if i/causes%10 == cause%10 {
		channel = "sms"
	}
	if cause%10 == 7 {
		kind = "b"
	}
	return fmt.Appendf(
		nil,
		`{"order":"order-%d","tier":"t%d","channel":%q,"kind":%q,"total":%d,"note":%q}`,
		i,
		i%30_000,
		channel,
		kind,
		i%1000,
		strings.Repeat("x ", 400),
	)
}

// reasonOf returns the error of a cause of its own.
func reasonOf(n int) string {
	return "IllegalStateException: the field " + wordOf(n) + " is missing in OrderMapper.toCrm"
}

// wordOf returns a word without digits.
func wordOf(n int) string {
	return fmt.Sprintf("%c%c%c%c", 'a'+n%26, 'a'+n/26%26, 'a'+n/676%26, 'a'+n/17576%26)
}

// BenchmarkLiveCause measures the time from a webhook, which fails for a new cause, to that cause on an open page.
func BenchmarkLiveCause(b *testing.B) {
	answer := func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = fmt.Fprintf(w, `{"error":%q}`, r.Header.Get("X-Error"))
	}
	cfg := settings(b, serve(b, http.HandlerFunc(answer)), "")
	fill(b, cfg, fewMessages)
	a := start(b, cfg)
	s := newClient(b, a.ConsoleURL())
	s.signIn(b, a.SetupURL())
	s.awaitAudit(b)
	for b.Loop() {
		lines := s.followCauses(b)
		var took []time.Duration
		for n := range newCauses {
			begun := time.Now()
			s.fail(b, a.URL()+"/webhooks/genesys", reasonOf(n))
			for !strings.Contains(<-lines, wordOf(n)+" is missing") {
				continue
			}
			took = append(took, time.Since(begun))
		}
		p95 := quantile(took, 0.95).Seconds()
		report(b, quantile(took, 0.5).Seconds(), "p50-s")
		report(b, p95, "p95-s")
		resultBelow(b, "from a failure to its cause on an open page, p95 in s", p95, 2)
	}
}

// fail posts a webhook that its handler refuses with an error.
func (s site) fail(b *testing.B, webhooks, reason string) {
	b.Helper()
	request, err := http.NewRequestWithContext(b.Context(), http.MethodPost, webhooks, bytes.NewReader(webhook()))
	if err != nil {
		b.Fatal(err)
	}
	request.Header.Set("X-Error", reason)
	s.do(b, request)
}

// followCauses opens the list of causes, and returns what it is told.
func (s site) followCauses(b *testing.B) <-chan string {
	b.Helper()
	page, err := goquery.NewDocumentFromReader(bytes.NewReader(s.get(b, "/causes")))
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	address, _ := page.Find("[data-live]").Attr("data-live")
	answer := s.follow(ctx, b, address+"&rows=")
	lines := make(chan string, 1000)
	var reading sync.WaitGroup
	reading.Go(func() {
		defer func() { _ = answer.Body.Close() }()
		scanner := bufio.NewScanner(answer.Body)
		scanner.Buffer(nil, 1<<22)
		for scanner.Scan() {
			select {
			case lines <- scanner.Text():
			case <-ctx.Done():
				return
			}
		}
	})
	b.Cleanup(func() {
		cancel()
		reading.Wait()
	})
	return lines
}
