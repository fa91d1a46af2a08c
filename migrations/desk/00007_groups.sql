-- +goose Up
-- attempted_at is the latest attempt's time, or that of receipt where there was none, so that a list can be sorted by it.
ALTER TABLE messages ADD COLUMN event_type TEXT NOT NULL DEFAULT '';
ALTER TABLE messages ADD COLUMN fingerprint TEXT NOT NULL DEFAULT '';
ALTER TABLE messages ADD COLUMN attempted_at INTEGER NOT NULL DEFAULT 0;
UPDATE messages SET attempted_at = coalesce(last_attempt_at, received_at);
CREATE INDEX messages_event_type ON messages (event_type, status, n);
CREATE INDEX messages_group ON messages (fingerprint, status, n);
CREATE INDEX messages_attempted ON messages (attempted_at, n);
CREATE INDEX messages_status_attempted ON messages (status, attempted_at, n);

CREATE TABLE event_types (
	event_type TEXT    PRIMARY KEY,
	messages    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- +goose StatementBegin
CREATE TRIGGER messages_typed AFTER INSERT ON messages WHEN new.event_type <> '' BEGIN
	INSERT INTO event_types VALUES (new.event_type, 1) ON CONFLICT DO UPDATE SET messages = messages + 1;
END;
-- +goose StatementEnd

-- What is known of each cause. messages counts those that ever failed for it, open those that still wait for a delivery because of it;
-- the rest are deliveries that people ordered.
CREATE TABLE groups (
	fingerprint        TEXT    PRIMARY KEY,
	source             TEXT    NOT NULL,
	destination        TEXT    NOT NULL,
	reason             TEXT    NOT NULL,
	messages            INTEGER NOT NULL,
	open               INTEGER NOT NULL,
	first_at           INTEGER NOT NULL,
	last_at            INTEGER NOT NULL,
	unedited           INTEGER NOT NULL DEFAULT 0,
	unedited_delivered INTEGER NOT NULL DEFAULT 0,
	edited             INTEGER NOT NULL DEFAULT 0,
	edited_delivered   INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX groups_open ON groups (open DESC, fingerprint) WHERE open > 0;
-- +goose StatementBegin
CREATE TRIGGER messages_grouped AFTER INSERT ON messages WHEN new.fingerprint <> '' BEGIN
	INSERT INTO groups (fingerprint, source, destination, reason, messages, open, first_at, last_at)
	VALUES (new.fingerprint, new.source, new.destination, new.reason, 1, new.status IN ('failed', 'retrying', 'replaying'), new.received_at, new.received_at)
	ON CONFLICT DO UPDATE SET messages = messages + 1, open = open + excluded.open,
		first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER messages_regrouped AFTER UPDATE OF fingerprint ON messages WHEN old.fingerprint <> new.fingerprint BEGIN
	UPDATE groups SET open = open - 1 WHERE fingerprint = old.fingerprint AND old.status IN ('failed', 'retrying', 'replaying');
	INSERT INTO groups (fingerprint, source, destination, reason, messages, open, first_at, last_at)
	VALUES (new.fingerprint, new.source, new.destination, new.reason, 1, new.status IN ('failed', 'retrying', 'replaying'), new.attempted_at, new.attempted_at)
	ON CONFLICT DO UPDATE SET messages = messages + 1, open = open + excluded.open,
		first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER messages_left_group AFTER UPDATE OF status ON messages
WHEN old.fingerprint = new.fingerprint AND new.fingerprint <> ''
	AND (old.status IN ('failed', 'retrying', 'replaying')) <> (new.status IN ('failed', 'retrying', 'replaying')) BEGIN
	UPDATE groups SET open = open + iif(new.status IN ('failed', 'retrying', 'replaying'), 1, -1) WHERE fingerprint = new.fingerprint;
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER messages_left_group;
DROP TRIGGER messages_regrouped;
DROP TRIGGER messages_grouped;
DROP TABLE groups;
DROP TRIGGER messages_typed;
DROP TABLE event_types;
DROP INDEX messages_status_attempted;
DROP INDEX messages_attempted;
DROP INDEX messages_group;
DROP INDEX messages_event_type;
ALTER TABLE messages DROP COLUMN attempted_at;
ALTER TABLE messages DROP COLUMN fingerprint;
ALTER TABLE messages DROP COLUMN event_type;
