// Command dlqdesk receives webhooks, keeps those that fail, and serves the desk where people deal with them. It reads
// flags and starts what internal/app wires; it decides nothing.
package main

import (
	"io"
	"os"

	"github.com/alecthomas/kong"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Environ())) }

// What run answers, as shells expect it.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2 // the command line or the configuration is wrong
)

// cli is the command line.
type cli struct {
	Serve   serve   `cmd:"" help:"Receive webhooks and serve the desk."`
	Receive receive `cmd:"" help:"Only receive webhooks, on one of several machines; what fails goes to SQS, where serve finds it."`
	User    struct {
		Add userAdd `cmd:"" help:"Add a user, while a server runs or not."`
	} `cmd:"" help:"Say who may sign in."`
	Audit struct {
		Verify auditVerify `cmd:"" help:"Tell whether the audit trail was changed behind dlqdesk's back."`
	} `cmd:"" help:"Look after the audit trail."`
	Platform platformCmds `cmd:"" help:"Register webhooks at Genesys Cloud and NICE CXone, and check what they pass."`
	Backup   backup       `cmd:"" help:"Copy messages, audit trail and queues, while a server runs or not."`
	Drain    drain        `cmd:"" help:"Put messages of the store back on a queue, while no server runs."`
	Config   struct {
		Check configCheck `cmd:"" help:"Tell what is wrong with the configuration, without starting."`
	} `cmd:"" help:"Look at the configuration."`
	Sign    sign       `cmd:"" help:"Print a curl command that sends a webhook, read from the standard input, as the platform of a source would."`
	Version versionCmd `cmd:"" help:"Tell the version."`
}

// program is what a command may use of the process.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	environ        []string
}

// run is main, with the process as arguments.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer, environ []string) int {
	p := program{stdin: stdin, stdout: stdout, stderr: stderr, environ: environ}
	var line cli
	helped := false
	parser, err := kong.New(
		&line,
		kong.Name("dlqdesk"),
		kong.Description("Keeps the webhooks that fail, and lets people deal with them."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { helped = true }),
		kong.Bind(p),
	)
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
