// Package delivery makes one HTTP request to a destination and tells honestly what became of it. It sends every request at most
// once: whether to try again is decided elsewhere.
package delivery

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"dlqdesk/internal/deadletter"
)

// Destination is the handler behind a source, as configured.
type Destination struct {
	Source        string
	URL           string
	Timeout       time.Duration // of one delivery, from waiting for a place to the end of the answer
	MaxConcurrent int           // deliveries of this source in flight, whoever ordered them
}

// Request is what is delivered.
type Request struct {
	Body        []byte
	Headers     deadletter.Headers // the platform's; hop-by-hop ones are left out
	Query       string             // raw, put behind the destination's own
	WebhookID   string
	Attempt     int
	TraceParent string // as the function of that name answers it
}

// Client makes deliveries. It owns the connections to all destinations.
type Client struct {
	transport *http.Transport
	now       func() time.Time
	places    sync.Map // source -> chan struct{}
}

const (
	idleLimit        = 90 * time.Second
	idlePerHost      = 256
	connectLimit     = 10 * time.Second // for the connection, and again for TLS
	maxAnswerHeaders = 64 << 10
)

// NewClient makes a client. The caller closes it when no delivery is in flight.
func NewClient(now func() time.Time) *Client {
	return &Client{now: now, transport: &http.Transport{
		Proxy:                  nil, // destinations come from the configuration alone
		DialContext:            dialCounted,
		TLSHandshakeTimeout:    connectLimit,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // no header is added to the platform's
		MaxIdleConnsPerHost:    idlePerHost,
		IdleConnTimeout:        idleLimit,
		MaxResponseHeaderBytes: maxAnswerHeaders,
	}}
}

// Close closes the connections that are idle.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Send delivers and answers what became of it: outcome, code, latency, error and the first part of the answer. The rest of the
// Attempt is the caller's. It takes no longer than the destination's timeout.
func (c *Client) Send(ctx context.Context, to Destination, r Request) deadletter.Attempt {
	started := c.now()
	ctx, cancel := context.WithTimeout(ctx, to.Timeout)
	defer cancel()
	a := c.send(ctx, to, r)
	a.StartedAt, a.Latency, a.Done = started, max(0, c.now().Sub(started)), true
	return a
}

func (c *Client) send(ctx context.Context, to Destination, r Request) deadletter.Attempt {
	leave, err := c.enter(ctx, to)
	if err != nil {
		return unsent(fmt.Sprintf("Not sent: %d deliveries to %s were already under way", to.MaxConcurrent, to.Source))
	}
	defer leave()
	for try := 1; ; try++ {
		var w wire
		request, err := newRequest(w.watch(ctx), to, r)
		if err != nil {
			return unsent("Not sent: the destination's address is not usable")
		}
		// Not through http.Client, which would look at redirects.
		answer, err := c.transport.RoundTrip(request)
		if err == nil {
			defer func() { _ = answer.Body.Close() }()
			return c.read(answer)
		}
		// A kept connection that the destination had closed before a byte was written says nothing about the destination.
		if stale := w.reused && !w.wrote(); !stale || try == staleTries || ctx.Err() != nil {
			return w.failure(ctx, err, to)
		}
	}
}

// staleTries bounds how many dead connections in a row a delivery looks past.
const staleTries = 4

// enter waits for one of the places that a source has.
func (c *Client) enter(ctx context.Context, to Destination) (leave func(), err error) {
	if to.MaxConcurrent <= 0 {
		return func() {}, nil
	}
	known, ok := c.places.Load(to.Source)
	if !ok {
		known, _ = c.places.LoadOrStore(to.Source, make(chan struct{}, to.MaxConcurrent))
	}
	places, _ := known.(chan struct{})
	select {
	case places <- struct{}{}:
		return func() { <-places }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
