package bench_test

import (
	"fmt"
	"os"
	"sync"
	"testing"
	"text/tabwriter"

	"dlqdesk/internal/desktest"
	"dlqdesk/internal/server"
)

// results are the figures that have an aim, for the table at the end of a run.
var results struct {
	mu   sync.Mutex
	rows []string
}

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		fmt.Fprintln(os.Stderr, play(role))
		os.Exit(1)
	}
	server.BoundMemory(os.Environ())
	code := m.Run()
	desktest.CloseBrowser()
	if len(results.rows) > 0 {
		out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
		fmt.Fprint(out, "\nwhat\tmeasured\taim\t\n")
		for _, row := range results.rows {
			fmt.Fprintln(out, row)
		}
		if err := out.Flush(); err != nil {
			code = 1
		}
	}
	os.Exit(code)
}

// result notes a figure whose aim is to be so large at least.
func result(b *testing.B, what string, value, least float64) {
	b.Helper()
	note(what, value, least, "at least", value >= least)
}

// resultBelow notes a figure whose aim is to be so large at most.
func resultBelow(b *testing.B, what string, value, most float64) {
	b.Helper()
	note(what, value, most, "at most", value <= most)
}

func note(what string, value, aim float64, word string, reached bool) {
	results.mu.Lock()
	defer results.mu.Unlock()
	verdict := ""
	if !reached {
		verdict = "missed"
	}
	results.rows = append(results.rows, fmt.Sprintf("%s\t%.4g\t%s %.4g\t%s", what, value, word, aim, verdict))
}
