-- +goose Up
-- read_from is the name of the listed queue that a message was read from; '' for the program's own. Its messages are found by it, and so
-- are those of them that are to be sent back.
ALTER TABLE messages ADD COLUMN read_from TEXT NOT NULL DEFAULT '';
CREATE INDEX messages_read_from ON messages (read_from, status, n) WHERE read_from <> '';
CREATE INDEX messages_redrive ON messages (read_from, due_at) WHERE read_from <> '' AND due_at IS NOT NULL;

-- queue_message_id is what SQS called the message that a redrive sent, and sent_digest names one that could carry no mark of ours: by either a
-- message is known when it comes back.
ALTER TABLE attempts ADD COLUMN queue_message_id TEXT NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN sent_digest TEXT NOT NULL DEFAULT '';
CREATE INDEX attempts_message ON attempts (queue_message_id) WHERE queue_message_id <> '';
CREATE INDEX attempts_digest ON attempts (sent_digest) WHERE sent_digest <> '';

-- The queue message of a message whose body is only a part of it, so that it can be sent back to the byte.
ALTER TABLE revisions ADD COLUMN queue_message BLOB;

-- +goose Down
ALTER TABLE revisions DROP COLUMN queue_message;
DROP INDEX attempts_digest;
DROP INDEX attempts_message;
ALTER TABLE attempts DROP COLUMN sent_digest;
ALTER TABLE attempts DROP COLUMN queue_message_id;
DROP INDEX messages_redrive;
DROP INDEX messages_read_from;
ALTER TABLE messages DROP COLUMN read_from;
