package notify_test

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/desktest"
	"dlqdesk/internal/notify"
)

type teamsMessage struct {
	Type        string `json:"type"`
	Attachments []struct {
		ContentType string          `json:"contentType"`
		ContentURL  *string         `json:"contentUrl"`
		Content     json.RawMessage `json:"content"`
	} `json:"attachments"`
}

// newTeams stands for a workflow that posts the card of each webhook.
func newTeams(t *testing.T) *platform {
	t.Helper()
	return newPlatform(t, func(w http.ResponseWriter, r request) {
		var m teamsMessage
		err := strictly(r.body, &m)
		if err != nil || m.Type != "message" || len(m.Attachments) != 1 ||
			m.Attachments[0].ContentType != "application/vnd.microsoft.card.adaptive" {
			t.Errorf("%v: %.2000s", err, r.body)
		}
		if len(r.body) > 28<<10 {
			t.Errorf("%d bytes", len(r.body))
		}
		w.WriteHeader(http.StatusAccepted)
	})
}

// cards writes the cards that were sent to files.
func (p *platform) cards(t *testing.T) (files []string) {
	t.Helper()
	dir := t.TempDir()
	for i, r := range p.received() {
		var m teamsMessage
		if err := json.Unmarshal(r.body, &m); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, strconv.Itoa(i)+".json")
		if err := os.WriteFile(file, m.Attachments[0].Content, 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

// expectCards has the cards that were sent read by the library of those who define them.
func (p *platform) expectCards(t *testing.T) {
	t.Helper()
	library := desktest.Package(t, "adaptivecards")
	arguments := append([]string{"testdata/read-cards.cjs"}, p.cards(t)...)
	reader := exec.CommandContext(t.Context(), "node", arguments...) //nolint:gosec // our own program
	reader.Env = append(os.Environ(), "NODE_PATH="+filepath.Dir(library))
	if out, err := reader.CombinedOutput(); err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
}

// texts returns all texts of a card by the type of what has them.
func texts(found map[string][]string, v any) {
	switch v := v.(type) {
	case map[string]any:
		if text, ok := v["text"].(string); ok {
			kind, _ := v["type"].(string)
			found[kind] = append(found[kind], text)
		}
		for _, inner := range v {
			texts(found, inner)
		}
	case []any:
		for _, inner := range v {
			texts(found, inner)
		}
	}
}

func TestTeamsTakesAlerts(t *testing.T) {
	t.Parallel()
	teams := newTeams(t)
	sink := notify.NewTeams(newClient(t), secret(teams.URL+"/workflows/1?sig=s3cret"))
	for _, n := range []notify.Notice{newCause(), resolved(newCause())} {
		if err := sink.Send(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	teams.expectCards(t)
	sent := teams.received()
	for _, want := range []string{
		"New cause: customer is required", "1,204 messages", `"color":"Warning"`, "Action.OpenUrl",
		"https://desk.example.com/causes/1f0c?open=mute&from=alert",
	} {
		if !strings.Contains(string(sent[0].body), want) {
			t.Errorf("without %q: %s", want, sent[0].body)
		}
	}
	if end := string(sent[1].body); !strings.Contains(end, "Resolved: New cause") || !strings.Contains(end, "Good") {
		t.Errorf("%s", end)
	}
}

// Teams reads Markdown in TextBlock, in the titles and values of FactSet, and nowhere else.
func TestNoPayloadIsMarkdownInTeams(t *testing.T) {
	t.Parallel()
	teams := newTeams(t)
	eachHostile(t, notify.NewTeams(newClient(t), secret(teams.URL)))
	teams.expectCards(t)
	for _, r := range teams.received() {
		var document any
		if err := json.Unmarshal(r.body, &document); err != nil {
			t.Fatal(err)
		}
		found := map[string][]string{}
		texts(found, document)
		if len(found) != 1 || len(found["TextRun"]) == 0 {
			t.Errorf("texts of others than runs: %.500v", found)
		}
		for _, text := range found["TextRun"] {
			if strings.ContainsAny(text, "\x00\x1b\u202e\u2066\u2028\r") {
				t.Errorf("a control character in %q", text)
			}
		}
	}
}

func TestErrorsOfTeamsSayWhatToDo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer    http.HandlerFunc
		permanent bool
		wait      time.Duration
		text      string
	}{
		"refused": {
			status(401, `{"error":{"code":"DirectApiAuthorizationRequired","message":"The request must be authenticated"}}`),
			true, 0, "copy it from the workflow again",
		},
		"deleted":        {status(404, `{"error":{"code":"WorkflowNotFound"}}`), true, 0, "make a new one"},
		"not understood": {status(400, `{"error":{"code":"TriggerInputSchemaMismatch"}}`), true, 0, "Adaptive Card"},
		"too many":       {status(429, "", "Retry-After", "17"), false, 17 * time.Second, "too many"},
		"trouble":        {status(502, ""), false, 0, "502"},
		"echo": {
			status(400, `{"message":"no workflow for sig=s3cret-signature"}`), true, 0, "Adaptive Card",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			teams := newTeams(t)
			teams.answers(c.answer)
			sink := notify.NewTeams(newClient(t), secret(teams.URL+"/workflows/1?api-version=1&sig=s3cret-signature"))
			failed := sendError(t, sink.Send(t.Context(), newCause()))
			if failed.Permanent != c.permanent || failed.RetryAfter != c.wait {
				t.Errorf("%+v", failed)
			}
			if text := failed.Error(); !strings.Contains(text, c.text) || strings.Contains(text, "s3cret-signature") {
				t.Error(text)
			}
		})
	}
}
