package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dlqdesk/internal/desktest"
)

// runsMain has the test's own binary be dlqdesk, so that a test can run it as a process.
const runsMain = "DLQDESKTEST_RUN_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(runsMain) != "" {
		main()
	}
	os.Exit(m.Run())
}

const signingSecret = "0123456789abcdef0123"

// setupPlatform writes a configuration for a Genesys Cloud, and returns its path and the environment.
func setupPlatform(t *testing.T, g *desktest.Genesys, more string) (file string, environ []string) {
	t.Helper()
	handler := httptest.NewServer(desktest.Answer(http.StatusOK, "{}"))
	t.Cleanup(handler.Close)
	dir := t.TempDir()
	file = write(t, filepath.Join(dir, "desk.yaml"), `
webhook_url: https://hooks.example.com
data_dir: `+dir+`
platforms:
  home: { preset: genesys-open-messaging, token_url: `+g.URL+`/oauth/token, api_url: `+g.URL+` }
sources:
  genesys:
    platform: home
    destination: `+handler.URL+`
    verify: { scheme: genesys-open-messaging, secrets: ["env:SIGNING_SECRET"] }
`+more)
	return file, []string{
		"CLIENT_ID=" + g.ClientID, "CLIENT_SECRET=" + g.ClientSecret, "SIGNING_SECRET=" + signingSecret,
	}
}

func TestPlatformFromEndToEnd(t *testing.T) {
	t.Parallel()
	g := desktest.NewGenesys(t)
	file, environ := setupPlatform(t, g, "")
	process := func(args ...string) result {
		t.Helper()
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(
			t.Context(),
			self,
			append(append([]string{"platform"}, args...), "--config", file)...)
		var stdout, stderr strings.Builder
		cmd.Env, cmd.Stdout, cmd.Stderr = append(environ, runsMain+"=1", "HOME="+t.TempDir()), &stdout, &stderr
		_ = cmd.Run() // its code tells
		got := result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
		for _, secret := range []string{g.ClientSecret, signingSecret} {
			if strings.Contains(got.stdout+got.stderr, secret) {
				t.Errorf("%q shows a secret: %+v", args, got)
			}
		}
		return got
	}
	expect := func(want result, args ...string) {
		t.Helper()
		if got := process(args...); got != want {
			t.Errorf("%q\ngot  %+v\nwant %+v", args, got, want)
		}
	}
	expect(
		result{0, "token      granted by " + g.URL + "/oauth/token\nvalid for  24h\nAPI        " + g.URL + "\n", ""},
		"token", "home",
	)
	expect(result{0, "nothing is registered\n", ""}, "list", "home")
	expect(result{0, "open-1 registered https://hooks.example.com/webhooks/genesys\n", ""}, "register", "genesys")
	if got := process(
		"register", "genesys", "--set", "api_url=https://elsewhere.example", "--dry-run",
	); !strings.Contains(got.stdout, "POST https://elsewhere.example/api/v2/") {
		t.Errorf("--set: %+v", got)
	}
	expect(
		result{0, "open-1 was registered already https://hooks.example.com/webhooks/genesys\n", ""},
		"register", "genesys",
	)
	expect(
		result{
			0,
			"ID      NAME             URL\nopen-1  dlqdesk genesys  https://hooks.example.com/webhooks/genesys\n",
			"",
		},
		"list",
		"home",
	)
	if got := process("get", "home", "open-1"); got.code != 0 ||
		!strings.Contains(got.stdout, `"outboundNotificationWebhookSignatureSecretToken": "•••"`) {
		t.Errorf("get: %+v", got)
	}
	expect(result{0, "open-1 is deleted\n", ""}, "delete", "home", "open-1")
	expect(
		result{
			1,
			"",
			"dlqdesk: cannot delete open-1: 404 not.found: The requested resource could not be found. There is " +
				"nothing with this id here: list shows all ids (correlation id corr-42)\n",
		},
		"delete",
		"home",
		"open-1",
	)
}

// The tutorial's environment is enough: no file, and no source.
func TestPlatformOfTheTutorial(t *testing.T) {
	t.Chdir(t.TempDir())
	g := desktest.NewGenesys(t)
	g.Tutorial = true
	environ := []string{
		"CLIENT_ID=" + g.ClientID, "CLIENT_SECRET=" + g.ClientSecret, "GENESYS_CLOUD_ENVIRONMENT=eu-west-1",
	}
	plan := dlqdesk(
		environ, "platform", "register", "genesys", "--platform", "tutorial", "--url",
		"https://hooks.example.com/x", "--dry-run",
	)
	const want = `POST https://login.mypurecloud.ie/oauth/token
  Content-Type: application/x-www-form-urlencoded
  client_id=•••&client_secret=•••&grant_type=client_credentials
POST https://api.mypurecloud.ie/api/v2/integration/webhooks
  Authorization: Bearer •••
  Content-Type: application/json
  {"event_type":"conversation:updated","headers":{"Content-Type":"application/json"},"name":"dlqdesk genesys",` +
		`"retry_count":1,"retry_interval":1000,"target_url":"https://hooks.example.com/x","target_url_type":"https"}
`
	if plan.code != 0 || plan.stdout != want ||
		!strings.Contains(
			plan.stderr,
			"warning: /api/v2/integration/webhooks is not in the vendor's published API; expect 404 there.",
		) {
		t.Errorf("got %+v", plan)
	}
	made := dlqdesk(
		environ, "platform", "register", "genesys", "--platform", "tutorial", "--url",
		"https://hooks.example.com/x", "--json", "--set", "api_url="+g.URL, "--set",
		"token_url="+g.URL+"/oauth/token", "--set", "parameters.event_type=conversation:ended",
	)
	var answer struct{ ID string }
	if err := json.Unmarshal([]byte(made.stdout), &answer); err != nil || made.code != 0 || answer.ID != "tutorial-1" {
		t.Errorf("got %+v, %v", made, err)
	}
	if asked := g.Asked(); asked[len(asked)-1].Body["event_type"] != "conversation:ended" {
		t.Errorf("sent %v", asked)
	}
}

func TestPlatformRefusals(t *testing.T) {
	t.Parallel()
	g := desktest.NewGenesys(t)
	file, environ := setupPlatform(t, g, "  plain: { destination: 'http://127.0.0.1:1' }\n")
	for name, c := range map[string]struct {
		args []string
		code int
		want string
	}{
		"an operation that is not": {
			[]string{"list", "tutorial"}, 2, "dlqdesk: tutorial cannot list: the tutorial names no such request",
		},
		"a platform that is not": {[]string{"token", "genesis"}, 2, `dlqdesk: there is no platform "genesis"`},
		"a source that is not": {
			[]string{"register", "nobody"}, 2, `dlqdesk: there is no source "nobody" in the configuration`,
		},
		"a source without one": {[]string{"register", "plain"}, 2, "dlqdesk: sources.plain.platform is not set"},
		"a key that is not": {
			[]string{"token", "home", "--set", "regoin=x"},
			2,
			"dlqdesk: --set regoin: sets nothing: did you mean --set region?",
		},
		"nothing to set": {
			[]string{"register", "plain", "--set", "region=x"},
			2,
			"dlqdesk: --set needs a platform: sources.plain.platform is not set",
		},
		"no https": {
			[]string{"register", "genesys", "--url", "http://a.example"},
			2,
			"dlqdesk: Genesys Cloud, Open Messaging accepts only https URLs",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := dlqdesk(environ, append(append([]string{"platform"}, c.args...), "--config", file)...)
			if got.code != c.code || !strings.HasPrefix(got.stderr, c.want) || got.stdout != "" {
				t.Errorf("got %+v", got)
			}
		})
	}
	if len(g.Asked()) != 0 {
		t.Errorf("asked %v", g.Asked())
	}
}

func TestPlatformPresets(t *testing.T) {
	t.Chdir(t.TempDir())
	list := dlqdesk(nil, "platform", "presets")
	for _, line := range []string{"tutorial                tutorial  token register ", "genesys-open-messaging  " +
		"verified  token register list get delete ", "cxone-expert            verified  token "} {
		if !strings.Contains(list.stdout, line) {
			t.Errorf("no %q in\n%s", line, list.stdout)
		}
	}
	var presets []struct{ Name, Status string }
	if err := json.Unmarshal(
		[]byte(dlqdesk(nil, "platform", "presets", "--json").stdout), &presets,
	); err != nil || len(presets) != 6 || presets[0].Status != "tutorial" {
		t.Errorf("%v, %v", presets, err)
	}
	paste := dlqdesk(
		nil, "platform", "register", "cxone", "--platform", "cxone-byoc", "--url",
		"https://hooks.example.com/webhooks/cxone",
	)
	if paste.code != 0 ||
		!strings.Contains(paste.stdout, "Token URL            https://hooks.example.com/webhooks/cxone/token") {
		t.Errorf("got %+v", paste)
	}
}

func TestPlatformDoctor(t *testing.T) {
	t.Parallel()
	g := desktest.NewGenesys(t)
	receiver := httptest.NewServer(
		desktest.Answer(http.StatusMethodNotAllowed, `{"error":"method not allowed: use POST"}`),
	)
	t.Cleanup(receiver.Close)
	file, environ := setupPlatform(t, g, "")
	run := func(args ...string) result {
		return dlqdesk(
			environ,
			append([]string{"platform", "doctor", "genesys", "--config", file, "--url", receiver.URL}, args...)...)
	}
	got := run()
	for _, line := range []string{
		"ok    configuration      " + file + " is valid\n", "ok    verification       by genesys-open-messaging\n",
		"fail  registrable        Genesys Cloud, Open Messaging accepts only https URLs (got " + receiver.URL + ")\n",
		"ok    token              granted by ", "fail  registration       nothing is registered for " + receiver.URL,
		"ok    destination        ", "ok    receiver           dlqdesk responds at " + receiver.URL,
		"ok    data folder        ", "ok    DLQ                embedded in ",
	} {
		if !strings.Contains(got.stdout, line) {
			t.Errorf("no %q in\n%s", line, got.stdout)
		}
	}
	if got.code != 1 || got.stderr != "dlqdesk: something has to be put right before webhooks arrive\n" {
		t.Errorf("got %d, %s", got.code, got.stderr)
	}
	var report struct {
		OK     bool
		Checks []struct{ Name, State, Fix string }
	}
	if err := json.Unmarshal([]byte(run("--json").stdout), &report); err != nil || report.OK || len(report.Checks) < 8 {
		t.Errorf("%+v, %v", report, err)
	}
	receiver.Config.Handler = desktest.Answer(http.StatusOK, "another server")
	if got := run(); !strings.Contains(
		got.stdout, "fail  receiver           the server at "+receiver.URL+" is no receiver of dlqdesk (200)",
	) {
		t.Errorf("got\n%s", got.stdout)
	}
}
