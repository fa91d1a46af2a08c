// Package delivery makes one HTTP request to a destination and reports its outcome: delivered, error response,
// unreachable (certainly never sent) or unknown (sent, but without a response). It sends every request at most once and
// must not decide whether to try again. It owns the circuit breaker of each destination, and the lock by which each
// message has one delivery at a time.
package delivery

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/telemetry"
)

// Destination is the handler behind a source, as configured.
type Destination struct {
	Source        string
	URL           string
	Timeout       time.Duration // of one delivery, from waiting for its slot to the end of the response
	Connect       time.Duration // to connect, TLS included; 0: connectLimit
	Read          time.Duration // between two parts of a response; 0: Timeout alone counts
	MaxConcurrent int           // deliveries of this source in flight, whatever triggered them
	RateLimit     *RateLimit    // nil: no limit
	TLS           *TLS          // nil: the system's authorities and no client certificate
	Signer        Signer        // nil: webhooks are delivered with the signatures that they came with
}

// Signer signs deliveries anew. It is compared by identity, so it is a pointer.
type Signer interface {
	// Resign signs a delivery anew if the handler would refuse the signature that the webhook came with: it sets
	// headers and the query of the request. edited reports whether the body is another than the one received.
	Resign(r *http.Request, body []byte, edited bool, now time.Time) error
}

// Request is one delivery of a message.
type Request struct {
	Message     deadletter.ID // the id that it has, or would have if the delivery fails
	Body        []byte
	Headers     deadletter.Headers // the platform's; hop-by-hop ones are left out
	Query       string             // raw, put behind the destination's own
	WebhookID   string
	Edited      bool // the body or the headers are not those that were received
	Attempt     int
	CopyTo      string        // names the destination if it is a copy of a message, which tests a handler
	TraceParent string        // see telemetry.TraceParent; "" of a copy, which continues no trace
	Reserved    bool          // its slot was reserved with the destination's RateLimit
	SlotIn      time.Duration // until that slot; the timeout counts from there
	Probe       bool          // it tests a destination that is down or has asked for a pause
	Masks       *redact.Rules // of the message: what its response must not repeat

	// OnlyFailures drops the response of a successful delivery. The receiver stores nothing of one, so it need not be
	// decoded, and no secrets need to be looked for in it.
	OnlyFailures bool
}

// Client makes deliveries. It owns the connections to all destinations.
type Client struct {
	now        func() time.Time
	stop       context.Context
	concurrent sync.Map // placesOf -> chan struct{} with room for MaxConcurrent
	transports sync.Map // link -> *http.Transport
}

// placesOf names the places for deliveries of a source. Another MaxConcurrent makes new ones: deliveries in flight keep
// theirs.
type placesOf struct {
	source string
	places int
}

// NewClient returns a client. Once stop is done it refuses new deliveries, queued ones included; those in flight end
// with their own context. The caller closes the client when no delivery is in flight.
func NewClient(stop context.Context, now func() time.Time) *Client {
	return &Client{now: now, stop: stop}
}

// Close closes the connections that are idle.
func (c *Client) Close() {
	c.transports.Range(func(_, t any) bool {
		if t, ok := t.(*http.Transport); ok {
			t.CloseIdleConnections()
		}
		return true
	})
}

// Send makes a delivery and returns its outcome, status code, latency, error and the first part of the response. The
// caller fills in the rest of the Attempt. It takes no longer than the destination's timeout.
func (c *Client) Send(ctx context.Context, to Destination, r Request) deadletter.Attempt {
	a, _ := c.deliver(ctx, to, r)
	return a
}

// deliver is Send, and reports besides whether the destination was tried at all: a delivery that waited in vain for a
// free place says nothing about it.
func (c *Client) deliver(ctx context.Context, to Destination, r Request) (a deadletter.Attempt, tried bool) {
	if r.SlotIn > 0 {
		select {
		case <-time.After(r.SlotIn):
		case <-ctx.Done(): // and nothing is sent
		}
	}
	started := c.now()
	ctx, cancel := context.WithTimeout(ctx, to.Timeout)
	defer cancel()
	if leave, reason := c.enter(ctx, to, r.Reserved); reason != "" {
		a = unsent(reason)
	} else {
		span := telemetry.Deliver(ctx, to.URL, r.Attempt, &r.TraceParent)
		if err := to.resign(&r, c.now()); err != nil {
			a = unsent("Not sent: it could not be signed anew: " + err.Error())
		} else {
			a, tried = c.send(ctx, to, r), true
		}
		leave()
		hideSecrets(&a, r)
		span.Outcome(a)
		span.End(nil)
	}
	a.StartedAt, a.Latency, a.Done = started, max(0, c.now().Sub(started)), true
	return a, tried
}

// hideSecrets masks the secrets of a request where its response repeats them: an error text is shown, searched, grouped
// by and logged.
func hideSecrets(a *deadletter.Attempt, r Request) {
	if a.Error == "" && len(a.ResponseBody) == 0 && len(a.ResponseHeaders) == 0 {
		return
	}
	r.Masks.Secrets(r.Headers, r.Query, r.Body).HideIn(a)
	a.Error = r.Masks.Error(a.Error)
}

func (c *Client) send(ctx context.Context, to Destination, r Request) deadletter.Attempt {
	ctx, timer := to.withReadTimeout(ctx)
	defer timer.stop()
	for try := 1; ; try++ {
		trace := requestTrace{timer: timer}
		request, err := newRequest(trace.attach(ctx), to, r)
		if err != nil {
			return unsent("Not sent: the destination's address is not usable")
		}
		// Not through http.Client, which would look at redirects.
		response, err := c.transport(to).RoundTrip(request)
		if err == nil {
			response.Body = timer.wrap(response.Body)
			defer func() { _ = response.Body.Close() }()
			return c.attemptOf(response, r)
		}
		// An idle connection that the destination had closed before a byte was written says nothing about the
		// destination.
		if stale := trace.reused && !trace.mayHaveSent(); !stale || try == staleTries || ctx.Err() != nil {
			return trace.failedAttempt(ctx, err, to)
		}
	}
}

// staleTries bounds how many closed connections in a row a delivery tries.
const staleTries = 4

// enter waits for a slot of the rate limit, and then until fewer than MaxConcurrent deliveries are in flight. If that
// does not happen in time it returns the reason.
func (c *Client) enter(ctx context.Context, to Destination, reserved bool) (leave func(), reason string) {
	if !reserved && to.RateLimit.wait(ctx) != nil {
		return nil, fmt.Sprintf("Not sent: %s takes %s, and more were waiting", to.Source, to.RateLimit)
	}
	if to.MaxConcurrent <= 0 {
		return func() {}, ""
	}
	places := placesOf{to.Source, to.MaxConcurrent}
	known, ok := c.concurrent.Load(places)
	if !ok {
		known, _ = c.concurrent.LoadOrStore(places, make(chan struct{}, to.MaxConcurrent))
	}
	inFlight, _ := known.(chan struct{})
	select {
	case inFlight <- struct{}{}:
		if ctx.Err() == nil && c.stop.Err() == nil {
			return func() { <-inFlight }, ""
		}
		<-inFlight
	case <-ctx.Done():
	}
	return nil, fmt.Sprintf("Not sent: %d deliveries to %s were already under way", to.MaxConcurrent, to.Source)
}
