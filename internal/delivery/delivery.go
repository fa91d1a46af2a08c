// Package delivery makes one HTTP request to a destination and tells honestly what became of it. It sends every
// request at most once: whether to try again is decided elsewhere.
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
	Timeout       time.Duration // of one delivery, from waiting for a place to the end of the answer
	Connect       time.Duration // until a connection stands, its TLS included; 0: connectLimit
	Read          time.Duration // of silence, once the request is sent; 0: Timeout alone counts
	MaxConcurrent int           // deliveries of this source in flight, whoever ordered them
	Pace          *Pace         // shared by all who deliver to it; nil: no limit
	TLS           *TLS          // nil: the system's authorities and no certificate of ours
	Masks         redact.Rules
}

// Request is what is delivered.
type Request struct {
	Message     deadletter.ID // that it is a delivery of, or would be
	Body        []byte
	Headers     deadletter.Headers // the platform's; hop-by-hop ones are left out
	Query       string             // raw, put behind the destination's own
	WebhookID   string
	Attempt     int
	TraceParent string        // as telemetry's function of that name answers it
	Booked      bool          // its turn was booked with the destination's Pace
	Turn        time.Duration // until that turn, before which its timeout does not count
}

// Client makes deliveries. It owns the connections to all destinations.
type Client struct {
	now        func() time.Time
	stop       context.Context
	places     sync.Map // source -> chan struct{}
	transports sync.Map // link -> *http.Transport
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

// Send delivers and answers what became of it: outcome, code, latency, error and the first part of the answer. The
// rest of the Attempt is the caller's. It takes no longer than the destination's timeout.
func (c *Client) Send(ctx context.Context, to Destination, r Request) deadletter.Attempt {
	a, _ := c.deliver(ctx, to, r)
	return a
}

// deliver is Send, and tells besides whether the destination was tried at all: what waited in vain for its turn says
// nothing of it.
func (c *Client) deliver(ctx context.Context, to Destination, r Request) (a deadletter.Attempt, tried bool) {
	if r.Turn > 0 {
		select {
		case <-time.After(r.Turn):
		case <-ctx.Done(): // and nothing is sent
		}
	}
	started := c.now()
	ctx, cancel := context.WithTimeout(ctx, to.Timeout)
	defer cancel()
	if leave, why := c.enter(ctx, to, r.Booked); why != "" {
		a = unsent(why)
	} else {
		span := telemetry.Deliver(ctx, to.URL, r.Attempt, &r.TraceParent)
		a, tried = c.send(ctx, to, r), true
		leave()
		hideSecrets(&a, to, r)
		span.Outcome(a)
		span.End(nil)
	}
	a.StartedAt, a.Latency, a.Done = started, max(0, c.now().Sub(started)), true
	return a, tried
}

// hideSecrets leaves no secret of a request in what is told of its answer: an error text is shown, searched, grouped
// by and logged.
func hideSecrets(a *deadletter.Attempt, to Destination, r Request) {
	if a.Error != "" || len(a.ResponseBody) > 0 {
		redact.SecretsOf(r.Headers, r.Query, r.Body, to.Masks).HideIn(a)
	}
}

func (c *Client) send(ctx context.Context, to Destination, r Request) deadletter.Attempt {
	ctx, quiet := to.listen(ctx)
	defer quiet.stop()
	for try := 1; ; try++ {
		w := wire{quiet: quiet}
		request, err := newRequest(w.watch(ctx), to, r)
		if err != nil {
			return unsent("Not sent: the destination's address is not usable")
		}
		// Not through http.Client, which would look at redirects.
		answer, err := c.transport(to).RoundTrip(request)
		if err == nil {
			answer.Body = quiet.over(answer.Body)
			defer func() { _ = answer.Body.Close() }()
			return c.read(answer)
		}
		// A kept connection that the destination had closed before a byte was written says nothing about the
		// destination.
		if stale := w.reused && !w.wrote(); !stale || try == staleTries || ctx.Err() != nil {
			return w.failure(ctx, err, to)
		}
	}
}

// staleTries bounds how many dead connections in a row a delivery looks past.
const staleTries = 4

// enter waits for a turn, and then for one of the places that a source has; where neither comes in time it answers why.
func (c *Client) enter(ctx context.Context, to Destination, booked bool) (leave func(), why string) {
	if !booked && to.Pace.turn(ctx) != nil {
		return nil, fmt.Sprintf("Not sent: %s takes %s, and more were waiting", to.Source, to.Pace)
	}
	if to.MaxConcurrent <= 0 {
		return func() {}, ""
	}
	known, ok := c.places.Load(to.Source)
	if !ok {
		known, _ = c.places.LoadOrStore(to.Source, make(chan struct{}, to.MaxConcurrent))
	}
	places, _ := known.(chan struct{})
	select {
	case places <- struct{}{}:
		if ctx.Err() == nil && c.stop.Err() == nil {
			return func() { <-places }, ""
		}
		<-places
	case <-ctx.Done():
	}
	return nil, fmt.Sprintf("Not sent: %d deliveries to %s were already under way", to.MaxConcurrent, to.Source)
}
