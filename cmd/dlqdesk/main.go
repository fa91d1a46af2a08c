// Command dlqdesk receives webhooks, keeps those that fail, and serves the desk where operators triage them. It reads
// flags and starts internal/app; it contains no logic.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kong"

	"dlqdesk/internal/api"
	"dlqdesk/internal/client"
	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/terminal"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ())) }

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2 // the command line or the configuration is wrong

	exitForbidden   = 3   // not signed in, or not allowed
	exitNotFound    = 4   // there is no such thing
	exitConflict    = 5   // its state does not allow it, or it needs a confirmation
	exitInterrupted = 130 // by Ctrl-C, as of a shell
)

// cli is the command line.
type cli struct {
	Serve    serve        `cmd:"" help:"Receive webhooks and serve the desk."`
	Receive  receive      `cmd:"" help:"Only receive webhooks, on one of several machines."`
	Login    login        `cmd:"" help:"Sign in to a desk from this terminal."`
	Logout   logout       `cmd:"" help:"Revoke the token of a desk, and forget it."`
	Messages messageCmds  `cmd:"" help:"List, show, replay, edit, redrive, archive, restore and forward messages."`
	Causes   causeCmds    `cmd:"" help:"List, show, claim, mute and mark causes, and write notes."`
	Jobs     jobCmds      `cmd:"" help:"List, start, steer and follow jobs."`
	Search   search       `cmd:"" help:"Find causes and messages."`
	Tokens   tokenCmds    `cmd:"" help:"List, make and revoke tokens of the API."`
	User     userCmds     `cmd:"" help:"Manage users, whether a server runs or not."`
	Audit    auditCmds    `cmd:"" help:"List, export and verify the audit trail, accept what is wrong with it, give it a new key."`
	Platform platformCmds `cmd:"" help:"Register webhooks at Genesys Cloud and NICE CXone, and check them."`
	Backup   backup       `cmd:"" help:"Copy messages, audit trail and queues, whether a server runs or not."`
	Forward  forward      `cmd:"" hidden:"" help:"Send a copy of a message to a handler on this machine."`
	Drain    drain        `cmd:"" help:"Put messages of the store back on a queue, while no server runs."`
	Config   struct {
		Check configCheck `cmd:"" help:"Report faults of the configuration, without starting."`
		Show  configShow  `cmd:"" help:"Print every value in force, and where it comes from."`
	} `cmd:"" help:"Check and show the configuration."`
	MCP        mcpCmd           `cmd:"" name:"mcp" help:"Let an assistant use a desk, by standard input and output."`
	Sign       sign             `cmd:"" help:"Print a signed curl command that sends the standard input as a webhook."`
	Completion completion       `cmd:"" help:"Print a script that completes commands in bash, zsh or fish."`
	Version    versionCmd       `cmd:"" help:"Print the version."`
	Complete   completeWords    `cmd:"" name:"__complete" hidden:""`
	ShowIt     kong.VersionFlag `name:"version" help:"Print the version."`
}

// program is the part of the process that a command may use.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	environ        []string
}

// run is main, with the process as arguments.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer, environ []string) int {
	p := program{stdin: stdin, stdout: stdout, stderr: stderr, environ: environ}
	helped := false
	parser, err := newParser(&cli{}, p, kong.Exit(func(int) { helped = true }))
	if err != nil {
		return p.fail(err)
	}
	ctx, err := parser.Parse(args)
	if helped {
		return exitOK
	}
	if err != nil {
		return p.fail(usageError{err})
	}
	if err := ctx.Run(); err != nil {
		return p.fail(err)
	}
	return exitOK
}

// newParser returns the parser of a command line.
func newParser(line *cli, p program, options ...kong.Option) (*kong.Kong, error) {
	return kong.New(line, append(
		options,
		kong.Name("dlqdesk"),
		kong.Description("Receives webhooks, keeps those that fail, and serves a desk to triage them."),
		kong.Writers(p.stdout, p.stderr),
		kong.Bind(p),
		kong.Vars{"version": versionLine()},
		parsed(
			"time",
			"2026-03-02T10:00:00Z",
			func(s string) (time.Time, error) { return time.Parse(time.RFC3339, s) },
		),
		parsed("duration", "90m or 8h", time.ParseDuration),
	)...)
}

// parsed reads the values of a type. A wrong one is answered with what is expected, and with an example.
func parsed[T any](what, example string, parse func(string) (T, error)) kong.Option {
	return kong.TypeMapper(reflect.TypeFor[T](), kong.MapperFunc(
		func(ctx *kong.DecodeContext, target reflect.Value) error {
			var text string
			if err := ctx.Scan.PopValueInto(what, &text); err != nil {
				return err
			}
			value, err := parse(text)
			if err != nil {
				return fmt.Errorf("%q is no %s: give one such as %s", text, what, example)
			}
			target.Set(reflect.ValueOf(value))
			return nil
		},
	))
}

// untilSignal returns a context that ends when the process is asked to stop.
func untilSignal() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
}

// usageError is a command line that makes no sense.
type usageError struct{ error }

// fail says what went wrong and returns the exit code for it.
func (p program) fail(err error) int {
	var faults config.Faults
	if errors.As(err, &faults) {
		fmt.Fprintln(p.stderr, faults.Error())
		return exitUsage
	}
	if errors.Is(err, context.Canceled) {
		return exitInterrupted
	}
	if errors.Is(err, syscall.EPIPE) { // who reads the output has enough
		return exitFailure
	}
	fmt.Fprintf(p.stderr, "dlqdesk: %s\n", terminal.SafeLines(err.Error()))
	if refused, ok := errors.AsType[*api.Problem](err); ok {
		return codeOf(refused)
	}
	if _, ok := errors.AsType[client.NotSignedIn](err); ok {
		return exitForbidden
	}
	if _, ok := errors.AsType[usageError](err); ok {
		fmt.Fprintln(p.stderr, "Run dlqdesk --help for its commands and flags.")
		return exitUsage
	}
	switch deadletter.KindOf(err) {
	case deadletter.Invalid:
		return exitUsage
	case deadletter.Forbidden, deadletter.Unauthenticated:
		return exitForbidden
	case deadletter.NotFound:
		return exitNotFound
	case deadletter.Conflict, deadletter.NeedsConfirmation:
		return exitConflict
	}
	return exitFailure
}

// printLine prints a line of the result.
func (p program) printLine(format string, args ...any) error {
	_, err := fmt.Fprintf(p.stdout, format+"\n", args...)
	return err
}

// json prints a value as indented JSON.
func (p program) json(v any) error {
	out := json.NewEncoder(p.stdout)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	return out.Encode(v)
}

// table writes rows of columns, each row one line.
func (p program) table(rows [][]string) error {
	w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, strings.TrimRight(strings.Join(row, "\t"), "\t "))
	}
	return w.Flush()
}

// version is set by the linker: -X main.version=…
var version string

type versionCmd struct {
	JSON bool `name:"json" help:"Print JSON."`
}

func (c versionCmd) Run(p program) error {
	if c.JSON {
		return p.json(map[string]string{
			"version": buildVersion(), "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH,
		})
	}
	return p.printLine("%s", versionLine())
}

func versionLine() string {
	return fmt.Sprintf("dlqdesk %s (%s %s/%s)", buildVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// buildVersion returns the linked version, or else the one that `go install` records.
func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(unknown)"
}
