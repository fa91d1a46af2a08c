package api_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"dlqdesk/internal/api"
)

// A client that a generator makes from the document compiles, and does with a server what the document says.
func TestGeneratedClientWorks(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1", "genesys")
	dir := t.TempDir()
	web, err := filepath.Abs("../../web/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile("testdata/client.ts")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{
		"openapi.json": present(t), "client.ts": program,
		"tsconfig.json": []byte(`{"include": ["client.ts", "generated"], "compilerOptions": {"strict": true, "noEmit": true,
			"target": "es2022", "module": "esnext", "moduleResolution": "bundler", "types": [],
			"lib": ["es2023", "dom", "dom.iterable", "dom.asynciterable"]}}`),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	node := func(args ...string) []byte {
		t.Helper()
		run := exec.CommandContext(t.Context(), "node", args...)
		run.Dir = dir
		run.Env = append(run.Environ(), "DLQDESK_URL="+b.server.URL, "DLQDESK_TOKEN="+b.tokens["olga"])
		out, err := run.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%v\n%s", args, err, out)
		}
		return out
	}
	node(filepath.Join(web, "@hey-api/openapi-ts/bin/run.js"), "-i", "openapi.json", "-o", "generated", "-c",
		"@hey-api/client-fetch", "--silent", "--no-log-file")
	node(filepath.Join(web, "typescript/lib/tsc.js"), "-p", ".")
	bundle := exec.CommandContext(t.Context(), filepath.Join(web, ".bin/esbuild"), "client.ts", "--bundle",
		"--platform=node", "--format=esm", "--outfile=client.mjs", "--log-level=warning")
	bundle.Dir = dir
	if out, err := bundle.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}

	var got struct {
		Total         int
		ID, Status    string
		Allowed       []string
		ETag          string
		Repeated      string
		Same          bool
		Missing       string
		MissingStatus int
		MissingType   string `json:"missingContent"`
		Event         api.ChangeEvent
	}
	out := node("client.mjs")
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got.Total != 1 || got.ID != "a-1" || got.Status != "replaying" || got.ETag != `"1"` ||
		slices.Contains(got.Allowed, "replay") {
		t.Errorf("it listed and replayed %+v", got)
	}
	if got.Repeated != "true" || !got.Same {
		t.Errorf("the repetition with the same key is %+v", got)
	}
	if got.Missing != "urn:dlqdesk:problem:not-found" || got.MissingStatus != 404 ||
		got.MissingType != "application/problem+json" {
		t.Errorf("a message that there is none of is %+v", got)
	}
	if got.Event.Action != "message.received" || got.Event.Target != "a-1" || got.Event.Source != "genesys" {
		t.Errorf("the stream has %+v", got.Event)
	}
}
