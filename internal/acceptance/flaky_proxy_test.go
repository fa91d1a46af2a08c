package acceptance_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// flakyProxy stands between a client and a server, and can be cut off, slowed down and broken.
type flakyProxy struct {
	URL   string // what the client calls in place of the server
	proxy *toxiproxy.Proxy
}

// newFlakyProxy starts a proxy in front of the server at a URL, until the test ends.
func newFlakyProxy(t testing.TB, server string) *flakyProxy {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	hub := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	l := &flakyProxy{proxy: toxiproxy.NewProxy(hub, "line", "127.0.0.1:0", u.Host)}
	if err := l.proxy.Start(); err != nil {
		t.Fatalf("lay a line to %s: %v", server, err)
	}
	t.Cleanup(l.Cut)
	l.URL = "http://" + l.proxy.Listen
	return l
}

// Cut ends every connection and takes no more.
func (l *flakyProxy) Cut() { l.proxy.Stop() }

// Mend takes connections again after Cut.
func (l *flakyProxy) Mend(t testing.TB) {
	t.Helper()
	if err := l.proxy.Start(); err != nil {
		t.Fatalf("mend the line: %v", err)
	}
}

// Slow has every answer come so many milliseconds later.
func (l *flakyProxy) Slow(t testing.TB, millis int) {
	t.Helper()
	l.disturb(
		t,
		fmt.Sprintf(`{"name":"slow","type":"latency","stream":"downstream","attributes":{"latency":%d}}`, millis),
	)
}

// Break ends every connection after so many bytes of responses, in the middle of one.
func (l *flakyProxy) Break(t testing.TB, bytes int) {
	t.Helper()
	l.disturb(
		t,
		fmt.Sprintf(`{"name":"break","type":"limit_data","stream":"downstream","attributes":{"bytes":%d}}`, bytes),
	)
}

func (l *flakyProxy) disturb(t testing.TB, toxic string) {
	t.Helper()
	if _, err := l.proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
		t.Fatalf("disturb the line: %v", err)
	}
}

// Calm takes every disturbance away.
func (l *flakyProxy) Calm(t testing.TB) {
	t.Helper()
	l.proxy.Toxics.ResetToxics(t.Context())
}
