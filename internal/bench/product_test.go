package bench_test

import (
	"flag"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"dlqdesk/internal/desktest"
)

var (
	productRounds = flag.Int("product.rounds", 5, "measured rounds of BenchmarkProduct; one more warms up")
	productTime   = flag.Duration("product.time", time.Second, "how long each contestant gets webhooks in a round")
	productConns  = flag.Int("product.connections", 32, "connections that send webhooks")
	productOnly   = flag.String("product.only", "", "contestants, with commas between; empty: all")
	productBeside = flag.String("product.beside", "", "another binary of dlqdesk, which takes part as well")
)

// BenchmarkProduct compares the whole program with a bare reverse proxy and with the receiver of a tutorial, all of
// them processes of their own: round by round each gets webhooks that its handler accepts, then webhooks that its
// handler fails. Every figure is the median of the rounds, every ratio that of the ratios within a round.
func BenchmarkProduct(b *testing.B) {
	f := &field{handler: startRole(b, roleHandler, ""), binaries: map[string]string{"": buildProgram(b)}}
	if *productBeside != "" {
		f.binaries["-beside"] = *productBeside
	}
	f.endpoint, f.server = desktest.StartSQSProcess(b)
	f.client = desktest.SQSClient(b, f.endpoint)
	all := f.startContestants(b)
	figures := make([]figures, len(all))
	for round := range *productRounds + 1 {
		for i, c := range all {
			d := *productTime
			if round == 0 {
				d = max(d, c.warmUp)
			}
			success := f.measure(b, c, "ok", c.accepted, d)
			failure := measured{}
			if c.kept != "" {
				failure = f.measure(b, c, "fail", c.kept, d)
			}
			if round > 0 { // the first one only warms up
				figures[i].add(success, failure)
			}
		}
	}
	for i, c := range all {
		figures[i].name, figures[i].memory = c.name, process{running: c.running}.peakMemory(b)
	}
	b.ReportMetric(0, "ns/op")
	printTables(figures)
	noteAims(b, figures)
}

func (f *field) startContestants(b *testing.B) (all []contestant) {
	b.Helper()
	for _, one := range contestants() {
		for suffix, binary := range f.binaries {
			ours := strings.HasPrefix(one.name, "serve") || strings.HasPrefix(one.name, "receive")
			if *productOnly != "" && !strings.Contains(","+*productOnly+",", ","+one.name+",") ||
				suffix != "" && !ours {
				continue
			}
			c := one.start(b, f, binary)
			c.name = one.name + suffix
			all = append(all, c)
		}
	}
	return all
}

// measured is what one contestant did in one round with the webhooks of one source.
type measured struct {
	webhooks int
	accepted float64 // a second
	settled  float64 // a second, until the last one was delivered, or was on the desk; 0: it has no desk
	p99      time.Duration
	spent    spending
}

// spending is processor time by process.
type spending struct{ own, load, handler, server time.Duration }

func (s spending) less(o spending) spending {
	return spending{s.own - o.own, s.load - o.load, s.handler - o.handler, s.server - o.server}
}

func (f *field) spending(b *testing.B, c contestant) spending {
	b.Helper()
	return spending{spentBy(b, c.running), spent(b), spentBy(b, f.handler.running), spentBy(b, f.server)}
}

// measure sends webhooks of a source to a contestant for a time. The processor time is that until every failed one is
// on the desk, and is found by a search.
func (f *field) measure(b *testing.B, c contestant, source, want string, d time.Duration) measured {
	b.Helper()
	l := newLoad(b, c.url+c.path+source, want, *productConns)
	settle := f.settling(b, c, source)
	before, began := f.spending(b, c), time.Now()
	took := l.during(b, d)
	m := measured{webhooks: len(took), accepted: float64(len(took)) / time.Since(began).Seconds()}
	loaded := spent(b)
	if settle(len(took)) {
		m.settled = float64(len(took)) / time.Since(began).Seconds()
	}
	l.close()
	if c.desk != nil {
		c.desk.site.awaitSearch(b, 200*time.Millisecond)
	}
	now := f.spending(b, c)
	now.load = loaded
	m.spent, m.p99 = now.less(before), quantile(took, 0.99)
	if c.queueURL != "" {
		if _, err := f.client.PurgeQueue(b.Context(), &sqs.PurgeQueueInput{QueueUrl: &c.queueURL}); err != nil {
			b.Fatal(err)
		}
	}
	return m
}

// settling returns a function that waits until the handler has had so many webhooks more, or the desk so many messages
// more, than now. It reports false at once if there is no desk.
func (f *field) settling(b *testing.B, c contestant, source string) func(webhooks int) bool {
	b.Helper()
	count := func() int { return f.handled(b) }
	if source == "fail" {
		if c.desk == nil {
			return func(int) bool { return false }
		}
		count = func() int { return c.desk.messages(b) }
	}
	before := count()
	return func(webhooks int) bool {
		began := time.Now()
		for count() < before+webhooks {
			if time.Sleep(10 * time.Millisecond); time.Since(began) > 2*time.Minute {
				b.Fatalf("%s: %d of %d webhooks have arrived", c.name, count()-before, webhooks)
			}
		}
		return true
	}
}

// handled returns how many webhooks the handler has had.
func (f *field) handled(b *testing.B) int {
	b.Helper()
	request, err := http.NewRequestWithContext(b.Context(), http.MethodGet, f.handler.url+"/count", nil)
	if err != nil {
		b.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		b.Fatal(err)
	}
	n, err := strconv.Atoi(string(text))
	if err != nil {
		b.Fatal(err)
	}
	return n
}
