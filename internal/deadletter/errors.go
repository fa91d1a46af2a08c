package deadletter

import (
	"errors"
	"fmt"
)

// Kind says what sort of failure an Error is; each surface (console, API, CLI) maps it to its own answer in one place.
type Kind int

// The kinds of failure. Internal is the zero value, so that an error nobody classified is never shown as the caller's
// fault.
const (
	Internal Kind = iota
	Invalid
	Unauthenticated
	Forbidden
	NotFound
	Conflict
	NeedsConfirmation // the command must confirm what may happen twice
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

// Error is what a person may be told, and what the log keeps.
type Error struct {
	Kind  Kind
	Text  string // safe to show
	Err   error  // log only
	Field string // the input of a command that it is about; "" where it is about none
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

// KindOf returns the kind of err: Internal when nobody classified it.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// TextOf returns what may be shown of err: never the cause, which belongs in the log.
func TextOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Text
	}
	return "Something went wrong on our side. Try again; if it happens again, the server's log says why."
}

// FieldOf returns the input of a command that err is about; "" where it is about none.
func FieldOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Field
	}
	return ""
}
