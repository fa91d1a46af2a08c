package receiver

import (
	"io"
	"log/slog"
	"net/http"

	"github.com/go-chi/chi/v5"

	"dlqdesk/internal/ledger"
	"dlqdesk/internal/telemetry"
	"dlqdesk/internal/verify"
)

// greet serves the methods with which platforms only try an address.
func (r *Receiver) greet(w http.ResponseWriter, req *http.Request) {
	source, ok := r.source(chi.URLParam(req, "source"))
	if !ok || !r.greeted(w, req, source) {
		r.refuseMethod(w, req)
	}
}

// greeted responds to a handshake that needs no verification, and reports whether the request was one.
func (r *Receiver) greeted(w http.ResponseWriter, req *http.Request, s Source) bool {
	if s.Verify == nil {
		return false
	}
	reply, err := s.Verify.Greet(req)
	return r.respondHandshake(w, req, s, reply, err)
}

// greetedVerified responds to a handshake in a verified body, and reports whether there was one. A handshake is neither
// delivered nor stored.
func (r *Receiver) greetedVerified(w http.ResponseWriter, req *http.Request, s Source, body []byte) bool {
	if s.Verify == nil {
		return false
	}
	reply, err := s.Verify.GreetVerified(req, body)
	return r.respondHandshake(w, req, s, reply, err)
}

const forbidden = `{"error":"forbidden"}`

func (r *Receiver) respondHandshake(
	w http.ResponseWriter, req *http.Request, s Source, reply verify.Reply, err error,
) bool {
	ctx := req.Context()
	switch {
	case err != nil:
		r.refuse(w, req, refusal{
			source: s.Name, reason: ledger.RefusedHandshake, answer: telemetry.AnswerUnauthorized,
			why: err.Error(), body: forbidden,
		})
		return true
	case !reply.IsHandshake():
		return false
	}
	r.countAnswer(ctx, s.Name, telemetry.AnswerHandshake)
	r.log.LogAttrs(ctx, slog.LevelDebug, "a platform tried the address of a source",
		slog.String("source", s.Name), slog.String("method", req.Method))
	// The reply has text of the request: no browser may take it for a page.
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Cache-Control", "no-store")
	for name, values := range reply.Header {
		h[name] = values
	}
	w.WriteHeader(http.StatusOK)
	_, _ = io.WriteString(w, reply.Body) // fails only if the platform hung up
	return true
}
