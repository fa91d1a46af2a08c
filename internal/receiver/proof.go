package receiver

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/telemetry"
	"dlqdesk/internal/verify"
)

// proven reads the body of a webhook that proves who sent it. What can be told by the headers is told before a byte
// of the body is read. Where it answers false, so has it the platform.
func (r *Receiver) proven(w http.ResponseWriter, req *http.Request, s Source) ([]byte, bool) {
	var proof verify.BodyCheck
	var err error
	if s.Verify != nil {
		proof, err = s.Verify.CheckHead(req, r.now())
	}
	if err != nil {
		r.refuseWebhook(w, req, s, err)
		return nil, false
	}
	body, err := readBody(w, req, s.MaxBody)
	if err != nil {
		r.answered(req.Context(), s.Name, refuse(w, err, s.MaxBody))
		return nil, false
	}
	if err := proof.Check(body); err != nil {
		r.refuseWebhook(w, req, s, err)
		return nil, false
	}
	return body, true
}

// refuseWebhook counts what is refused, but for a platform that begins without a token because it gets one by that.
func (r *Receiver) refuseWebhook(w http.ResponseWriter, req *http.Request, s Source, why error) {
	if refusal, ok := errors.AsType[*verify.Refusal](why); !ok || !refusal.Expected {
		r.answered(req.Context(), s.Name, telemetry.AnswerUnauthorized)
	}
	r.refuseUnproven(req.Context(), w, s, why, unauthorized)
}

const (
	// unauthorized tells a forger nothing: not what was wrong, nor what would be right.
	unauthorized = `{"error":"unauthorized"}`

	// invalidClient is how RFC 6749 section 5.2 refuses a token.
	invalidClient = `{"error":"invalid_client"}`

	maxTokenRequest = 4 << 10 // bytes
)

func (r *Receiver) refuseUnproven(ctx context.Context, w http.ResponseWriter, s Source, why error, told string) {
	refusal, ok := errors.AsType[*verify.Refusal](why)
	switch {
	case ok && refusal.Expected:
		r.log.DebugContext(ctx, "a platform is sent for a token", "source", s.Name, "reason", refusal.Reason)
	default:
		if n := r.refused[s.Name].count(r.now()); n > 0 {
			r.log.LogAttrs(
				ctx,
				slog.LevelWarn,
				"webhooks were refused: they do not prove who sent them",
				slog.String("source", s.Name),
				slog.Int("refused", n),
				slog.String("reason", why.Error()),
			)
		}
	}
	if challenge := s.Verify.Settings().Challenge(); challenge != "" {
		w.Header().Set("WWW-Authenticate", challenge)
	}
	answer(w, http.StatusUnauthorized, told)
}

// refusals keeps a forger from filling the log: of what is refused it tells at once, and then once in a while how
// much more there was.
type refusals struct {
	mu     sync.Mutex
	since  time.Time // of the latest line of the log
	untold int
}

const refusalsTold = time.Minute

// count takes down one more, and returns how many to tell of: 0 when it is too early for another line.
func (f *refusals) count(now time.Time) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.untold++
	if !f.since.IsZero() && now.Sub(f.since) < refusalsTold {
		return 0
	}
	n := f.untold
	f.since, f.untold = now, 0
	return n
}

// pathHeader tells the handler what followed the address of the source, for platforms that append to it.
const pathHeader = "X-Dlqdesk-Path"

// notePath sets the header, which nobody else may set.
func notePath(req *http.Request) {
	req.Header.Del(pathHeader)
	path := strings.TrimPrefix(req.URL.EscapedPath(), "/webhooks/")
	if _, below, ok := strings.Cut(path, "/"); ok {
		req.Header.Set(pathHeader, "/"+below)
	}
}

// receiveBelow takes what platforms send to addresses below that of their source: requests for a token, and webhooks.
func (r *Receiver) receiveBelow(w http.ResponseWriter, req *http.Request) {
	source, ok := r.sources[chi.URLParam(req, "source")]
	switch {
	case !ok || source.Verify == nil || !source.Verify.Issues():
		answer(w, http.StatusNotFound, notFound)
	case chi.URLParam(req, "*") == "token":
		r.issue(w, req, source)
	default:
		r.receive(w, req)
	}
}

// issue returns a platform that asks for a token with its client id and secret.
func (r *Receiver) issue(w http.ResponseWriter, req *http.Request, s Source) {
	body, err := readBody(w, req, maxTokenRequest)
	if err != nil {
		refuse(w, err, maxTokenRequest)
		return
	}
	token, err := s.Verify.Issue(body, r.now())
	if err != nil {
		r.refuseUnproven(req.Context(), w, s, err, invalidClient)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	answer(w, http.StatusOK, string(token))
}

// tell returns a platform whose webhook is delivered or kept.
func (s Source) tell(w http.ResponseWriter, c deadletter.Capture, ours string) {
	if s.Ack == nil {
		answer(w, http.StatusOK, ours)
		return
	}
	w.Header().Set("Content-Type", s.Ack.ContentType)
	w.Header().Set("X-Content-Type-Options", "nosniff") // it may repeat what came
	w.WriteHeader(s.Ack.Status)
	_, _ = w.Write(s.Ack.Body(c)) // a platform that hung up has no use for it
}
