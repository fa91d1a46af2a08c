// Package demo fills a desk: a destination that fails the way real ones do, a sender of realistic events, and dlqdesk
// between them. It is for trying the program out, and no part of it.
package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options say how a demo is run.
type Options struct {
	Queue       string // Embedded or SQS
	Listen      string // address of dlqdesk
	Destination string // address of the demo destination
	Data        string // folder
	Events      int    // how many come quickly
	Pause       time.Duration
	Program     string // dlqdesk
	SQSServer   string // what node runs as SQS server
	Environ     []string
	Out, Err    io.Writer
}

// The queues that a demo can put between receiver and desk.
const (
	Embedded = "embedded"
	SQS      = "sqs"
)

const (
	timeout     = time.Second     // of a delivery
	scan        = 3 * time.Second // longer than that
	slowPause   = 5 * time.Second
	headerLimit = 10 * time.Second
	idleLimit   = time.Minute
)

// Run runs the demo until ctx ends. It returns when everything that it started has stopped.
func Run(ctx context.Context, o Options) (err error) {
	if o.Queue != Embedded && o.Queue != SQS {
		return fmt.Errorf("the queue is %s or %s (got %q)", Embedded, SQS, o.Queue)
	}
	// Another program there would be sent the demo's events.
	if err := isFree(ctx, o.Listen); err != nil {
		return fmt.Errorf("dlqdesk cannot use %s: stop what uses it, or set another address with -listen: %w",
			o.Listen, err)
	}
	stopDestination, err := serveDestination(ctx, o.Destination)
	if err != nil {
		return fmt.Errorf(
			"the demo destination cannot use %s: stop what uses it, or set another address with -destination: %w",
			o.Destination, err,
		)
	}
	defer func() { err = errors.Join(err, stopDestination()) }()

	environ := withoutSettings(o.Environ)
	if o.Queue == SQS {
		server, variables, err := startSQS(ctx, o)
		if err != nil {
			return stopped(ctx, err)
		}
		defer server.stop()
		environ = slices.Concat(environ, variables)
	}
	desk, err := startDesk(ctx, o, environ)
	if err != nil {
		return err
	}
	defer desk.stop()

	s := NewSender("http://"+reachable(o.Listen), time.Now, o.Out)
	if err := s.Await(desk.alive); err != nil {
		return stopped(ctx, cmp.Or(desk.fault(ctx), err))
	}
	o.guide()
	s.Run(desk.alive, o.Events, o.Pause, slowPause)
	return desk.fault(ctx)
}

// stopped drops errors that come from stopping the demo.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func isFree(ctx context.Context, address string) error {
	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return l.Close()
}

// reachable names an address that listens everywhere by the loopback one.
func reachable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

func (o Options) guide() {
	desk, destination := reachable(o.Listen), reachable(o.Destination)
	fmt.Fprintf(o.Out, `
  Demo: events come in, and most of them fail. In a minute the desk has messages of every kind.
    1. Open http://%s and sign in. The first time, use the link after "First user".
    2. Look around, replay a message: its handler is still broken.
    3. Repair the handler at http://%s, or with  curl -X POST http://%s/repair
    4. Replay again: now it is delivered. Messages without an id are still refused: edit and replay those.
  Ctrl-C ends it all; the messages stay in %s.

`, desk, destination, destination, o.Data)
}

func serveDestination(ctx context.Context, address string) (stop func() error, err error) {
	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	server := &http.Server{
		Handler:           NewDestination(scan).Handler(),
		ReadHeaderTimeout: headerLimit,
		IdleTimeout:       idleLimit,
	}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(l) })
	return func() error {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
		defer cancel()
		err := server.Shutdown(ending)
		if err != nil {
			err = errors.Join(err, server.Close())
		}
		serving.Wait()
		return err
	}, nil
}

func startDesk(ctx context.Context, o Options, environ []string) (*process, error) {
	if err := os.MkdirAll(o.Data, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	file := filepath.Join(o.Data, "dlqdesk.yaml")
	if err := os.WriteFile(file, []byte(o.Configuration()), 0o600); err != nil {
		return nil, fmt.Errorf("write the demo's configuration: %w", err)
	}
	return start(ctx, o.Out, o.Err, environ, "dlqdesk", o.Program, "serve", "--config", file, "--log-level", "error")
}

// Configuration is that of the demo's dlqdesk. Its times are short, so that a minute shows retries and messages that
// gave up.
func (o Options) Configuration() string {
	var b strings.Builder
	fmt.Fprintf(
		&b, "# Written anew by every start of the demo.\nlisten: %q\ndata_dir: %q\nsources:\n", o.Listen,
		o.Data,
	)
	for _, source := range []struct{ name, mode, mask string }{
		{"genesys", "direct", "$.conversation.participants[*].address"}, {"cxone", "buffered", "$.recipients[*].name"},
	} {
		fmt.Fprintf(
			&b, "  %s:\n    destination: http://%s/%s\n    mode: %s\n    timeout: %s\n", source.name,
			reachable(o.Destination), source.name, source.mode, timeout,
		)
		fmt.Fprintf(&b, "    retry: { max_attempts: 4, base: 3s, cap: 20s }\n    mask: { json: [%q] }\n", source.mask)
	}
	return b.String()
}
