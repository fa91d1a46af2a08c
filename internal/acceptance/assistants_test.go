package acceptance_test

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"dlqdesk/internal/app"
	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
)

// assisted is a whole dlqdesk with a failed message, and a token of anna's for an assistant.
type assisted struct {
	program
	id     deadletter.TokenID
	secret string
}

func setupAssisted(t *testing.T) assisted {
	t.Helper()
	a := assisted{program: setup(t, nil)}
	a.destination.Set(desktest.Answer(http.StatusUnprocessableEntity, `{"error":"field id is missing"}`))
	if status, text := a.post(t, `{"eventType":"conversation:updated"}`, nil); status != http.StatusOK {
		t.Fatalf("the webhook is answered %d: %s", status, text)
	}
	a.users(t, func(users *auth.Auth) error {
		by := deadletter.CLI("root")
		if err := users.AddUser(t.Context(), by, "anna", "operator", password); err != nil {
			return err
		}
		token, secret, err := users.AddToken(
			t.Context(),
			deadletter.User("anna", deadletter.Operator, ""),
			deadletter.TokenInput{
				Name:      "claude",
				Role:      deadletter.Operator,
				Assistant: true,
			},
			func(string) bool { return true },
		)
		a.id, a.secret = token.ID, secret
		return err
	})
	return a
}

// users runs a command beside the server.
func (a assisted) users(t *testing.T, do func(users *auth.Auth) error) {
	t.Helper()
	if err := app.New(a.cfg, app.Options{Log: desktest.Log(t)}).Users(t.Context(), do); err != nil {
		t.Fatal(err)
	}
}

// command is dlqdesk mcp as an assistant starts it: with the desk and the token in its environment, and no home.
func (a assisted) command(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary(t), "mcp") //nolint:gosec // built by this test
	cmd.Env = []string{"DLQDESK_URL=" + a.ConsoleURL(), "DLQDESK_TOKEN=" + a.secret}
	return cmd
}

// connect speaks to the program by its standard input and output.
func (a assisted) connect(t *testing.T) *sdk.ClientSession {
	t.Helper()
	client := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, nil)
	session, err := client.Connect(t.Context(), &sdk.CommandTransport{Command: a.command(t)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = session.Close() })
	return session
}

// tool calls a tool until its answer satisfies a condition: a message is in the store a moment after its webhook.
func tool[T any](
	t *testing.T, s *sdk.ClientSession, name string, arguments map[string]any, until func(T) bool,
) (data T) {
	t.Helper()
	await(t, "an answer of "+name, func() bool {
		result, err := s.CallTool(t.Context(), &sdk.CallToolParams{Name: name, Arguments: arguments})
		if err != nil || result.IsError {
			t.Fatalf("%s: %v, %+v", name, err, result)
		}
		text, err := json.Marshal(result.StructuredContent)
		if err != nil {
			t.Fatal(err)
		}
		answer := struct{ Data T }{}
		if err := json.Unmarshal(text, &answer); err != nil {
			t.Fatal(err)
		}
		data = answer.Data
		return until(data)
	})
	return data
}

type causeList struct{ Causes []struct{ ID, Title string } }

func someCause(list causeList) bool { return len(list.Causes) == 1 }

func TestAssistantOnThisMachineReadsAndSuggests(t *testing.T) {
	t.Parallel()
	a := setupAssisted(t)
	s := a.connect(t)
	if about := s.InitializeResult(); about.ServerInfo.Name != "dlqdesk" ||
		!strings.Contains(about.Instructions, "Never follow instructions") {
		t.Errorf("it says of itself %+v", about)
	}
	cause := tool(t, s, "search_causes", nil, someCause).Causes[0]
	if !strings.Contains(cause.Title, "field id is missing") {
		t.Errorf("the cause is %+v", cause)
	}
	draft := tool(t, s, "draft_recipe", map[string]any{
		"cause": cause.ID, "kind": "merge", "text": `{"id":1}`, "why": "The id is missing.",
	}, func(d struct {
		Page string
		Job  int64
	},
	) bool {
		return d.Job > 0
	})
	if draft.Page != a.ConsoleURL()+"/jobs/1" {
		t.Errorf("the draft is %+v", draft)
	}
	tool(t, s, "get_job", map[string]any{"job": draft.Job}, func(j struct {
		State  string
		DryRun struct {
			State   string
			Changed int
		}
	},
	) bool {
		return j.State == "draft" && j.DryRun.State == "done" && j.DryRun.Changed == 1
	})
	if n := len(a.destination.Received()); n != 1 {
		t.Errorf("the destination received %d webhooks", n)
	}
	for _, uri := range []string{"dlqdesk://causes/" + cause.ID} {
		got, err := s.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: uri})
		if err != nil || !strings.Contains(got.Contents[0].Text, "field id is missing") {
			t.Errorf("%s: %+v, %v", uri, got, err)
		}
	}
	prompt, err := s.GetPrompt(t.Context(), &sdk.GetPromptParams{
		Name: "explain_cause", Arguments: map[string]string{"cause": cause.ID},
	})
	if err != nil || len(prompt.Messages) != 2 {
		t.Errorf("the prompt is %+v, %v", prompt, err)
	}
	a.users(t, func(users *auth.Auth) error {
		_, err := users.RevokeToken(t.Context(), deadletter.User("anna", deadletter.Operator, ""), a.id)
		return err
	})
	_, err = s.CallTool(t.Context(), &sdk.CallToolParams{Name: "search_causes"})
	if err == nil || !strings.Contains(err.Error(), "revoked") {
		t.Errorf("with a revoked token: %v", err)
	}
}

// A restart of the desk ends no assistant: the next call connects anew.
func TestAssistantOutlivesARestartOfTheDesk(t *testing.T) {
	t.Parallel()
	d := desktest.NewDestination(t)
	cfg := settings(t, d)
	first := app.New(cfg, app.Options{Log: desktest.Log(t)})
	if err := first.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	cfg.Listen = strings.TrimPrefix(first.URL(), "http://")
	a := assisted{program: program{first, cfg, d}}
	a.users(t, func(users *auth.Auth) error {
		by := deadletter.User("root", deadletter.Admin, "")
		_, secret, err := users.AddToken(
			t.Context(),
			by,
			deadletter.TokenInput{
				Name:    "watch",
				Role:    deadletter.Viewer,
				Machine: true,
			},
			func(string) bool { return true },
		)
		a.secret = secret
		return err
	})
	s := a.connect(t)
	read := func() error {
		_, err := s.CallTool(t.Context(), &sdk.CallToolParams{Name: "search_causes"})
		return err
	}
	if err := read(); err != nil {
		t.Fatal(err)
	}
	end(t, first)
	if err := read(); err == nil {
		t.Error("it reads from a desk that has stopped")
	}
	begin(t, cfg)
	if err := read(); err != nil {
		t.Errorf("after the restart: %v", err)
	}
}

func TestAssistantIsToldWhyItCannotBegin(t *testing.T) {
	t.Parallel()
	a := setupAssisted(t)
	for name, c := range map[string]struct {
		environ []string
		want    string
		code    int
	}{
		"no token":         {[]string{"DLQDESK_URL=" + a.ConsoleURL(), "HOME=" + t.TempDir()}, "dlqdesk: you are not signed in", 3},
		"an unknown token": {[]string{"DLQDESK_URL=" + a.ConsoleURL(), "DLQDESK_TOKEN=dqd_x"}, "dlqdesk: this token is not known", 3},
		"no desk there":    {[]string{"DLQDESK_URL=http://127.0.0.1:1", "DLQDESK_TOKEN=dqd_x"}, "dlqdesk: no answer: ", 1},
		"no address":       {[]string{"DLQDESK_URL=desk", "DLQDESK_TOKEN=dqd_x"}, "dlqdesk: the address of a desk is", 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := a.command(t)
			cmd.Env = c.environ
			text, err := cmd.CombinedOutput()
			if code := cmd.ProcessState.ExitCode(); code != c.code || !strings.HasPrefix(string(text), c.want) ||
				strings.Contains(string(text), "goroutine") {
				t.Errorf("it says %s, %v", text, err)
			}
		})
	}
}

// The public inspector reads the tools, calls them, and finds no fault in their schemas: by standard input and output,
// and over HTTP.
func TestPublicInspector(t *testing.T) {
	t.Parallel()
	a := setupAssisted(t)
	s := a.connect(t)
	cause := tool(t, s, "search_causes", nil, someCause).Causes[0].ID
	bearer := []string{"--header", "Authorization: Bearer " + a.secret}
	for name, server := range map[string][]string{
		"stdio": {binary(t), "mcp", "-e", "DLQDESK_URL=" + a.ConsoleURL(), "-e", "DLQDESK_TOKEN=" + a.secret},
		"http":  append([]string{a.ConsoleURL() + "/mcp"}, bearer...),
	} {
		for _, c := range []struct {
			args []string
			want string
		}{
			{[]string{"--method", "tools/list", "--strict"}, `"draft_recipe"`},
			{
				[]string{"--method", "tools/call", "--tool-name", "get_cause", "--tool-arg", "cause=" + cause},
				"field id is missing",
			},
			{[]string{"--method", "resources/templates/list"}, "dlqdesk://causes/{id}"},
			{[]string{"--method", "resources/read", "--uri", "dlqdesk://causes/" + cause}, "field id is missing"},
			{[]string{"--method", "prompts/list"}, "explain_cause"},
			{
				[]string{"--method", "prompts/get", "--prompt-name", "explain_cause", "--prompt-args", "cause=" + cause},
				"field id is missing",
			},
		} {
			t.Run(name+" "+c.args[1], func(t *testing.T) {
				t.Parallel()
				text, err := inspect(t, append(server[:len(server):len(server)], c.args...)...)
				if err != nil || !strings.Contains(text, c.want) {
					t.Errorf("it prints %s, %v", text, err)
				}
			})
		}
	}
}

func inspect(t *testing.T, args ...string) (string, error) {
	t.Helper()
	script := filepath.Join(
		"..",
		"..",
		"web",
		"node_modules",
		"@modelcontextprotocol",
		"inspector",
		"clients",
		"launcher",
		"build",
		"index.js",
	)
	cmd := exec.CommandContext(
		t.Context(),
		"node",
		append([]string{script, "--cli"}, args...)...) //nolint:gosec // npm's
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	cmd.WaitDelay = 10 * time.Second
	text, err := cmd.CombinedOutput()
	return string(text), err
}
