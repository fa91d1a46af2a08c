-- +goose Up
-- What is kept as counts is added up by the program and written once for all that a commit is of: a trigger did it for each message, and
-- took a third of the time that a message cost.
DROP TRIGGER messages_counted;
DROP TRIGGER messages_recounted;
DROP TRIGGER messages_tallied;
DROP TRIGGER deliveries_tallied;
DROP TRIGGER messages_typed;
DROP TRIGGER messages_grouped;
DROP TRIGGER messages_regrouped;
DROP TRIGGER messages_left_group;
DROP TRIGGER job_items_counted;

-- What the program did is everywhere in the trail, and needs no index by its name.
DROP INDEX audit_by_actor;
CREATE INDEX audit_by_actor ON audit_events (by, seq) WHERE actor <> 'system';
-- Where a time range begins and ends is found to within so many events, which are then looked at one by one.
DROP INDEX audit_by_time;
CREATE INDEX audit_by_time ON audit_events (at) WHERE seq % 64 = 0;

-- FAIL in place of ABORT: there is nothing to undo, and SQLite keeps no copy of each page that an event is written to for that.
DROP TRIGGER audit_events_once;
-- +goose StatementBegin
CREATE TRIGGER audit_events_once BEFORE INSERT ON audit_events WHEN EXISTS (SELECT 1 FROM audit_events WHERE seq = new.seq) BEGIN
	SELECT RAISE(FAIL, 'audit events can be neither changed nor deleted');
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER audit_events_once;
-- +goose StatementBegin
CREATE TRIGGER audit_events_once BEFORE INSERT ON audit_events WHEN EXISTS (SELECT 1 FROM audit_events WHERE seq = new.seq) BEGIN
	SELECT RAISE(ABORT, 'audit events can be neither changed nor deleted');
END;
-- +goose StatementEnd
DROP INDEX audit_by_time;
CREATE INDEX audit_by_time ON audit_events (at);
DROP INDEX audit_by_actor;
CREATE INDEX audit_by_actor ON audit_events (by, seq);
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
-- +goose StatementBegin
CREATE TRIGGER messages_left_group AFTER UPDATE OF status ON messages
WHEN old.fingerprint = new.fingerprint AND new.fingerprint <> ''
	AND (old.status IN ('failed', 'retrying', 'replaying')) <> (new.status IN ('failed', 'retrying', 'replaying')) BEGIN
	UPDATE groups SET open = open + iif(new.status IN ('failed', 'retrying', 'replaying'), 1, -1) WHERE fingerprint = new.fingerprint;
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
CREATE TRIGGER messages_grouped AFTER INSERT ON messages WHEN new.fingerprint <> '' BEGIN
	INSERT INTO groups (fingerprint, source, destination, reason, messages, open, first_at, last_at)
	VALUES (new.fingerprint, new.source, new.destination, new.reason, 1, new.status IN ('failed', 'retrying', 'replaying'), new.received_at, new.received_at)
	ON CONFLICT DO UPDATE SET messages = messages + 1, open = open + excluded.open,
		first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER messages_typed AFTER INSERT ON messages WHEN new.event_type <> '' BEGIN
	INSERT INTO event_types VALUES (new.event_type, 1) ON CONFLICT DO UPDATE SET messages = messages + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER deliveries_tallied AFTER INSERT ON audit_events WHEN new.action = 'attempt.delivered' BEGIN
	INSERT INTO tallies (step, at, source, by_itself, by_people)
	VALUES (60000, new.at - new.at % 60000, new.source, new.actor = 'system', new.actor <> 'system'),
		(3600000, new.at - new.at % 3600000, new.source, new.actor = 'system', new.actor <> 'system')
	ON CONFLICT DO UPDATE SET by_itself = by_itself + excluded.by_itself, by_people = by_people + excluded.by_people;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER messages_tallied AFTER INSERT ON messages BEGIN
	INSERT INTO tallies (step, at, source, failed)
	VALUES (60000, new.received_at - new.received_at % 60000, new.source, 1), (3600000, new.received_at - new.received_at % 3600000, new.source, 1)
	ON CONFLICT DO UPDATE SET failed = failed + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER messages_recounted AFTER UPDATE OF source, status, outcome, status_code ON messages
WHEN (old.source, old.status, old.outcome, old.status_code) IS NOT (new.source, new.status, new.outcome, new.status_code) BEGIN
	UPDATE message_counts SET messages = messages - 1
	WHERE source = old.source AND status = old.status AND outcome = old.outcome AND status_code = old.status_code;
	INSERT INTO message_counts VALUES (new.source, new.status, new.outcome, new.status_code, 1)
	ON CONFLICT DO UPDATE SET messages = messages + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER messages_counted AFTER INSERT ON messages BEGIN
	INSERT INTO message_counts VALUES (new.source, new.status, new.outcome, new.status_code, 1)
	ON CONFLICT DO UPDATE SET messages = messages + 1;
END;
-- +goose StatementEnd
