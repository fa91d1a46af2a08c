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

// verifiedBody reads the body of a webhook and verifies it, by the headers alone first where that is possible. If it
// returns false it has sent the response.
func (r *Receiver) verifiedBody(w http.ResponseWriter, req *http.Request, s Source) ([]byte, bool) {
	var check verify.BodyCheck
	var err error
	if s.Verify != nil {
		check, err = s.Verify.CheckHead(req, r.now())
	}
	if err != nil {
		r.refuseWebhook(w, req, s, err)
		return nil, false
	}
	body, err := readBody(w, req, s.MaxBody)
	if err != nil {
		r.countAnswer(req.Context(), s.Name, respondBodyError(w, err, s.MaxBody))
		return nil, false
	}
	if err := check.Check(body); err != nil {
		r.refuseWebhook(w, req, s, err)
		return nil, false
	}
	return body, true
}

// refuseWebhook refuses a webhook that is not verified. It does not count a platform's first request without a token,
// by which that asks for one.
func (r *Receiver) refuseWebhook(w http.ResponseWriter, req *http.Request, s Source, reason error) {
	if refusal, ok := errors.AsType[*verify.Refusal](reason); !ok || !refusal.Expected {
		r.countAnswer(req.Context(), s.Name, telemetry.AnswerUnauthorized)
	}
	r.respondUnauthorized(req.Context(), w, s, reason, unauthorized)
}

const (
	// unauthorized has no detail that would help a forger.
	unauthorized = `{"error":"unauthorized"}`

	// invalidClient is how RFC 6749 section 5.2 refuses a token.
	invalidClient = `{"error":"invalid_client"}`

	maxTokenRequest = 4 << 10 // bytes
)

func (r *Receiver) respondUnauthorized(
	ctx context.Context, w http.ResponseWriter, s Source, reason error, body string,
) {
	refusal, ok := errors.AsType[*verify.Refusal](reason)
	switch {
	case ok && refusal.Expected:
		r.log.DebugContext(ctx, "a platform is sent for a token", "source", s.Name, "reason", refusal.Reason)
	default:
		r.logRefusal(ctx, s.Name, reason)
	}
	if challenge := s.Verify.Settings().Challenge(); challenge != "" {
		w.Header().Set("WWW-Authenticate", challenge)
	}
	respond(w, http.StatusUnauthorized, body)
}

// logRefusal logs that requests to a source were refused, once a minute at most.
func (r *Receiver) logRefusal(ctx context.Context, source string, reason error) {
	if n := r.refusals(source).count(r.now()); n > 0 {
		r.log.LogAttrs(ctx, slog.LevelWarn, "webhooks were refused: they do not prove who sent them",
			slog.String("source", source), slog.Int("refused", n), slog.String("reason", reason.Error()))
	}
}

// refusals returns the log of a source's refusals.
func (r *Receiver) refusals(source string) *refusalLog {
	known, _ := r.refused.LoadOrStore(source, &refusalLog{})
	log, _ := known.(*refusalLog)
	return log
}

// refusalLog keeps a forger from filling the log: the first refusal is logged at once, further ones once a minute with
// their number.
type refusalLog struct {
	mu         sync.Mutex
	logged     time.Time // when refusals were last logged
	unreported int
}

const refusalLogEvery = time.Minute

// count counts one refusal. It returns how many to log now: 0 if the last log line is too recent.
func (l *refusalLog) count(now time.Time) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unreported++
	if !l.logged.IsZero() && now.Sub(l.logged) < refusalLogEvery {
		return 0
	}
	n := l.unreported
	l.logged, l.unreported = now, 0
	return n
}

// pathHeader has the path below the address of the source, for platforms that append to it.
const pathHeader = "X-Dlqdesk-Path"

// setPathHeader sets pathHeader. It removes the header of the request, so that no sender can forge it.
func setPathHeader(req *http.Request) {
	req.Header.Del(pathHeader)
	path := strings.TrimPrefix(req.URL.EscapedPath(), "/webhooks/")
	if _, below, ok := strings.Cut(path, "/"); ok {
		req.Header.Set(pathHeader, "/"+below)
	}
}

// receiveBelow serves the paths below the address of a source: requests for a token, and webhooks.
func (r *Receiver) receiveBelow(w http.ResponseWriter, req *http.Request) {
	source, ok := r.source(chi.URLParam(req, "source"))
	switch {
	case !ok || source.Verify == nil || !source.Verify.Issues():
		respond(w, http.StatusNotFound, notFound)
	case chi.URLParam(req, "*") == "token":
		r.issueToken(w, req, source)
	default:
		r.receive(w, req)
	}
}

// issueToken responds to a platform that asks for a token with its client id and secret.
func (r *Receiver) issueToken(w http.ResponseWriter, req *http.Request, s Source) {
	body, err := readBody(w, req, maxTokenRequest)
	if err != nil {
		respondBodyError(w, err, maxTokenRequest)
		return
	}
	token, err := s.Verify.Issue(body, r.now())
	if err != nil {
		r.respondUnauthorized(req.Context(), w, s, err, invalidClient)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	respond(w, http.StatusOK, string(token))
}

// acknowledge responds to a platform whose webhook is delivered or queued.
func (s Source) acknowledge(w http.ResponseWriter, c deadletter.Capture, ours string) {
	if s.Ack == nil {
		respond(w, http.StatusOK, ours)
		return
	}
	w.Header().Set("Content-Type", s.Ack.ContentType)
	w.Header().Set("X-Content-Type-Options", "nosniff") // it may repeat parts of the webhook
	w.WriteHeader(s.Ack.Status)
	_, _ = w.Write(s.Ack.Body(c)) // fails only if the platform hung up
}
