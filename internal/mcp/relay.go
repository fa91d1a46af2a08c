package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"dlqdesk/internal/deadletter"
)

// Relay serves the tools of a desk to an assistant on this machine that speaks by standard input and output. It adds
// nothing: each call is one of the desk's, with the token that requests carries.
type Relay struct {
	endpoint string
	requests *http.Client
	about    sdk.Implementation

	mu      sync.Mutex
	session *sdk.ClientSession // nil: not connected
}

// NewRelay returns a relay to the desk at an address. requests sends the token with each request.
func NewRelay(desk string, requests *http.Client, version string) *Relay {
	own := *requests
	own.Transport = problems{own.Transport}
	return &Relay{endpoint: desk + Path, requests: &own, about: sdk.Implementation{Name: "dlqdesk", Version: version}}
}

// Run serves until in ends or ctx does. It returns an error if the desk cannot be reached at the start.
func (r *Relay) Run(ctx context.Context, in io.ReadCloser, out io.WriteCloser) error {
	desk, err := r.connect(ctx)
	if err != nil {
		return whyNot(err)
	}
	about := desk.InitializeResult()
	server := sdk.NewServer(about.ServerInfo, &sdk.ServerOptions{
		Instructions: about.Instructions, Capabilities: &sdk.ServerCapabilities{
			Tools: &sdk.ToolCapabilities{}, Resources: &sdk.ResourceCapabilities{}, Prompts: &sdk.PromptCapabilities{},
		},
	})
	if err := r.mirror(ctx, desk, server); err != nil {
		return fmt.Errorf("read what the desk offers: %w", err)
	}
	answers := &oneByOne{WriteCloser: out}
	err = server.Run(ctx, &sdk.IOTransport{Reader: newLines(in, answers), Writer: answers})
	r.drop(nil)
	if ctx.Err() != nil || errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// whyNot returns why the desk could not be asked, without the steps of the protocol that came before.
func whyNot(err error) error {
	if refused, ok := errors.AsType[*deadletter.Error](err); ok {
		return refused
	}
	if failed, ok := errors.AsType[*url.Error](err); ok {
		return fmt.Errorf("no answer: %w", failed)
	}
	return fmt.Errorf("this is not a desk that serves assistants, is the address right? %w", err)
}

// mirror adds to a server what the desk offers.
func (r *Relay) mirror(ctx context.Context, desk *sdk.ClientSession, server *sdk.Server) error {
	for tool, err := range desk.Tools(ctx, nil) {
		if err != nil {
			return err
		}
		server.AddTool(tool, func(ctx context.Context, q *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
			return forward(ctx, r, func(s *sdk.ClientSession) (*sdk.CallToolResult, error) {
				return s.CallTool(ctx, &sdk.CallToolParams{Name: q.Params.Name, Arguments: q.Params.Arguments})
			})
		})
	}
	for template, err := range desk.ResourceTemplates(ctx, nil) {
		if err != nil {
			return err
		}
		server.AddResourceTemplate(template,
			func(ctx context.Context, q *sdk.ReadResourceRequest) (*sdk.ReadResourceResult, error) {
				return forward(ctx, r, func(s *sdk.ClientSession) (*sdk.ReadResourceResult, error) {
					return s.ReadResource(ctx, &sdk.ReadResourceParams{URI: q.Params.URI})
				})
			})
	}
	for prompt, err := range desk.Prompts(ctx, nil) {
		if err != nil {
			return err
		}
		server.AddPrompt(prompt, func(ctx context.Context, q *sdk.GetPromptRequest) (*sdk.GetPromptResult, error) {
			return forward(ctx, r, func(s *sdk.ClientSession) (*sdk.GetPromptResult, error) {
				return s.GetPrompt(ctx, &sdk.GetPromptParams{Name: q.Params.Name, Arguments: q.Params.Arguments})
			})
		})
	}
	return nil
}

// forward asks the desk. After a failure of the connection, the next call connects anew.
func forward[T any](ctx context.Context, r *Relay, ask func(*sdk.ClientSession) (T, error)) (out T, err error) {
	session, err := r.connect(ctx)
	if err != nil {
		return out, err
	}
	out, err = ask(session)
	var refused *jsonrpc.Error
	if err != nil && !errors.As(err, &refused) {
		r.drop(session)
	}
	return out, err
}

func (r *Relay) connect(ctx context.Context) (*sdk.ClientSession, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.session != nil {
		return r.session, nil
	}
	// The connection outlives the call that makes it.
	session, err := sdk.NewClient(&r.about, nil).Connect(context.WithoutCancel(ctx), &sdk.StreamableClientTransport{
		Endpoint: r.endpoint, HTTPClient: r.requests, MaxRetries: -1, DisableStandaloneSSE: true,
	}, nil)
	if err == nil {
		r.session = session
	}
	return session, err
}

// drop closes a session if it is the present one; nil stands for that.
func (r *Relay) drop(session *sdk.ClientSession) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.session == nil || session != nil && session != r.session {
		return
	}
	_ = r.session.Close() // the connection is broken, or of no more use
	r.session = nil
}

// problems makes errors of what the desk refuses, in its own words.
type problems struct{ next http.RoundTripper }

// maxProblem bounds the problem that is read, in bytes.
const maxProblem = 64 << 10

// RoundTrip implements http.RoundTripper.
func (p problems) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := p.next.RoundTrip(request)
	if err != nil || response.Header.Get("Content-Type") != "application/problem+json" {
		return response, err
	}
	defer func() { _ = response.Body.Close() }() // it was read
	var problem struct{ Detail string }
	if err := json.NewDecoder(io.LimitReader(response.Body, maxProblem)).Decode(&problem); err != nil {
		return nil, fmt.Errorf("the desk answers %s", response.Status)
	}
	switch response.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return nil, deadletter.Errorf(deadletter.Forbidden, "%s", problem.Detail)
	}
	return nil, deadletter.Errorf(deadletter.Unavailable, "%s", problem.Detail)
}
