-- +goose Up
-- attempted_at is the latest attempt's time, or that of receipt where there was none, so that a list can be sorted by it.
ALTER TABLE letters ADD COLUMN event_type TEXT NOT NULL DEFAULT '';
ALTER TABLE letters ADD COLUMN fingerprint TEXT NOT NULL DEFAULT '';
ALTER TABLE letters ADD COLUMN attempted_at INTEGER NOT NULL DEFAULT 0;
UPDATE letters SET attempted_at = coalesce(last_attempt_at, received_at);
CREATE INDEX letters_event_type ON letters (event_type, status, n);
CREATE INDEX letters_group ON letters (fingerprint, status, n);
CREATE INDEX letters_attempted ON letters (attempted_at, n);
CREATE INDEX letters_status_attempted ON letters (status, attempted_at, n);

CREATE TABLE event_types (
	event_type TEXT    PRIMARY KEY,
	letters    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- +goose StatementBegin
CREATE TRIGGER letters_typed AFTER INSERT ON letters WHEN new.event_type <> '' BEGIN
	INSERT INTO event_types VALUES (new.event_type, 1) ON CONFLICT DO UPDATE SET letters = letters + 1;
END;
-- +goose StatementEnd

-- What is known of each cause. letters counts those that ever failed for it, open those that still wait for a delivery because of it;
-- the rest are deliveries that people ordered.
CREATE TABLE groups (
	fingerprint        TEXT    PRIMARY KEY,
	source             TEXT    NOT NULL,
	destination        TEXT    NOT NULL,
	reason             TEXT    NOT NULL,
	letters            INTEGER NOT NULL,
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
CREATE TRIGGER letters_grouped AFTER INSERT ON letters WHEN new.fingerprint <> '' BEGIN
	INSERT INTO groups (fingerprint, source, destination, reason, letters, open, first_at, last_at)
	VALUES (new.fingerprint, new.source, new.destination, new.reason, 1, new.status IN ('failed', 'retrying', 'replaying'), new.received_at, new.received_at)
	ON CONFLICT DO UPDATE SET letters = letters + 1, open = open + excluded.open,
		first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER letters_regrouped AFTER UPDATE OF fingerprint ON letters WHEN old.fingerprint <> new.fingerprint BEGIN
	UPDATE groups SET open = open - 1 WHERE fingerprint = old.fingerprint AND old.status IN ('failed', 'retrying', 'replaying');
	INSERT INTO groups (fingerprint, source, destination, reason, letters, open, first_at, last_at)
	VALUES (new.fingerprint, new.source, new.destination, new.reason, 1, new.status IN ('failed', 'retrying', 'replaying'), new.attempted_at, new.attempted_at)
	ON CONFLICT DO UPDATE SET letters = letters + 1, open = open + excluded.open,
		first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER letters_left_group AFTER UPDATE OF status ON letters
WHEN old.fingerprint = new.fingerprint AND new.fingerprint <> ''
	AND (old.status IN ('failed', 'retrying', 'replaying')) <> (new.status IN ('failed', 'retrying', 'replaying')) BEGIN
	UPDATE groups SET open = open + iif(new.status IN ('failed', 'retrying', 'replaying'), 1, -1) WHERE fingerprint = new.fingerprint;
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER letters_left_group;
DROP TRIGGER letters_regrouped;
DROP TRIGGER letters_grouped;
DROP TABLE groups;
DROP TRIGGER letters_typed;
DROP TABLE event_types;
DROP INDEX letters_status_attempted;
DROP INDEX letters_attempted;
DROP INDEX letters_group;
DROP INDEX letters_event_type;
ALTER TABLE letters DROP COLUMN attempted_at;
ALTER TABLE letters DROP COLUMN fingerprint;
ALTER TABLE letters DROP COLUMN event_type;
