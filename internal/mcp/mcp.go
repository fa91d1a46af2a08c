// Package mcp is the desk for assistants: programs with a language model, which speak the Model Context Protocol. Its
// tools read what the desk shows, and suggest what a person may start. It parses a request, calls the desk, and writes
// what that returns as data. It decides nothing, and no tool starts, resumes, steers, unmasks, replays or archives
// anything, or takes a destination.
package mcp

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
)

// Path is where the tools are served.
const Path = "/mcp"

// Deps are the parts that the tools work with.
type Deps struct {
	Desk      *desk.Desk
	Caller    func(ctx context.Context) deadletter.Actor // who sent the request that a context is of
	PublicURL string                                     // of the desk; "": the address of the request
	Version   string
	Now       func() time.Time
	Log       *slog.Logger
}

// tools carry out the calls of assistants.
type tools struct {
	Deps
	server *sdk.Server
}

// instructions are what a client tells its model about the desk.
const instructions = "dlqdesk keeps webhooks whose delivery failed, grouped by cause. Begin with search_causes; " +
	"get_cause, get_differences and search_messages say why messages fail. The draft_ tools suggest a job, a recipe, " +
	"a note or a mute: nothing of it is done before a person presses start on its page, so give them the address. You " +
	"cannot start anything, and you cannot see masked values. " + aboutData

// maxRequest bounds a request, in bytes.
const maxRequest = 1 << 20

// New returns the handler of Path. It must be behind a check of tokens that makes Caller know them. Each request stands
// alone, so a token that is revoked ends with the request before.
func New(deps Deps) http.Handler {
	t := tools{deps, sdk.NewServer(
		&sdk.Implementation{Name: "dlqdesk", Title: "dlqdesk", Version: deps.Version},
		&sdk.ServerOptions{Instructions: instructions, Capabilities: &sdk.ServerCapabilities{
			Tools: &sdk.ToolCapabilities{}, Resources: &sdk.ResourceCapabilities{}, Prompts: &sdk.PromptCapabilities{},
		}},
	)}
	t.server.AddReceivingMiddleware(t.catch, boundErrors)
	t.addCauses()
	t.addMessages()
	t.addJobs()
	t.addDrafts()
	t.addExplanation()
	stream := sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return t.server },
		&sdk.StreamableHTTPOptions{
			Stateless: true, JSONResponse: true, MaxRequestBodyBytes: maxRequest, PropagateRequestCancellation: true,
			DisableLocalhostProtection: true, // ownHost knows the public address as well
		})
	return ownHost(deps.PublicURL, http.NewCrossOriginProtection().Handler(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx := context.WithValue(r.Context(), addressKey{}, addressOf(r, deps.PublicURL))
			stream.ServeHTTP(w, r.WithContext(ctx))
		})))
}

// ownHost refuses requests to a loopback address that name a host other than this machine or the desk: a browser sends
// them if a stranger's name resolves to that address (DNS rebinding).
func ownHost(publicURL string, next http.Handler) http.Handler {
	desk, err := url.Parse(publicURL)
	if err != nil {
		desk = &url.URL{}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		if local != nil && isLoopback(local.String()) && !isLoopback(r.Host) && !strings.EqualFold(r.Host, desk.Host) {
			http.Error(w, "this host is not the desk's", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func isLoopback(hostPort string) bool {
	host, _, err := net.SplitHostPort(hostPort)
	if err != nil {
		host = strings.Trim(hostPort, "[]")
	}
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

type addressKey struct{}

// addressOf returns the address of the desk, as the person behind a request reaches it.
func addressOf(r *http.Request, publicURL string) string {
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	return strings.TrimSuffix(cmp.Or(publicURL, scheme+r.Host), "/")
}

// pageAt returns the address of a page of the desk.
func pageAt(ctx context.Context, path string) string {
	address, _ := ctx.Value(addressKey{}).(string)
	return address + path
}

// addRead adds a tool that changes nothing.
func addRead[I, O any](
	t tools, name, title, description string, do func(ctx context.Context, by deadletter.Actor, in I) (O, error),
) {
	add(t, &sdk.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true, DestructiveHint: new(bool)}, name, title,
		description, do)
}

// addDraft adds a tool that suggests something.
func addDraft[I, O any](
	t tools, name, title, description string, do func(ctx context.Context, by deadletter.Actor, in I) (O, error),
) {
	add(t, &sdk.ToolAnnotations{DestructiveHint: new(bool)}, name, title, description, do)
}

func add[I, O any](
	t tools, hints *sdk.ToolAnnotations, name, title, description string,
	do func(ctx context.Context, by deadletter.Actor, in I) (O, error),
) {
	hints.OpenWorldHint = new(bool)
	sdk.AddTool(t.server, &sdk.Tool{Name: name, Title: title, Description: description, Annotations: hints},
		func(ctx context.Context, _ *sdk.CallToolRequest, in I) (*sdk.CallToolResult, Answer[O], error) {
			out, err := do(ctx, t.Caller(ctx), in)
			if err != nil {
				return nil, Answer[O]{}, t.refusal(ctx, err)
			}
			answer := answerOf(out)
			text, err := marked(answer.Data)
			return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: text}}}, answer, err
		})
}

// catch makes a panic an error of its call: calls run outside of the server's own goroutines, so that nothing else would
// keep it from ending the program.
func (t tools) catch(next sdk.MethodHandler) sdk.MethodHandler {
	return func(ctx context.Context, method string, r sdk.Request) (result sdk.Result, err error) {
		defer func() {
			if v := recover(); v != nil {
				t.Log.ErrorContext(ctx, "a call of an assistant failed", "method", method,
					"err", fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
				result, err = nil, refused("the desk failed at this: its log says why")
			}
		}()
		return next(ctx, method, r)
	}
}

// boundErrors makes errors visible and short, those of the library included: it repeats wrong arguments.
func boundErrors(next sdk.MethodHandler) sdk.MethodHandler {
	return func(ctx context.Context, method string, r sdk.Request) (sdk.Result, error) {
		result, err := next(ctx, method, r)
		if called, ok := result.(*sdk.CallToolResult); ok && err == nil && called.IsError { // with an error it is nil
			for _, c := range called.Content {
				if text, ok := c.(*sdk.TextContent); ok {
					text.Text = visible(text.Text, maxText)
				}
			}
		}
		return result, err
	}
}

// refusal returns what an assistant is told of an error, and logs what is not its fault.
func (t tools) refusal(ctx context.Context, err error) error {
	if deadletter.KindOf(err) == deadletter.Internal && ctx.Err() == nil {
		t.Log.ErrorContext(ctx, "a tool failed", "err", err)
	}
	return refused(visible(deadletter.TextOf(err), maxText))
}

// refused is the error of a tool that did nothing: its text for the assistant.
type refused string

func (r refused) Error() string { return string(r) }
