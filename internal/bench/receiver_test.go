package bench_test

import (
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"time"
)

const (
	// share is how many webhooks each connection sends in a round that opens connections, has Node compile, or is of
	// who takes long.
	share = 50

	// longShare is how many it sends in a round that is measured: half a second's, so that one collection of garbage
	// more, and the last calls to SQS, which are not full, do not count.
	longShare = 8 * share
)

// BenchmarkReceiverSuccess compares the receiver with a bare reverse proxy to the same destination, round by round. A
// bare one makes a new buffer for every answer, so it is compared with one that keeps its buffers as well.
func BenchmarkReceiverSuccess(b *testing.B) {
	target := destination(b, http.StatusOK, `{"ok":true}`)
	desk := newLoad(b, start(b, settings(b, target, "")).URL()+"/webhooks/genesys", `{"status":"accepted"}`)
	bare := newLoad(b, serve(b, newProxy(b, target, nil)), `{"ok":true}`)
	pooled := newLoad(b, serve(b, newProxy(b, target, &buffers{})), `{"ok":true}`)

	var ours, theirs, ratios, pooledRatios []float64
	for _, l := range []*load{desk, bare, pooled} {
		l.round(b, share) // the first round opens connections
	}
	for b.Loop() {
		our, _ := desk.round(b, longShare)
		their, _ := bare.round(b, longShare)
		best, _ := pooled.round(b, longShare)
		ours, theirs = append(ours, our), append(theirs, their)
		ratios, pooledRatios = append(ratios, our/their), append(pooledRatios, our/best)
	}
	report(b, median(ours), "req/s")
	report(b, median(theirs), "proxy-req/s")
	report(b, median(ratios), "ratio")
	report(b, median(pooledRatios), "ratio-pooled")
	result(b, "success path / bare ReverseProxy", median(ratios), 0.9)
}

// newProxy keeps enough connections for the load, as the receiver does.
func newProxy(b *testing.B, target string, pool httputil.BufferPool) http.Handler {
	b.Helper()
	to, err := url.Parse(target)
	if err != nil {
		b.Fatal(err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 2 * connections, DisableCompression: true}
	b.Cleanup(transport.CloseIdleConnections)
	return &httputil.ReverseProxy{
		Transport:  transport,
		BufferPool: pool,
		Rewrite:    func(r *httputil.ProxyRequest) { r.SetURL(to) },
	}
}

// buffers is a pool of buffers as large as those that a reverse proxy makes.
type buffers struct{ pool sync.Pool }

func (p *buffers) Get() []byte {
	if kept, ok := p.pool.Get().(*[]byte); ok {
		return *kept
	}
	return make([]byte, 32<<10)
}

func (p *buffers) Put(buffer []byte) { p.pool.Put(&buffer) }

// BenchmarkFailureEmbedded measures webhooks whose delivery fails, until the platform knows that the embedded queue
// has them.
func BenchmarkFailureEmbedded(b *testing.B) { failures(b, "") }

func failures(b *testing.B, dlqURL string) {
	b.Helper()
	target := destination(b, http.StatusInternalServerError, `{"error":"the CRM is down"}`)
	desk := newLoad(b, start(b, settings(b, target, dlqURL)).URL()+"/webhooks/genesys", "queued_for_retry")
	desk.round(b, 1)

	var rates []float64
	var took []time.Duration
	for b.Loop() {
		rate, each := desk.round(b, longShare)
		rates, took = append(rates, rate), append(took, each...)
	}
	report(b, median(rates), "req/s")
	report(b, millis(quantile(took, 0.5)), "p50-ms")
	report(b, millis(quantile(took, 0.99)), "p99-ms")
}
