package demo_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"dlqdesk/internal/app"
	"dlqdesk/internal/config"
	"dlqdesk/internal/demo"
	"dlqdesk/internal/store"
)

// asDlqdesk makes this test binary stand in for bin/dlqdesk, so that the demo has a real process to run.
const asDlqdesk = "DEMO_TEST_AS_DLQDESK=1"

func TestMain(m *testing.M) {
	if os.Getenv("DEMO_TEST_AS_DLQDESK") == "" {
		os.Exit(m.Run())
	}
	if err := beDlqdesk(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func beDlqdesk(args []string) error {
	if len(args) < 3 || args[0] != "serve" || args[1] != "--config" {
		return fmt.Errorf("started with %q", args)
	}
	cfg, err := config.Load(args[2], os.Environ())
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError}))
	a := app.New(cfg, app.Options{Log: log})
	if err := a.Start(ctx); err != nil {
		return err
	}
	fmt.Printf("First user: %s, messages by %s\n", a.SetupURL(), cfg.Queue.DLQURL)
	<-ctx.Done()
	return a.Stop(context.WithoutCancel(ctx))
}

// terminal collects what the demo prints and waits for a text.
type terminal struct {
	mu   sync.Mutex
	text bytes.Buffer
	want string
	came chan struct{}
}

func newTerminal(want string) *terminal { return &terminal{want: want, came: make(chan struct{})} }

func (t *terminal) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	had := strings.Contains(t.text.String(), t.want)
	t.text.Write(b)
	if !had && strings.Contains(t.text.String(), t.want) {
		close(t.came)
	}
	return len(b), nil
}

func (t *terminal) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return l.Addr().String()
}

func options(t *testing.T, queue string) demo.Options {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return demo.Options{
		Queue:       queue,
		Listen:      freeAddress(t),
		Destination: freeAddress(t),
		Data:        filepath.Join(t.TempDir(), "data"),
		Events:      len(demo.Kinds()),
		Pause:       time.Millisecond,
		Program:     program,
		SQSServer:   filepath.Join("..", "..", "web", "node_modules", "fauxqs", "dist", "cli.js"),
		Environ: append(
			os.Environ(), asDlqdesk, "SQS_DLQ_URL=https://sqs.eu-west-1.amazonaws.com/1/real", "PORT=1",
			"AWS_PROFILE=real",
		),
		Out: io.Discard,
		Err: io.Discard,
	}
}

func TestRunFillsTheDesk(t *testing.T) {
	t.Parallel()
	for queue, by := range map[string]string{demo.Embedded: "messages by \n", demo.SQS: "/webhooks-dlq\n"} {
		t.Run(queue, func(t *testing.T) {
			t.Parallel()
			o := options(t, queue)
			screen := newTerminal("events are sent.")
			o.Out, o.Err = screen, screen
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			ended := make(chan error, 1)
			go func() { ended <- demo.Run(ctx, o) }()
			select {
			case <-screen.came:
			case err := <-ended:
				t.Fatalf("the demo ended: %v\n%s", err, screen)
			}
			wantMessages(t, o.Data)
			stop()
			if err := <-ended; err != nil {
				t.Errorf("the demo did not end well: %v\n%s", err, screen)
			}
			repair := "curl -X POST http://" + o.Destination + "/repair"
			for _, want := range []string{"http://" + o.Listen, "/setup?token=", repair, by} {
				if !strings.Contains(screen.String(), want) {
					t.Errorf("the terminal does not show %q:\n%s", want, screen)
				}
			}
			for _, address := range []string{o.Listen, o.Destination} {
				l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
				if err != nil {
					t.Errorf("an address is still in use: %v", err)
					continue
				}
				_ = l.Close()
			}
		})
	}
}

// wantMessages waits until every cause of failure is on the desk, from both sources.
func wantMessages(t *testing.T, data string) {
	t.Helper()
	key, err := os.ReadFile(filepath.Join(data, "audit.key"))
	if err != nil {
		t.Fatal(err)
	}
	desk, err := store.Open(t.Context(), filepath.Join(data, "desk.db"), key, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = desk.Close() })
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	late := time.After(time.Minute)
	for {
		missing := missingMessages(t, desk)
		if len(missing) == 0 {
			return
		}
		select {
		case <-poll.C:
		case <-late:
			t.Fatalf("no message is there for %v", missing)
		}
	}
}

func missingMessages(t *testing.T, desk *store.Store) []string {
	t.Helper()
	var missing []string
	for _, source := range []string{"genesys", "cxone"} {
		for _, code := range []int{422, 503} {
			counts, err := desk.Counts(t.Context(), store.Filter{Source: source, StatusCode: code})
			if err != nil {
				t.Fatal(err)
			}
			if len(counts.ByStatus) == 0 {
				missing = append(missing, fmt.Sprintf("%s %d", source, code))
			}
		}
	}
	return missing
}

func TestRunReportsWhatPreventsTheStart(t *testing.T) {
	t.Parallel()
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	for want, change := range map[string]func(o *demo.Options){
		"with -listen":                 func(o *demo.Options) { o.Listen = taken.Addr().String() },
		"with -destination":            func(o *demo.Options) { o.Destination = taken.Addr().String() },
		"make demo builds":             func(o *demo.Options) { o.Program = filepath.Join(o.Data, "dlqdesk") },
		"dlqdesk ended by itself":      func(o *demo.Options) { o.Program = "false" },
		"the SQS server ended":         func(o *demo.Options) { o.Queue, o.SQSServer = demo.SQS, "no-such-file.js" },
		"the queue is embedded or sqs": func(o *demo.Options) { o.Queue = "kafka" },
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			o := options(t, demo.Embedded)
			change(&o)
			if err := demo.Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
}

func TestConfigurationIsValid(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "dlqdesk.yaml")
	o := demo.Options{Listen: ":8080", Destination: "0.0.0.0:9090", Data: `./data: "demo"`}
	if err := os.WriteFile(file, []byte(o.Configuration()), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	genesys, _ := cfg.Source("genesys")
	cxone, _ := cfg.Source("cxone")
	if cfg.DataDir != o.Data || genesys.Destination != "http://127.0.0.1:9090/genesys" ||
		cxone.Destination != "http://127.0.0.1:9090/cxone" {
		t.Errorf("got %+v", cfg)
	}
	if genesys.Mode == cxone.Mode || genesys.Timeout != time.Second || len(genesys.Mask.JSON) != 1 {
		t.Errorf("got %+v and %+v", genesys, cxone)
	}
}
