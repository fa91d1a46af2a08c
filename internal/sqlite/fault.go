package sqlite

import (
	"errors"

	engine "modernc.org/sqlite"

	"dlqdesk/internal/deadletter"
)

// Result codes of SQLite, see https://sqlite.org/rescode.html.
const (
	sqliteError   = 1 // also the code of ROLLBACK when no transaction is open
	sqliteBusy    = 5
	sqliteIO      = 10
	sqliteCorrupt = 11
	sqliteFull    = 13
	sqliteNotADB  = 26
)

// codeOf returns the primary result code of a fault of SQLite, 0 of any other error.
func codeOf(err error) int {
	if fault, ok := errors.AsType[*engine.Error](err); ok {
		return fault.Code() & 0xff
	}
	return 0
}

// IsDamaged reports whether an error says that a file is no SQLite database, or a broken one.
func IsDamaged(err error) bool {
	code := codeOf(err)
	return code == sqliteCorrupt || code == sqliteNotADB
}

// IsAltered reports whether an error says that a file is damaged, or lacks what a statement of the program needs: a
// table that was dropped, a column that is gone.
func IsAltered(err error) bool { return IsDamaged(err) || codeOf(err) == sqliteError }

// explain adds what a person can do where the file itself is at fault. Writing works again once that is done.
func explain(err error) error {
	text := ""
	switch codeOf(err) {
	case sqliteBusy:
		text = TextBusy
	case sqliteFull:
		text = "the disk is full, or the file has reached its limit. Free some space: writing goes on by itself"
	case sqliteIO:
		text = "the disk refuses writes. Check the disk: the error is in the server's log"
	default:
		return err
	}
	return &deadletter.Error{Kind: deadletter.Unavailable, Text: text, Err: err}
}

// TextBusy is the text for people when another program has locked a file.
const TextBusy = "the database is locked by another program. End that program, or try again in a moment"
