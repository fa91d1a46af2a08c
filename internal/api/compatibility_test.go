package api_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dlqdesk/internal/api"
)

var publish = flag.Bool("publish", false, "make the present OpenAPI document the published one")

// published is the OpenAPI document that clients were made of.
const published = "testdata/openapi.json"

// present returns the OpenAPI document.
func present(t *testing.T) []byte {
	t.Helper()
	text, err := api.New(api.Deps{}).Document.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, text, "", "\t"); err != nil {
		t.Fatal(err)
	}
	return append(indented.Bytes(), '\n')
}

// breaking returns what in a document breaks clients of the published one; "": nothing.
func breaking(t *testing.T, document []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "openapi.json")
	if err := os.WriteFile(file, document, 0o600); err != nil {
		t.Fatal(err)
	}
	return oasdiff(t, "breaking", published, file, "--fail-on", "WARN", "--severity-levels", "testdata/oasdiff.txt")
}

// oasdiff runs the tool. It returns what it found, if it found anything.
func oasdiff(t *testing.T, args ...string) string {
	t.Helper()
	run := exec.CommandContext(t.Context(), "go", append([]string{
		"tool", "-modfile=../../.tools/oasdiff.mod", "oasdiff",
	}, args...)...)
	out, err := run.CombinedOutput()
	if err != nil {
		return string(out) + err.Error()
	}
	return ""
}

// Clients of the published document work with the present one. Additions are no fault; they are published when the
// baseline is renewed: make baseline.
func TestDocumentBreaksNoClient(t *testing.T) {
	t.Parallel()
	document := present(t)
	if *publish {
		if err := os.WriteFile(published, document, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if found := breaking(t, document); found != "" {
		t.Errorf("clients of the API break. Keep what they use, or renew the baseline by make baseline if no "+
			"client has it yet:\n%s", found)
	}
}

// What breaks a client is found.
func TestBreakingChangesAreFound(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]struct{ old, now, want string }{
		"an operation was removed":      {`"/messages/{id}/replay":`, `"/messages/{id}/deliver":`, "removed"},
		"a field was removed":           {`"receivedAt":`, `"arrivedAt":`, "receivedAt"},
		"a field has another type":      {`"outcome": {`, `"outcome": {"oneOf": [{"type": "integer"}],`, "outcome"},
		"a parameter became required":   {`"name": "q",`, `"name": "q", "required": true,`, "required"},
		"a field of a body is required": {"[\n\t\t\t\t\t\"action\"\n", `["query", "action"`, "query"},
		"a status was removed":          {`"201":`, `"299":`, "201"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := string(present(t))
			after := strings.ReplaceAll(before, change.old, change.now)
			if after == before {
				t.Fatalf("the document has no %s", change.old)
			}
			if found := breaking(t, []byte(after)); !strings.Contains(found, change.want) {
				t.Errorf("found: %s", found)
			}
		})
	}
}

// The document is valid OpenAPI.
func TestDocumentIsValid(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "openapi.json")
	if err := os.WriteFile(file, present(t), 0o600); err != nil {
		t.Fatal(err)
	}
	if found := oasdiff(t, "validate", file); found != "" {
		t.Error(found)
	}
}
