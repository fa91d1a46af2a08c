-- +goose Up

-- Masked values of a message that are shown to one person in one session, until a time.
CREATE TABLE unmaskings (
	id      INTEGER PRIMARY KEY,
	message TEXT    NOT NULL,
	by      TEXT    NOT NULL,
	session TEXT    NOT NULL, -- the id of the session
	value   TEXT    NOT NULL, -- name of the field or header; '': everything
	reason  TEXT    NOT NULL,
	at      INTEGER NOT NULL,
	until   INTEGER NOT NULL
) STRICT;
CREATE INDEX unmaskings_message ON unmaskings (message, until);
