package acceptance_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"dlqdesk/internal/app"
	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
)

// scrape returns what a program tells Prometheus.
func (p program) scrape(t *testing.T) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.MetricsURL(), nil)
	if err != nil {
		t.Fatal(err)
	}
	status, text := do(t, http.DefaultClient, r)
	if status != http.StatusOK {
		t.Fatalf("/metrics answers %d %s", status, text)
	}
	return text
}

// awaitMetrics waits until a scrape has all of these lines.
func (p program) awaitMetrics(t *testing.T, lines ...string) {
	t.Helper()
	limit, look := time.After(20*time.Second), time.NewTicker(100*time.Millisecond)
	defer look.Stop()
	for {
		text, missing := p.scrape(t), []string(nil)
		for _, line := range lines {
			if !strings.Contains(text, "\n"+line+"\n") {
				missing = append(missing, line)
			}
		}
		if len(missing) == 0 {
			return
		}
		select {
		case <-look.C:
		case <-limit:
			t.Fatalf("a scrape lacks\n%s\nin\n%s", strings.Join(missing, "\n"), text)
		}
	}
}

func TestMetricsCountWebhooksAndMessages(t *testing.T) {
	t.Parallel()
	p := setup(t, func(c *config.Config) {
		c.ConsoleListen, c.MetricsListen = "127.0.0.1:0", "127.0.0.1:0"
		c.Alerts.Sinks = []config.AlertSink{{Name: "ops", Kind: config.SinkEmail}}
		c.Sources[0].MaxBody = 1000
	})
	p.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	p.post(t, `{"id":"1"}`, nil)
	p.destination.Set(desktest.Answer(http.StatusUnprocessableEntity, `{}`))
	for range 2 {
		p.post(t, `{"id":"2"}`, nil)
	}
	p.post(t, strings.Repeat("x", 2000), nil)
	for _, name := range []string{"made-up", "another"} { // strangers make no labels
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.URL()+"/webhooks/"+name, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		do(t, http.DefaultClient, r)
	}
	p.awaitMetrics(t,
		`dlqdesk_webhooks_total{outcome="delivered",source="genesys"} 1`,
		`dlqdesk_webhooks_total{outcome="queued",source="genesys"} 2`,
		`dlqdesk_webhooks_total{outcome="too_large",source="genesys"} 1`,
		`dlqdesk_webhooks_total{outcome="unauthorized",source="genesys"} 0`,
		`dlqdesk_webhooks_total{outcome="wrong_method",source="genesys"} 0`,
		`dlqdesk_webhooks_total{outcome="unknown_source",source=""} 2`,
		`dlqdesk_delivery_duration_seconds_count{outcome="delivered",source="genesys"} 1`,
		`dlqdesk_delivery_duration_seconds_count{outcome="error_response",source="genesys"} 2`,
		`dlqdesk_messages{status="failed"} 2`,
		`dlqdesk_messages{status="archived"} 0`,
		`dlqdesk_queue_messages{place="queue",queue="dlq",state="visible"} 0`,
		`dlqdesk_queue_oldest_age_seconds{place="queue",queue="dlq"} 0`,
		`dlqdesk_queue_up{place="queue",queue="dlq"} 1`,
		`dlqdesk_breaker_state{source="genesys",state="closed"} 1`,
		`dlqdesk_breaker_state{source="genesys",state="open"} 0`,
		`dlqdesk_jobs{state="running"} 0`,
		`dlqdesk_jobs{state="paused"} 0`,
		`dlqdesk_retries_due{source="genesys"} 0`,
		`dlqdesk_ledger_imbalance 0`,
		`dlqdesk_ledger_imbalance_acknowledged 0`,
		`dlqdesk_alert_deliveries_waiting 0`,
		`dlqdesk_alert_tries_total{result="given_up",sink="ops"} 0`,
	)
	text := p.scrape(t)
	if strings.Contains(text, "made-up") {
		t.Error("a stranger has made a label")
	}
	for _, name := range []string{
		"dlqdesk_build_info{", "dlqdesk_alerts_open ", `dlqdesk_store_bytes{file="desk.db"}`,
		`dlqdesk_store_bytes{file="search.db"}`, `dlqdesk_store_bytes{file="queue.db"}`, "go_goroutines ",
		"process_open_fds ",
	} {
		if !strings.Contains(text, "\n"+name) {
			t.Errorf("there is no %s", name)
		}
	}
	if faults, err := promlint.New(strings.NewReader(text)).Lint(); err != nil || len(faults) > 0 {
		t.Errorf("the exposition: %v, %+v", err, faults)
	}
	for _, url := range []string{p.URL(), p.ConsoleURL()} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, text := do(t, http.DefaultClient, r); strings.Contains(text, "dlqdesk_webhooks_total") {
			t.Errorf("%s tells everybody", url)
		}
	}
}

func TestMetricsReportTheSpool(t *testing.T) { //nolint:paralleltest // the SQS server is found by environment
	p, line := behindLine(t, nil, func(c *config.Config) { c.MetricsListen = "127.0.0.1:0" })
	p.awaitMetrics(
		t, `dlqdesk_queue_up{place="queue",queue="dlq"} 1`,
		`dlqdesk_queue_messages{place="spool",queue="dlq",state="visible"} 0`,
	)
	line.Cut()
	status, told := p.post(t, `{"id":"1"}`, nil)
	id := kept(t, status, told)
	p.awaitMetrics(t, `dlqdesk_queue_up{place="queue",queue="dlq"} 0`)
	line.Mend(t)
	p.holds(t, []string{id})
}

// A receiver alone reports no messages, and the rest.
func TestMetricsOfAReceiverAlone(t *testing.T) { //nolint:paralleltest // the SQS server is found by environment
	endpoint := desktest.StartSQS(t)
	desktest.UseSQS(t, endpoint)
	cfg := settings(t, desktest.NewDestination(t))
	cfg.Queue.DLQURL, cfg.MetricsListen = desktest.CreateQueue(t, endpoint, "dead-webhooks", nil), "127.0.0.1:0"
	alone := program{app.New(cfg, app.Options{Log: desktest.Log(t)}), cfg, nil}
	if err := alone.StartReceiver(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(t, alone.App) })
	status, told := alone.post(t, `{"id":"1"}`, nil)
	kept(t, status, told)
	alone.awaitMetrics(t,
		`dlqdesk_webhooks_total{outcome="queued",source="genesys"} 1`,
		`dlqdesk_webhooks_total{outcome="refused",source="genesys"} 0`,
		`dlqdesk_delivery_duration_seconds_count{outcome="error_response",source="genesys"} 1`,
		`dlqdesk_queue_messages{place="queue",queue="dead-webhooks",state="visible"} 1`,
		`dlqdesk_queue_up{place="queue",queue="dead-webhooks"} 1`,
		`dlqdesk_queue_messages{place="spool",queue="dlq",state="visible"} 0`,
		`dlqdesk_breaker_state{source="genesys",state="closed"} 1`,
	)
	text := alone.scrape(t)
	for _, name := range []string{
		"dlqdesk_messages", "dlqdesk_jobs", "dlqdesk_retries_due",
		"dlqdesk_ledger_imbalance",
	} {
		if strings.Contains(text, name) {
			t.Errorf("it tells of %s, and has no store", name)
		}
	}
	if faults, err := promlint.New(strings.NewReader(text)).Lint(); err != nil || len(faults) > 0 {
		t.Errorf("the exposition: %v, %+v", err, faults)
	}
}

func TestMetricsAndLogReportWaitingRetries(t *testing.T) {
	t.Parallel()
	log, handler := &output{}, desktest.NewDestination(t)
	cfg := settings(t, handler)
	cfg.MetricsListen = "127.0.0.1:0"
	cfg.Sources[0].Retry = deadletter.RetryPolicy{MaxAttempts: 9, Base: time.Millisecond, Cap: time.Millisecond}
	cfg.Sources[0].Breaker.MinDeliveries, cfg.Sources[0].Breaker.Probe = 2, time.Hour
	p := program{app.New(cfg, app.Options{Log: slog.New(slog.NewTextHandler(log, nil))}), cfg, handler}
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(t, p.App) })
	for n := range 3 {
		status, told := p.post(t, fmt.Sprintf(numbered, n), nil)
		kept(t, status, told)
	}
	p.awaitMetrics(
		t, `dlqdesk_breaker_state{source="genesys",state="open"} 1`, `dlqdesk_messages{status="retrying"} 3`,
		`dlqdesk_retries_due{source="genesys"} 3`,
	)
	const down, up = `msg="circuit breaker open: retries and jobs wait, and one probe at a time is sent" ` +
		`source=genesys outcome=error_response status=503`,
		`msg="circuit breaker half-open: the destination responds again, and the backlog is let through" source=genesys`
	if text := log.String(); strings.Count(text, down) != 1 || strings.Contains(text, up) {
		t.Errorf("the log is\n%s", text)
	}
	handler.Set(desktest.Answer(http.StatusOK, `{}`))
	p.submit(t, p.signIn(t), "/destinations/genesys/probe", url.Values{})
	p.awaitMetrics(t, `dlqdesk_messages{status="resolved"} 3`, `dlqdesk_retries_due{source="genesys"} 0`)
	if text := log.String(); strings.Count(text, down) != 1 || strings.Count(text, up) != 1 {
		t.Errorf("the log is\n%s", text)
	}
}
