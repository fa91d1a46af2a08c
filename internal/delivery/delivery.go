// Package delivery makes one HTTP request to a destination and tells honestly what became of it. It sends every request at most
// once: whether to try again is decided elsewhere.
package delivery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
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
	TraceParent string
}

// Client makes deliveries. It owns the connections to all destinations.
type Client struct {
	http   *http.Client
	now    func() time.Time
	places sync.Map // source -> chan struct{}
}

const (
	idleLimit        = 90 * time.Second
	idlePerHost      = 256
	maxAnswerHeaders = 64 << 10
	maxAnswerBody    = 256 << 10 // beyond what an attempt keeps it is read only so that the connection can be used again
)

// NewClient makes a client. The caller closes it when no delivery is in flight.
func NewClient(now func() time.Time) *Client {
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // net/http documents the type
	transport.DialContext = dialCounted
	transport.Proxy = nil               // destinations come from the configuration alone
	transport.DisableCompression = true // what the destination answers is kept as it came
	transport.MaxIdleConns = 0
	transport.MaxIdleConnsPerHost = idlePerHost
	transport.IdleConnTimeout = idleLimit
	transport.MaxResponseHeaderBytes = maxAnswerHeaders
	return &Client{now: now, http: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Close closes the connections that are idle.
func (c *Client) Close() { c.http.CloseIdleConnections() }

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
		var wire wire
		request, err := newRequest(wire.watch(ctx), to, r)
		if err != nil {
			return unsent("Not sent: the destination's address is not usable")
		}
		answer, err := c.http.Do(request)
		if err == nil {
			defer func() { _ = answer.Body.Close() }()
			return c.read(answer)
		}
		// A kept connection that the destination had closed before a byte was written says nothing about the destination.
		if stale := wire.reused && !wire.wrote(); !stale || try == staleTries || ctx.Err() != nil {
			return failure(err, wire.wrote() || ctx.Err() != nil && wire.conn != nil, to)
		}
	}
}

// staleTries bounds how many dead connections in a row a delivery looks past.
const staleTries = 4

func unsent(why string) deadletter.Attempt {
	return deadletter.Attempt{Outcome: deadletter.Unreachable, Error: why}
}

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

func newRequest(ctx context.Context, to Destination, r Request) (*http.Request, error) {
	target, err := url.Parse(to.URL)
	if err != nil {
		return nil, err
	}
	if r.Query != "" {
		if target.RawQuery != "" {
			target.RawQuery += "&"
		}
		target.RawQuery += r.Query
	}
	// Without GetBody, and never http.NoBody, the transport cannot send the request a second time by itself when a connection
	// that it kept turns out to be dead: see Request.isReplayable in net/http.
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target.String(), io.NopCloser(bytes.NewReader(r.Body)))
	if err != nil {
		return nil, err
	}
	request.ContentLength = int64(len(r.Body))
	request.Header = http.Header(r.Headers.EndToEnd())
	if _, ok := request.Header["User-Agent"]; !ok {
		request.Header["User-Agent"] = []string{""} // net/http leaves an empty one out
	}
	request.Header["Webhook-Id"] = []string{r.WebhookID}
	request.Header["X-Dlqdesk-Attempt"] = []string{strconv.Itoa(r.Attempt)}
	request.Header["Traceparent"] = []string{r.TraceParent}
	return request, nil
}

// read takes the answer in. Its status decides; a body that breaks off changes nothing about it.
func (c *Client) read(answer *http.Response) deadletter.Attempt {
	a := deadletter.Attempt{
		StatusCode: answer.StatusCode, Outcome: deadletter.Rejected, ResponseHeaders: deadletter.Headers(answer.Header),
		RetryAfter: retryAfter(answer.Header.Get("Retry-After"), c.now()),
	}
	if answer.StatusCode >= 200 && answer.StatusCode < 300 {
		a.Outcome = deadletter.Delivered
	}
	kept, err := io.ReadAll(io.LimitReader(answer.Body, deadletter.MaxResponse+1))
	if len(kept) > deadletter.MaxResponse {
		kept, a.ResponseCut = kept[:deadletter.MaxResponse], true
		_, err = io.CopyN(io.Discard, answer.Body, maxAnswerBody)
	}
	a.ResponseBody = kept
	a.ResponseCut = a.ResponseCut || err != nil && !errors.Is(err, io.EOF)
	if a.Outcome != deadletter.Delivered {
		a.Error = rejection(answer, kept)
	}
	return a
}

// retryAfter reads the header of RFC 9110 section 10.2.3: seconds, or a date.
func retryAfter(value string, now time.Time) time.Duration {
	if value == "" {
		return 0
	}
	if seconds, err := strconv.Atoi(value); err == nil {
		return time.Duration(min(max(seconds, 0), 1<<30)) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
