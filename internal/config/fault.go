package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Fault is one thing that is wrong.
type Fault struct {
	Where string // desk.yaml:14, or the name of an environment variable
	Key   string // sources.genesys.timeout; empty when Where says it, or when no single key is at fault
	Text  string // what would be right
}

// String is `desk.yaml:14: sources.genesys.timeout: must be under 30s (got 2m)`.
func (f Fault) String() string {
	var parts []string
	for _, part := range []string{f.Where, f.Key, f.Text} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ": ")
}

// Faults is every fault of a configuration, those of the file first, by line.
type Faults []Fault

// Error gives each fault a line of its own.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}

// origin is where a setting comes from. The zero origin is a default.
type origin struct {
	line     int    // of the file
	variable string // of the environment; it goes before the line
}

// placed is a fault before it is written down.
type placed struct {
	origin
	key, text string
}

func (p placed) in(file string) Fault {
	p.key = printable(p.key)
	switch {
	case p.variable != "":
		return Fault{Where: p.variable, Text: p.text}
	case p.line > 0:
		return Fault{Where: fmt.Sprintf("%s:%d", file, p.line), Key: p.key, Text: p.text}
	default:
		return Fault{Where: file, Key: p.key, Text: p.text}
	}
}

// printable keeps a strange key from breaking the line, or the terminal, that it is shown on.
func printable(key string) string {
	if strings.ContainsFunc(key, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(key)
	}
	return key
}
