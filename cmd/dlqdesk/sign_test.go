package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestSign(t *testing.T) {
	t.Parallel()
	file := write(t, filepath.Join(t.TempDir(), "desk.yaml"), `
sources:
  genesys:
    destination: "http://127.0.0.1:9090/genesys"
    verify: { scheme: genesys-open-messaging, secrets: [env:TEST_SECRET] }
  slack: { destination: "http://127.0.0.1:9090/slack", verify: { scheme: slack, secrets: [env:TEST_SECRET] } }
  anybody: { destination: "http://127.0.0.1:9090/anybody" }
`)
	environ := []string{"TEST_SECRET=0123456789abcdef0123"}
	sign := func(args ...string) result {
		var stdout, stderr strings.Builder
		body := strings.NewReader(`{"id":"msg-0001","type":"Text","text":"Hello"}`)
		code := run(append([]string{"sign", "--config", file}, args...), body, &stdout, &stderr, environ)
		return result{code, stdout.String(), stderr.String()}
	}
	got := sign("--source", "genesys")
	if got.code != exitOK || got.stderr != "" ||
		!strings.Contains(got.stdout, "-H 'X-Hub-Signature-256: sha256=ALPOMXMiVol7U0Fh2y2dMzGdekAqSuCzQ88RdEcez+s='") {
		t.Errorf("%+v", got)
	}
	if got := sign(
		"--source", "slack", "--url", "https://hooks.example.com", "--type", "text/plain",
	); got.code != exitOK ||
		!strings.HasPrefix(
			got.stderr, "The receiver accepts it until ",
		) || !strings.Contains(got.stdout, "'https://hooks.example.com/webhooks/slack'") ||
		!strings.Contains(got.stdout, "text/plain") {
		t.Errorf("%+v", got)
	}
	if got := sign("--source", "anybody"); got.code != exitOK ||
		!strings.Contains(got.stderr, "accepts every webhook") {
		t.Errorf("%+v", got)
	}
	if got := sign("--source", "nobody"); got.code != exitFailure ||
		!strings.Contains(got.stderr, `there is no source "nobody"`) {
		t.Errorf("%+v", got)
	}
	if got := sign(); got.code != exitUsage {
		t.Errorf("%+v", got)
	}
}
