// Command gallery serves every page in every state, without a store, for work on the pages. With -screenshots it
// writes the pictures of the manual instead.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"dlqdesk/web/gallery"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("gallery", flag.ContinueOnError)
	flags.SetOutput(stderr)
	listen := flags.String("listen", "127.0.0.1:8090", "address of the gallery")
	pictures := flags.String("screenshots", "", "folder to write the manual's screenshots to, instead of serving")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	err := error(nil)
	if *pictures != "" {
		err = shoot(ctx, *pictures)
	} else {
		err = serve(ctx, *listen, stdout)
	}
	if err != nil {
		fmt.Fprintf(stderr, "gallery: %v\n", err)
		return exitFailure
	}
	return exitOK
}

const headerLimit = 10 * time.Second

// serve serves the gallery until ctx is done.
func serve(ctx context.Context, address string, stdout io.Writer) error {
	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("cannot use %s: stop what uses it, or set another address with -listen: %w", address, err)
	}
	fmt.Fprintf(stdout, "Every page in every state: http://%s\nCtrl-C ends it.\n", l.Addr())
	server := &http.Server{Handler: gallery.Handler(), ReadHeaderTimeout: headerLimit}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}
