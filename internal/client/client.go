// Package client is a client of the API: it sends requests, sends one again that got no answer, and keeps the tokens of
// the desks that a person signed in to. It decides nothing: what may be done is for the desk to say.
package client

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"dlqdesk/internal/api"
)

// Client sends requests to the API of one desk. Its methods are safe for concurrent use.
type Client struct {
	desk  string
	token string
	http  http.Client
}

const (
	// requestLimit bounds one request. The desk itself ends a request after 30 s.
	requestLimit = 35 * time.Second
	firstWait    = 500 * time.Millisecond
	// maxWaits is how often the client waits because the desk says when to come again.
	maxWaits   = 20
	maxWaiting = time.Minute // each time
)

// New returns a client of the desk at an address, with a token. An empty token is for requests that need none.
func New(desk, token string) *Client {
	return &Client{desk: desk, token: token, http: http.Client{
		Timeout: requestLimit,
		// A redirect is never followed: a token is sent to the desk that it is for, and to no other.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Desk returns the address of the desk.
func (c *Client) Desk() string { return c.desk }

// Request is a request to the API.
type Request struct {
	Method string // GET if it is empty
	Path   string // below /api/v1
	Query  url.Values
	Body   any    // as JSON; nil: none
	Match  string // the ETag of the thing that an order is for; "": its present version
	Once   bool   // it is never sent again, because the desk would do it again
}

// Answer is a successful answer of the API.
type Answer struct {
	Body     []byte
	ETag     string
	Location string
}

// Read parses the body of an answer.
func Read[T any](a Answer, err error) (v T, _ Answer, _ error) {
	if err == nil {
		v, err = Parse[T](a.Body)
	}
	return v, a, err
}

// Parse parses JSON of the desk.
func Parse[T any](text []byte) (v T, err error) {
	if err := json.Unmarshal(text, &v); err != nil {
		return v, fmt.Errorf("the desk answered what this version cannot read: %w", err)
	}
	return v, nil
}

// Get reads a path.
func (c *Client) Get(ctx context.Context, path string, query url.Values) (Answer, error) {
	return c.Do(ctx, Request{Path: path, Query: query})
}

// Post sends an order. match is the ETag of the thing that it is for; "" is for its present version.
func (c *Client) Post(ctx context.Context, path, match string, body any) (Answer, error) {
	return c.Do(ctx, Request{Method: http.MethodPost, Path: path, Body: body, Match: match})
}

// Do sends a request. It returns a *api.Problem for what the desk refuses. A request that got no answer is sent once
// more, and an order has an Idempotency-Key, by which the desk carries it out once. Do waits where the desk says so.
func (c *Client) Do(ctx context.Context, r Request) (Answer, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = json.Marshal(r.Body); err != nil {
			return Answer{}, fmt.Errorf("write a request: %w", err)
		}
	}
	key := rand.Text()
	sentAgain := r.Once
	for waits := 0; ; {
		answer, err := c.send(ctx, r, key, body)
		var refused *refusal
		switch {
		case err == nil:
			return answer, nil
		case ctx.Err() != nil:
			return Answer{}, ctx.Err()
		case errors.As(err, &refused):
			if !refused.isTemporary(sentAgain) || waits >= maxWaits {
				return Answer{}, refused.Problem
			}
			waits++
			err = wait(ctx, refused.after)
		case !sentAgain && !errors.Is(err, errNoAPI) && !errors.Is(err, errTooLarge):
			sentAgain = true
			err = wait(ctx, firstWait)
		default:
			return Answer{}, err
		}
		if err != nil {
			return Answer{}, err
		}
	}
}

// refusal is a problem with the time that the desk says to wait.
type refusal struct {
	*api.Problem
	after time.Duration // 0: it says none
}

// isTemporary reports whether the same request can be sent again later: there were too many, or the desk is still
// working on the one that got no answer.
func (r *refusal) isTemporary(sentAgain bool) bool {
	return r.after > 0 && (r.Status == http.StatusTooManyRequests || r.Status == http.StatusConflict && sentAgain)
}

// errNoAPI is for answers of something else than a desk.
var errNoAPI = errors.New("it is not the API of a desk, or of another version: is the address right?")

func (c *Client) send(ctx context.Context, r Request, key string, body []byte) (Answer, error) {
	address := c.desk + api.Path + r.Path
	if len(r.Query) > 0 {
		address += "?" + r.Query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, cmp.Or(r.Method, http.MethodGet), address, bytes.NewReader(body))
	if err != nil {
		return Answer{}, fmt.Errorf("write a request: %w", err)
	}
	for name, value := range map[string]string{"Authorization": "Bearer " + c.token, "If-Match": r.Match} {
		if value != "" && value != "Bearer " {
			request.Header.Set(name, value)
		}
	}
	request.Header.Set("User-Agent", "dlqdesk")
	if len(body) > 0 {
		request.Header.Set("Content-Type", "application/json")
	}
	if r.Method != "" && r.Method != http.MethodGet {
		request.Header.Set("Idempotency-Key", key)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return Answer{}, fmt.Errorf("no answer: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := readWhole(response.Body)
	if err != nil {
		return Answer{}, fmt.Errorf("no whole answer of %s: %w", c.desk, err)
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return Answer{}, c.refused(response, text)
	}
	return Answer{text, response.Header.Get("ETag"), response.Header.Get("Location")}, nil
}

// refused returns the error of an answer that is not a success.
func (c *Client) refused(response *http.Response, text []byte) error {
	var p api.Problem
	if err := json.Unmarshal(text, &p); err != nil || !strings.HasPrefix(p.Type, api.ProblemPrefix) {
		return fmt.Errorf("%s answered %s: %w", c.desk, response.Status, errNoAPI)
	}
	p.Status = response.StatusCode
	seconds, err := strconv.Atoi(response.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		seconds = 0
	}
	return &refusal{Problem: &p, after: min(time.Duration(seconds)*time.Second, maxWaiting)}
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Page is one page of a list. Its items are as the desk wrote them.
type Page struct {
	Items  []json.RawMessage `json:"items"`
	Next   string            `json:"next,omitempty"`
	Counts map[string]int    `json:"counts,omitempty"`
}

// Whole, as the number of items for Each, reads a list that has no pages.
const Whole = -1

// Each calls fn with every page of a list, up to the given number of items; 0: all of them. It returns the cursor of
// the page that would follow; "": there is none.
func (c *Client) Each(
	ctx context.Context, path string, query url.Values, most int, fn func(Page) error,
) (next string, err error) {
	q := url.Values{}
	for name, values := range query {
		q[name] = values
	}
	for remaining := most; ; {
		size := maxPage
		if most > 0 {
			size = min(remaining, maxPage)
		}
		if most != Whole {
			q.Set("limit", strconv.Itoa(size))
		}
		page, _, err := Read[Page](c.Get(ctx, path, q))
		if err != nil {
			return "", err
		}
		if err := fn(page); err != nil {
			return "", err
		}
		remaining -= len(page.Items)
		if page.Next == "" || most > 0 && remaining <= 0 {
			return page.Next, nil
		}
		q.Set("cursor", page.Next)
	}
}

const maxPage = 200

// HTTP returns a client of HTTP whose requests to the desk carry the token, and those to any other host do not.
func (c *Client) HTTP() *http.Client {
	own := c.http
	own.Transport = bearer{c}
	return &own
}

type bearer struct{ of *Client }

// RoundTrip implements http.RoundTripper.
func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme+"://"+r.URL.Host == b.of.desk {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+b.of.token)
	}
	return http.DefaultTransport.RoundTrip(r)
}
