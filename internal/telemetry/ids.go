package telemetry

import (
	"context"
	"crypto/rand"
	"strconv"

	"go.opentelemetry.io/otel/trace"
)

// attemptIDs generates the ids of spans. The span of a delivery gets the id in the attempt's traceparent, which is
// stored before the request is sent.
type attemptIDs struct{}

type (
	traceKey struct{} // of the trace that a span without a parent is to begin
	spanKey  struct{} // of the id that a span is to have
)

// NewIDs implements sdktrace.IDGenerator.
func (p attemptIDs) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	id, ok := ctx.Value(traceKey{}).(trace.TraceID)
	if !ok {
		_, _ = rand.Read(id[:]) // never fails, see crypto/rand
	}
	return id, p.NewSpanID(ctx, id)
}

// NewSpanID implements sdktrace.IDGenerator.
func (attemptIDs) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	id, ok := ctx.Value(spanKey{}).(trace.SpanID)
	if !ok {
		_, _ = rand.Read(id[:])
	}
	return id
}

// context returns the span context of a span in another process.
func (p parent) context() trace.SpanContext {
	id, err := trace.TraceIDFromHex(p.trace)
	if err != nil {
		return trace.SpanContext{} // there is none
	}
	span, err := trace.SpanIDFromHex(p.span)
	if err != nil {
		return trace.SpanContext{}
	}
	flags, err := strconv.ParseUint(p.flags, 16, 8)
	if err != nil {
		return trace.SpanContext{}
	}
	return trace.NewSpanContext(
		trace.SpanContextConfig{
			TraceID:    id,
			SpanID:     span,
			TraceFlags: trace.TraceFlags(flags) & trace.FlagsSampled,
			Remote:     true,
		},
	)
}

// formatTraceParent formats a span context as a traceparent.
func formatTraceParent(s trace.SpanContext) string {
	return "00-" + s.TraceID().
		String() +
		"-" + s.SpanID().
		String() +
		"-" + (s.TraceFlags() & trace.FlagsSampled).String()
}
