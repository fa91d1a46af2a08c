package telemetry

import (
	"context"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"dlqdesk/internal/deadletter"
)

// Metrics counts what happens, for Prometheus. Names follow https://prometheus.io/docs/practices/naming/.
type Metrics struct {
	registry   *prometheus.Registry
	webhooks   *prometheus.CounterVec
	deliveries *prometheus.HistogramVec
	alerts     *prometheus.CounterVec
}

// NewMetrics returns metrics whose webhook counters of the given sources start at zero, so that Prometheus sees the
// first webhook of each outcome as an increase.
func NewMetrics(sources []string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		webhooks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dlqdesk_webhooks_total", Help: "Webhooks by outcome, as reported to the platform.",
		}, []string{"source", "outcome"}),
		deliveries: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "dlqdesk_delivery_duration_seconds",
			Help:    "Duration of deliveries to destinations: first attempts, retries and replays.",
			Buckets: []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60},
		}, []string{"source", "outcome"}),
	}
	m.alerts = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "dlqdesk_alert_tries_total", Help: "Tries to send an alert, by what came of it.",
	}, []string{"sink", "result"})
	m.AddSources(sources)
	process := collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})
	m.registry.MustRegister(m.webhooks, m.deliveries, m.alerts, collectors.NewGoCollector(), process)
	return m
}

// AddSources makes the webhook counters of sources that have none yet start at zero.
func (m *Metrics) AddSources(sources []string) {
	for _, source := range sources {
		for _, answer := range []Answer{
			AnswerDelivered, AnswerQueued, AnswerBuffered, AnswerRefused,
			AnswerUnauthorized, AnswerTooLarge, AnswerIncomplete, AnswerWrongMethod, AnswerHandshake,
		} {
			m.webhooks.WithLabelValues(source, string(answer))
		}
	}
}

// Answered counts a response to a platform.
func (m *Metrics) Answered(source string, answer Answer) {
	m.webhooks.WithLabelValues(source, string(answer)).Inc()
}

// ObserveDelivery records the duration and the outcome of a delivery.
func (m *Metrics) ObserveDelivery(source string, a deadletter.Attempt) {
	m.deliveries.WithLabelValues(source, string(a.Outcome)).Observe(a.Latency.Seconds())
}

// AddSinks makes the counters of sinks that have none yet start at zero.
func (m *Metrics) AddSinks(sinks []string) {
	for _, sink := range sinks {
		for _, state := range []deadletter.AlertDeliveryState{
			deadletter.AlertSent, deadletter.AlertWaiting, deadletter.AlertGivenUp, deadletter.AlertDropped,
		} {
			m.alerts.WithLabelValues(sink, alertResult(state))
		}
	}
}

// AlertTried counts a try to tell a sink of an alert. state is what became of the delivery.
func (m *Metrics) AlertTried(sink string, state deadletter.AlertDeliveryState) {
	m.alerts.WithLabelValues(sink, alertResult(state)).Inc()
}

// alertResult returns what came of a try, by the state after it.
func alertResult(state deadletter.AlertDeliveryState) string {
	switch state {
	case deadletter.AlertSent:
		return "sent"
	case deadletter.AlertGivenUp:
		return "given_up"
	case deadletter.AlertWaiting, deadletter.AlertDropped:
	}
	return "failed"
}

// maxScrapes bounds the scrapes that are served at a time.
const maxScrapes = 2

// Handler returns the handler of /metrics. It serves the counts, and reads the gauges at each scrape until ctx ends. It
// must be called once only.
func (m *Metrics) Handler(ctx context.Context, g Gauges) http.Handler {
	m.registry.MustRegister(gaugeCollector{ctx, g})
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes}))
	return mux
}
