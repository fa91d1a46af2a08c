// Command demo runs dlqdesk beside a destination that fails and a sender of realistic events.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"dlqdesk/internal/demo"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr, os.Environ())) }

// Exit codes of run, as shells expect them.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

// Within a minute so many events, so far apart, fill the desk.
const (
	events = 90
	pause  = 400 * time.Millisecond
)

func run(args []string, stdout, stderr io.Writer, environ []string) int {
	o := demo.Options{
		Pause:     pause,
		Program:   filepath.Join("bin", "dlqdesk"),
		SQSServer: filepath.Join("web", "node_modules", "fauxqs", "dist", "cli.js"),
		Environ:   environ,
		Out:       stdout,
		Err:       stderr,
	}
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.Queue, "queue", demo.Embedded, "embedded, or sqs for an SQS server in between")
	flags.StringVar(&o.Listen, "listen", "127.0.0.1:8080", "address of dlqdesk")
	flags.StringVar(&o.Destination, "destination", "127.0.0.1:9090", "address of the demo destination")
	flags.StringVar(&o.Data, "data", filepath.Join("data", "demo"), "data folder")
	flags.IntVar(&o.Events, "events", events, "how many events come quickly")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	case flags.NArg() > 0:
		fmt.Fprintf(stderr, "demo: there are flags only (got %q)\n", flags.Arg(0))
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := demo.Run(ctx, o); err != nil {
		fmt.Fprintf(stderr, "demo: %v\n", err)
		return exitFailure
	}
	return exitOK
}
