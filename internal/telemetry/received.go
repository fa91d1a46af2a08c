package telemetry

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"dlqdesk/internal/deadletter"
)

const (
	webhooks = "/webhooks/"
	route    = webhooks + "{source}"
)

// Received makes a span of each request to a receiver, in the platform's trace if it sent a valid one.
func (t *Tracer) Received(next http.Handler) http.Handler {
	if t == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, method := t.Into(r.Context()), methodOf(r)
		if platformParent(deadletter.Headers(r.Header)).ok() {
			ctx = propagation.TraceContext{}.Extract(ctx, propagation.HeaderCarrier(r.Header))
		}
		at := route
		if strings.Contains(strings.TrimPrefix(r.URL.Path, webhooks), "/") {
			at += "/*"
		}
		scheme := "http"
		if r.TLS != nil {
			scheme = "https"
		}
		ctx, s := t.start(
			ctx, method+" "+at, trace.SpanKindServer, semconv.HTTPRequestMethodKey.String(method),
			semconv.HTTPRoute(at), semconv.URLPath(r.URL.Path), semconv.URLScheme(scheme),
		)
		defer s.span.End()
		answer := &answered{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(answer, r.WithContext(ctx))
		s.span.SetAttributes(semconv.HTTPResponseStatusCode(answer.status))
		if answer.status >= http.StatusInternalServerError {
			s.span.SetAttributes(semconv.ErrorTypeKey.String(strconv.Itoa(answer.status)))
			s.span.SetStatus(codes.Error, "")
		}
	})
}

// methodOf returns the method if it is a known one, because an attacker can send any text.
func methodOf(r *http.Request) string {
	known := []string{
		http.MethodPost, http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodOptions,
	}
	if slices.Contains(known, r.Method) {
		return r.Method
	}
	return "_OTHER"
}

// answered is a ResponseWriter that remembers the status code.
type answered struct {
	http.ResponseWriter
	status int
}

func (a *answered) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (a *answered) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// Answer is the receiver's response to a webhook, as metrics and spans name it.
type Answer string

// The values of Answer. The first three stand for a 200.
const (
	AnswerDelivered     Answer = "delivered"
	AnswerQueued        Answer = "queued"   // delivery failed, and the webhook is a message on the DLQ or the spool
	AnswerBuffered      Answer = "buffered" // on the processing queue
	AnswerRefused       Answer = "refused"  // stored nowhere: the platform must send it again
	AnswerUnauthorized  Answer = "unauthorized"
	AnswerTooLarge      Answer = "too_large"  // over the source's limit
	AnswerIncomplete    Answer = "incomplete" // the body did not arrive whole
	AnswerUnknownSource Answer = "unknown_source"
	AnswerWrongMethod   Answer = "wrong_method"
	AnswerHandshake     Answer = "handshake" // a platform tried the address, and sent no webhook
)

// Answered adds the answer to the span of a webhook. The source is "" if it is not configured.
func Answered(ctx context.Context, source string, answer Answer) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	span.SetAttributes(attrOutcome.String(string(answer)))
	if source != "" {
		span.SetAttributes(attrSource.String(source))
	}
}
