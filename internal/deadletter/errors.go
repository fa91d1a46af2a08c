package deadletter

import (
	"errors"
	"fmt"
)

// Kind is the sort of failure of an Error. Each surface (console, API, CLI) maps it to its own status in one place.
type Kind int

// The kinds of failure. Internal is the zero value, so that an unclassified error is never shown as the
// caller's fault.
const (
	Internal Kind = iota
	Invalid
	Unauthenticated
	Forbidden
	NotFound
	Conflict
	NeedsConfirmation // the command must confirm that a message may be processed twice
	TooLarge
	RateLimited
	Unavailable
)

// Kinds lists every Kind, so that a test can prove that a surface maps all of them.
func Kinds() []Kind {
	return []Kind{
		Internal, Invalid, Unauthenticated, Forbidden, NotFound, Conflict, NeedsConfirmation, TooLarge, RateLimited,
		Unavailable,
	}
}

// Error has a text that a person may see, and a cause for the log.
type Error struct {
	Kind  Kind
	Text  string // safe to show
	Err   error  // log only
	Field string // the input that the error is about; "" if it is about none
}

func (e *Error) Error() string {
	if e.Err == nil {
		return e.Text
	}
	return e.Text + ": " + e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error of a kind whose text may be shown to a person.
func Errorf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Text: fmt.Sprintf(format, args...)}
}

// KindOf returns the kind of err: Internal if it was not classified.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// TextOf returns the text of err that may be shown: never its cause, which belongs in the log.
func TextOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Text
	}
	return "Something went wrong on our side. Try again; if it happens again, the server's log says why."
}

// FieldOf returns the input that err is about; "" if it is about none.
func FieldOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Field
	}
	return ""
}

// About returns an error as one about an input.
func About(field string, err error) error {
	var e *Error
	if errors.As(err, &e) {
		e.Field = field
	}
	return err
}

// concern is an error that is about one message.
type concern struct {
	message ID
	err     error
}

// AboutMessage wraps an error with the id of the message that it is about, for the log.
func AboutMessage(id ID, err error) error {
	if err == nil {
		return nil
	}
	return &concern{id, err}
}

// MessageOf returns the message that an error is about.
func MessageOf(err error) (ID, bool) {
	c, ok := errors.AsType[*concern](err)
	if !ok {
		return "", false
	}
	return c.message, true
}

func (c *concern) Error() string { return fmt.Sprintf("message %s: %s", c.message, c.err) }
func (c *concern) Unwrap() error { return c.err }
