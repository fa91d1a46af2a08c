package telemetry_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/telemetry"
)

type dlq struct{}

func (dlq) Name() string   { return "dlq" }
func (dlq) System() string { return "aws_sqs" }

var quiet = slog.New(slog.DiscardHandler)

// life makes every span that a webhook can have.
func life(ctx context.Context, c *deadletter.Capture, l *deadletter.Message, a *deadletter.Attempt) {
	telemetry.Answered(ctx, "genesys", telemetry.AnswerQueued)
	ctx, sending := telemetry.Send(ctx, dlq{})
	sending.End(nil)
	ctx, processing := telemetry.Process(ctx, dlq{}, "m-1", c)
	processing.End(nil)
	ctx, attempt := telemetry.Attempt(ctx, l, a, c.Headers)
	delivery := telemetry.Deliver(ctx, "http://127.0.0.1/genesys", a.Number, &a.TraceParent)
	delivery.Outcome(*a)
	delivery.End(nil)
	attempt.Outcome(*a)
	attempt.End(nil)
}

// A program without a collector pays nothing for what it could tell one.
func TestDisabledTracesCostNothing(t *testing.T) { //nolint:paralleltest // it counts allocations
	c, l, a := &deadletter.Capture{
		ID: "a-1",
	}, &deadletter.Message{
		ID: "a-1",
	}, &deadletter.Attempt{
		Number:      2,
		TraceParent: "00-1-2-01",
	}
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() { life(ctx, c, l, a) }); n != 0 || a.TraceParent != "00-1-2-01" {
		t.Errorf("%v allocations, and a delivery has traceparent %s", n, a.TraceParent)
	}
	h := http.NotFoundHandler()
	if got := fmt.Sprintf("%p", (*telemetry.Tracer)(nil).Received(h)); got != fmt.Sprintf("%p", h) {
		t.Error("requests take another way")
	}
}

func BenchmarkNoTraces(b *testing.B) {
	c, l, a := &deadletter.Capture{ID: "a-1"}, &deadletter.Message{ID: "a-1"}, &deadletter.Attempt{Number: 2}
	b.ReportAllocs()
	for b.Loop() {
		life(b.Context(), c, l, a)
	}
}

func BenchmarkTraces(b *testing.B) {
	collector := desktest.NewCollector(b)
	tracer, err := telemetry.StartTraces(b.Context(), "1.2.3", quiet)
	if err != nil {
		b.Fatal(err)
	}
	c, l, a := &deadletter.Capture{ID: "a-1"}, &deadletter.Message{ID: "a-1"}, &deadletter.Attempt{Number: 2}
	ctx := tracer.Into(b.Context())
	b.ReportAllocs()
	for b.Loop() {
		life(ctx, c, l, a)
	}
	if err := tracer.Stop(b.Context()); err != nil || len(collector.Spans()) == 0 {
		b.Errorf("%d spans were sent: %v", len(collector.Spans()), err)
	}
}

func start(t *testing.T) (context.Context, *telemetry.Tracer) {
	t.Helper()
	tracer, err := telemetry.StartTraces(t.Context(), "1.2.3", quiet)
	if err != nil || tracer == nil {
		t.Fatalf("there is a tracer %v, %v", tracer, err)
	}
	t.Cleanup(func() { _ = tracer.Stop(context.Background()) })
	return tracer.Into(t.Context()), tracer
}

func stop(t *testing.T, tracer *telemetry.Tracer) {
	t.Helper()
	if err := tracer.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestEnvironmentEnablesTraces(t *testing.T) { //nolint:paralleltest // it sets the environment
	const endpoint, own = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	for name, c := range map[string]struct {
		environ map[string]string
		want    bool
	}{
		"nothing":     {nil, false},
		"an endpoint": {map[string]string{endpoint: "http://127.0.0.1:1"}, true},
		"one of its":  {map[string]string{own: "http://127.0.0.1:1/v1/traces"}, true},
		"by gRPC": {
			map[string]string{endpoint: "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, true,
		},
		"disabled":     {map[string]string{endpoint: "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "TRUE"}, false},
		"not disabled": {map[string]string{endpoint: "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "no"}, true},
		"no exporter":  {map[string]string{endpoint: "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			for key, value := range c.environ {
				t.Setenv(key, value)
			}
			tracer, err := telemetry.StartTraces(t.Context(), "1.2.3", quiet)
			if err != nil || (tracer != nil) != c.want {
				t.Errorf("there is a tracer: %t, %v", tracer != nil, err)
			}
			if err := tracer.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// rpcCollector is a collector that is spoken to by gRPC.
type rpcCollector struct {
	collectorpb.UnimplementedTraceServiceServer
	spans chan string
}

func (c *rpcCollector) Export(
	_ context.Context, r *collectorpb.ExportTraceServiceRequest,
) (*collectorpb.ExportTraceServiceResponse, error) {
	for _, of := range r.GetResourceSpans() {
		for _, scope := range of.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				c.spans <- s.GetName()
			}
		}
	}
	return &collectorpb.ExportTraceServiceResponse{}, nil
}

func TestTracesAreSentByGRPC(t *testing.T) { //nolint:paralleltest // it sets the environment
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	collector, server := &rpcCollector{spans: make(chan string, 1)}, grpc.NewServer()
	collectorpb.RegisterTraceServiceServer(server, collector)
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(l) }) // until it is stopped
	t.Cleanup(func() {
		server.Stop()
		serving.Wait()
	})
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+l.Addr().String())
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
	ctx, tracer := start(t)
	_, s := telemetry.Send(ctx, dlq{})
	s.End(nil)
	stop(t, tracer)
	if got := <-collector.spans; got != "send dlq" {
		t.Errorf("the collector was sent %q", got)
	}
}

func TestServiceNameComesFromTheEnvironment(t *testing.T) { //nolint:paralleltest // it sets the environment
	collector := desktest.NewCollector(t)
	t.Setenv("OTEL_SERVICE_NAME", "webhooks")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=not-this,team=crm")
	ctx, tracer := start(t)
	_, s := telemetry.Send(ctx, dlq{})
	s.End(nil)
	stop(t, tracer)
	spans := collector.Spans()
	if len(spans) != 1 || spans[0].Resource["service.name"] != "webhooks" || spans[0].Resource["team"] != "crm" ||
		spans[0].Resource["service.version"] != "1.2.3" {
		t.Errorf("the collector was sent %+v", spans)
	}
}

// A delivery's traceparent is on record before anything of it is a span: of a message without a trace as well.
func TestRecordedTraceIDsAreUsed(t *testing.T) { //nolint:paralleltest // the collector is found by environment
	collector := desktest.NewCollector(t)
	ctx, tracer := start(t)
	l, a := &deadletter.Message{
		ID: "a-1",
	}, &deadletter.Attempt{
		Number:      3,
		Trigger:     deadletter.TriggerReplay,
		TraceParent: telemetry.TraceParent("a-1", "", nil),
	}
	promised := a.TraceParent
	ctx, attempt := telemetry.Attempt(telemetry.About(ctx, l.ID), l, a, nil)
	sent := a.TraceParent
	delivery := telemetry.Deliver(ctx, "https://user:secret@crm.example:8443/hooks?key=secret", 3, &sent)
	a.Outcome, a.Error = deadletter.Unreachable, "Connection refused by crm.example"
	delivery.Outcome(*a)
	delivery.End(nil)
	attempt.Outcome(*a)
	attempt.End(nil)
	stop(t, tracer)
	spans := collector.Spans()
	if len(spans) != 2 || sent != promised || "00-"+spans[0].Trace+"-"+spans[0].ID+"-01" != promised ||
		spans[0].Parent != spans[1].ID ||
		spans[1].Trace != spans[0].Trace {
		t.Fatalf("%s was promised, %s is sent, and the spans are %+v", promised, sent, spans)
	}
	for key, want := range map[string]string{
		"url.full": "https://crm.example:8443/hooks", "server.address": "crm.example", "server.port": "8443",
		"http.request.method":       "POST",
		"http.request.resend_count": "2", "dlqdesk.attempt": "3", "dlqdesk.outcome": "unreachable",
		"error.type": "unreachable", "dlqdesk.message": "a-1",
	} {
		t.Run(key, func(t *testing.T) {
			if got := spans[0].Attributes[key]; got != want {
				t.Errorf("%s is %q, want %q", key, got, want)
			}
		})
	}
	if !spans[0].Failed || !spans[1].Failed || collector.Has("secret") {
		t.Errorf("the spans are %+v", spans)
	}
}

func TestCollectorErrorsDoNotFillTheLog(t *testing.T) { //nolint:paralleltest // it sets the environment
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	var log bytes.Buffer
	tracer, err := telemetry.StartTraces(t.Context(), "", slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		otel.Handle(errors.New("connection refused"))
	}
	if n := strings.Count(log.String(), "connection refused"); n != 1 {
		t.Errorf("it is told %d times:\n%s", n, &log)
	}
	stop(t, tracer)
}

func TestLinesNameTheirMessage(t *testing.T) {
	t.Parallel()
	about := telemetry.About(t.Context(), "a-1")
	inError := fmt.Errorf("twice wrapped: %w", deadletter.AboutMessage("b-2", errors.New("disk full")))
	for name, c := range map[string]struct {
		log  func(l *slog.Logger)
		want string
	}{
		"by context": {func(l *slog.Logger) { l.InfoContext(about, "delivery") }, "message=a-1"},
		"by error": {
			func(l *slog.Logger) { l.ErrorContext(t.Context(), "cannot go on", "err", inError) }, "message=b-2",
		},
		"by context and not": {
			func(l *slog.Logger) { l.ErrorContext(about, "cannot go on", "err", errors.New("disk full")) },
			"message=a-1",
		},
		"of a component": {
			func(l *slog.Logger) { l.With("component", "worker").InfoContext(about, "delivery") }, "message=a-1",
		},
		"in a group": {
			func(l *slog.Logger) { l.WithGroup("g").InfoContext(about, "delivery") }, "message=a-1",
		},
		"that is about no one": {func(l *slog.Logger) { l.InfoContext(t.Context(), "ready", "err", error(nil)) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			c.log(slog.New(telemetry.Log(slog.NewTextHandler(&log, nil))))
			if got := strings.Count(log.String(), "message="); c.want == "" && got != 0 ||
				c.want != "" && (got != 1 || !strings.Contains(log.String(), c.want)) {
				t.Errorf("%s: %s", name, &log)
			}
		})
	}
}

func TestLinesNameTheirTrace(t *testing.T) { //nolint:paralleltest // the collector is found by environment
	desktest.NewCollector(t)
	ctx, tracer := start(t)
	ctx, s := telemetry.Send(ctx, dlq{})
	var log bytes.Buffer
	slog.New(telemetry.Log(slog.NewTextHandler(&log, nil))).InfoContext(ctx, "delivery")
	trace := strings.Split(s.TraceParent(), "-")[1]
	if !strings.Contains(log.String(), "trace_id="+trace) {
		t.Errorf("the line is %s, in trace %s", &log, trace)
	}
	s.End(nil)
	stop(t, tracer)
}
