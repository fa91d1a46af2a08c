// Package ui holds the parts that pages are made of: badges, icons, times, fields, notices. A part takes plain text
// that is ready to show; it knows no messages and no services.
package ui

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"
)

// Moment is a time ready to show. The zero Moment shows nothing.
type Moment struct {
	ISO  string // RFC 3339 in UTC, for the browser to put into words and into the user's zone
	Text string // absolute, in UTC, for browsers without scripts
}

// At returns the Moment of a time. It returns the zero Moment for the zero time.
func At(t time.Time) Moment {
	if t.IsZero() {
		return Moment{}
	}
	t = t.UTC()
	return Moment{ISO: t.Format("2006-01-02T15:04:05.000Z"), Text: t.Format("2006-01-02 15:04:05") + " UTC"}
}

// IsZero reports whether there is nothing to show.
func (m Moment) IsZero() bool { return m == Moment{} }

// The kinds of Notice.
const (
	Done  = "done"  // it worked
	Info  = "info"  // good to know
	Warn  = "warn"  // it worked in part, or the message was changed by someone else
	Fault = "fault" // it did not work
)

// Notice is one line of feedback for the user. The zero Notice shows nothing.
type Notice struct {
	Kind string // Done, Info, Warn or Fault
	Text string
	Hint string // what to do, in a second sentence; may be empty
}

// Segment is a piece of a text, marked or not.
type Segment struct {
	Text   string
	Marked bool
}

// Option is one entry of a select.
type Option struct {
	Value, Label string
	Selected     bool
}

// Choose returns a copy of options in which the one with a value is selected.
func Choose(options []Option, value string) []Option {
	list := slices.Clone(options)
	for i := range list {
		list[i].Selected = list[i].Value == value
	}
	return list
}

// Chip is one active filter with the address of the list without it.
type Chip struct {
	Label, Value string
	At           Moment // the value is this time, which a script shows in the reader's zone; zero: it is none
	RemoveURL    string
}

// OutcomeWord is the outcome of an attempt in words.
func OutcomeWord(outcome string) string { return strings.ReplaceAll(outcome, "_", " ") }

// statuses has the word and the icon of each status of a message, and of the tab of all.
var statuses = map[string]struct{ word, icon string }{
	"failed":    {"Failed", "alert"},
	"retrying":  {"Retrying", "clock"},
	"replaying": {"Replaying", "spinner"},
	"resolved":  {"Resolved", "check"},
	"redriven":  {"Redriven", "redrive"},
	"archived":  {"Archived", "archive"},
	"":          {"All", "layers"},
}

// StatusWord is the status of a message in words.
func StatusWord(status string) string { return cmp.Or(statuses[status].word, status) }

var outcomeIcons = map[string]string{
	"delivered":      "check",
	"redriven":       "redrive",
	"error_response": "ban",
	"unreachable":    "plug",
	"unknown":        "help",
}

var noticeIcons = map[string]string{Done: "check", Info: "info", Warn: "warn", Fault: "alert"}

// Swap makes a link to another view of a list swap only the list, where scripts run.
func Swap(url, target string) templ.Attributes {
	return templ.Attributes{"hx-get": url, "hx-target": target, "hx-swap": "outerHTML", "hx-push-url": "true"}
}

// Describe ties a field to its hint and its fault.
func Describe(name, hint, fault string) templ.Attributes {
	attributes := templ.Attributes{}
	by := ""
	if hint != "" {
		by = name + "-hint"
	}
	if fault != "" {
		by = strings.TrimSpace(by + " " + name + "-fault")
		attributes["aria-invalid"] = "true"
	}
	if by != "" {
		attributes["aria-describedby"] = by
	}
	return attributes
}
