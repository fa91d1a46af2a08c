package telemetry

import (
	"context"
	"net/url"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"dlqdesk/internal/deadletter"
)

// Names and attributes follow https://opentelemetry.io/docs/specs/semconv/http/http-spans/ and
// .../messaging/messaging-spans/. These attributes have no name there.
const (
	attrMessage = attribute.Key("dlqdesk.message")
	attrSource  = attribute.Key("dlqdesk.source")
	attrAttempt = attribute.Key("dlqdesk.attempt")
	attrTrigger = attribute.Key("dlqdesk.trigger")
	attrOutcome = attribute.Key("dlqdesk.outcome")
)

// Span is one piece of work in a trace. The zero Span does nothing.
type Span struct{ span trace.Span }

// Queue is a queue that spans name.
type Queue interface {
	Name() string
	System() string // as the semantic conventions call it
}

// Send begins the span of sending a message to a queue. The caller must end it.
func Send(ctx context.Context, q Queue) (context.Context, Span) {
	t := tracerOf(ctx)
	if t == nil {
		return ctx, Span{}
	}
	return t.start(
		ctx,
		"send "+q.Name(),
		trace.SpanKindProducer,
		append(queueAttributes(q), semconv.MessagingOperationName("send"), semconv.MessagingOperationTypeSend)...)
}

// Process begins the span of processing a queue message. It continues the trace that the queue message names, or else
// the platform's. The caller must end it.
func Process(ctx context.Context, q Queue, messageID string, c *deadletter.Capture) (context.Context, Span) {
	t := tracerOf(ctx)
	if t == nil {
		return ctx, Span{}
	}
	ctx = trace.ContextWithSpanContext(ctx, parentOf(c.Queue.TraceParent, c.Headers).context())
	return t.start(
		ctx,
		"process "+q.Name(),
		trace.SpanKindConsumer,
		append(
			queueAttributes(q), semconv.MessagingOperationName("process"), semconv.MessagingOperationTypeProcess,
			semconv.MessagingMessageID(messageID), attrMessage.String(string(c.ID)),
			attrSource.String(c.Source),
		)...)
}

func queueAttributes(q Queue) []attribute.KeyValue {
	return []attribute.KeyValue{
		semconv.MessagingSystemKey.String(q.System()), semconv.MessagingDestinationName(q.Name()),
	}
}

// Attempt begins the span of a retry, replay or redrive. It continues the trace of the message. h are the headers that
// are sent. The caller must end it.
func Attempt(
	ctx context.Context, l *deadletter.Message, a *deadletter.Attempt, h deadletter.Headers,
) (context.Context, Span) {
	t := tracerOf(ctx)
	if t == nil {
		return ctx, Span{}
	}
	name := "replay"
	switch {
	case a.Trigger == deadletter.TriggerAuto:
		name = "retry"
	case a.Trigger.Redrives():
		name = "redrive"
	}
	parent := parentOf(l.Queue.TraceParent, h).context()
	if promised := parseTraceParent(a.TraceParent).context(); !parent.IsValid() && promised.IsValid() {
		ctx = context.WithValue(ctx, traceKey{}, promised.TraceID())
	}
	return t.start(trace.ContextWithSpanContext(ctx, parent), name, trace.SpanKindInternal,
		attrSource.String(l.Source), attrAttempt.Int(a.Number), attrTrigger.String(string(a.Trigger)))
}

// Deliver begins the span of a request to a destination. The span gets the id in traceParent. If it is not sampled,
// Deliver changes traceParent to say so.
func Deliver(ctx context.Context, destination string, attempt int, traceParent *string) Span {
	t := tracerOf(ctx)
	if t == nil {
		return Span{}
	}
	attrs := append(address(destination), semconv.HTTPRequestMethodPost, attrAttempt.Int(attempt))
	if attempt > 1 {
		attrs = append(attrs, semconv.HTTPRequestResendCount(attempt-1))
	}
	if promised := parseTraceParent(*traceParent).context(); promised.IsValid() {
		ctx = context.WithValue(ctx, spanKey{}, promised.SpanID())
	}
	_, s := t.start(ctx, "POST", trace.SpanKindClient, attrs...)
	*traceParent = s.TraceParent()
	return s
}

// address returns the attributes for a destination's address, without user and query, which may be secret.
func address(destination string) []attribute.KeyValue {
	u, err := url.Parse(destination)
	if err != nil {
		return nil
	}
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	port, err := strconv.Atoi(u.Port())
	switch {
	case err == nil:
	case u.Scheme == "https":
		port = 443
	default:
		port = 80
	}
	return []attribute.KeyValue{
		semconv.URLFull(shown.String()), semconv.ServerAddress(u.Hostname()), semconv.ServerPort(port),
	}
}

func (t *Tracer) start(
	ctx context.Context, name string, kind trace.SpanKind, attrs ...attribute.KeyValue,
) (context.Context, Span) {
	if id, ok := messageOf(ctx); ok {
		attrs = append(attrs, attrMessage.String(string(id)))
	}
	ctx, s := t.spans.Start(ctx, name, trace.WithSpanKind(kind), trace.WithAttributes(attrs...))
	return ctx, Span{s}
}

// TraceOf returns the traceparent of the span of ctx; "" if there is none.
func TraceOf(ctx context.Context) string {
	if tracerOf(ctx) == nil {
		return ""
	}
	return Span{trace.SpanFromContext(ctx)}.TraceParent()
}

// TraceParent returns the traceparent of the span; "" for the zero Span.
func (s Span) TraceParent() string {
	if s.span == nil || !s.span.SpanContext().IsValid() {
		return ""
	}
	return formatTraceParent(s.span.SpanContext())
}

// Outcome adds the outcome of a delivery to the span.
func (s Span) Outcome(a deadletter.Attempt) {
	if s.span == nil || !s.span.IsRecording() {
		return
	}
	s.span.SetAttributes(attrOutcome.String(string(a.Outcome)))
	failed, why := string(a.Outcome), a.Error
	if a.StatusCode != 0 {
		s.span.SetAttributes(semconv.HTTPResponseStatusCode(a.StatusCode))
		failed, why = strconv.Itoa(a.StatusCode), "" // the handler's own words may be of the payload
	}
	if a.Outcome != deadletter.Delivered && a.Outcome != deadletter.OutcomeRedriven {
		s.span.SetAttributes(semconv.ErrorTypeKey.String(failed))
		s.span.SetStatus(codes.Error, why)
	}
}

// End ends the span. A non-nil err marks it as failed.
func (s Span) End(err error) {
	if s.span == nil {
		return
	}
	if err != nil {
		s.span.SetAttributes(semconv.ErrorType(err))
		s.span.SetStatus(codes.Error, err.Error())
	}
	s.span.End()
}
