-- +goose Up
-- read_from is the name of the listed queue that a letter was read from; '' for the program's own. Its letters are found by it, and so
-- are those of them that are to be sent back.
ALTER TABLE letters ADD COLUMN read_from TEXT NOT NULL DEFAULT '';
CREATE INDEX letters_read_from ON letters (read_from, status, n) WHERE read_from <> '';
CREATE INDEX letters_redrive ON letters (read_from, due_at) WHERE read_from <> '' AND due_at IS NOT NULL;

-- message_id is what SQS called the message that a redrive sent, and sent_digest names one that could carry no mark of ours: by either a
-- letter is known when it comes back.
ALTER TABLE attempts ADD COLUMN message_id TEXT NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN sent_digest TEXT NOT NULL DEFAULT '';
CREATE INDEX attempts_message ON attempts (message_id) WHERE message_id <> '';
CREATE INDEX attempts_digest ON attempts (sent_digest) WHERE sent_digest <> '';

-- The queue message of a letter whose body is only a part of it, so that it can be sent back to the byte.
ALTER TABLE revisions ADD COLUMN message BLOB;

-- +goose Down
ALTER TABLE revisions DROP COLUMN message;
DROP INDEX attempts_digest;
DROP INDEX attempts_message;
ALTER TABLE attempts DROP COLUMN sent_digest;
ALTER TABLE attempts DROP COLUMN message_id;
DROP INDEX letters_redrive;
DROP INDEX letters_read_from;
ALTER TABLE letters DROP COLUMN read_from;
