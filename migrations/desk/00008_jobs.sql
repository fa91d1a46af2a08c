-- +goose Up
-- A job's messages are fixed in job_items, each with the version that it had then. The counts on the job are kept by a trigger, so that
-- its progress costs the same to read for ten messages and for a hundred thousand.
CREATE TABLE jobs (
	id          INTEGER PRIMARY KEY AUTOINCREMENT,
	action      TEXT    NOT NULL,
	patch       BLOB,
	reason      TEXT    NOT NULL,
	actor       TEXT    NOT NULL,
	by          TEXT    NOT NULL,
	addr        TEXT    NOT NULL,
	state       TEXT    NOT NULL CHECK (state IN ('draft', 'running', 'paused', 'done', 'cancelled')),
	why         TEXT    NOT NULL,
	filter      TEXT    NOT NULL,
	undoes      INTEGER,
	pending     INTEGER NOT NULL,
	ordered     INTEGER NOT NULL,
	done        INTEGER NOT NULL,
	failed      INTEGER NOT NULL,
	skipped     INTEGER NOT NULL,
	oldest      INTEGER,
	newest      INTEGER,
	unfit       INTEGER NOT NULL,
	unknown     INTEGER NOT NULL,
	created_at  INTEGER NOT NULL,
	started_at  INTEGER,
	ended_at    INTEGER,
	last_by     TEXT,
	last_action TEXT,
	last_at     INTEGER,
	hidden      INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX jobs_running ON jobs (id) WHERE state = 'running';
CREATE INDEX jobs_draft ON jobs (created_at) WHERE state = 'draft';
CREATE INDEX jobs_started ON jobs (id) WHERE state <> 'draft';
CREATE INDEX jobs_shown ON jobs (by, id) WHERE hidden = 0 AND state <> 'draft';
CREATE UNIQUE INDEX jobs_undo ON jobs (undoes) WHERE undoes IS NOT NULL;

CREATE TABLE job_items (
	job     INTEGER NOT NULL REFERENCES jobs (id),
	message  INTEGER NOT NULL REFERENCES messages (n),
	source  TEXT    NOT NULL,
	version INTEGER NOT NULL,
	state   TEXT    NOT NULL CHECK (state IN ('pending', 'ordered', 'done', 'failed', 'skipped')),
	error   TEXT    NOT NULL,
	PRIMARY KEY (job, message)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_items_pending ON job_items (job, source, message) WHERE state = 'pending';
-- A message has one delivery in flight at most, so it is in flight for one job at most.
CREATE UNIQUE INDEX job_items_ordered ON job_items (message) WHERE state = 'ordered';
CREATE INDEX job_items_failed ON job_items (job, message) WHERE state = 'failed';
CREATE INDEX job_items_skipped ON job_items (job, message) WHERE state = 'skipped';

-- +goose StatementBegin
CREATE TRIGGER job_items_counted AFTER UPDATE OF state ON job_items WHEN old.state <> new.state BEGIN
	UPDATE jobs SET
		pending = pending - (old.state = 'pending') + (new.state = 'pending'),
		ordered = ordered - (old.state = 'ordered') + (new.state = 'ordered'),
		done = done - (old.state = 'done') + (new.state = 'done'),
		failed = failed - (old.state = 'failed') + (new.state = 'failed'),
		skipped = skipped - (old.state = 'skipped') + (new.state = 'skipped')
	WHERE id = new.job;
END;
-- +goose StatementEnd

-- +goose Down
DROP TABLE job_items;
DROP TABLE jobs;
