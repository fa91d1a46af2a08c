-- +goose Up

-- The latest dry run of a draft: its recipe is tried on every message, and nothing is sent or changed. last is the
-- message that got its result last, so that a restart goes on behind it.
CREATE TABLE dry_runs (
	id           INTEGER PRIMARY KEY AUTOINCREMENT,
	job          INTEGER NOT NULL UNIQUE REFERENCES jobs (id),
	recipe       TEXT    NOT NULL, -- as in jobs, as are the next two
	patch        BLOB    NOT NULL,
	recipe_table TEXT    NOT NULL,
	table_digest TEXT    NOT NULL,
	saved        INTEGER NOT NULL DEFAULT 0, -- the saved recipe that it was made of; 0: none
	actor        TEXT    NOT NULL,
	by           TEXT    NOT NULL,
	addr         TEXT    NOT NULL,
	state        TEXT    NOT NULL CHECK (state IN ('running', 'done', 'cancelled')),
	last         INTEGER NOT NULL,
	changed      INTEGER NOT NULL DEFAULT 0,
	unchanged    INTEGER NOT NULL DEFAULT 0,
	failed       INTEGER NOT NULL DEFAULT 0,
	differing    INTEGER NOT NULL DEFAULT 0, -- of changed: they differ from the shape of what was delivered
	uncompared   INTEGER NOT NULL DEFAULT 0, -- of changed: nothing that was delivered is known to compare with
	started_at   INTEGER NOT NULL,
	ended_at     INTEGER
) STRICT;
CREATE INDEX dry_runs_running ON dry_runs (id) WHERE state = 'running';

-- Messages of a dry run that failed for the same, or still differ in the same: their number and a few of them.
CREATE TABLE dry_run_groups (
	run      INTEGER NOT NULL REFERENCES dry_runs (id),
	key      TEXT    NOT NULL,
	facts    TEXT    NOT NULL, -- JSON of deadletter.DryRunGroup
	messages INTEGER NOT NULL,
	PRIMARY KEY (run, key)
) STRICT, WITHOUT ROWID;

-- The dry run that would not change the message, and why: the recipe fails, or changes nothing. It has no mark if it
-- would be changed.
ALTER TABLE job_items ADD COLUMN dry_run INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job_items ADD COLUMN refusal TEXT NOT NULL DEFAULT '';
CREATE INDEX job_items_refused ON job_items (job, dry_run, message)
	WHERE refusal <> '' AND state = 'pending' AND behind = 0;

-- The dry run that a job was started after (0: none), whether messages that it would not change are still to be
-- skipped, and how many were.
ALTER TABLE jobs ADD COLUMN dry_run INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN sparing INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN spared INTEGER NOT NULL DEFAULT 0;
