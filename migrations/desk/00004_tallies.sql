-- +goose Up
-- What happened to messages, counted by the minute and by the hour (step is in milliseconds), so that a plot costs what it shows and
-- not what the desk keeps. Received messages count at the time of their receipt, deliveries at that of their audit event.
CREATE TABLE tallies (
	step      INTEGER NOT NULL CHECK (step IN (60000, 3600000)),
	at        INTEGER NOT NULL,
	source    TEXT    NOT NULL,
	failed    INTEGER NOT NULL DEFAULT 0,
	by_itself INTEGER NOT NULL DEFAULT 0,
	by_people INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (step, at, source)
) STRICT, WITHOUT ROWID;

INSERT INTO tallies (step, at, source, failed, by_itself, by_people)
SELECT step, moment - moment % step, source, sum(failed), sum(by_itself), sum(by_people) FROM (
	SELECT received_at AS moment, source, 1 AS failed, 0 AS by_itself, 0 AS by_people FROM messages
	UNION ALL
	SELECT at, source, 0, actor = 'system', actor <> 'system' FROM audit_events WHERE action = 'attempt.delivered'
) CROSS JOIN (SELECT 60000 AS step UNION ALL SELECT 3600000)
GROUP BY 1, 2, 3;

-- +goose StatementBegin
CREATE TRIGGER messages_tallied AFTER INSERT ON messages BEGIN
	INSERT INTO tallies (step, at, source, failed)
	VALUES (60000, new.received_at - new.received_at % 60000, new.source, 1), (3600000, new.received_at - new.received_at % 3600000, new.source, 1)
	ON CONFLICT DO UPDATE SET failed = failed + 1;
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

-- +goose Down
DROP TRIGGER deliveries_tallied;
DROP TRIGGER messages_tallied;
DROP TABLE tallies;
