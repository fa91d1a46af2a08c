// Package telemetry reports who runs dlqdesk what happens inside: each line of the log names the message that it
// concerns, and where a collector is configured, OpenTelemetry traces follow a webhook through handler, queue and
// desk. It sees no payload and no secret: what it reports of a webhook are names, ids, addresses without their queries,
// and outcomes.
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

	// flushLimit bounds how long a collector that takes nothing holds up the end of the program.
	flushLimit = 3 * time.Second

	// longestValue bounds what a span says of one thing, in bytes: an address may be whatever a stranger calls.
	longestValue = 1 << 10
)

// StartTraces makes a tracer as the environment says
// (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/); nil where it names no
// collector. A collector that is not there delays nothing. The caller stops the tracer.
func StartTraces(ctx context.Context, version string, log *slog.Logger) (*Tracer, error) {
	if !wanted() {
		return nil, nil //nolint:nilnil // a nil Tracer is one that makes no spans
	}
	otel.SetErrorHandler(&complaints{log: log})
	exporter, err := newExporter(ctx)
	if err != nil {
		return nil, err
	}
	about, err := resource.New(ctx,
		resource.WithAttributes(semconv.ServiceName(service), semconv.ServiceVersion(version)),
		resource.WithTelemetrySDK(), resource.WithHost(), resource.WithFromEnv())
	if err != nil {
		otel.Handle(err) // what could be found out is told all the same
	}
	limits := sdktrace.NewSpanLimits()
	if limits.AttributeValueLengthLimit < 0 {
		limits.AttributeValueLengthLimit = longestValue
	}
	// Spans that come faster than the collector accepts them are dropped: a full batch delays nothing.
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporter), sdktrace.WithResource(about), sdktrace.WithRawSpanLimits(limits),
		sdktrace.WithIDGenerator(planned{}),
	)
	return &Tracer{provider.Tracer(service, trace.WithInstrumentationVersion(version)), provider, log}, nil
}

func wanted() bool {
	if strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") || os.Getenv("OTEL_TRACES_EXPORTER") == "none" {
		return false
	}
	return cmp.Or(os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT")) != ""
}

// newExporter speaks HTTP unless the environment asks for gRPC.
func newExporter(ctx context.Context) (*otlptrace.Exporter, error) {
	if cmp.Or(os.Getenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"), os.Getenv("OTEL_EXPORTER_OTLP_PROTOCOL")) == "grpc" {
		return otlptracegrpc.New(ctx)
	}
	return otlptracehttp.New(ctx)
}

// Stop sends what is left, within ctx and within a few seconds. A collector that does not take it is no reason to fail.
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

// tracerKey is where a context has its tracer.
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

// complaints keep a collector that takes nothing from filling the log.
type complaints struct {
	log *slog.Logger

	mu         sync.Mutex
	last       time.Time
	unreported int
}

// complaintsTold is how often they are told of.
const complaintsTold = time.Minute

// Handle implements otel.ErrorHandler.
func (c *complaints) Handle(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unreported++
	if !c.last.IsZero() && time.Since(c.last) < complaintsTold {
		return
	}
	c.log.Warn("traces do not reach the collector; webhooks are not affected", "faults", c.unreported, "err", err)
	c.last, c.unreported = time.Now(), 0
}
