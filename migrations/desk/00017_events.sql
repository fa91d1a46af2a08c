-- +goose Up
-- A platform may use the id of an event again: it stands for the latest letter, and an older one is superseded.
ALTER TABLE letters ADD COLUMN superseded INTEGER NOT NULL DEFAULT 0;
DROP INDEX letters_webhook;
CREATE UNIQUE INDEX letters_webhook ON letters (source, webhook_id) WHERE superseded = 0;

-- +goose Down
DROP INDEX letters_webhook;
CREATE UNIQUE INDEX letters_webhook ON letters (source, webhook_id);
ALTER TABLE letters DROP COLUMN superseded;
