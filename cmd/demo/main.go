// Command demo runs dlqdesk beside a destination that fails and a sender of realistic events.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"dlqdesk/internal/demo"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(stderr)
	o := demo.Options{Out: stdout, Err: stderr}
	flags.StringVar(&o.Queue, "queue", "embedded", "embedded, or sqs for an SQS server in between")
	flags.StringVar(&o.Listen, "listen", "127.0.0.1:8080", "address of dlqdesk")
	flags.StringVar(&o.Destination, "destination", "127.0.0.1:9090", "address of the demo destination")
	flags.StringVar(&o.Data, "data", "data/demo", "data folder")
	flags.IntVar(&o.Events, "events", 90, "how many events come quickly")
	if flags.Parse(args) != nil {
		return 2
	}
	if o.Queue != "embedded" && o.Queue != "sqs" {
		fmt.Fprintf(stderr, "demo: -queue is embedded or sqs (got %q)\n", o.Queue)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := demo.Run(ctx, o); err != nil {
		fmt.Fprintf(stderr, "demo: %v\n", err)
		return 1
	}
	return 0
}
