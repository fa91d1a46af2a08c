package bench_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/redact"
)

const (
	alertRate    = 1_000 // webhooks a second that fail meanwhile
	alertConns   = 50
	alertSamples = 20
	toOpen       = 5 // failures that open a circuit breaker
)

// BenchmarkAlerts measures the time from the first failure, of a new cause and of a destination that goes down, until a
// webhook brings the alert, while a thousand other webhooks fail each second.
func BenchmarkAlerts(b *testing.B) {
	answer := func(w http.ResponseWriter, r *http.Request) {
		code := http.StatusUnprocessableEntity
		if r.Header.Get("X-Down") != "" {
			code = http.StatusServiceUnavailable
		}
		w.WriteHeader(code)
		_, _ = fmt.Fprintf(w, `{"error":%q}`, r.Header.Get("X-Error"))
	}
	cfg := settings(b, serve(b, http.HandlerFunc(answer)), "")
	for n := range alertSamples {
		for _, name := range []string{causeSource(n), downSource(n)} {
			s := cfg.Sources[0]
			s.Name = name
			s.Breaker = config.Breaker{
				FailureRate: 1, MinDeliveries: 1000, Consecutive: toOpen, Window: time.Minute, Probe: time.Minute,
				RampStart: 20,
			}
			cfg.Sources = append(cfg.Sources, s)
		}
	}
	told := make(chan string, 1000) // kinds with their source
	cfg.Alerts = alertsTo(serve(b, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var of struct {
			Type string
			Data struct {
				Kind    string
				Sources []string
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&of); err == nil && len(of.Data.Sources) == 1 {
			told <- of.Data.Kind + " " + of.Data.Sources[0]
		}
	})))
	a := start(b, cfg)
	s := newClient(b, a.ConsoleURL())
	ctx, cancel := context.WithCancel(b.Context())
	var running sync.WaitGroup
	var failed atomic.Int64
	load := newLoad(b, a.URL()+"/webhooks/genesys", jsonQueued, alertConns)
	running.Go(func() { load.paced(ctx, b, alertRate, &failed) })
	time.Sleep(5 * time.Second) // the load has its effect
	before, since := failed.Load(), time.Now()
	for b.Loop() {
		var causes, downs []time.Duration
		for n := range alertSamples {
			begun := time.Now()
			s.fail(b, a.URL()+"/webhooks/"+causeSource(n), reasonOf(n))
			causes = append(causes, awaitAlert(b, told, string(deadletter.AlertNewCause)+" "+causeSource(n), begun))
			begun = time.Now()
			for range toOpen {
				s.failDown(b, a.URL()+"/webhooks/"+downSource(n))
			}
			downs = append(downs, awaitAlert(b, told, string(deadletter.AlertDestination)+" "+downSource(n), begun))
		}
		for what, took := range map[string][]time.Duration{"new cause": causes, "destination down": downs} {
			p95 := quantile(took, 0.95).Seconds()
			report(b, quantile(took, 0.5).Seconds(), "p50-s-"+what[:3])
			report(b, p95, "p95-s-"+what[:3])
			resultBelow(b, "from the first failure to the alert, "+what+", p95 in s", p95, 10)
		}
	}
	report(b, float64(failed.Load()-before)/time.Since(since).Seconds(), "failures/s")
	cancel()
	running.Wait()
}

func causeSource(n int) string { return fmt.Sprintf("cause-%d", n) }

func downSource(n int) string { return fmt.Sprintf("down-%d", n) }

// alertsTo sends all alerts to a webhook, and has no alert of the machine.
func alertsTo(url string) config.Alerts {
	return config.Alerts{
		Sinks:  []config.AlertSink{{Name: "ops", Kind: config.SinkWebhook, URL: redact.NewSecret("", url)}},
		Routes: []deadletter.AlertRoute{{Name: "all", To: []string{"ops"}, Severity: deadletter.SeverityInfo}},
		AlertThresholds: config.AlertThresholds{
			Growth: 300, GrowthFloor: 1 << 30, BreakerOpen: time.Hour, UpFor: time.Minute, ExpiresIn: time.Hour,
			Disk: 101, Spool: 101, Silence: 24 * time.Hour,
		},
	}
}

// awaitAlert returns how long it takes since a time until an alert is told.
func awaitAlert(b *testing.B, told <-chan string, want string, since time.Time) time.Duration {
	b.Helper()
	limit := time.After(2 * time.Minute)
	for {
		select {
		case got := <-told:
			if got == want {
				return time.Since(since)
			}
		case <-limit:
			b.Fatalf("%s is not told", want)
		}
	}
}

// failDown posts a webhook whose handler is down.
func (s site) failDown(b *testing.B, webhooks string) {
	b.Helper()
	request, err := http.NewRequestWithContext(b.Context(), http.MethodPost, webhooks, http.NoBody)
	if err != nil {
		b.Fatal(err)
	}
	request.Header.Set("X-Down", "yes")
	s.do(b, request)
}

// paced sends so many webhooks a second over all connections, evenly, until ctx ends, and counts them.
func (l *load) paced(ctx context.Context, b *testing.B, perSecond int, sent *atomic.Int64) {
	b.Helper()
	var running sync.WaitGroup
	for _, c := range l.conns {
		running.Go(func() {
			pace := time.NewTicker(time.Duration(len(l.conns)) * time.Second / time.Duration(perSecond))
			defer pace.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-pace.C:
				}
				if _, err := l.exchange(c); err != nil && ctx.Err() == nil {
					b.Error(err)
					return
				}
				sent.Add(1)
			}
		})
	}
	running.Wait()
}
