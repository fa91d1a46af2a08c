// Package receiver accepts webhooks at POST /webhooks/{source}. It delivers each to the destination of its source and
// sends failures to the DLQ. It responds 200 only if the webhook is delivered, or a queue has confirmed it. It must not
// interpret bodies.
package receiver

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/envelope"
	"dlqdesk/internal/ledger"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/pressure"
	"dlqdesk/internal/queue"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/telemetry"
	"dlqdesk/internal/verify"
)

// Source is a webhook endpoint.
type Source struct {
	Name        string
	Destination delivery.Destination
	Buffered    bool             // respond first, deliver from the processing queue
	Shared      bool             // other processes may deliver from that queue as well
	MaxBody     int64            // bytes
	Verify      *verify.Verifier // nil: every request is accepted
	Dedup       payload.Dedup
	Ack         *payload.Ack // nil: our own responses
	Masks       *redact.Rules
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
	// Refused counts a refused request. why is for people, and has no secret.
	Refused(key ledger.RefusalKey, why string)
	// Save writes the counts to disk.
	Save(ctx context.Context) error
}

// Observer is told what became of each webhook at its first delivery. It must neither block nor change the capture.
type Observer func(c deadletter.Capture, delivered bool)

// Unledgered is the ledger of a receiver without a store: the desk that its messages reach counts them.
type Unledgered struct{ *telemetry.Metrics }

// RunID implements Ledger.
func (Unledgered) RunID() string { return "" }

// Number implements Ledger.
func (Unledgered) Number(*deadletter.Capture) {}

// Record implements Ledger.
func (Unledgered) Record(deadletter.Capture, ledger.Counts) {}

// Refused implements Ledger.
func (Unledgered) Refused(ledger.RefusalKey, string) {}

// Save implements Ledger.
func (Unledgered) Save(context.Context) error { return nil }

// Receiver is the handler of webhooks.
type Receiver struct {
	ledger     Ledger
	sources    func() []Source
	sender     delivery.Sender
	dlq        Queue
	processing Queue // nil if no source is buffered
	pressure   *pressure.Gauge
	observers  []Observer
	refused    sync.Map // the *refusalLog of each logLine
	now        func() time.Time
	log        *slog.Logger
}

// Deps are the parts that a receiver needs.
type Deps struct {
	Sources    func() []Source // as configured at the moment
	Sender     delivery.Sender
	DLQ        Queue
	Processing Queue // nil if no source is ever buffered
	Ledger     Ledger
	Pressure   *pressure.Gauge // told how long a queue takes to confirm a webhook
	Observers  []Observer
	Now        func() time.Time
	Log        *slog.Logger
}

// New returns a receiver.
func New(d Deps) *Receiver {
	return &Receiver{
		ledger:     d.Ledger,
		sources:    d.Sources,
		sender:     d.Sender,
		dlq:        d.DLQ,
		processing: d.Processing,
		pressure:   d.Pressure,
		observers:  d.Observers,
		now:        d.Now,
		log:        d.Log,
	}
}

// source returns the source with the given name, as it is configured at the moment.
func (r *Receiver) source(name string) (Source, bool) {
	for _, s := range r.sources() {
		if s.Name == name {
			return s, true
		}
	}
	return Source{}, false
}

const notFound = `{"error":"not found"}`

// Handler serves /webhooks/{source}, and the paths below it for platforms that append to the address.
func (r *Receiver) Handler() http.Handler {
	mux := chi.NewRouter()
	mux.NotFound(func(w http.ResponseWriter, req *http.Request) {
		respond(w, http.StatusNotFound, notFound)
		discardBody(w, req)
	})
	mux.MethodNotAllowed(r.refuseMethod)
	mux.Post("/webhooks/{source}", r.receive)
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions} {
		mux.Method(method, "/webhooks/{source}", http.HandlerFunc(r.greet))
	}
	mux.Post("/webhooks/{source}/*", r.receiveBelow)
	return mux
}

const (
	accepted = `{"status":"accepted"}`

	// queueLimit bounds how long a queue may take to confirm a message while the platform waits for its response.
	queueLimit = 10 * time.Second

	// retryAfter is the Retry-After of a response 500, in seconds.
	retryAfter = 30
)

func (r *Receiver) receive(w http.ResponseWriter, req *http.Request) {
	source, ok := r.source(chi.URLParam(req, "source"))
	if !ok {
		r.refuseUnknown(w, req)
		return
	}
	if r.greeted(w, req, source) {
		return
	}
	body, ok := r.verifiedBody(w, req, source)
	if !ok || r.greetedVerified(w, req, source, body) {
		return
	}
	c := r.capture(source, req, body)
	// If the platform hangs up, the delivery goes on.
	ctx := telemetry.About(context.WithoutCancel(req.Context()), c.ID)
	c.Queue.TraceParent = telemetry.TraceOf(ctx)
	if source.Buffered {
		r.buffer(ctx, w, source, c)
		return
	}
	if r.deliver(ctx, source, &c) {
		r.count(ctx, c, telemetry.AnswerDelivered, ledger.Counts{Received: 1, Delivered: 1})
		source.acknowledge(w, c, accepted)
		return
	}
	r.ledger.Number(&c)
	if err := r.enqueue(ctx, r.dlq, c); err != nil {
		r.respondUnstored(ctx, w, c, err)
		return
	}
	r.count(ctx, c, telemetry.AnswerQueued, ledger.Counts{Received: 1, Queued: 1})
	source.acknowledge(w, c, `{"status":"queued_for_retry","messageId":"`+string(c.ID)+`"}`)
}

// buffer puts a webhook on the processing queue, from where Processor delivers it.
func (r *Receiver) buffer(ctx context.Context, w http.ResponseWriter, s Source, c deadletter.Capture) {
	counts := ledger.Counts{Received: 1}
	if s.Shared {
		c.Run, counts = "", ledger.Counts{} // the process that delivers it counts it
	}
	if err := r.enqueue(ctx, r.processing, c); err != nil {
		r.respondUnstored(ctx, w, c, err)
		return
	}
	r.count(ctx, c, telemetry.AnswerBuffered, counts)
	s.acknowledge(w, c, accepted)
}

// count counts the answer to a platform, and the webhook in its account.
func (r *Receiver) count(ctx context.Context, c deadletter.Capture, given telemetry.Answer, n ledger.Counts) {
	r.countAnswer(ctx, c.Source, given)
	r.ledger.Record(c, n)
}

// countAnswer counts an answer.
func (r *Receiver) countAnswer(ctx context.Context, source string, given telemetry.Answer) {
	r.ledger.Answered(source, given)
	telemetry.Answered(ctx, source, given)
}

// respondUnstored responds 500, so that the platform sends the webhook again: no queue has confirmed it.
func (r *Receiver) respondUnstored(ctx context.Context, w http.ResponseWriter, c deadletter.Capture, err error) {
	r.log.ErrorContext(ctx, "a webhook could not be stored; the platform was told to send it again",
		"source", c.Source, "err", err)
	r.count(ctx, c, telemetry.AnswerRefused, ledger.Counts{Refused: 1})
	key := ledger.RefusalKey{Source: c.Source, Reason: ledger.RefusedUnstored}
	r.ledger.Refused(key, "no queue and no disk confirmed it: see the log")
	w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
	respond(w, ledger.RefusedUnstored.Status(), `{"error":"Internal Server Error"}`)
}

func (r *Receiver) capture(s Source, req *http.Request, body []byte) deadletter.Capture {
	// Ids that begin with the time (version 7 of RFC 9562) are neighbours in the store's indexes; random ones cost a
	// page each.
	id := uuid.Must(uuid.NewV7()).String()
	setPathHeader(req)
	c := deadletter.Capture{
		ID:          deadletter.ID(id),
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

// deliver makes the first attempt and reports whether it delivered. It adds a failed attempt to the capture.
func (r *Receiver) deliver(ctx context.Context, s Source, c *deadletter.Capture) bool {
	trace := telemetry.TraceParent(c.ID, c.Queue.TraceParent, c.Headers)
	a := r.sender.Send(ctx, s.Destination, delivery.Request{
		Message:      c.ID,
		Body:         c.Body,
		Headers:      c.Headers,
		Query:        c.Query,
		WebhookID:    c.WebhookID,
		Attempt:      1,
		TraceParent:  trace,
		Masks:        s.Masks,
		OnlyFailures: true,
	})
	r.log.LogAttrs(ctx, slog.LevelInfo, "delivery",
		slog.String("source", c.Source), slog.Int("attempt", 1), slog.String("outcome", string(a.Outcome)),
		slog.Int("status", a.StatusCode), slog.Int64("ms", a.Latency.Milliseconds()))
	delivered := a.Outcome == deadletter.Delivered
	for _, observe := range r.observers {
		observe(*c, delivered)
	}
	if delivered {
		return true
	}
	a.Number, a.Trigger, a.Actor, a.TraceParent = 1, deadletter.TriggerReceive, deadletter.System().Name, trace
	c.FirstAttempt, c.Reason, c.Masks = &a, a.Error, s.Masks.Name()
	return false
}

// enqueue sends a capture to a queue. It returns nil only if the queue has confirmed it.
func (r *Receiver) enqueue(ctx context.Context, q Queue, c deadletter.Capture) (err error) {
	began := time.Now()
	ctx, span := telemetry.Send(ctx, q)
	defer func() { span.End(err) }()
	c.Queue.TraceParent = cmp.Or(span.TraceParent(), c.Queue.TraceParent)
	c.Headers, c.Destination = c.Headers.EndToEnd(), redact.Address(c.Destination)
	body, err := envelope.EncodeWithin(c, q.MaxMessageBytes())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, queueLimit)
	defer cancel()
	group := ""
	if c.FirstAttempt == nil {
		group = c.Source
	}
	out := queue.Outgoing{Body: body, GroupID: group, DeduplicationID: string(c.ReceiptID())}
	if err := q.Send(ctx, []queue.Outgoing{out})[0]; err != nil {
		return fmt.Errorf("queue %s did not accept it: %w", q.Name(), err)
	}
	r.pressure.Captured(time.Since(began))
	return nil
}

func respond(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body) // fails only if the platform hung up
}

// WarnOfStranded warns of messages that stay on this machine's disk, or may come to, because the DLQ does not accept
// them. A receiver alone does not read them: a whole dlqdesk on its data folder does. stranded is where they are.
func WarnOfStranded(
	ctx context.Context, sources []Source, dlq Queue, stranded []queue.DepthReader, log *slog.Logger,
) error {
	const (
		mayStay = "a webhook that fails and is too large for the queue, even compressed, stays on this machine's disk: " +
			"lower max_body"
		stays = "messages that are too large for the queue are on this machine's disk: " +
			"dlqdesk serve on this data folder shows them"
	)
	limit := dlq.MaxMessageBytes()
	for _, s := range sources {
		if s.MaxBody > int64(limit) {
			log.WarnContext(ctx, mayStay, "source", s.Name, "max_body", s.MaxBody, "queue_accepts", limit)
		}
	}
	for _, q := range stranded {
		depth, err := q.Depth(ctx)
		if err != nil {
			return fmt.Errorf("find messages that are too large for the queue: %w", err)
		}
		if n := depth.Visible + depth.InFlight; n > 0 {
			log.WarnContext(ctx, stays, "messages", n)
		}
	}
	return nil
}
