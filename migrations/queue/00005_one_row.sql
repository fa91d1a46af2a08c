-- +goose Up

-- A message is one row, written when it is sent and deleted when it was processed. It never changes. Which messages are
-- in flight is known only to the process that received them: when it ends, none of its receivers is left.
CREATE TABLE queued (
	n                INTEGER PRIMARY KEY,
	queue            TEXT    NOT NULL,
	id               TEXT    NOT NULL,
	message_group    TEXT,             -- NULL on a queue without order
	deduplication_id TEXT,
	sent_at          INTEGER NOT NULL,
	attributes       TEXT,             -- JSON; NULL: none
	body             BLOB    NOT NULL
) STRICT;
INSERT INTO queued
	SELECT n, queue, id, m.message_group, deduplication_id, sent_at, nullif(attributes, 'null'), body
	FROM messages m JOIN contents USING (n) ORDER BY n;
DROP TABLE messages;
DROP TABLE contents;
ALTER TABLE queued RENAME TO messages;
CREATE INDEX messages_queue ON messages (queue);
CREATE INDEX messages_group ON messages (queue, message_group) WHERE message_group IS NOT NULL;

-- Message groups by their first message.
CREATE TABLE message_groups (
	queue         TEXT    NOT NULL,
	message_group TEXT    NOT NULL,
	first         INTEGER NOT NULL,
	PRIMARY KEY (queue, message_group)
) STRICT, WITHOUT ROWID;
CREATE INDEX message_groups_order ON message_groups (queue, first);
INSERT INTO message_groups
	SELECT queue, message_group, min(n) FROM messages WHERE message_group IS NOT NULL GROUP BY queue, message_group;
DROP TABLE ready_groups;

-- They are counted when the file is opened.
DROP TABLE totals;
