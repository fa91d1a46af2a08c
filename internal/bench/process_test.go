package bench_test

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// process is a program that a benchmark has started.
type process struct {
	url     string
	setup   string // the link for the first user of a desk
	running *os.Process
	end     func(b *testing.B) // asks it to stop, and waits
}

// address finds the address that a program prints when it has started.
var address = regexp.MustCompile(`(?:Listening at|dlqdesk is at|Webhooks go to)\s+(http://[^/\s]+)`)

// launch starts a program and waits until it prints its address. The program ends with the benchmark at the latest.
func launch(b *testing.B, cmd *exec.Cmd) process {
	b.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	log, err := os.Create(filepath.Join(b.TempDir(), "log"))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	p := process{running: cmd.Process}
	ended := false
	p.end = func(b *testing.B) {
		b.Helper()
		ended = true
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			b.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			b.Fatalf("%s ended badly: %v", cmd, err)
		}
	}
	b.Cleanup(func() {
		if !ended {
			_ = cmd.Process.Kill()
			_ = cmd.Wait() // it was killed
		}
	})
	for lines := bufio.NewScanner(out); p.url == "" && lines.Scan(); {
		if found := address.FindStringSubmatch(lines.Text()); found != nil {
			p.url = found[1]
		}
	}
	if p.url == "" {
		text, _ := os.ReadFile(log.Name())
		b.Fatalf("%s did not start: %s", cmd, text)
	}
	return p
}

// buildProgram builds dlqdesk and returns the path of the binary.
func buildProgram(b *testing.B) string {
	b.Helper()
	binary := filepath.Join(b.TempDir(), "dlqdesk")
	build := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-o", binary, "dlqdesk/cmd/dlqdesk")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil { //nolint:gosec // a path of this run
		b.Fatalf("build dlqdesk: %v\n%s", err, out)
	}
	return binary
}

// startProgram builds dlqdesk and serves a folder. Its destination fails the first attempt of a message for good, and
// accepts each further one. more are further lines of its configuration.
func startProgram(b *testing.B, folder string, more ...string) process {
	b.Helper()
	target := serve(b, http.HandlerFunc(refuseFirst))
	return startDesk(b, buildProgram(b), folder, programConfig(target)+strings.Join(more, "\n"))
}

func programConfig(target string) string {
	return fmt.Sprintf(
		"sources:\n  genesys:\n    destination: %s\n    retry: { max_attempts: 5, base: 1h, cap: 24h }\n", target,
	)
}

// startDesk starts dlqdesk serve on a folder, with a configuration.
func startDesk(b *testing.B, binary, folder, configuration string, environment ...string) process {
	b.Helper()
	p := startCommand(b, binary, "serve", folder, configuration, environment...)
	//nolint:gosec // built by this benchmark
	link, err := exec.CommandContext(b.Context(), binary, "user", "setup-link", "--config", configFile(folder)).Output()
	if err != nil {
		b.Fatal(err)
	}
	p.setup, _, _ = strings.Cut(string(link), "\n")
	return p
}

// startCommand starts dlqdesk serve or dlqdesk receive.
func startCommand(b *testing.B, binary, command, folder, configuration string, environment ...string) process {
	b.Helper()
	configure(b, folder, configuration)
	cmd := exec.CommandContext(b.Context(), binary, command, "--config", configFile(folder)) //nolint:gosec // as above
	cmd.Env = append(os.Environ(), environment...)
	return launch(b, cmd)
}

// configure writes the configuration of a folder.
func configure(b *testing.B, folder, configuration string) {
	b.Helper()
	text := fmt.Sprintf("listen: 127.0.0.1:0\ndata_dir: %s\n%s", folder, configuration)
	if err := os.WriteFile(configFile(folder), []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
}

func configFile(folder string) string { return filepath.Join(folder, "dlqdesk.yaml") }

// peakMemory returns the most memory that the process has had so far, in MiB.
func (p process) peakMemory(b *testing.B) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.running.Pid))
	if err != nil {
		b.Fatal(err)
	}
	found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(text)
	if found == nil {
		b.Fatal("the system does not tell how much memory a process had")
	}
	kib, err := strconv.Atoi(string(found[1]))
	if err != nil {
		b.Fatal(err)
	}
	return float64(kib) / 1024
}
