package acceptance_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/config"
	"dlqdesk/internal/desktest"
)

func TestHealthIsOnEveryListener(t *testing.T) {
	t.Parallel()
	p := setup(t, func(c *config.Config) { c.ConsoleListen, c.MetricsListen = "127.0.0.1:0", "127.0.0.1:0" })
	for _, url := range []string{p.URL(), p.ConsoleURL(), strings.TrimSuffix(p.MetricsURL(), "/metrics")} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/healthz", nil)
		if err != nil {
			t.Fatal(err)
		}
		if status, text := do(t, http.DefaultClient, r); status != http.StatusOK || text != `{"status":"ok"}` {
			t.Errorf("%s/healthz answers %d %s", url, status, text)
		}
	}
}

// used is a data folder that a server has used, with one failed message, and a configuration that a server runs on.
func used(t *testing.T) (p *process, file string) {
	t.Helper()
	d := desktest.NewDestination(t)
	d.Set(desktest.Answer(http.StatusUnprocessableEntity, "{}"))
	file = write(t, settings(t, d))
	p = serve(t, file)
	p.post(t, `{}`, http.StatusOK)
	return p, file
}

func TestBackupNeverMixesWithAnother(t *testing.T) {
	t.Parallel()
	_, file := used(t)
	to := filepath.Join(t.TempDir(), "backups")
	if code, out := run(t, "backup", "--config", file, "--to", to); code != 0 {
		t.Fatalf("%d %s", code, out)
	}
	before, err := os.Stat(filepath.Join(to, "desk.db"))
	if err != nil {
		t.Fatal(err)
	}
	code, out := run(t, "backup", "--config", file, "--to", to)
	if code != 1 || !strings.Contains(out, "the folder is not empty") || !strings.Contains(out, "--dated") {
		t.Errorf("into a used folder: %d %s", code, out)
	}
	other := filepath.Join(t.TempDir(), "others")
	if err := os.MkdirAll(filepath.Join(other, "holiday"), 0o700); err != nil {
		t.Fatal(err)
	}
	if code, out := run(t, "backup", "--config", file, "--to", other); code != 1 || !strings.Contains(out, "holiday") {
		t.Errorf("into a folder with something else: %d %s", code, out)
	}
	code, out = run(t, "backup", "--config", file, "--to", to, "--dated", "--json")
	var made struct {
		Folder string
		Files  []string
	}
	if err := json.Unmarshal([]byte(out), &made); err != nil || code != 0 {
		t.Fatalf("dated: %d %s", code, out)
	}
	if _, err := os.Stat(filepath.Join(made.Folder, "desk.db")); err != nil ||
		filepath.Dir(made.Folder) != to || len(made.Files) != 2 {
		t.Errorf("dated: %+v, %v", made, err)
	}
	if after, err := os.Stat(filepath.Join(to, "desk.db")); err != nil || !os.SameFile(before, after) ||
		after.ModTime() != before.ModTime() {
		t.Errorf("the first backup was changed: %v", err)
	}
}

func TestDryRunOfDrainBesideAServer(t *testing.T) {
	t.Parallel()
	p, file := used(t)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// No queue answers at this address: a dry run does not ask it.
	with := strings.Replace(string(text), `dlq_url: ""`, `dlq_url: "http://127.0.0.1:1/1/webhooks-dlq"`, 1) +
		"    verify: { scheme: standard-webhooks, secrets: [ \"env:ABSENT\" ] }\n" // needs no secret of a source
	file = filepath.Join(filepath.Dir(file), "drain.yaml")
	if err := os.WriteFile(file, []byte(with), 0o600); err != nil {
		t.Fatal(err)
	}
	drain := func(more ...string) (int, string) {
		return run(t, append([]string{"drain", "--config", file, "--to", "dlq", "--dry-run"}, more...)...)
	}
	var counted struct{ Messages int }
	limit := time.After(20 * time.Second)
	for counted.Messages != 1 { // ingest is at work
		code, out := drain("--json", "--source", "genesys")
		if err := json.Unmarshal([]byte(out), &counted); code != 0 || err != nil {
			t.Fatalf("beside a server: %d %s", code, out)
		}
		select {
		case <-limit:
			t.Fatalf("it counts %d", counted.Messages)
		default:
		}
	}
	for flag, want := range map[string]string{
		"--source=genesis": `there is no source "genesis": did you mean genesys?`,
		"--queue=orders":   `there is no queue "orders"`,
		"--status=broken":  `there is no status "broken"`,
		"--to=dlk":         `"dlk" is no DLQ of the configuration: did you mean dlq?`,
	} {
		if code, out := drain(flag); code != 2 || !strings.Contains(out, want) {
			t.Errorf("%s: %d %s", flag, code, out)
		}
	}
	if code, out := run(t, "drain", "--config", file, "--to", "dlq"); code != 1 ||
		!strings.Contains(out, "stop dlqdesk serve") {
		t.Errorf("a drain beside a server: %d %s", code, out)
	}
	p.stop(t)
}

// The link for the first user is a credential: readers of a log must not find it there.
func TestSetupLinkIsPrintedToTerminalsAlone(t *testing.T) {
	t.Parallel()
	d := desktest.NewDestination(t)
	file := write(t, settings(t, d))
	p := serve(t, file)
	if all := p.log.String() + p.stdout.String(); strings.Contains(all, "token=") ||
		!strings.Contains(all, "First user:    "+binary(t)+" user setup-link --config "+file) {
		t.Errorf("a service says\n%s", all)
	}
	code, out := run(t, "user", "setup-link", "--config", file, "--json")
	var made struct{ URL string }
	if err := json.Unmarshal([]byte(out), &made); err != nil || code != 0 {
		t.Fatalf("setup-link: %d %s", code, out)
	}
	_, token, _ := strings.Cut(made.URL, "/setup?token=")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/setup?token="+token, nil)
	if err != nil {
		t.Fatal(err)
	}
	if status, _ := do(t, http.DefaultClient, r); status != http.StatusOK {
		t.Errorf("the running server answers its link %d", status)
	}
	p.stop(t)

	out = onTerminal(t, binary(t)+" serve --config "+file, "Webhooks go to")
	if !strings.Contains(out, "/setup?token=") {
		t.Errorf("on a terminal it says\n%s", out)
	}
}

// onTerminal runs a command on a terminal until it has said a text, presses Ctrl-C, and returns all that it said.
func onTerminal(t *testing.T, command, until string) string {
	t.Helper()
	cmd := exec.CommandContext( //nolint:gosec // of this test
		t.Context(), "script", "-qec", "exec "+command, "/dev/null", // no shell takes the Ctrl-C for itself
	)
	keys, out := startPiped(t, cmd)
	var said strings.Builder
	for lines := bufio.NewScanner(out); lines.Scan(); {
		said.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), until) {
			if _, err := keys.Write([]byte{3}); err != nil {
				t.Errorf("press Ctrl-C: %v", err)
			}
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("%s: %v", command, err)
	}
	return said.String()
}

// Every response of every listener has the header X-Content-Type-Options: nosniff.
func TestEveryResponseForbidsSniffing(t *testing.T) {
	t.Parallel()
	p := setup(t, func(c *config.Config) { c.ConsoleListen, c.MetricsListen = "127.0.0.1:0", "127.0.0.1:0" })
	desk, receiver := p.ConsoleURL(), p.URL()
	for _, request := range []string{
		"GET " + receiver + "/healthz", "GET " + receiver + "/readyz", "GET " + receiver + "/nothing",
		"POST " + receiver + "/webhooks/genesys", "POST " + receiver + "/webhooks/none",
		"PUT " + receiver + "/webhooks/genesys",
		"GET " + desk + "/signin", "GET " + desk + "/healthz", "GET " + desk + "/assets/nothing.css",
		"GET " + p.MetricsURL(),
	} {
		method, address, _ := strings.Cut(request, " ")
		r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = got.Body.Close()
		if got.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s is answered %d with %v", request, got.StatusCode, got.Header)
		}
	}
}

// A terminal that is closed sends the signal of a reload. The program stops: it must not go on unseen.
func TestClosingTheTerminalStopsTheProgram(t *testing.T) {
	t.Parallel()
	file := write(t, settings(t, desktest.NewDestination(t)))
	cmd := exec.CommandContext( //nolint:gosec // of this test
		t.Context(), "script", "-qec", "exec "+binary(t)+" serve --config "+file, "/dev/null")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var url string
	for lines := bufio.NewScanner(out); url == "" && lines.Scan(); {
		if _, address, ok := strings.Cut(lines.Text(), "Webhooks go to "); ok {
			url = strings.TrimSuffix(strings.TrimSpace(address), "/webhooks/{source}")
		}
	}
	_ = cmd.Process.Kill() // the terminal goes with it
	_ = cmd.Wait()         // it was killed
	eventually(t, func() bool {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/healthz", nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(r)
		if err == nil {
			_ = answer.Body.Close()
		}
		return err != nil
	})
}
