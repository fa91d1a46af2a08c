package mcp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"dlqdesk/internal/api"
	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/ledger"
	"dlqdesk/internal/mcp"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/store"
)

// bundle is the desk of assistants on a real store, behind a real server and the checks of the API.
type bundle struct {
	path   string // of the store
	store  *store.Store
	desk   *desk.Desk
	auth   *auth.Auth
	clock  *desktest.Clock
	api    *api.API
	masks  func() *redact.Masks
	server *httptest.Server
}

const secret = "078-05-1120"

func setup(t *testing.T) bundle {
	t.Helper()
	ssn, err := payload.ParsePath("$.customer.ssn")
	if err != nil {
		t.Fatal(err)
	}
	b := bundle{path: filepath.Join(t.TempDir(), "desk.db"), clock: desktest.NewClock()}
	if b.store, err = store.Open(t.Context(), b.path, desktest.Key(), slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.store.Close() })
	b.masks = desktest.Always(desktest.Masks("genesys", redact.Options{
		Headers: []string{"X-Tenant"}, Paths: []payload.Path{ssn},
	}).InForceSince(b.clock.Now().Add(-time.Hour)))
	desktest.Search(t, b.store, b.masks())
	cheap := argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}
	b.auth = auth.New(b.store, auth.Settings{Hashing: cheap}, b.clock.Now)
	b.desk = desk.New(desk.Deps{
		Store: b.store, Masks: b.masks, Kick: func() {}, Now: b.clock.Now,
		Sources: desktest.Always([]desk.Source{{Name: "genesys", Shapes: true}, {Name: "cxone"}}), Ledger: balanced{},
	})
	log := slog.New(slog.DiscardHandler)
	b.api = api.New(api.Deps{Desk: b.desk, Auth: b.auth, Store: b.store, Now: b.clock.Now, Log: log})
	b.server = httptest.NewServer(b.api.Guard(mcp.New(mcp.Deps{
		Desk: b.desk, Caller: api.By, PublicURL: "https://desk.example", Version: "test", Now: b.clock.Now, Log: log,
	})))
	t.Cleanup(b.server.Close)
	for name, role := range map[string]deadletter.Role{"vera": deadletter.Viewer, "olga": deadletter.Operator} {
		err := b.auth.AddUser(t.Context(), deadletter.System(), name, string(role), "correct horse battery")
		if err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// balanced is a ledger whose every hour balances.
type balanced struct{}

func (balanced) State() ledger.State          { return ledger.State{} }
func (balanced) Reload(context.Context) error { return nil }

// token makes a token of a user and returns it with its secret.
func (b bundle) token(t *testing.T, user string, sources ...string) (deadletter.Token, string) {
	t.Helper()
	u, err := b.store.User(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	token, secret, err := b.auth.AddToken(t.Context(), deadletter.User(u.Name, u.Role, "192.0.2.1"),
		deadletter.TokenInput{Name: "claude", Role: u.Role, Sources: sources, Assistant: true},
		func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	return token, secret
}

// withToken sends a token with each request, and lets time pass, so that no rate is reached.
type withToken struct {
	secret string
	clock  *desktest.Clock
}

func (w withToken) RoundTrip(r *http.Request) (*http.Response, error) {
	w.clock.Add(100 * time.Millisecond)
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+w.secret)
	return http.DefaultTransport.RoundTrip(r)
}

// connect returns a session of the SDK's client with a token.
func (b bundle) connect(t *testing.T, secret string) *sdk.ClientSession {
	t.Helper()
	session, err := b.tryConnect(t, secret)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = session.Close() })
	return session
}

func (b bundle) tryConnect(t *testing.T, secret string) (*sdk.ClientSession, error) {
	t.Helper()
	client := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, nil)
	return client.Connect(t.Context(), &sdk.StreamableClientTransport{
		Endpoint: b.server.URL, HTTPClient: &http.Client{Transport: withToken{secret, b.clock}}, MaxRetries: -1,
		DisableStandaloneSSE: true,
	}, nil)
}

func (b bundle) receive(t *testing.T, id, source string, change func(*deadletter.Capture)) deadletter.Message {
	t.Helper()
	c := desktest.Failure(id, 422, b.clock.Now())
	c.Source = source
	if change != nil {
		change(&c)
	}
	return desktest.Receive(t, b.store, c)
}

// call calls a tool and returns its structured answer.
func call[T any](t *testing.T, s *sdk.ClientSession, tool string, arguments map[string]any) (data T) {
	t.Helper()
	result, err := s.CallTool(t.Context(), &sdk.CallToolParams{Name: tool, Arguments: arguments})
	if err != nil {
		t.Fatalf("%s: %v", tool, err)
	}
	if result.IsError {
		t.Fatalf("%s is refused: %s", tool, textOf(result))
	}
	text, err := json.Marshal(result.StructuredContent)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct{ Data T }
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatal(err)
	}
	return answer.Data
}

// refusal calls a tool that must refuse, and returns what it says.
func refusal(t *testing.T, s *sdk.ClientSession, tool string, arguments map[string]any) string {
	t.Helper()
	result, err := s.CallTool(t.Context(), &sdk.CallToolParams{Name: tool, Arguments: arguments})
	if err != nil {
		t.Fatalf("%s: %v", tool, err)
	}
	if !result.IsError {
		t.Fatalf("%s %v is not refused: %s", tool, arguments, textOf(result))
	}
	return textOf(result)
}

func textOf(r *sdk.CallToolResult) string {
	var all []string
	for _, c := range r.Content {
		if text, ok := c.(*sdk.TextContent); ok {
			all = append(all, text.Text)
		}
	}
	return strings.Join(all, "\n")
}

type arguments = map[string]any

func TestAssistantReadsWhatTheDeskShows(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "a-1", "genesys", func(c *deadletter.Capture) {
		c.Body = []byte(`{"customer":{"ssn":"` + secret + `"},"n":1}`)
		c.Headers = deadletter.Headers{"Content-Type": {"application/json"}, "X-Tenant": {secret}}
	})
	_, token := b.token(t, "vera")
	s := b.connect(t, token)
	causes := call[mcp.CauseList](t, s, "search_causes", arguments{"query": "source:genesys"})
	if len(causes.Causes) != 1 || causes.Causes[0].ID != m.Fingerprint || causes.Causes[0].Failed != 1 ||
		causes.Causes[0].Page != "https://desk.example/causes/"+m.Fingerprint {
		t.Fatalf("the causes are %+v", causes)
	}
	if c := call[mcp.CauseFacts](t, s, "get_cause", arguments{"cause": m.Fingerprint}); c.StatusCode != 422 {
		t.Errorf("the cause is %+v", c)
	}
	if d := call[mcp.Differences](t, s, "get_differences", arguments{"cause": m.Fingerprint}); d.Delivered != 0 {
		t.Errorf("the differences are %+v", d)
	}
	call[mcp.Differences](t, s, "get_differences", arguments{"message": "a-1"})
	refusal(t, s, "get_differences", arguments{"cause": m.Fingerprint, "message": "a-1"})
	found := call[mcp.MessageList](t, s, "search_messages", arguments{"query": "code:422", "status": "failed"})
	if len(found.Messages) != 1 || found.Messages[0].ID != "a-1" || found.Counts[0].Messages != 1 {
		t.Errorf("the messages are %+v", found)
	}
	if got := call[mcp.Message](t, s, "get_message", arguments{"message": "a-1"}); got.Error != m.Reason {
		t.Errorf("the message is %+v", got)
	}
	body := call[mcp.Body](t, s, "get_body", arguments{"message": "a-1"})
	if !body.IsText || !strings.Contains(body.Text, `"n":1`) || strings.Contains(body.Text, secret) ||
		len(body.Headers) != 2 || body.Headers[1].Value == secret {
		t.Errorf("the body is %+v", body)
	}
	if a := call[mcp.AttemptList](t, s, "list_attempts", arguments{"message": "a-1"}); a.Attempts[0].StatusCode != 422 {
		t.Errorf("the attempts are %+v", a)
	}
	if r := call[mcp.RevisionList](t, s, "list_revisions", arguments{"message": "a-1"}); len(r.Revisions) != 1 {
		t.Errorf("the revisions are %+v", r)
	}
	if j := call[mcp.JobList](t, s, "list_jobs", nil); len(j.Jobs) != 0 {
		t.Errorf("the jobs are %+v", j)
	}
	if got := call[mcp.Reconciliation](t, s, "get_reconciliation", nil); !got.Balanced || got.CheckedAt != "" {
		t.Errorf("the reconciliation is %+v", got)
	}
	if got := refusal(t, s, "get_message", arguments{"message": "none"}); !strings.Contains(got, "none") {
		t.Errorf("no message: %s", got)
	}
}

func TestAssistantReadsHowFailedBodiesDiffer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	rules := b.masks().Of("", "genesys")
	key := store.ShapeKey{Source: "genesys", Masks: rules.Name()}
	shapes := map[store.ShapeKey]*payload.Shape{key: {}}
	for i := range 1000 {
		body := fmt.Sprintf(`{"id":%d,"amount":%d}`, i, i)
		shape, _ := rules.Shape(payload.Decode(deadletter.Headers{}, []byte(body), payload.MaxShaped))
		shapes[key].Add(shape)
	}
	if err := b.store.SaveSamples(t.Context(), store.Samples{Shapes: shapes, At: b.clock.Now()}); err != nil {
		t.Fatal(err)
	}
	m := b.receive(t, "a-1", "genesys", func(c *deadletter.Capture) { c.Body = []byte(`{"amount":"twelve"}`) })
	_, token := b.token(t, "vera")
	s := b.connect(t, token)
	for _, in := range []arguments{{"cause": m.Fingerprint}, {"message": "a-1"}} {
		d := call[mcp.Differences](t, s, "get_differences", in)
		kinds := map[string]string{}
		for _, row := range d.Rows {
			kinds[row.Path] = row.Kind
		}
		if !d.Sampled || d.Failed != 1 || d.Delivered != 1000 || kinds["id"] != "missing" || kinds["amount"] != "type" {
			t.Errorf("%v: it is %+v", in, d)
		}
	}
}

func TestLongBodyIsReadInParts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	whole := strings.Repeat("0123456789", 4000)
	b.receive(t, "a-1", "genesys", func(c *deadletter.Capture) {
		c.Body, c.Headers = []byte(whole), deadletter.Headers{"Content-Type": {"text/plain"}}
	})
	_, token := b.token(t, "vera")
	s := b.connect(t, token)
	read, parts := "", 0
	for offset := 0; ; parts++ {
		body := call[mcp.Body](t, s, "get_body", arguments{"message": "a-1", "offset": offset})
		read += body.Text
		if offset = body.Next; offset == 0 {
			break
		}
	}
	if read != whole || parts < 2 {
		t.Errorf("%d bytes in %d parts", len(read), parts+1)
	}
}

func TestDraftsWaitForAPerson(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "a-1", "genesys", nil)
	_, token := b.token(t, "olga")
	s := b.connect(t, token)
	const why = "All of them lack the id."
	for tool, in := range map[string]arguments{
		"draft_note": {"cause": m.Fingerprint, "text": "The id is gone.", "why": why},
		"draft_mute": {"cause": m.Fingerprint, "until": "2030-01-01T00:00:00Z", "count": 5, "why": why},
	} {
		if tool == "draft_mute" {
			in["until"] = b.clock.Now().Add(time.Hour).Format(time.RFC3339)
		}
		d := call[mcp.Draft](t, s, tool, in)
		if !strings.HasPrefix(d.Page, "https://desk.example/suggestions/") || !strings.Contains(d.Done, "Nothing yet") {
			t.Errorf("%s is %+v", tool, d)
		}
	}
	job := call[mcp.Draft](t, s, "draft_job", arguments{"action": "replay", "cause": m.Fingerprint, "why": why})
	selected := call[mcp.Draft](
		t,
		s,
		"draft_job",
		arguments{"action": "archive", "messages": []string{"a-1"}, "why": why},
	)
	recipe := call[mcp.Draft](t, s, "draft_recipe", arguments{
		"kind": "merge", "text": `{"id":1}`, "name": "add id", "cause": m.Fingerprint, "why": why,
	})
	for name, d := range map[string]mcp.Draft{"replay": job, "archive": selected, "edit": recipe} {
		j := call[mcp.Job](t, s, "get_job", arguments{"job": d.Job})
		if d.Messages != 1 || j.State != "draft" || j.Total != 1 || (j.DryRun != nil) != (name == "edit") ||
			d.Page != j.Page {
			t.Errorf("%s is %+v, %+v", name, d, j)
		}
	}
	list, err := b.desk.OpenSuggestions(t.Context(), deadletter.System(), "")
	if err != nil || len(list) != 5 {
		t.Fatalf("%d suggestions, %v", len(list), err)
	}
	for _, one := range list {
		if one.By != "claude of olga" || one.Why != why || one.Cause != m.Fingerprint {
			t.Errorf("the suggestion is %+v", one)
		}
	}
	if got := desktest.Message(t, b.store, "a-1"); got.Version != m.Version || got.Status != m.Status {
		t.Errorf("the message is %+v", got)
	}
	for name, in := range map[string]arguments{
		"an unknown action":  {"action": "forward", "cause": m.Fingerprint, "why": why},
		"nothing chosen":     {"action": "replay", "why": why},
		"chosen twice":       {"action": "replay", "cause": m.Fingerprint, "messages": []string{"a-1"}, "why": why},
		"a destination":      {"action": "replay", "cause": m.Fingerprint, "why": why, "destination": "https://evil.example"},
		"no message matches": {"action": "restore", "cause": m.Fingerprint, "why": why},
	} {
		t.Run(name, func(t *testing.T) { refusal(t, s, "draft_job", in) })
	}
}

func TestTokenDecidesWhatAnAssistantReaches(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "a-1", "genesys", nil)
	b.receive(t, "b-1", "cxone", nil)
	_, viewer := b.token(t, "vera")
	s := b.connect(t, viewer)
	for tool, in := range map[string]arguments{
		"draft_note":   {"cause": m.Fingerprint, "text": "x", "why": "y"},
		"draft_mute":   {"cause": m.Fingerprint, "count": 1, "why": "y"},
		"draft_job":    {"cause": m.Fingerprint, "action": "replay", "why": "y"},
		"draft_recipe": {"cause": m.Fingerprint, "kind": "merge", "text": "{}", "why": "y"},
	} {
		if got := refusal(t, s, tool, in); !strings.Contains(got, "a viewer may not") {
			t.Errorf("%s says %s", tool, got)
		}
	}

	_, limited := b.token(t, "olga", "cxone")
	s = b.connect(t, limited)
	if got := call[mcp.MessageList](t, s, "search_messages", nil); len(got.Messages) != 1 ||
		got.Messages[0].ID != "b-1" {
		t.Errorf("it reaches %+v", got.Messages)
	}
	for tool, in := range map[string]arguments{
		"get_message": {"message": "a-1"}, "get_body": {"message": "a-1"}, "list_attempts": {"message": "a-1"},
		"list_revisions": {"message": "a-1"}, "get_cause": {"cause": m.Fingerprint},
		"get_differences": {"cause": m.Fingerprint}, "list_jobs": nil, "get_reconciliation": nil,
		"draft_note": {"cause": m.Fingerprint, "text": "x", "why": "y"},
		"draft_job":  {"cause": m.Fingerprint, "action": "replay", "why": "y"},
	} {
		refusal(t, s, tool, in)
	}
	if _, err := s.ReadResource(
		t.Context(),
		&sdk.ReadResourceParams{URI: "dlqdesk://causes/" + m.Fingerprint},
	); err == nil {
		t.Error("it reads the resource of another source")
	}

	token, revoked := b.token(t, "olga")
	s = b.connect(t, revoked)
	call[mcp.CauseList](t, s, "search_causes", nil)
	by := deadletter.User("olga", deadletter.Operator, "")
	if _, err := b.auth.RevokeToken(t.Context(), by, token.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.CallTool(t.Context(), &sdk.CallToolParams{Name: "search_causes"}); err == nil {
		t.Error("a revoked token reads on in its session")
	}
	for name, secret := range map[string]string{"revoked": revoked, "unknown": "dqd_nope", "none": ""} {
		if s, err := b.tryConnect(t, secret); err == nil {
			_ = s.Close()
			t.Errorf("%s: it connects", name)
		}
	}
}

// The token of an assistant is refused by the API, so that no other program of the assistant can start what it drafts.
func TestTokenOfAnAssistantIsRefusedByTheAPI(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "a-1", "genesys", nil)
	_, token := b.token(t, "olga")
	draft := call[mcp.Draft](t, b.connect(t, token), "draft_job", arguments{
		"action": "replay", "cause": m.Fingerprint, "why": "The handler is back.",
	})
	if draft.Job != 1 {
		t.Fatalf("the draft is %+v", draft)
	}
	for method, path := range map[string]string{"GET": "/me", "POST": "/jobs/1/start"} {
		r := httptest.NewRequestWithContext(t.Context(), method, api.Path+path, strings.NewReader("{}"))
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		b.api.ServeHTTP(w, r)
		if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "for an assistant") {
			t.Errorf("%s %s is answered %d: %s", method, path, w.Code, w.Body)
		}
	}
}

// Only tools with draft in their name change anything, and none has a place for a destination, a start or a secret.
func TestToolsSayWhatTheyDo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, token := b.token(t, "vera")
	s := b.connect(t, token)
	var names []string
	for tool, err := range s.Tools(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, tool.Name)
		a := tool.Annotations
		drafts := strings.HasPrefix(tool.Name, "draft_")
		if a == nil || a.ReadOnlyHint == drafts || a.DestructiveHint == nil || *a.DestructiveHint ||
			a.OpenWorldHint == nil || *a.OpenWorldHint {
			t.Errorf("%s has the hints %+v", tool.Name, a)
		}
		if tool.Title == "" || len(tool.Description) < 20 || tool.OutputSchema == nil {
			t.Errorf("%s is %+v", tool.Name, tool)
		}
		input, err := json.Marshal(tool.InputSchema)
		if err != nil {
			t.Fatal(err)
		}
		var schema struct {
			AdditionalProperties any
			Properties           map[string]struct{ Description string }
		}
		if err := json.Unmarshal(input, &schema); err != nil || schema.AdditionalProperties == nil {
			t.Errorf("%s takes anything: %s", tool.Name, input)
		}
		for name, property := range schema.Properties {
			if property.Description == "" {
				t.Errorf("%s does not say what %s is", tool.Name, name)
			}
			for _, word := range []string{"destination", "url", "start", "confirm", "unmask", "token", "role", "sources"} {
				if strings.Contains(strings.ToLower(name), word) {
					t.Errorf("%s takes %s", tool.Name, name)
				}
			}
		}
	}
	slices.Sort(names)
	want := "draft_job draft_mute draft_note draft_recipe get_body get_cause get_differences get_job get_message " +
		"get_reconciliation list_attempts list_jobs list_revisions search_causes search_messages"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("the tools are %s", got)
	}
}

func TestCauseIsExplained(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "a-1", "genesys", nil)
	_, token := b.token(t, "vera")
	s := b.connect(t, token)
	prompt, err := s.GetPrompt(t.Context(), &sdk.GetPromptParams{
		Name: "explain_cause", Arguments: map[string]string{"cause": m.Fingerprint},
	})
	if err != nil || len(prompt.Messages) != 2 {
		t.Fatalf("%+v, %v", prompt, err)
	}
	resource, err := s.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: "dlqdesk://causes/" + m.Fingerprint})
	if err != nil || len(resource.Contents) != 1 {
		t.Fatalf("%+v, %v", resource, err)
	}
	text, ok := prompt.Messages[1].Content.(*sdk.TextContent)
	if !ok {
		t.Fatal("the second part is no text")
	}
	for _, text := range []string{text.Text, resource.Contents[0].Text} {
		var e mcp.Explanation
		inside(t, text, &e)
		if e.Cause.ID != m.Fingerprint || len(e.Messages) != 1 || e.Body == nil || e.Body.Text == "" {
			t.Errorf("it is %+v", e)
		}
	}
	_, err = s.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: "dlqdesk://causes/none"})
	if err == nil || !strings.Contains(err.Error(), "not found") {
		t.Errorf("no cause: %v", err)
	}
}

// inside parses the data of an answer: what is between the two lines with its mark.
func inside(t *testing.T, text string, v any) {
	t.Helper()
	lines := strings.Split(text, "\n")
	mark := lines[len(lines)-1]
	if !strings.HasPrefix(mark, "data-") || len(mark) < 20 || lines[1] != mark || !strings.Contains(lines[0], mark) ||
		strings.Count(text, mark) != 3 {
		t.Fatalf("the data is not marked: %s", text)
	}
	if err := json.Unmarshal([]byte(strings.Join(lines[2:len(lines)-1], "\n")), v); err != nil {
		t.Fatalf("the data is broken: %v", err)
	}
}

func TestRequestsOfBrowsersAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, token := b.token(t, "vera")
	const list = `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
	for name, c := range map[string]struct {
		host, origin string
		cookie       bool
		want         int
	}{
		"a program":              {want: http.StatusOK},
		"the public address":     {host: "desk.example", want: http.StatusOK},
		"this machine":           {host: "localhost:8080", want: http.StatusOK},
		"a stranger's name":      {host: "evil.example", want: http.StatusForbidden},
		"another site":           {origin: "https://evil.example", want: http.StatusForbidden},
		"a cookie and no token":  {cookie: true, want: http.StatusUnauthorized},
		"a page of this machine": {origin: "http://localhost:6274", want: http.StatusForbidden},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.server.URL, strings.NewReader(list))
			if err != nil {
				t.Fatal(err)
			}
			r.Host = c.host
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Accept", "application/json, text/event-stream")
			r.Header.Set("Authorization", "Bearer "+token)
			if c.cookie {
				r.Header.Del("Authorization")
				r.AddCookie(&http.Cookie{Name: "dlqdesk", Value: token})
			}
			if c.origin != "" {
				r.Header.Set("Origin", c.origin)
			}
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if response.StatusCode != c.want {
				t.Errorf("it answers %d, want %d", response.StatusCode, c.want)
			}
		})
	}
}

// Why a job was paused can be the error of a delivery: nothing is told of one from before the present masks.
func TestPauseReasonFromBeforeTheMasksIsHidden(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, token := b.token(t, "olga")
	s := b.connect(t, token)
	for age, shown := range map[time.Duration]bool{2 * time.Hour: false, time.Minute: true} {
		halted := desktest.HaltedJob(t, b.store, "no customer 078-05-1120", b.clock.Now().Add(-age))
		j := call[mcp.Job](t, s, "get_job", arguments{"job": halted.ID})
		if j.PauseReason == "" || strings.Contains(j.PauseReason, "078") != shown {
			t.Errorf("of %s ago: %q", age, j.PauseReason)
		}
	}
}

// What a token unmasked by the API stays masked to the assistant that has it.
func TestUnmaskedValuesStayMaskedForAssistants(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if err := b.auth.AddUser(t.Context(), deadletter.System(), "ada", "admin", "correct horse battery"); err != nil {
		t.Fatal(err)
	}
	_, token, err := b.auth.AddToken(t.Context(), deadletter.User("ada", deadletter.Admin, ""),
		deadletter.TokenInput{Name: "cli", Role: deadletter.Admin}, func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	by, _, err := b.auth.ByToken(t.Context(), token, "")
	if err != nil {
		t.Fatal(err)
	}
	m := b.receive(t, "a-1", "genesys", func(c *deadletter.Capture) { c.Body = []byte(`{"password":"hunter2"}`) })
	if _, err := b.desk.Unmask(t.Context(), desk.TokenViewer(by), m.ID, "", "ticket 7"); err != nil {
		t.Fatal(err)
	}
	r, err := b.desk.Body(t.Context(), desk.TokenViewer(by), m.ID, 0)
	if err != nil || !strings.Contains(string(r.Body), "hunter2") {
		t.Fatalf("by the API it is %s, %v", r.Body, err)
	}
	body := call[mcp.Body](t, b.connect(t, token), "get_body", arguments{"message": "a-1"})
	if strings.Contains(body.Text, "hunter2") || !strings.Contains(body.Text, "•••") {
		t.Errorf("the assistant reads %s", body.Text)
	}
}
