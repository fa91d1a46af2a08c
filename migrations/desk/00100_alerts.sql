-- +goose Up

-- What people are told about. There is one open alert of a kind and key at most.
CREATE TABLE alerts (
	id          INTEGER PRIMARY KEY AUTOINCREMENT,
	kind        TEXT    NOT NULL,
	key         TEXT    NOT NULL,
	severity    TEXT    NOT NULL,
	sources     TEXT    NOT NULL, -- a JSON list; [] for dlqdesk itself
	cause       TEXT    NOT NULL, -- its fingerprint; '' for none
	job         INTEGER NOT NULL, -- 0 for none
	title       TEXT    NOT NULL, -- without the title of the cause, which is masked when it is shown
	text        TEXT    NOT NULL,
	facts       TEXT    NOT NULL, -- a JSON list
	raised_at   INTEGER NOT NULL,
	resolved_at INTEGER,          -- NULL: it is open
	resolution  TEXT    NOT NULL DEFAULT '',
	part_of     INTEGER REFERENCES alerts (id), -- the alert that tells about it
	muted       INTEGER NOT NULL DEFAULT 0 -- 1: it was resolved because its cause was muted
) STRICT;
CREATE UNIQUE INDEX alerts_open_key ON alerts (kind, key) WHERE resolved_at IS NULL;
CREATE INDEX alerts_kind ON alerts (kind, id);
CREATE INDEX alerts_open_whole ON alerts (id) WHERE resolved_at IS NULL AND part_of IS NULL;
CREATE INDEX alerts_whole ON alerts (id) WHERE part_of IS NULL;
CREATE INDEX alerts_cause ON alerts (cause, id) WHERE cause <> '';
CREATE INDEX alerts_parts ON alerts (part_of, id) WHERE part_of IS NOT NULL;
-- Those that stay open until their cause is resolved, and the others.
CREATE INDEX alerts_open_causes ON alerts (id) WHERE resolved_at IS NULL AND kind IN ('new-cause', 'regressed-cause');
CREATE INDEX alerts_open_states ON alerts (id) WHERE resolved_at IS NULL AND kind NOT IN ('new-cause', 'regressed-cause');

CREATE TABLE alert_sources (
	source TEXT    NOT NULL,
	alert  INTEGER NOT NULL REFERENCES alerts (id),
	PRIMARY KEY (source, alert)
) STRICT, WITHOUT ROWID;

-- What each sink is told. A lease is written before anything is sent: due_at is when it ends.
CREATE TABLE alert_deliveries (
	id       INTEGER PRIMARY KEY AUTOINCREMENT,
	alert    INTEGER REFERENCES alerts (id), -- NULL of a test
	sink     TEXT    NOT NULL,
	event    TEXT    NOT NULL CHECK (event IN ('raised', 'resolved', 'test')),
	notice   TEXT    NOT NULL UNIQUE, -- the id by which the receiver drops doubles
	by       TEXT    NOT NULL, -- who ordered a test
	state    TEXT    NOT NULL CHECK (state IN ('waiting', 'sent', 'given_up', 'dropped')),
	made_at  INTEGER NOT NULL,
	due_at   INTEGER NOT NULL,
	until    INTEGER NOT NULL, -- when it is given up
	lease    TEXT    NOT NULL DEFAULT '',
	tries    INTEGER NOT NULL DEFAULT 0,
	tried_at INTEGER,
	error    TEXT    NOT NULL DEFAULT '' -- of the latest try, or why it was dropped
) STRICT;
CREATE INDEX alert_deliveries_due ON alert_deliveries (sink, due_at) WHERE state = 'waiting';
CREATE INDEX alert_deliveries_alert ON alert_deliveries (alert, id) WHERE alert IS NOT NULL;
CREATE INDEX alert_deliveries_sink ON alert_deliveries (sink, state, tried_at);
CREATE INDEX alert_deliveries_raised ON alert_deliveries (sink, alert) WHERE event = 'raised';
CREATE INDEX alert_deliveries_tests ON alert_deliveries (sink, id) WHERE event = 'test';

-- Until when people were told of the state of a cause: state_at of then. Older states are no news.
ALTER TABLE causes ADD COLUMN told_at INTEGER NOT NULL DEFAULT 0;
UPDATE causes SET told_at = state_at;
CREATE INDEX causes_untold ON causes (state_at) WHERE told_at < state_at AND state NOT IN ('muted', 'resolved');

-- Jobs that are done, and those that people were not told of.
ALTER TABLE jobs ADD COLUMN told INTEGER NOT NULL DEFAULT 0;
UPDATE jobs SET told = 1 WHERE state IN ('done', 'cancelled');
CREATE INDEX jobs_untold ON jobs (id) WHERE state = 'done' AND told = 0;
CREATE INDEX jobs_halted ON jobs (id) WHERE state = 'paused' AND pause_reason <> '';
