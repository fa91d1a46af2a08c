package receiver

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/go-chi/chi/v5"

	"dlqdesk/internal/ledger"
	"dlqdesk/internal/telemetry"
	"dlqdesk/internal/verify"
)

// refusal is a request that is not accepted.
type refusal struct {
	source string // "" if it is not configured
	reason ledger.RefusalReason
	answer telemetry.Answer // "": the request was no webhook
	why    string           // for the log and the desk; it is not in the response
	body   string           // the response
}

// refuse counts and logs a refusal, responds, and reads the rest of the body.
func (r *Receiver) refuse(w http.ResponseWriter, req *http.Request, f refusal) {
	ctx := req.Context()
	if f.answer != "" {
		r.countAnswer(ctx, f.source, f.answer)
	}
	r.ledger.Refused(ledger.RefusalKey{Source: f.source, Reason: f.reason}, f.why)
	if n := r.refusals(logLine{f.source, f.reason.Status()}).count(r.now()); n > 0 {
		r.log.LogAttrs(ctx, slog.LevelWarn, "webhooks were refused", slog.String("source", f.source),
			slog.Int("status", f.reason.Status()), slog.Int("refused", n), slog.String("reason", f.why))
	}
	f.respond(w, req)
}

func (f refusal) respond(w http.ResponseWriter, req *http.Request) {
	// The response goes first, so that a sender that looks for it need not send the rest. Only HTTP/1 needs this.
	_ = http.NewResponseController(w).EnableFullDuplex()
	respond(w, f.reason.Status(), f.body)
	if f.reason != ledger.RefusedIncomplete { // the rest of an incomplete body does not arrive
		discardBody(w, req)
	}
}

// refuseWebhook refuses a webhook whose signature or credential is missing or wrong.
func (r *Receiver) refuseWebhook(w http.ResponseWriter, req *http.Request, s Source, cause error) {
	r.refuseCredential(w, req, s, cause, telemetry.AnswerUnauthorized, unauthorized)
}

// refuseCredential refuses a webhook or a request for a token with 401. It does not count the first request of a
// platform that gets a token only after a 401.
func (r *Receiver) refuseCredential(
	w http.ResponseWriter, req *http.Request, s Source, cause error, answer telemetry.Answer, body string,
) {
	if challenge := s.Verify.Settings().Challenge(); challenge != "" {
		w.Header().Set("WWW-Authenticate", challenge)
	}
	f := refusal{
		source: s.Name, reason: ledger.RefusedMalformed, answer: answer, why: cause.Error(), body: body,
	}
	known, ok := errors.AsType[*verify.Refusal](cause)
	if ok && known.Expected {
		r.log.DebugContext(req.Context(), "a platform is sent for a token", "source", s.Name, "reason", known.Reason)
		f.respond(w, req)
		return
	}
	if ok {
		switch known.Kind {
		case verify.Missing:
			f.reason = ledger.RefusedUnproven
		case verify.Mismatch:
			f.reason = ledger.RefusedMismatch
		case verify.Stale:
			f.reason = ledger.RefusedStale
		}
	}
	r.refuse(w, req, f)
}

// bodyRefusal refuses the body of a webhook that is too large (413) or did not arrive whole (400).
func bodyRefusal(req *http.Request, s Source, cause error, limit int64) refusal {
	if errors.Is(cause, errTooLarge) {
		sent := fmt.Sprintf("more than %d", limit)
		if req.ContentLength > limit {
			sent = strconv.FormatInt(req.ContentLength, 10)
		}
		return refusal{
			source: s.Name, reason: ledger.RefusedTooLarge, answer: telemetry.AnswerTooLarge,
			why:  fmt.Sprintf("the body has %s bytes, and %d are accepted", sent, limit),
			body: fmt.Sprintf(`{"error":"the body is larger than %d bytes"}`, limit),
		}
	}
	return refusal{
		source: s.Name, reason: ledger.RefusedIncomplete, answer: telemetry.AnswerIncomplete,
		why:  "the sender hung up, was too slow, or broke the form of HTTP",
		body: `{"error":"the body did not arrive whole"}`,
	}
}

func (r *Receiver) refuseUnknown(w http.ResponseWriter, req *http.Request) {
	r.refuse(w, req, refusal{
		reason: ledger.RefusedUnknownSource, answer: telemetry.AnswerUnknownSource,
		why:  "there is no source named " + shortened(chi.URLParam(req, "source")),
		body: `{"error":"unknown source"}`,
	})
}

func (r *Receiver) refuseMethod(w http.ResponseWriter, req *http.Request) {
	w.Header().Set("Allow", http.MethodPost)
	name, _, _ := strings.Cut(strings.TrimPrefix(req.URL.Path, "/webhooks/"), "/")
	source, _ := r.source(name)
	r.refuse(w, req, refusal{
		source: source.Name, reason: ledger.RefusedMethod, answer: telemetry.AnswerWrongMethod,
		why:  "the method is " + shortened(req.Method) + ", and webhooks are sent with POST",
		body: `{"error":"method not allowed: use POST"}`,
	})
}

// maxSentText bounds how much of a text of the sender an operator reads, in characters.
const maxSentText = 60

// shortened returns a text of the sender in quotation marks, short and printable.
func shortened(text string) string {
	runes := []rune(strings.ToValidUTF8(text, "\uFFFD"))
	if len(runes) > maxSentText {
		runes = append(runes[:maxSentText], '…')
	}
	for i, c := range runes {
		if !unicode.IsPrint(c) {
			runes[i] = '\uFFFD'
		}
	}
	return strconv.Quote(string(runes))
}

// The rest of a refused body is read up to these limits.
const (
	discardBytes = 64 << 20 // the largest max_body
	discardLimit = 10 * time.Second
)

// discardBody reads the rest of a body that is not wanted, after the response. A server that closes the connection
// while the body is on its way resets it, and the sender loses the response: a proxy answers 502 in its place, and a
// client that reads only after it has written everything reads nothing. A sender that still waits for 100 Continue
// sends no body.
func discardBody(w http.ResponseWriter, req *http.Request) {
	_, begun := req.Body.(begunBody)
	if req.Body == nil || req.Body == http.NoBody || !begun && req.Header.Get("Expect") != "" {
		return
	}
	conn := http.NewResponseController(w)
	_ = conn.Flush()
	_ = conn.SetReadDeadline(time.Now().Add(discardLimit))
	if _, err := io.CopyN(io.Discard, req.Body, discardBytes); errors.Is(err, io.EOF) {
		_ = conn.SetReadDeadline(time.Time{}) // otherwise the connection ends with this request
	}
}

// logLine is a line of the log about the refusals of a source with one status.
type logLine struct {
	source string
	status int
}

// refusals returns the log of refusals that have one line together.
func (r *Receiver) refusals(line logLine) *refusalLog {
	known, _ := r.refused.LoadOrStore(line, &refusalLog{})
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
