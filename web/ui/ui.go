// Package ui holds the parts that pages are made of: badges, icons, times, fields, notices. A part takes plain text
// that is ready to show; it knows no messages and no services.
package ui

import (
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

// Chip is one active filter with the address of the list without it.
type Chip struct {
	Label, Value string
	At           Moment // the value is this time, which a script shows in the reader's zone; zero: it is none
	RemoveURL    string
}

// FieldError is the error of one form field. The zero FieldError shows nothing.
type FieldError struct {
	Text         string
	Line, Column int // in a text field; 0: unknown
}

// OutcomeWord is the outcome of an attempt in words.
func OutcomeWord(outcome string) string { return strings.ReplaceAll(outcome, "_", " ") }

// StatusWord is the status of a message in words.
func StatusWord(status string) string {
	switch status {
	case "failed":
		return "Failed"
	case "retrying":
		return "Retrying"
	case "replaying":
		return "Replaying"
	case "resolved":
		return "Resolved"
	case "redriven":
		return "Redriven"
	case "archived":
		return "Archived"
	case "":
		return "All"
	}
	return status
}

func statusIcon(status string) string {
	switch status {
	case "failed":
		return "alert"
	case "retrying":
		return "clock"
	case "replaying":
		return "spinner"
	case "resolved":
		return "check"
	case "redriven":
		return "redrive"
	case "archived":
		return "archive"
	}
	return "layers"
}

func outcomeIcon(outcome string) string {
	switch outcome {
	case "delivered":
		return "check"
	case "redriven":
		return "redrive"
	case "error_response":
		return "ban"
	case "unreachable":
		return "plug"
	}
	return "help"
}

func noticeIcon(kind string) string {
	switch kind {
	case Done:
		return "check"
	case Warn:
		return "warn"
	case Fault:
		return "alert"
	}
	return "info"
}

// Swap makes a link to another view of a list swap only the list, where scripts run.
func Swap(url, target string) templ.Attributes {
	return templ.Attributes{"hx-get": url, "hx-target": target, "hx-swap": "outerHTML", "hx-push-url": "true"}
}

// describe ties a field to its hint and its fault.
func describe(name, hint, fault string) templ.Attributes {
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
