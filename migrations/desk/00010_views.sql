-- +goose Up
-- How each person has the list look: JSON of the console's own form.
CREATE TABLE looks (
	user TEXT PRIMARY KEY COLLATE NOCASE,
	look TEXT NOT NULL
) STRICT;

-- Lists that somebody keeps by name; shared ones are everybody's to see.
CREATE TABLE views (
	id     INTEGER PRIMARY KEY AUTOINCREMENT,
	owner  TEXT    NOT NULL COLLATE NOCASE,
	name   TEXT    NOT NULL COLLATE NOCASE,
	query  TEXT    NOT NULL,
	shared INTEGER NOT NULL,
	UNIQUE (owner, name)
) STRICT;
CREATE INDEX views_shared ON views (name) WHERE shared = 1;

-- +goose Down
DROP TABLE views;
DROP TABLE looks;
