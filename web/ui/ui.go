// Package ui holds the parts that pages are made of: badges, icons, times, fields, notices. A part takes plain text that is
// ready to show; it knows no letters and no services.
package ui

import (
	"time"
)

// Moment is a time ready to show. The zero Moment shows nothing.
type Moment struct {
	ISO  string // RFC 3339 in UTC, for the browser to put into words and into the user's zone
	Text string // absolute, in UTC, for whoever runs no script
}

// At answers the Moment of a time, and the zero Moment of the zero time.
func At(t time.Time) Moment {
	if t.IsZero() {
		return Moment{}
	}
	t = t.UTC()
	return Moment{ISO: t.Format("2006-01-02T15:04:05.000Z"), Text: t.Format("2006-01-02 15:04:05") + " UTC"}
}

// IsZero tells whether there is nothing to show.
func (m Moment) IsZero() bool { return m == Moment{} }

// The kinds of Notice.
const (
	Done  = "done"  // it worked
	Info  = "info"  // good to know
	Warn  = "warn"  // it worked in part, or somebody was quicker
	Fault = "fault" // it did not work
)

// Notice is one message to the person. The zero Notice shows nothing.
type Notice struct {
	Kind string // Done, Info, Warn or Fault
	Text string
	Hint string // what helps, in a second sentence; may be empty
}

// Option is one entry of a select.
type Option struct {
	Value, Label string
	Selected     bool
}

// Chip is one active filter with the address of the list without it.
type Chip struct {
	Label, Value string
	RemoveURL    string
}

// FieldError is what is wrong with one field of a form. The zero FieldError shows nothing.
type FieldError struct {
	Text         string
	Line, Column int // of a text field; 0 where the place is not known
}
