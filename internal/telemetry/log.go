package telemetry

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/otel/trace"

	"dlqdesk/internal/deadletter"
)

// messageKey is the context key of the id of a message, which log lines have under the key "message".
type messageKey struct{}

// About returns a context for work on one message, or on a webhook that may become one. Log lines and spans made with
// the context name the message. About adds the id to the current span too.
func About(ctx context.Context, id deadletter.ID) context.Context {
	if span := trace.SpanFromContext(ctx); span.IsRecording() {
		span.SetAttributes(attrMessage.String(string(id)))
	}
	return context.WithValue(ctx, messageKey{}, id)
}

func messageOf(ctx context.Context) (deadletter.ID, bool) {
	id, ok := ctx.Value(messageKey{}).(deadletter.ID)
	return id, ok
}

// Log returns a handler that adds to each line the message and the trace of its context, or the message of its error.
func Log(to slog.Handler) slog.Handler { return handler{to} }

type handler struct{ slog.Handler }

func (h handler) Handle(ctx context.Context, r slog.Record) error {
	id, ok := messageOf(ctx)
	if !ok {
		id, ok = messageIn(r)
	}
	if ok {
		r.AddAttrs(slog.String("message", string(id)))
	}
	if span := trace.SpanContextFromContext(ctx); span.IsSampled() {
		r.AddAttrs(slog.String("trace_id", span.TraceID().String()))
	}
	return h.Handler.Handle(ctx, r)
}

// messageIn returns the message that an error among the attributes of a line is about.
func messageIn(r slog.Record) (id deadletter.ID, ok bool) {
	r.Attrs(func(a slog.Attr) bool {
		if err, isError := a.Value.Any().(error); isError {
			id, ok = deadletter.MessageOf(err)
		}
		return !ok
	})
	return id, ok
}

func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs)}
}
func (h handler) WithGroup(name string) slog.Handler { return handler{h.Handler.WithGroup(name)} }
