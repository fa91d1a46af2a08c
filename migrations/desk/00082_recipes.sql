-- +goose Up

-- Recipes that people keep for a cause. One keeps the fingerprint for which it was saved, as notes do: if that cause
-- becomes part of another one it belongs to that, and comes back with its own. jobs to used_at are what the jobs with
-- it came to, of all versions.
CREATE TABLE recipes (
	id          INTEGER PRIMARY KEY AUTOINCREMENT,
	fingerprint TEXT    NOT NULL,
	name        TEXT    NOT NULL COLLATE NOCASE,
	version     INTEGER NOT NULL, -- the latest one
	archived_by TEXT    NOT NULL DEFAULT '',
	archived_at INTEGER,          -- NULL: it is in use
	jobs        INTEGER NOT NULL DEFAULT 0,
	delivered   INTEGER NOT NULL DEFAULT 0,
	failed      INTEGER NOT NULL DEFAULT 0,
	used_by     TEXT    NOT NULL DEFAULT '',
	used_at     INTEGER
) STRICT;
CREATE UNIQUE INDEX recipes_name ON recipes (fingerprint, name) WHERE archived_at IS NULL;
CREATE INDEX recipes_archived_of ON recipes (fingerprint) WHERE archived_at IS NOT NULL;
CREATE INDEX recipes_archived ON recipes (id) WHERE archived_at IS NOT NULL;
CREATE INDEX recipes_in_use ON recipes (id) WHERE archived_at IS NULL;

-- Their texts. A row is never changed but for its counts, which are those of the version.
CREATE TABLE recipe_versions (
	recipe    INTEGER NOT NULL REFERENCES recipes (id),
	number    INTEGER NOT NULL,
	kind      TEXT    NOT NULL,
	text      TEXT    NOT NULL,
	by        TEXT    NOT NULL,
	at        INTEGER NOT NULL,
	jobs      INTEGER NOT NULL DEFAULT 0,
	delivered INTEGER NOT NULL DEFAULT 0,
	failed    INTEGER NOT NULL DEFAULT 0,
	used_by   TEXT    NOT NULL DEFAULT '',
	used_at   INTEGER,
	PRIMARY KEY (recipe, number)
) STRICT, WITHOUT ROWID;
