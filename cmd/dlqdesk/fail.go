package main

import (
	"errors"
	"fmt"

	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
)

// usageError is a command line that makes no sense.
type usageError struct{ error }

// fail says what went wrong and returns the exit code for it.
func (p program) fail(err error) int {
	var faults config.Faults
	if errors.As(err, &faults) {
		fmt.Fprintln(p.stderr, faults.Error())
		return exitUsage
	}
	fmt.Fprintf(p.stderr, "dlqdesk: %v\n", err)
	if _, ok := errors.AsType[usageError](err); ok {
		fmt.Fprintln(p.stderr, "Run dlqdesk --help for what it understands.")
		return exitUsage
	}
	if deadletter.KindOf(err) == deadletter.Invalid {
		return exitUsage
	}
	return exitFailure
}
