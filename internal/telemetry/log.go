package telemetry

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/otel/trace"

	"dlqdesk/internal/deadletter"
)

// letterKey is where a context names the letter that it concerns. Lines of the log have it under the key "letter".
type letterKey struct{}

// About answers a context of what is done for one letter, or for a webhook that may become one: each line that is logged with it, and each
// span that is begun with it, names the letter, as does the span that it has already.
func About(ctx context.Context, id deadletter.ID) context.Context {
	if span := trace.SpanFromContext(ctx); span.IsRecording() {
		span.SetAttributes(attrLetter.String(string(id)))
	}
	return context.WithValue(ctx, letterKey{}, id)
}

func letterOf(ctx context.Context) (deadletter.ID, bool) {
	id, ok := ctx.Value(letterKey{}).(deadletter.ID)
	return id, ok
}

// Log has each line of a log say what its context or its error is about: the letter, and the trace where there is one.
func Log(to slog.Handler) slog.Handler { return handler{to} }

type handler struct{ slog.Handler }

func (h handler) Handle(ctx context.Context, r slog.Record) error {
	id, ok := letterOf(ctx)
	if !ok {
		id, ok = letterIn(r)
	}
	if ok {
		r.AddAttrs(slog.String("letter", string(id)))
	}
	if span := trace.SpanContextFromContext(ctx); span.IsSampled() {
		r.AddAttrs(slog.String("trace_id", span.TraceID().String()))
	}
	return h.Handler.Handle(ctx, r)
}

// letterIn answers the letter that an error of a line concerns.
func letterIn(r slog.Record) (id deadletter.ID, ok bool) {
	r.Attrs(func(a slog.Attr) bool {
		if err, isError := a.Value.Any().(error); isError {
			id, ok = deadletter.ConcernOf(err)
		}
		return !ok
	})
	return id, ok
}

func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs)}
}
func (h handler) WithGroup(name string) slog.Handler { return handler{h.Handler.WithGroup(name)} }
