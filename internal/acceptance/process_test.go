package acceptance_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"dlqdesk/internal/config"
	"dlqdesk/internal/desktest"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(lockedFile); path != "" {
		os.Exit(holdFile(path))
	}
	code := m.Run()
	desktest.CloseBrowser()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir)
	}
	os.Exit(code)
}

// built is the program itself, for what only a process can show: made once, by the first test that asks.
var built struct {
	once sync.Once
	dir  string
	err  error
}

func binary(t testing.TB) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "dlqdesk-test-"); built.err != nil {
			return
		}
		args := []string{"build", "-o", built.dir, "dlqdesk/cmd/dlqdesk"}
		build := exec.CommandContext(context.Background(), "go", args...) //nolint:gosec // of every test, not this one
		if out, err := build.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("%w: %s", err, out)
		}
	})
	if built.err != nil {
		t.Fatalf("build dlqdesk: %v", built.err)
	}
	return filepath.Join(built.dir, "dlqdesk")
}

// process is a dlqdesk of its own.
type process struct {
	*exec.Cmd
	url    string
	done   chan struct{} // closed when it has ended
	log    *output
	stdout *output
}

// output keeps the last of what a process writes.
type output struct {
	mu   sync.Mutex
	text string
}

const keptOutput = 64 << 10

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text += string(p)
	o.text = o.text[max(0, len(o.text)-keptOutput):]
	return len(p), nil
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text
}

// serve starts a whole dlqdesk on a configuration and waits until it takes webhooks. It is killed with the test.
func serve(t *testing.T, file string, environ ...string) *process {
	t.Helper()
	return up(t, launch(t, "serve", file, environ...))
}

// receive is serve of a receiver alone.
func receive(t *testing.T, file string, environ ...string) *process {
	t.Helper()
	return up(t, launch(t, "receive", file, environ...))
}

// startPiped starts a command and returns its standard input and output.
func startPiped(t *testing.T, cmd *exec.Cmd) (in io.WriteCloser, out io.Reader) {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if out, err = cmd.StdoutPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return in, out
}

func up(t *testing.T, p *process) *process {
	t.Helper()
	if p.url == "" {
		t.Fatalf("dlqdesk did not start:\n%s", p.log)
	}
	return p
}

// launch starts a process that may refuse to: it has no url then.
func launch(t *testing.T, command, file string, environ ...string) *process {
	t.Helper()
	p, ready := spawn(t, command, file, environ...)
	p.url = <-ready
	return p
}

// spawn starts a process; once it takes webhooks its url is on ready, which is closed when it has ended.
func spawn(t *testing.T, command, file string, environ ...string) (p *process, ready chan string) {
	t.Helper()
	p = &process{
		Cmd:  exec.Command(binary(t), command, "--config", file), //nolint:gosec,noctx // it ends when the test says so
		done: make(chan struct{}), log: &output{}, stdout: &output{},
	}
	p.Env = append(os.Environ(), environ...)
	p.Stderr = p.log
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	ready = make(chan string, 1)
	go func() {
		defer close(p.done)
		defer close(ready)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			_, _ = p.stdout.Write(append(lines.Bytes(), '\n')) // it never fails
			if _, address, ok := strings.Cut(lines.Text(), "Webhooks go to "); ok {
				ready <- strings.TrimSuffix(address, "/webhooks/{source}")
			}
		}
		_ = p.Wait()
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("the last words of dlqdesk:\n%s", p.log)
		}
	})
	return p, ready
}

// kill ends the process as a power cut would, and waits for it.
func (p *process) kill() {
	_ = p.Process.Kill() // it may have ended already
	<-p.done
}

// stop asks the process to end, and returns how it did.
func (p *process) stop(t *testing.T) {
	t.Helper()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Errorf("stop: %v", err)
	}
	select {
	case <-p.done:
	case <-time.After(30 * time.Second):
		t.Errorf("dlqdesk does not stop:\n%s", p.log)
		return
	}
	if p.ProcessState.ExitCode() != 0 {
		t.Errorf("dlqdesk ended with %s:\n%s", p.ProcessState, p.log)
	}
}

// submit posts a form that leads on to another page.
func (p *process) submit(t *testing.T, client *http.Client, path string, form url.Values) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if status, text := do(t, client, r); status != http.StatusSeeOther {
		t.Fatalf("%s answers %d: %s", path, status, text)
	}
}

// run runs another command of the program.
func run(t *testing.T, args ...string) (code int, output string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary(t), args...) //nolint:gosec // our own program
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// write writes the file of a configuration, as far as tests set it.
func write(t *testing.T, c config.Config) (file string) {
	t.Helper()
	var out strings.Builder
	fmt.Fprintf(&out, "listen: %s\ndata_dir: %s\n", c.Listen, c.DataDir)
	fmt.Fprintf(
		&out, "queue:\n  dlq_url: %q\n  processing_url: %q\n  spool_limit: %d\nsources:\n", c.Queue.DLQURL,
		c.Queue.ProcessingURL, c.Queue.SpoolLimit,
	)
	for _, s := range c.Sources {
		fmt.Fprintf(
			&out,
			"  %s:\n    destination: %s\n    mode: %s\n    timeout: %s\n    max_body: %d\n    max_concurrent: %d\n",
			s.Name, s.Destination, s.Mode, s.Timeout, s.MaxBody, s.MaxConcurrent,
		)
		fmt.Fprintf(
			&out,
			"    retry: { max_attempts: %d, base: %s, cap: %s }\n    breaker: { failure_rate: 1, "+
				"min_deliveries: 1000, consecutive: 1000, window: 1s }\n",
			s.Retry.MaxAttempts,
			s.Retry.Base,
			s.Retry.Cap,
		)
	}
	file = filepath.Join(t.TempDir(), "dlqdesk.yaml")
	if err := os.WriteFile(file, []byte(out.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
