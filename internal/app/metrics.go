package app

import (
	"context"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/server"
)

// metrics count what happens; what merely is, is looked up by a scrape. Names follow
// https://prometheus.io/docs/practices/naming/.
type metrics struct {
	registry   *prometheus.Registry
	webhooks   *prometheus.CounterVec
	deliveries *prometheus.HistogramVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		webhooks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dlqdesk_webhooks_total", Help: "Webhooks by what the platform was told.",
		}, []string{"source", "outcome"}),
		deliveries: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "dlqdesk_delivery_duration_seconds",
			Help:    "How long deliveries to handlers took, first attempts, retries and replays alike.",
			Buckets: []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60},
		}, []string{"source", "outcome"}),
	}
	m.registry.MustRegister(
		m.webhooks,
		m.deliveries,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

// Answered counts what a platform was told.
func (m *metrics) Answered(source string, fate deadletter.Fate) {
	m.webhooks.WithLabelValues(source, string(fate)).Inc()
}

func (m *metrics) delivered(source string, a deadletter.Attempt) {
	m.deliveries.WithLabelValues(source, string(a.Outcome)).Observe(a.Latency.Seconds())
}

// begin has the counters of a source at zero, so that the first of a kind is seen to be one more.
func (m *metrics) begin(source string) {
	for _, fate := range []deadletter.Fate{
		deadletter.FateDelivered, deadletter.FateKept, deadletter.FateBuffered, deadletter.FateRefused, deadletter.FateUnauthorized,
		deadletter.FateTooLarge, deadletter.FateIncomplete,
	} {
		m.webhooks.WithLabelValues(source, string(fate))
	}
}

// serveMetrics answers /metrics on an address of its own, where one is configured.
func (a *App) serveMetrics(ctx context.Context, tracker *delivery.Tracker, q *queues) error {
	if a.cfg.MetricsListen == "" {
		return nil
	}
	for _, s := range a.cfg.Sources {
		a.metrics.begin(s.Name)
	}
	if err := a.metrics.registry.Register(scraped{a, tracker, q}); err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.metrics.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 2}))
	var err error
	a.metricsServer, err = a.serve(ctx, server.Listener{Name: "metrics", Address: a.cfg.MetricsListen, Handler: mux})
	return err
}

// MetricsURL is where a scrape goes, as this machine reaches it. There must be a metrics_listen.
func (a *App) MetricsURL() string { return "http://" + a.metricsServer.Host() + "/metrics" }
