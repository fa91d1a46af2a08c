package platform

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"dlqdesk/internal/deadletter"
)

// Client makes the calls of one preset. It is safe for concurrent use.
type Client struct {
	preset      Preset
	values      Values
	credentials Credentials
	http        *http.Client
	now         func() time.Time
	wait        func(ctx context.Context, d time.Duration) error

	mu      sync.Mutex
	granted Granted
}

const (
	requestLimit = 30 * time.Second // of one try
	maxAnswer    = 4 << 20          // bytes read of a response
	pollEvery    = 2 * time.Second
)

// Option changes a Client for a test.
type Option func(*Client)

// WithClock replaces the clock and the wait of a Client.
func WithClock(now func() time.Time, wait func(ctx context.Context, d time.Duration) error) Option {
	return func(c *Client) { c.now, c.wait = now, wait }
}

// New returns a client of a preset. It sends nothing. Its error is Invalid.
func New(p Preset, credentials Credentials, options ...Option) (*Client, error) {
	p, values, err := p.Located()
	if err != nil {
		return nil, err
	}
	parameters, _ := p.parameters() // Check reports a missing parameter when it is needed
	maps.Copy(values, parameters)
	c := &Client{preset: p, values: values, credentials: credentials, now: time.Now, wait: sleep}
	for _, option := range options {
		option(c)
	}
	base := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // it is one, by its documentation
	base.ResponseHeaderTimeout = requestLimit
	c.http = &http.Client{
		Transport: &retryTransport{base: base, now: c.now, wait: c.wait, roll: rand.Float64},
		// A platform's API does not redirect. A token must not follow a redirect to another host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

// Preset returns the preset with the hosts of its region.
func (c *Client) Preset() Preset { return c.preset }

// Request is one HTTP request to a platform.
type Request struct {
	Method string `json:"method"`
	URL    string `json:"url"`
	Body   []byte `json:"-"`
}

// request returns the request of a call. base is the URL of the API, which may be unknown before there is a token.
func (c *Client) request(call Call, base string, values Values) (Request, error) {
	path := values.path(call.Path)
	if !strings.HasPrefix(path, "https://") && !strings.HasPrefix(path, "http://") {
		path = strings.TrimSuffix(base, "/") + path
	}
	body, err := values.body(call.Body)
	return Request{Method: call.Method, URL: path, Body: body}, err
}

// call makes a call with a token. If the token is refused, it tries once more with a new one.
func (c *Client) call(ctx context.Context, name, doing string, values Values) ([]byte, error) {
	if err := c.preset.Can(name); err != nil {
		return nil, err
	}
	if err := c.missing(); err != nil {
		return nil, err
	}
	call := c.preset.Calls[name]
	for renewed := false; ; renewed = true {
		token, err := c.token(ctx)
		if err != nil {
			return nil, c.explain("get a token", call, err)
		}
		r, err := c.request(call, token.API, values)
		if err != nil {
			return nil, err
		}
		answer, err := c.send(ctx, r, token.secret)
		if f, ok := errors.AsType[*Fault](err); ok && f.Status == http.StatusUnauthorized && !renewed {
			c.forget(token)
			continue
		}
		if err != nil {
			return nil, c.explain(doing, call, err)
		}
		return answer, nil
	}
}

// send makes one request and returns the body of a 2xx.
func (c *Client) send(ctx context.Context, r Request, token string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, r.Method, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return nil, deadletter.Errorf(deadletter.Invalid, "the path is not part of a valid URL: %s", r.URL)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "dlqdesk")
	if len(r.Body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("the response ended early: %w", err)
	}
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return nil, refused(answer.StatusCode, answer.Header, body)
	}
	return body, nil
}
