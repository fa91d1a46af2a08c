package bench_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"dlqdesk/internal/desktest"
)

// contestant is a program that receives webhooks in front of the handler. It has a source ok, whose deliveries succeed,
// and a source fail, whose deliveries fail.
type contestant struct {
	name     string
	running  *os.Process
	path     string // of a source, before its name
	url      string
	accepted string // what it responds to a delivered webhook
	kept     string // what it responds to one whose delivery failed; "": it loses it
	desk     *visible
	warmUp   time.Duration // the least time of its first round
	queueURL string        // no program reads it: it is emptied after each round
}

// field is where contestants run: the same handler and the same SQS server are behind all of them.
type field struct {
	handler  process
	endpoint string
	server   *os.Process
	client   *sqs.Client
	binaries map[string]string // of dlqdesk, by what is added to the name of its contestants
}

const (
	jsonAccepted = `{"status":"accepted"}`
	jsonQueued   = "queued_for_retry"
)

// contestants are in the order of the table. Those of dlqdesk have the default settings.
func contestants() []struct {
	name  string
	start func(b *testing.B, f *field, binary string) contestant
} {
	return []struct {
		name  string
		start func(b *testing.B, f *field, binary string) contestant
	}{
		{"proxy", startProxy},
		{"tutorial", startTutorial},
		{"serve-sqs", startServeSQS},
		{"serve-embedded", func(b *testing.B, f *field, binary string) contestant {
			return startServe(b, f, binary, "direct", "")
		}},
		{"serve-buffered", func(b *testing.B, f *field, binary string) contestant {
			c := startServe(b, f, binary, "buffered", "")
			c.kept = jsonAccepted
			return c
		}},
		{"receive", func(b *testing.B, f *field, binary string) contestant {
			return startReceive(b, f, binary, f.endpoint)
		}},
		{"receive-spool", func(b *testing.B, f *field, binary string) contestant {
			return startReceive(b, f, binary, "http://127.0.0.1:1") // where no SQS server is
		}},
	}
}

func startProxy(b *testing.B, f *field, _ string) contestant {
	b.Helper()
	p := startRole(b, roleProxy, f.handler.url)
	return contestant{running: p.running, url: p.url, path: "/", accepted: `{"ok":true}`}
}

// startTutorial starts the receiver of testdata/tutorial.
func startTutorial(b *testing.B, f *field, _ string) contestant {
	b.Helper()
	program, err := filepath.Abs(filepath.Join(tutorial, "server.cjs"))
	if err != nil {
		b.Fatal(err)
	}
	queueURL := f.queue(b, "tutorial")
	url, running := desktest.StartNode(b, program, append(
		desktest.SQSEnvironment(f.endpoint), "NODE_PATH="+tutorialPackages(b), "NODE_ENV=production",
		"HANDLER_URL="+f.handler.url, "SQS_DLQ_URL="+queueURL,
	)...)
	return contestant{
		running: running, url: url, path: "/webhooks/", accepted: jsonAccepted, kept: jsonQueued, queueURL: queueURL,
		warmUp: 5 * time.Second, // until Node has compiled what runs often
	}
}

const tutorial = "testdata/tutorial"

// tutorialPackages installs the npm packages of the tutorial's receiver, if they are not there yet.
func tutorialPackages(b *testing.B) string {
	b.Helper()
	folder, err := filepath.Abs(filepath.Join("..", "..", "web", ".build", "tutorial"))
	if err != nil {
		b.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join(tutorial, "package-lock.json"))
	if err != nil {
		b.Fatal(err)
	}
	installed, _ := os.ReadFile(filepath.Join(folder, "package-lock.json"))
	if bytes.Equal(installed, want) {
		return filepath.Join(folder, "node_modules")
	}
	install := exec.CommandContext(b.Context(), "npm", "ci", "--no-audit", "--no-fund")
	install.Dir = folder
	if err := errors.Join(os.RemoveAll(folder), os.CopyFS(folder, os.DirFS(tutorial))); err != nil {
		b.Fatal(err)
	}
	if out, err := install.CombinedOutput(); err != nil {
		_ = os.RemoveAll(folder)
		b.Fatalf("install the packages of the tutorial's receiver: %v\n%s", err, out)
	}
	return filepath.Join(folder, "node_modules")
}

func startServeSQS(b *testing.B, f *field, binary string) contestant {
	b.Helper()
	return startServe(b, f, binary, "direct", f.queue(b, "serve"))
}

// startServe starts the whole program, with a user who looks at its desk.
func startServe(b *testing.B, f *field, binary, mode, queueURL string) contestant {
	b.Helper()
	folder := b.TempDir()
	p := startDesk(b, binary, folder, f.configuration(mode, queueURL), desktest.SQSEnvironment(f.endpoint)...)
	s := newClient(b, p.url)
	s.signIn(b, p.setup)
	return contestant{
		running: p.running, url: p.url, path: "/webhooks/", accepted: jsonAccepted, kept: jsonQueued,
		desk: newVisible(b, s, folder),
	}
}

func startReceive(b *testing.B, f *field, binary, endpoint string) contestant {
	b.Helper()
	queueURL := f.queue(b, "receive")
	p := startCommand(
		b, binary, "receive", b.TempDir(), f.configuration("direct", queueURL), desktest.SQSEnvironment(endpoint)...,
	)
	return contestant{
		running:  p.running,
		url:      p.url,
		path:     "/webhooks/",
		accepted: jsonAccepted,
		kept:     jsonQueued,
		queueURL: queueURL,
	}
}

func (f *field) configuration(mode, queueURL string) string {
	text := fmt.Sprintf("queue: { dlq_url: %q }\nsources:\n", queueURL)
	for _, source := range []string{"ok", "fail"} {
		text += fmt.Sprintf("  %s: { destination: %s/%s, mode: %s }\n", source, f.handler.url, source, mode)
	}
	return text
}

// queue makes a queue of its own.
func (f *field) queue(b *testing.B, name string) (url string) {
	b.Helper()
	return desktest.CreateQueue(b, f.endpoint, fmt.Sprintf("%s-%d", name, time.Now().UnixNano()), nil)
}

// visible looks at the messages of a desk.
type visible struct {
	site site
	file *sql.DB
}

func newVisible(b *testing.B, s site, folder string) *visible {
	b.Helper()
	file, err := sql.Open("sqlite", "file:"+filepath.Join(folder, "desk.db")+"?mode=ro")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = file.Close() })
	return &visible{s, file}
}

// messages counts all messages.
func (v *visible) messages(b *testing.B) (n int) {
	b.Helper()
	err := v.file.QueryRowContext(b.Context(), "SELECT coalesce(sum(messages), 0) FROM message_counts").Scan(&n)
	if err != nil {
		b.Fatal(err)
	}
	return n
}
