-- +goose Up

-- The conversation about a cause: notes in Markdown, by people.
CREATE TABLE cause_notes (
	id          INTEGER PRIMARY KEY AUTOINCREMENT,
	fingerprint TEXT    NOT NULL,
	by          TEXT    NOT NULL,
	at          INTEGER NOT NULL,
	text        TEXT    NOT NULL
) STRICT;
CREATE INDEX cause_notes_of ON cause_notes (fingerprint, id);

-- Earlier texts of notes. at is when one was replaced.
CREATE TABLE cause_note_edits (
	note INTEGER NOT NULL REFERENCES cause_notes (id),
	at   INTEGER NOT NULL,
	text TEXT    NOT NULL
) STRICT;
CREATE INDEX cause_note_edits_of ON cause_note_edits (note);
