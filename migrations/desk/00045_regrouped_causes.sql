-- +goose Up

-- The version of the rules that made the causes of the stored messages. The start makes them anew if they are older.
CREATE TABLE cause_rules (
	one     INTEGER PRIMARY KEY CHECK (one = 1),
	version INTEGER NOT NULL
) STRICT;
INSERT INTO cause_rules VALUES (1, 0);

-- Causes that newer rules put together with others, so that links and saved views still lead to their messages.
CREATE TABLE moved_causes (
	fingerprint TEXT PRIMARY KEY,
	moved_to    TEXT NOT NULL
) STRICT, WITHOUT ROWID;
