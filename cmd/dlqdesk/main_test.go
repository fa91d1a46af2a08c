package main

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"dlqdesk/internal/config"
)

// result is what a run of the program left behind.
type result struct {
	code           int
	stdout, stderr string
}

func dlqdesk(environ []string, args ...string) result {
	var stdout, stderr strings.Builder
	code := run(args, strings.NewReader(""), &stdout, &stderr, environ)
	return result{code, stdout.String(), stderr.String()}
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"bogus"}, {"config"}, {"config", "check", "--nope"}, {
		"config", "check",
		"--config",
	}} {
		t.Run(fmt.Sprintf("%q", args), func(t *testing.T) {
			got := dlqdesk(nil, args...)
			if got.code != 2 || got.stdout != "" || !strings.HasPrefix(got.stderr, "dlqdesk: ") {
				t.Errorf("dlqdesk %q: %+v", args, got)
			}
		})
	}
	if got := dlqdesk(nil, "--help"); got.code != 0 || !strings.Contains(got.stdout, "config check") {
		t.Errorf("--help: %+v", got)
	}
}

// A time or duration that is none is answered with one that is, and not in the words of Go.
func TestWrongValuesAreAnsweredWithAnExample(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"audit list --from yesterday":                    `"yesterday" is no time: give one such as 2026-03-02T10:00:00Z`,
		"audit export --to 2026-12-01":                   `"2026-12-01" is no time: give one such as`,
		"causes mute 6f1c0a7b9d2e4f58 --for 3x":          `"3x" is no duration: give one such as 90m or 8h`,
		"jobs start replay code:503 --begin-in tomorrow": `"tomorrow" is no duration: give one such as`,
		"platform token tutorial --limit 5":              `"5" is no duration: give one such as`,
	} {
		if got := dlqdesk(nil, strings.Fields(args)...); got.code != exitUsage || !strings.Contains(got.stderr, want) {
			t.Errorf("dlqdesk %s: %+v", args, got)
		}
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	if got := dlqdesk(nil, "version"); got.code != 0 || !strings.HasPrefix(got.stdout, "dlqdesk ") {
		t.Errorf("%+v", got)
	}
}

func TestExampleIsValid(t *testing.T) {
	t.Parallel()
	got := dlqdesk(nil, "config", "check", "--config", "example.yaml")
	want := `example.yaml is valid
  listen    127.0.0.1:8080
  console   127.0.0.1:8080
  data      ./data
  queue     embedded
  source    /webhooks/genesys -> http://127.0.0.1:9090/genesys (direct)
  source    /webhooks/cxone -> http://127.0.0.1:9090/cxone (direct)
`
	if got.code != 0 || got.stdout != want {
		t.Errorf("%+v", got)
	}
}

// A commented key of the example shows its default. Masks have no default, so theirs must only be well formed.
func TestExampleShowsDefaults(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	shown := string(text)
	for _, line := range []string{
		`console_listen: ""`, `metrics_listen: ""`, `processing_url: ""`, `region: ""`, "mode: direct", "timeout: 10s",
		"max_body: 1MiB", "max_concurrent: 64",
		"verify: {", "retry: {", "mask:", "  headers:", "  json:",
	} {
		if !strings.Contains(shown, "# "+line) {
			t.Errorf("the example does not show %q", line)
		}
		shown = strings.Replace(shown, "# "+line, line, 1)
	}
	file := write(t, filepath.Join(t.TempDir(), "desk.yaml"), shown)
	got, want := load(t, file), load(t, "example.yaml")
	if mask := got.Sources[0].Mask; len(mask.Headers) == 0 || len(mask.JSON) == 0 {
		t.Errorf("mask %+v", mask)
	}
	got.File, got.Warnings, got.Values, got.Sources[0].Mask = want.File, want.Warnings, want.Values, config.Mask{}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func load(t *testing.T, file string) config.Config {
	t.Helper()
	c, err := config.Load(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestConfigCheckReportsEveryFault(t *testing.T) {
	t.Parallel()
	file := write(
		t, filepath.Join(t.TempDir(), "desk.yaml"),
		"listne: 1\nsources:\n  genesys:\n    destination: here\n    timeout: 2m\n",
	)
	got := dlqdesk([]string{"PORT=none"}, "config", "check", "--config", file)
	want := file + ":1: listne: is no key here: did you mean listen?\n" +
		file + ":4: sources.genesys.destination: must be an absolute http or https URL, such as " +
		"http://127.0.0.1:9090/hooks (got here)\n" +
		file + ":5: sources.genesys.timeout: must be under 30s (got 2m)\n" +
		"PORT: the port must be a number up to 65535 (got none)\n"
	if got != (result{2, "", want}) {
		t.Errorf("got:\n%+v\nwant:\n%s", got, want)
	}
}

func TestConfigCheckWarns(t *testing.T) {
	t.Parallel()
	got := dlqdesk([]string{"DLQDESK_LISTEN=0.0.0.0:80"}, "config", "check", "--config", "example.yaml")
	if got.code != 0 ||
		!strings.Contains(got.stderr, "warning: DLQDESK_LISTEN: the console is open to other machines") {
		t.Errorf("%+v", got)
	}
}

// The variables of commands that ask a desk may be set where a server runs.
func TestVariablesOfCommandsAreNoFaults(t *testing.T) {
	t.Parallel()
	environ := []string{"DLQDESK_URL=https://desk.example.com", "DLQDESK_TOKEN=dqd_x"}
	got := dlqdesk(environ, "config", "check", "--config", "example.yaml")
	if got.code != 0 || strings.Contains(got.stderr, "DLQDESK_") {
		t.Errorf("%+v", got)
	}
}

func TestConfigFile(t *testing.T) {
	t.Chdir(t.TempDir())
	const text = "sources: {genesys: {destination: 'http://127.0.0.1:9090/?key=1'}}\n"
	byVariable := []string{"DLQDESK_CONFIG=other.yaml"}

	for _, step := range []struct {
		name    string
		environ []string
		args    []string
		want    string
	}{
		{"nothing at all", nil, nil, "sources: there is none"},
		{
			"environment alone",
			[]string{"DLQDESK_SOURCES__A__DESTINATION=http://a.example"},
			nil,
			"the configuration (no file) is valid",
		},
		{"a variable that names no file", byVariable, nil, "other.yaml: cannot be read"},
		{"a flag that names no file", nil, []string{"--config", "flag.yaml"}, "flag.yaml: cannot be read"},
	} {
		if got := dlqdesk(
			step.environ,
			append([]string{"config", "check"}, step.args...)...); !strings.HasPrefix(
			got.stdout+got.stderr,
			step.want,
		) {
			t.Errorf("%s: %+v", step.name, got)
		}
	}
	for _, name := range []string{"dlqdesk.yaml", "other.yaml", "flag.yaml"} {
		write(t, name, text)
	}
	for want, got := range map[string]result{
		"dlqdesk.yaml": dlqdesk(nil, "config", "check"),
		"other.yaml":   dlqdesk(byVariable, "config", "check"),
		"flag.yaml":    dlqdesk(byVariable, "config", "check", "--config", "flag.yaml"),
	} {
		t.Run(want, func(t *testing.T) {
			if !strings.HasPrefix(got.stdout, want+" is valid\n") || strings.Contains(got.stdout, "key=1") {
				t.Errorf("%s: %+v", want, got)
			}
		})
	}
}
