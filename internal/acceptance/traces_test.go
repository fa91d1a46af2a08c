package acceptance_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/app"
	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
)

const (
	platformTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	platformSpan  = "00f067aa0ba902b7"
)

// A receiver alone takes the webhook, SQS carries it, and the desk replays it: three lives of one webhook, in the
// platform's trace.
// SQS and collector are found by environment
func TestWebhookIsOneTraceThroughTheQueue(t *testing.T) { //nolint:paralleltest // environment
	endpoint := desktest.StartSQS(t)
	desktest.UseSQS(t, endpoint)
	collector := desktest.NewCollector(t)
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
	queueURL := desktest.CreateQueue(t, endpoint, "dead-webhooks", nil)
	serve := setup(t, func(c *config.Config) {
		c.Queue.DLQURL = queueURL
		c.Sources[0].Destination += "?key=0urs3cret"
	})
	cfg := serve.cfg
	cfg.DataDir = t.TempDir()
	alone := program{app.New(cfg, app.Options{Log: desktest.Log(t), Version: "1.2.3"}), cfg, serve.destination}
	if err := alone.StartReceiver(t.Context()); err != nil {
		t.Fatal(err)
	}
	status, told := alone.post(t, `{"ssn":"078-05-1120"}`, http.Header{
		"Traceparent": {"00-" + platformTrace + "-" + platformSpan + "-01"}, "Authorization": {"Bearer pl4tforms3cret"},
	})
	id := kept(t, status, told)
	client := serve.signIn(t)
	serve.await(t, client, "/messages/"+id, "CRM is down")
	serve.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	serve.submit(t, client, "/messages/"+id+"/replay", url.Values{"version": {"0"}, "revision": {"0"}})
	serve.await(t, client, "/messages?status=resolved", id)
	end(t, alone.App) // what was seen last is sent when they stop
	end(t, serve.App)

	spans := collector.Spans()
	want := `POST /webhooks/{source} SERVER 200
  POST CLIENT 503 failed
  send dead-webhooks PRODUCER
    process dead-webhooks CONSUMER
      replay INTERNAL 200
        POST CLIENT 200
`
	if got := tree(spans, platformSpan, ""); got != want {
		t.Errorf("the trace is\n%s\nwant\n%s", got, want)
	}
	for _, s := range spans {
		if s.Trace != platformTrace || s.Attributes["dlqdesk.message"] != id ||
			s.Resource["service.name"] != "dlqdesk" ||
			s.Resource["deployment.environment.name"] != "test" {
			t.Errorf("a span is %+v", s)
		}
	}
	for n, d := range serve.destination.Received() {
		sent := fmt.Sprintf("00-%s-%s-01", platformTrace, deliveries(spans)[n].ID)
		if d.Header.Get("Traceparent") != sent {
			t.Errorf("delivery %d has traceparent %s, not %s", n+1, d.Header.Get("Traceparent"), sent)
		}
	}
	for _, secret := range []string{"s3cret", "078-05-1120", "CRM is down"} {
		if collector.Has(secret) {
			t.Errorf("the collector was sent %q", secret)
		}
	}
	for _, fact := range []string{"aws_sqs", "/genesys", "1.2.3"} {
		if !collector.Has(fact) {
			t.Errorf("the collector was not sent %q", fact)
		}
	}
}

// tree draws the spans below one, in the order in which they are named.
func tree(spans []desktest.Span, parent, indent string) string {
	var lines []string
	for _, s := range spans {
		if s.Parent != parent {
			continue
		}
		line := indent + s.Name + " " + s.Kind
		if code := s.Attributes["http.response.status_code"]; code != "" {
			line += " " + code
		}
		if s.Failed {
			line += " failed"
		}
		lines = append(lines, line+"\n"+tree(spans, s.ID, indent+"  "))
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// deliveries are the spans of requests to the destination, in their order.
func deliveries(spans []desktest.Span) []desktest.Span {
	var list []desktest.Span
	for _, s := range spans {
		if s.Kind == "CLIENT" {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b desktest.Span) int {
		return strings.Compare(a.Attributes["dlqdesk.attempt"], b.Attributes["dlqdesk.attempt"])
	})
	return list
}

// A platform that sends no trace, or none that is valid, has one begun for it.
// the collector is found by environment
func TestBufferedWebhookAndItsRetriesAreOneTrace(t *testing.T) { //nolint:paralleltest // environment
	collector := desktest.NewCollector(t)
	p := setup(t, func(c *config.Config) {
		c.Sources[0].Mode = config.Buffered
		c.Sources[0].Retry = deadletter.RetryPolicy{MaxAttempts: 5, Base: time.Millisecond, Cap: time.Millisecond}
	})
	calls := 0
	p.destination.Set(func(w http.ResponseWriter, _ *http.Request) {
		if calls++; calls < 3 {
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	p.post(t, `{}`, http.Header{"Traceparent": {"00-" + platformTrace + "-0000000000000000-01"}})
	for range 3 {
		p.destination.Await(t)
	}
	end(t, p.App)
	spans := collector.Spans()
	want := `POST /webhooks/{source} SERVER 200
  send processing PRODUCER
    process processing CONSUMER
      POST CLIENT 502 failed
      send dlq PRODUCER
        process dlq CONSUMER
          retry INTERNAL 200
            POST CLIENT 200
          retry INTERNAL 502 failed
            POST CLIENT 502 failed
`
	if got := tree(spans, "", ""); got != want {
		t.Errorf("the trace is\n%s\nwant\n%s", got, want)
	}
	for _, s := range spans {
		if s.Trace != spans[0].Trace || s.Trace == platformTrace {
			t.Errorf("%s is of trace %s", s.Name, s.Trace)
		}
	}
}

func TestRefusedWebhooksAreTraced(t *testing.T) { //nolint:paralleltest // the collector is found by environment
	collector := desktest.NewCollector(t)
	p := setup(t, func(c *config.Config) { c.Sources[0].MaxBody = 10 })
	p.post(t, strings.Repeat("x", 11), nil)
	r, err := http.NewRequestWithContext(
		t.Context(), http.MethodPost, p.URL()+"/webhooks/"+strings.Repeat("n", 5000), http.NoBody,
	)
	if err != nil {
		t.Fatal(err)
	}
	do(t, http.DefaultClient, r)
	end(t, p.App)
	if got := tree(
		collector.Spans(), "", "",
	); got != "POST /webhooks/{source} SERVER 404\nPOST /webhooks/{source} SERVER 413\n" {
		t.Errorf("the spans are\n%s", got)
	}
	if collector.Has(strings.Repeat("n", 2000)) {
		t.Error("a stranger decides how large a span is")
	}
}

func TestUnsampledTraceIsPassedOnAsSuch(t *testing.T) { //nolint:paralleltest // the collector is found by environment
	collector := desktest.NewCollector(t)
	t.Setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
	p := setup(t, nil)
	p.post(t, `{}`, nil)
	p.post(t, `{}`, http.Header{"Traceparent": {"00-" + platformTrace + "-" + platformSpan + "-01"}})
	end(t, p.App)
	received := p.destination.Received()
	if sent := received[0].Header.Get("Traceparent"); !strings.HasSuffix(sent, "-00") {
		t.Errorf("the handler is told to sample %s", sent)
	}
	if sent := received[1].Header.Get("Traceparent"); !strings.HasSuffix(sent, "-01") {
		t.Errorf("the handler is told not to sample %s", sent)
	}
	for _, s := range collector.Spans() {
		if s.Trace != platformTrace {
			t.Errorf("the collector was sent %+v", s)
		}
	}
}

// The environment leads to the collector, so the test cannot be parallel.
func TestDisabledTracingSendsNothing(t *testing.T) { //nolint:paralleltest // environment
	collector := desktest.NewCollector(t)
	t.Setenv("OTEL_SDK_DISABLED", "true")
	p := setup(t, nil)
	p.post(t, `{}`, nil)
	end(t, p.App)
	if spans := collector.Spans(); len(spans) > 0 {
		t.Errorf("the collector was sent %+v", spans)
	}
}

// A collector that accepts connections and never responds is the worst case.
func TestHangingCollectorDelaysNothing(t *testing.T) { //nolint:paralleltest // the collector is found by environment
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+l.Addr().String())
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
	t.Setenv("OTEL_BSP_MAX_QUEUE_SIZE", "10")
	t.Setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "5")
	told := &output{}
	cfg := settings(t, desktest.NewDestination(t))
	p := program{app.New(cfg, app.Options{Log: slog.New(slog.NewTextHandler(io.MultiWriter(told), nil))}), cfg, nil}
	if err := p.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 50 { // more than it may keep
		status, told := p.post(t, `{}`, nil)
		kept(t, status, told)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := p.Stop(ctx); err != nil || ctx.Err() != nil {
		t.Errorf("stop: %v, %v", err, ctx.Err())
	}
	if !strings.Contains(told.String(), "spans did not reach the collector") {
		t.Errorf("the log does not tell of it:\n%s", told)
	}
}
