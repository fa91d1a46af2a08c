// Package telemetry owns logs, metrics and traces. Each log line names the message that it is about. If a collector is
// configured, OpenTelemetry traces follow a webhook through destination, queue and desk.
//
// It must not report a payload, a header or a secret: only names, ids, addresses without their queries, and outcomes.
package telemetry

import (
	"cmp"
	"context"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Tracer makes spans and sends them to a collector. A nil Tracer makes none, at no cost.
type Tracer struct {
	spans    trace.Tracer
	provider *sdktrace.TracerProvider
	log      *slog.Logger
}

const (
	service = "dlqdesk"

	// flushLimit bounds the time that Stop waits for a collector that does not respond.
	flushLimit = 3 * time.Second

	// longestValue bounds an attribute of a span, in bytes. An attacker can choose the address of a request.
	longestValue = 1 << 10
)

// StartTraces returns a tracer, configured by the environment
// (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/). It returns nil if the
// environment names no collector. An unreachable collector delays nothing. The caller must call Stop.
func StartTraces(ctx context.Context, version string, log *slog.Logger) (*Tracer, error) {
	if !hasCollector() {
		return nil, nil //nolint:nilnil // a nil Tracer is one that makes no spans
	}
	otel.SetErrorHandler(&exportErrors{log: log})
	exporter, err := newExporter(ctx)
	if err != nil {
		return nil, err
	}
	about, err := resource.New(ctx,
		resource.WithAttributes(semconv.ServiceName(service), semconv.ServiceVersion(version)),
		resource.WithTelemetrySDK(), resource.WithHost(), resource.WithFromEnv())
	if err != nil {
		otel.Handle(err) // the attributes that were found are used all the same
	}
	limits := sdktrace.NewSpanLimits()
	if limits.AttributeValueLengthLimit < 0 {
		limits.AttributeValueLengthLimit = longestValue
	}
	// Spans that come faster than the collector accepts them are dropped: a full batch delays nothing.
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporter), sdktrace.WithResource(about), sdktrace.WithRawSpanLimits(limits),
		sdktrace.WithIDGenerator(attemptIDs{}),
	)
	return &Tracer{provider.Tracer(service, trace.WithInstrumentationVersion(version)), provider, log}, nil
}

func hasCollector() bool {
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") || os.Getenv("OTEL_TRACES_EXPORTER") == "none" {
		return false
	}
	return cmp.Or(os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT")) != ""
}

// newExporter returns an exporter that uses HTTP, or gRPC if the environment sets that.
func newExporter(ctx context.Context) (*otlptrace.Exporter, error) {
	if cmp.Or(os.Getenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"), os.Getenv("OTEL_EXPORTER_OTLP_PROTOCOL")) == "grpc" {
		return otlptracegrpc.New(ctx)
	}
	return otlptracehttp.New(ctx)
}

// Stop sends the remaining spans, until ctx ends or for flushLimit. It returns no error if the collector refuses them.
func (t *Tracer) Stop(ctx context.Context) error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, flushLimit)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		t.log.WarnContext(ctx, "the latest spans did not reach the collector", "err", err)
	}
	return nil
}

// tracerKey is the context key of the tracer.
type tracerKey struct{}

// Into returns a context in which spans are made.
func (t *Tracer) Into(ctx context.Context) context.Context {
	if t == nil {
		return ctx
	}
	return context.WithValue(ctx, tracerKey{}, t)
}

func tracerOf(ctx context.Context) *Tracer {
	t, _ := ctx.Value(tracerKey{}).(*Tracer)
	return t
}

// exportErrors logs the errors of sending spans, once a minute at most.
type exportErrors struct {
	log *slog.Logger

	mu         sync.Mutex
	last       time.Time
	unreported int
}

// exportErrorsEvery is the time between two log lines.
const exportErrorsEvery = time.Minute

// Handle implements otel.ErrorHandler.
func (c *exportErrors) Handle(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unreported++
	if !c.last.IsZero() && time.Since(c.last) < exportErrorsEvery {
		return
	}
	c.log.Warn("traces do not reach the collector; webhooks are not affected", "faults", c.unreported, "err", err)
	c.last, c.unreported = time.Now(), 0
}
