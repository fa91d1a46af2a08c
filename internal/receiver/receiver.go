// Package receiver takes webhooks: POST /webhooks/{source}. It delivers each to the handler behind its source and
// puts what fails on the DLQ, and returns the platform 200 only when the webhook is delivered or kept. It judges no
// body.
package receiver

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/envelope"
	"dlqdesk/internal/ledger"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/queue"
	"dlqdesk/internal/telemetry"
	"dlqdesk/internal/verify"
)

// Source is a webhook endpoint.
type Source struct {
	Name        string
	Destination delivery.Destination
	Buffered    bool             // answer first, deliver from the processing queue
	Shared      bool             // other processes may deliver from that queue as well
	MaxBody     int64            // bytes
	Verify      *verify.Verifier // nil: whoever knows the address may post to it
	Dedup       payload.Dedup
	Ack         *payload.Ack // nil: our own answers
}

// Queue stores queue messages. Send returns an error for each message that was not confirmed.
type Queue interface {
	telemetry.Queue
	MaxMessageBytes() int
	Send(ctx context.Context, list []queue.Outgoing) []error
}

// Ledger counts webhooks. Only Save writes to disk.
type Ledger interface {
	// RunID returns the id of this run, which envelopes carry; "": a webhook is counted where its message arrives.
	RunID() string
	// Answered counts an answer to a platform.
	Answered(source string, answer telemetry.Answer)
	// Number numbers a message that is about to be sent to a queue. Record must follow.
	Number(c *deadletter.Capture)
	// Record adds to the counts of a webhook's account.
	Record(c deadletter.Capture, n ledger.Counts)
	// Save writes the counts to disk.
	Save(ctx context.Context) error
}

// Receiver is the handler of webhooks.
type Receiver struct {
	ledger     Ledger
	sources    map[string]Source
	sender     delivery.Sender
	dlq        Queue
	processing Queue // nil where no source is buffered
	refused    map[string]*refusals
	now        func() time.Time
	log        *slog.Logger
}

// Deps are the parts that a receiver needs.
type Deps struct {
	Sources    []Source
	Sender     delivery.Sender
	DLQ        Queue
	Processing Queue // nil if no source is buffered
	Ledger     Ledger
	Now        func() time.Time
	Log        *slog.Logger
}

// New returns a receiver.
func New(d Deps) *Receiver {
	r := &Receiver{
		ledger:     d.Ledger,
		sources:    map[string]Source{},
		refused:    map[string]*refusals{},
		sender:     d.Sender,
		dlq:        d.DLQ,
		processing: d.Processing,
		now:        d.Now,
		log:        d.Log,
	}
	for _, s := range d.Sources {
		r.sources[s.Name], r.refused[s.Name] = s, &refusals{}
	}
	return r
}

const notFound = `{"error":"not found"}`

// Handler serves /webhooks/{source}, and what is below it for platforms that append to the address.
func (r *Receiver) Handler() http.Handler {
	mux := chi.NewRouter()
	mux.NotFound(func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusNotFound, notFound) })
	mux.MethodNotAllowed(methodNotAllowed)
	mux.Post("/webhooks/{source}", r.receive)
	mux.Post("/webhooks/{source}/*", r.receiveBelow)
	return mux
}

func methodNotAllowed(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Allow", http.MethodPost)
	answer(w, http.StatusMethodNotAllowed, `{"error":"method not allowed: use POST"}`)
}

const (
	accepted = `{"status":"accepted"}`

	// bodyLimit and bodyPace bound how long a platform may take to send a body: the first, and a second for so many
	// bytes that it may have.
	bodyLimit = 10 * time.Second
	bodyPace  = 1 << 20

	// keepLimit bounds how long a queue may take to confirm a message while the platform waits for its answer.
	keepLimit = 10 * time.Second

	// retryAfter is what a platform is told where nothing could be kept, in seconds.
	retryAfter = 30
)

func (r *Receiver) receive(w http.ResponseWriter, req *http.Request) {
	source, ok := r.sources[chi.URLParam(req, "source")]
	if !ok {
		r.answered(req.Context(), "", telemetry.AnswerUnknownSource)
		answer(w, http.StatusNotFound, `{"error":"unknown source"}`)
		return
	}
	body, ok := r.proven(w, req, source)
	if !ok {
		return
	}
	c := r.capture(source, req, body)
	// A platform that hangs up does not stop what was begun for its webhook.
	ctx := telemetry.About(context.WithoutCancel(req.Context()), c.ID)
	c.Queue.TraceParent = telemetry.TraceOf(ctx)
	if source.Buffered {
		r.buffer(ctx, w, source, c)
		return
	}
	if r.deliver(ctx, source, &c) {
		r.close(ctx, c, telemetry.AnswerDelivered, ledger.Counts{Received: 1, Delivered: 1})
		source.tell(w, c, accepted)
		return
	}
	r.ledger.Number(&c)
	if err := r.keep(ctx, r.dlq, c); err != nil {
		r.refuseKept(ctx, w, c, err)
		return
	}
	r.close(ctx, c, telemetry.AnswerQueued, ledger.Counts{Received: 1, Queued: 1})
	source.tell(w, c, `{"status":"queued_for_retry","messageId":"`+string(c.ID)+`"}`)
}

// buffer puts a webhook on the processing queue, from where Processor delivers it.
func (r *Receiver) buffer(ctx context.Context, w http.ResponseWriter, s Source, c deadletter.Capture) {
	counts := ledger.Counts{Received: 1}
	if s.Shared {
		c.Run, counts = "", ledger.Counts{} // the process that delivers it counts it
	}
	if err := r.keep(ctx, r.processing, c); err != nil {
		r.refuseKept(ctx, w, c, err)
		return
	}
	r.close(ctx, c, telemetry.AnswerBuffered, counts)
	s.tell(w, c, accepted)
}

// close counts the answer to a platform, and the webhook in its account.
func (r *Receiver) close(ctx context.Context, c deadletter.Capture, given telemetry.Answer, n ledger.Counts) {
	r.answered(ctx, c.Source, given)
	r.ledger.Record(c, n)
}

// answered counts an answer.
func (r *Receiver) answered(ctx context.Context, source string, given telemetry.Answer) {
	r.ledger.Answered(source, given)
	telemetry.Answered(ctx, source, given)
}

// refuseKept has the platform send the webhook again, because it could be kept nowhere.
func (r *Receiver) refuseKept(ctx context.Context, w http.ResponseWriter, c deadletter.Capture, err error) {
	r.log.ErrorContext(
		ctx,
		"a webhook could not be kept; the platform was told to send it again",
		"source",
		c.Source,
		"err",
		err,
	)
	r.close(ctx, c, telemetry.AnswerRefused, ledger.Counts{Refused: 1})
	w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
	answer(w, http.StatusInternalServerError, `{"error":"Internal Server Error"}`)
}

// readBody reads all of a body, within the source's limit and in bounded time.
func readBody(w http.ResponseWriter, req *http.Request, limit int64) ([]byte, error) {
	if req.ContentLength > limit {
		return nil, &http.MaxBytesError{Limit: limit}
	}
	// Servers without deadlines exist only in tests.
	conn := http.NewResponseController(w)
	_ = conn.SetReadDeadline(time.Now().Add(bodyLimit + time.Duration(limit/bodyPace)*time.Second))
	// A client that announces much and sends little costs little: the room grows with what arrives.
	var body bytes.Buffer
	body.Grow(int(min(max(req.ContentLength, 0), firstRead)) + bytes.MinRead)
	_, err := body.ReadFrom(http.MaxBytesReader(w, req.Body, limit))
	if err == nil {
		// the delivery may take longer; who did not send the body in time gets no more of it
		_ = conn.SetReadDeadline(time.Time{})
	}
	return body.Bytes(), err
}

// firstRead is how much room a body gets before it arrives, in bytes.
const firstRead = 64 << 10

func refuse(w http.ResponseWriter, err error, limit int64) telemetry.Answer {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		answer(w, http.StatusRequestEntityTooLarge, fmt.Sprintf(`{"error":"the body is larger than %d bytes"}`, limit))
		return telemetry.AnswerTooLarge
	}
	answer(w, http.StatusBadRequest, `{"error":"the body did not arrive whole"}`)
	return telemetry.AnswerIncomplete
}

func (r *Receiver) capture(s Source, req *http.Request, body []byte) deadletter.Capture {
	// Ids in the order of time (version 7 of RFC 9562) stand side by side in the indexes of the store, where random
	// ones cost a page each.
	id := uuid.Must(uuid.NewV7()).String()
	notePath(req)
	c := deadletter.Capture{
		ID: deadletter.ID(
			id,
		),
		ReceiveID:   id,
		Source:      s.Name,
		Destination: s.Destination.URL,
		Method:      req.Method,
		Query:       req.URL.RawQuery,
		WebhookID:   s.Dedup.ID(deadletter.Headers(req.Header), body),
		ReceivedAt:  r.now(),
		Run:         r.ledger.RunID(),
		Headers:     deadletter.Headers(req.Header),
		Body:        body,
	}
	if c.WebhookID == "" {
		c.WebhookID = id
	}
	return c
}

// deliver makes the first attempt and reports whether it delivered. A failure is noted in the capture.
func (r *Receiver) deliver(ctx context.Context, s Source, c *deadletter.Capture) bool {
	trace := telemetry.TraceParent(c.ID, c.Queue.TraceParent, c.Headers)
	a := r.sender.Send(ctx, s.Destination, delivery.Request{
		Message:     c.ID,
		Body:        c.Body,
		Headers:     c.Headers,
		Query:       c.Query,
		WebhookID:   c.WebhookID,
		Attempt:     1,
		TraceParent: trace,
	})
	r.log.LogAttrs(
		ctx,
		slog.LevelInfo,
		"delivery",
		slog.String("source", c.Source),
		slog.Int("attempt", 1),
		slog.String(
			"outcome",
			string(a.Outcome),
		),
		slog.Int("status", a.StatusCode),
		slog.Int64("ms", a.Latency.Milliseconds()),
	)
	if a.Outcome == deadletter.Delivered {
		return true
	}
	a.Number, a.Trigger, a.Actor, a.TraceParent = 1, deadletter.TriggerReceive, deadletter.System().Name, trace
	c.FirstAttempt, c.Reason = &a, a.Error
	return false
}

// keep puts a capture on a queue, and returns nil only when the queue has confirmed it.
func (r *Receiver) keep(ctx context.Context, q Queue, c deadletter.Capture) (err error) {
	ctx, span := telemetry.Send(ctx, q)
	defer func() { span.End(err) }()
	c.Queue.TraceParent = cmp.Or(span.TraceParent(), c.Queue.TraceParent)
	// What belongs to one connection is of no use later.
	c.Headers = c.Headers.EndToEnd()
	body, err := envelope.EncodeWithin(c, q.MaxMessageBytes())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, keepLimit)
	defer cancel()
	group := ""
	if c.FirstAttempt == nil {
		group = c.Source
	}
	if err := q.Send(
		ctx, []queue.Outgoing{{Body: body, GroupID: group, DeduplicationID: string(c.ReceiptID())}},
	)[0]; err != nil {
		return fmt.Errorf("queue %s did not take it: %w", q.Name(), err)
	}
	return nil
}

func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) // a platform that hung up has no use for it
}
