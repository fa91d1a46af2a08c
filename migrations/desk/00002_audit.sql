-- +goose Up
-- link is the HMAC of the row and of the link before it; the seal in audit_head vouches for the last one.
CREATE TABLE audit_events (
	seq         INTEGER PRIMARY KEY,
	at          INTEGER NOT NULL,
	actor       TEXT    NOT NULL,
	by          TEXT    NOT NULL,
	addr        TEXT    NOT NULL,
	action      TEXT    NOT NULL,
	target_kind TEXT    NOT NULL,
	target      TEXT    NOT NULL,
	source      TEXT    NOT NULL,
	reason      TEXT    NOT NULL,
	before      TEXT,
	after       TEXT,
	link        BLOB    NOT NULL
) STRICT;
CREATE INDEX audit_by_target ON audit_events (target, seq);
CREATE INDEX audit_by_actor ON audit_events (by, seq);
CREATE INDEX audit_by_action ON audit_events (action, seq);
CREATE INDEX audit_by_time ON audit_events (at);
-- +goose StatementBegin
CREATE TRIGGER audit_events_stay BEFORE UPDATE ON audit_events BEGIN
	SELECT RAISE(ABORT, 'audit events can be neither changed nor deleted');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_events_kept BEFORE DELETE ON audit_events BEGIN
	SELECT RAISE(ABORT, 'audit events can be neither changed nor deleted');
END;
-- +goose StatementEnd
-- INSERT OR REPLACE deletes without asking the trigger above.
-- +goose StatementBegin
CREATE TRIGGER audit_events_once BEFORE INSERT ON audit_events WHEN EXISTS (SELECT 1 FROM audit_events WHERE seq = new.seq) BEGIN
	SELECT RAISE(ABORT, 'audit events can be neither changed nor deleted');
END;
-- +goose StatementEnd
CREATE TABLE audit_head (
	one  INTEGER PRIMARY KEY CHECK (one = 1),
	seq  INTEGER NOT NULL,
	link BLOB    NOT NULL,
	seal BLOB    NOT NULL
) STRICT;

-- +goose Down
DROP TABLE audit_head;
DROP TABLE audit_events;
