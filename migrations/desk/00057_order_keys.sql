-- +goose Up

-- The thing that a message is about, such as a conversation, as a hash. NULL: it names none.
ALTER TABLE messages ADD COLUMN order_key INTEGER;
CREATE INDEX messages_order ON messages (order_key) WHERE order_key IS NOT NULL;

-- The things that the messages of a cause are about are counted in this index alone.
DROP INDEX IF EXISTS messages_cause;
CREATE INDEX messages_cause ON messages (fingerprint, status, n, order_key);

-- Every index ends with the row number n by itself. Naming it stored it twice.
DROP INDEX IF EXISTS messages_status;
DROP INDEX IF EXISTS messages_source;
DROP INDEX IF EXISTS messages_code;
DROP INDEX IF EXISTS messages_outcome;
DROP INDEX IF EXISTS messages_event_type;
CREATE INDEX messages_status ON messages (status);
CREATE INDEX messages_source ON messages (source, status);
CREATE INDEX messages_code ON messages (status_code, status);
CREATE INDEX messages_outcome ON messages (outcome, status);
CREATE INDEX messages_event_type ON messages (event_type, status);

-- Webhooks that were delivered, of things that messages are about, by the time of their receipt. The oldest are deleted.
CREATE TABLE delivered_events (
	order_key   INTEGER NOT NULL,
	received_at INTEGER NOT NULL,
	PRIMARY KEY (order_key, received_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX delivered_events_age ON delivered_events (received_at);

-- The places in which the configuration finds the keys, and the messages that have theirs by these: those from the row
-- number below on.
CREATE TABLE order_key_places (
	one    INTEGER PRIMARY KEY CHECK (one = 1),
	places TEXT    NOT NULL,
	below  INTEGER NOT NULL
) STRICT;
INSERT INTO order_key_places VALUES (1, '', 0);
