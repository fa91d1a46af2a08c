// Package demo fills a desk: a destination that fails the way real ones do, a sender of realistic events, and dlqdesk between
// them. It is for trying the program out, and no part of it.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Options say how a demo is run. Paths are taken from the folder of the project.
type Options struct {
	Queue       string // embedded or sqs
	Listen      string // of dlqdesk
	Destination string // address of the demo destination
	Data        string // folder
	Events      int    // how many come quickly
	Out, Err    io.Writer
}

const (
	timeout     = time.Second     // of a delivery
	scanTime    = 3 * time.Second // longer than that
	quickPause  = 400 * time.Millisecond
	slowPause   = 5 * time.Second
	stopLimit   = 45 * time.Second
	headerLimit = 10 * time.Second
)

// Run runs the demo until ctx ends, and answers when all that it started has stopped.
func Run(ctx context.Context, o Options) (err error) {
	if err := os.MkdirAll(o.Data, 0o700); err != nil {
		return fmt.Errorf("make the data folder: %w", err)
	}
	stopDestination, err := serveDestination(ctx, o.Destination)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopDestination()) }()

	environ := os.Environ()
	if o.Queue == "sqs" {
		server, err := startSQS(ctx, o.Err)
		if err != nil {
			return err
		}
		defer server.stop()
		environ = append(environ, server.environ...)
	}
	desk, err := startDesk(o, environ)
	if err != nil {
		return err
	}
	defer desk.stop()

	s := newSender("http://"+o.Listen, time.Now)
	if err := s.awaitReceiver(ctx); err != nil {
		return err
	}
	o.guide()
	sending, stopSending := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { s.run(sending, o.Events, quickPause, slowPause) })
	defer func() {
		stopSending()
		running.Wait()
	}()
	select {
	case <-ctx.Done():
		return nil
	case err := <-desk.ended:
		return fmt.Errorf("dlqdesk ended: %w", err)
	}
}

func (o Options) guide() {
	fmt.Fprintf(o.Out, `  The demo sends events to it and fails most of them. Within a minute the desk is full.
  The destination is at http://%s: repair it there, or with
      curl -X POST http://%s/repair
  and replays succeed, but for events without an id: edit those. Ctrl-C ends everything.

`, o.Destination, o.Destination)
}

func serveDestination(ctx context.Context, address string) (stop func() error, err error) {
	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for the demo destination: %w", err)
	}
	server := &http.Server{Handler: newDestination(scanTime).handler(), ReadHeaderTimeout: headerLimit}
	var running sync.WaitGroup
	running.Go(func() { _ = server.Serve(l) })
	return func() error {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
		defer cancel()
		err := server.Shutdown(ending)
		running.Wait()
		return err
	}, nil
}

// child is a process that the demo started, in a group of its own, so that the demo alone says when it stops.
type child struct {
	cmd     *exec.Cmd
	ended   chan error
	done    chan struct{}
	environ []string
}

func start(out, errs io.Writer, environ []string, program string, args ...string) (*child, error) {
	cmd := exec.Command(program, args...) //nolint:gosec,noctx // our own programs; stop ends them in order
	cmd.Env, cmd.Stdout, cmd.Stderr = environ, out, errs
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	c := &child{cmd: cmd, ended: make(chan error, 1), done: make(chan struct{})}
	go func() {
		defer close(c.done)
		c.ended <- cmd.Wait()
	}()
	return c, nil
}

// stop asks the process to end, waits for it, and kills it where it does not.
func (c *child) stop() {
	_ = c.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
	select {
	case <-c.done:
	case <-time.After(stopLimit):
		_ = c.cmd.Process.Kill()
		<-c.done
	}
}

func startDesk(o Options, environ []string) (*child, error) {
	file := filepath.Join(o.Data, "dlqdesk.yaml")
	if err := os.WriteFile(file, []byte(o.configuration()), 0o600); err != nil {
		return nil, fmt.Errorf("write the demo's configuration: %w", err)
	}
	return start(o.Out, o.Err, environ, filepath.Join("bin", "dlqdesk"), "serve", "--config", file, "--log-level", "error")
}

// configuration has short times, so that a minute shows retries and letters that gave up.
func (o Options) configuration() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Written anew by every start of the demo.\nlisten: %s\ndata_dir: %s\nsources:\n", o.Listen, o.Data)
	for _, source := range []struct{ name, mode string }{{"genesys", "direct"}, {"cxone", "buffered"}} {
		fmt.Fprintf(&b, "  %s:\n    destination: http://%s/%s\n    mode: %s\n    timeout: %s\n    retry: { max_attempts: 4, base: 10s, cap: 1m }\n",
			source.name, o.Destination, source.name, source.mode, timeout)
	}
	return b.String()
}
