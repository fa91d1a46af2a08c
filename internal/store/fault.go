package store

import (
	"errors"

	"modernc.org/sqlite"

	"dlqdesk/internal/deadletter"
)

// Result codes of SQLite, see https://sqlite.org/rescode.html.
const (
	sqliteError   = 1 // also what ROLLBACK answers when no transaction is open
	sqliteBusy    = 5
	sqliteIO      = 10
	sqliteCorrupt = 11
	sqliteFull    = 13
	sqliteNotADB  = 26
)

// codeOf answers the primary result code of a fault of SQLite, 0 of any other.
func codeOf(err error) int {
	if fault, ok := errors.AsType[*sqlite.Error](err); ok {
		return fault.Code() & 0xff
	}
	return 0
}

// explain says what a person can do where the file itself is what fails. It passes by itself once that is done.
func explain(err error) error {
	text := ""
	switch codeOf(err) {
	case sqliteBusy:
		text = textBusy
	case sqliteFull:
		text = "the disk is full, or the file as large as it may be: make room, and everything goes on by itself"
	case sqliteIO:
		text = "the disk does not take what is written: look at it, the server's log says what it answers"
	default:
		return err
	}
	return &deadletter.Error{Kind: deadletter.Unavailable, Text: text, Err: err}
}

const textBusy = "the database is locked by another program: end that one, or try again in a moment"
