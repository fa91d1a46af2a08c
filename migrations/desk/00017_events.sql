-- +goose Up
-- A platform may use the id of an event again: it stands for the latest message, and an older one is superseded.
ALTER TABLE messages ADD COLUMN superseded INTEGER NOT NULL DEFAULT 0;
DROP INDEX messages_webhook;
CREATE UNIQUE INDEX messages_webhook ON messages (source, webhook_id) WHERE superseded = 0;

-- +goose Down
DROP INDEX messages_webhook;
CREATE UNIQUE INDEX messages_webhook ON messages (source, webhook_id);
ALTER TABLE messages DROP COLUMN superseded;
