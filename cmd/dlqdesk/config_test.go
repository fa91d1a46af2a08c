package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dlqdesk/internal/config"
	"dlqdesk/internal/shell"
)

// TestConfigShow holds that each value is shown with its place, and a secret never.
func TestConfigShow(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	secret := write(t, filepath.Join(dir, "secret"), "hunter2 of the file\n")
	file := write(t, filepath.Join(dir, "desk.yaml"), `
log: { format: json }
sources:
  orders:
    destination: http://127.0.0.1:9090/orders?code=hunter2
    verify:
      scheme: hmac
      header: X-Signature
      secrets: ["env:ORDERS_SECRET", "file:`+secret+`"]
platforms:
  home:
    preset: genesys-open-messaging
    client_secret: env:HOME_SECRET
    parameters: { webhook_headers: '{"Authorization":"hunter2"}' }
`)
	environ := []string{
		"ORDERS_SECRET=hunter2 of the environment", "DLQDESK_GRACE=30s", "DLQDESK_LOG__LEVEL=warn", "PORT=8081",
	}
	got := dlqdesk(environ, "config", "show", "--config", file, "--log-level", "error")
	if got.code != 0 || strings.Contains(got.stdout, "hunter2") {
		t.Fatalf("%+v", got)
	}
	shown := map[string]string{}
	for line := range strings.Lines(got.stdout) {
		key, rest, _ := strings.Cut(strings.TrimSpace(line), "  ")
		shown[key] = strings.TrimSpace(rest)
	}
	const orders = "sources.orders."
	for key, want := range map[string]string{
		"listen":                       ":8081 PORT",
		"data_dir":                     "./data default",
		"grace":                        "30s DLQDESK_GRACE",
		"log.level":                    "error --log-level",
		"log.format":                   "json " + file + ":2",
		orders + "timeout":             "10s default",
		orders + "max_body":            "1MiB default",
		orders + "tls.min_version":     "1.2 default",
		orders + "verify.algorithm":    "sha256 default",
		orders + "destination":         "http://127.0.0.1:9090/orders?code=••• " + file + ":5",
		orders + "verify.secrets":      "[env:ORDERS_SECRET •••, file:" + secret + " •••] " + file + ":9",
		"platforms.home.client_secret": "env:HOME_SECRET ••• " + file + ":13",
		"platforms.home.parameters.webhook_headers": "••• " + file + ":14",
	} {
		if is := strings.Join(strings.Fields(shown[key]), " "); is != want {
			t.Errorf("%s is shown as %q, want %q", key, is, want)
		}
	}

	asJSON := dlqdesk(environ, "config", "show", "--json", "--config", file, "--log-format", "text")
	var values []config.Value
	if err := json.Unmarshal([]byte(asJSON.stdout), &values); err != nil || strings.Contains(asJSON.stdout, "hunter2") {
		t.Fatalf("%v: %+v", err, asJSON)
	}
	byKey := map[string]config.Value{}
	for _, v := range values {
		byKey[v.Key] = v
	}
	for key, want := range map[string]string{
		"log.format": "text from --log-format", "log.level": "warn from DLQDESK_LOG__LEVEL",
		"public_url": " from default",
	} {
		if is := byKey[key].Text + " from " + byKey[key].From; is != want {
			t.Errorf("%s is %q, want %q", key, is, want)
		}
	}
}

func TestLogFlagsAreChecked(t *testing.T) {
	t.Parallel()
	got := dlqdesk(nil, "config", "show", "--config", "example.yaml", "--log-level", "loud", "--log-format", "xml")
	want := "--log-format: must be text or json (got xml)\n" +
		"--log-level: must be one of debug, info, warn, error (got loud)\n"
	if got != (result{2, "", want}) {
		t.Errorf("%+v", got)
	}
}

func TestConfigCheckPrintsJSON(t *testing.T) {
	t.Parallel()
	file := write(
		t,
		filepath.Join(t.TempDir(), "desk.yaml"),
		"listne: 1\nsources: {a: {destination: 'http://a.example'}}\n",
	)
	got := dlqdesk([]string{"DLQDESK_SECRET=x"}, "config", "check", "--json", "--config", file)
	var said checked
	if err := json.Unmarshal([]byte(got.stdout), &said); err != nil || got.code != exitUsage {
		t.Fatalf("%v: %+v", err, got)
	}
	want := []config.Fault{
		{Where: file + ":1", Key: "listne", Text: "is no key here: did you mean listen?"},
		{Where: "DLQDESK_SECRET", Text: "sets nothing: no key has this path; unset it"},
	}
	if said.Valid || said.File != file || fmt.Sprint(said.Faults) != fmt.Sprint(want) {
		t.Errorf("%+v", said)
	}
	valid := dlqdesk(nil, "config", "check", "--json", "--config", "example.yaml")
	if err := json.Unmarshal([]byte(valid.stdout), &said); err != nil || !said.Valid || len(said.Warnings) == 0 {
		t.Errorf("%v: %+v", err, valid)
	}
}

// The level and the form of the log are those of the configuration.
func TestLogFollowsTheConfiguration(t *testing.T) {
	t.Parallel()
	for format, want := range map[config.LogFormat]string{
		config.LogText: "level=INFO msg=started queue=dlq\n",
		config.LogJSON: `"level":"INFO","msg":"started","queue":"dlq"}` + "\n",
	} {
		var out bytes.Buffer
		p := program{stderr: &out}
		log, level := p.log(config.Log{Format: format})
		log.Debug("request")
		log.Info("started", "queue", "dlq")
		level.Set(8)
		log.Info("stopped")
		if got := out.String(); !strings.HasSuffix(got, want) || strings.Count(got, "\n") != 1 {
			t.Errorf("%s: %q", format, got)
		}
	}
}

// A command that is printed has the file of a variable that other shells do not have, and works off PATH.
func TestPrintedCommandNamesProgramAndFile(t *testing.T) {
	t.Parallel()
	want := shell.Word(os.Args[0]) + " user setup-link --config /etc/dlqdesk.yaml"
	for _, got := range []string{
		configFlag{File: "/etc/dlqdesk.yaml"}.command(nil, "user setup-link"),
		configFlag{}.command([]string{"DLQDESK_CONFIG=/etc/dlqdesk.yaml"}, "user setup-link"),
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
