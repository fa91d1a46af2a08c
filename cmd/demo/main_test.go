package main

import (
	"fmt"
	"strings"
	"testing"
)

func TestCommandLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		want int
		says string
	}{
		{[]string{"-h"}, exitOK, "-destination"},
		{[]string{"-speed", "9"}, exitUsage, "-speed"},
		{[]string{"-events", "many"}, exitUsage, "many"},
		{[]string{"sqs"}, exitUsage, `flags only (got "sqs")`},
		{[]string{"-queue", "kafka"}, exitFailure, "embedded or sqs"},
		{[]string{"-listen", "nowhere"}, exitFailure, "-listen"},
	} {
		t.Run(fmt.Sprintf("%q", c.args), func(t *testing.T) {
			var stdout, stderr strings.Builder
			if got := run(
				c.args, &stdout, &stderr, nil,
			); got != c.want || !strings.Contains(stderr.String(), c.says) || stdout.Len() > 0 {
				t.Errorf("demo %s: exit %d, %q on the terminal; want %d, %q", strings.Join(c.args, " "), got,
					stdout.String()+stderr.String(), c.want, c.says)
			}
		})
	}
}
