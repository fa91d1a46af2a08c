-- +goose Up

-- The rules by which people group messages. A rule is never changed, only undone.
CREATE TABLE group_rules (
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	kind       TEXT    NOT NULL CHECK (kind IN ('ignore', 'join', 'merge', 'split')),
	source     TEXT    NOT NULL,
	pattern    TEXT    NOT NULL, -- RE2; '' of a merge
	title      TEXT    NOT NULL, -- of the cause that the rule makes; '' if it has none of its own
	merged     TEXT    NOT NULL, -- of a merge, as JSON: one failure of each cause that becomes part of another
	into_cause TEXT    NOT NULL, -- likewise: of the cause that they become part of, or that is split
	configured INTEGER NOT NULL, -- 1: it is in the configuration
	by         TEXT    NOT NULL,
	at         INTEGER NOT NULL,
	undone_by  TEXT,
	undone_at  INTEGER -- NULL: it is in force
) STRICT;
CREATE INDEX group_rules_in_force ON group_rules (source, id) WHERE undone_at IS NULL;

-- The title that a rule gives a cause; '' if its title is its error.
ALTER TABLE causes ADD COLUMN title TEXT NOT NULL DEFAULT '';

-- A cause that became part of another one as it was, so that it comes back when the rule is undone: what people decided
-- about it, and its counts beside those of its messages, which move one by one. '' of causes that moved before.
ALTER TABLE moved_causes ADD COLUMN cause TEXT NOT NULL DEFAULT '';
ALTER TABLE moved_causes ADD COLUMN source TEXT NOT NULL DEFAULT '';
CREATE INDEX moved_causes_of ON moved_causes (source) WHERE cause <> '';

-- Causes whose messages are grouped anew in the background, the latest first. Messages are read by status and number.
CREATE TABLE regrouping (
	id           INTEGER PRIMARY KEY AUTOINCREMENT,
	fingerprint  TEXT    NOT NULL UNIQUE,
	messages     INTEGER NOT NULL, -- of the cause when it was put here
	after_status TEXT    NOT NULL DEFAULT '', -- messages up to this one are done
	after        INTEGER NOT NULL DEFAULT 0,
	looked_at    INTEGER NOT NULL DEFAULT 0, -- how many are done
	moved        INTEGER NOT NULL DEFAULT 0, -- of these
	first_at     INTEGER, -- of the failures that stay, and an error of one of them
	last_at      INTEGER,
	error        TEXT,
	joins        INTEGER NOT NULL DEFAULT 0, -- 1: what people decided about the cause goes along with its messages
	done         INTEGER NOT NULL DEFAULT 0  -- 1: all are; the row is deleted once every cause is done
) STRICT;
CREATE INDEX regrouping_left ON regrouping (id) WHERE done = 0;

-- How often the rules of people were changed, so that each process notices it.
ALTER TABLE cause_rules ADD COLUMN rules INTEGER NOT NULL DEFAULT 0;

-- The version of the rules that made the keys of the errors in jobs.
ALTER TABLE cause_rules ADD COLUMN faults INTEGER NOT NULL DEFAULT 0;
UPDATE cause_rules SET faults = version;
