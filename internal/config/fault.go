package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Fault is an invalid setting.
type Fault struct {
	Where string `json:"where"`         // desk.yaml:14, or the name of an environment variable
	Key   string `json:"key,omitempty"` // sources.genesys.timeout; empty if Where names it, or for no single key
	Text  string `json:"text"`          // the valid values
}

// String returns a line such as `desk.yaml:14: sources.genesys.timeout: must be under 30s (got 2m)`.
func (f Fault) String() string {
	var parts []string
	for _, part := range []string{f.Where, f.Key, f.Text} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ": ")
}

// Faults are all faults of a configuration, those of the file first, by line.
type Faults []Fault

// Error returns one line for each fault.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.String()
	}
	return strings.Join(lines, "\n")
}

// origin is the place that a setting comes from. The zero origin is a default.
type origin struct {
	line     int    // of the file
	variable string // of the environment, or a flag of the command line; it goes before the line
}

// placed is a fault with its origin.
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

// printable quotes a key with control characters, which would break the line or the terminal.
func printable(key string) string {
	if strings.ContainsFunc(key, func(r rune) bool { return !strconv.IsPrint(r) }) {
		return strconv.Quote(key)
	}
	return key
}
