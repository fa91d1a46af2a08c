-- +goose Up

-- The token with which a token was made, and with which it ends; 0: a person made it.
ALTER TABLE tokens ADD COLUMN parent INTEGER NOT NULL DEFAULT 0;
CREATE INDEX tokens_parent ON tokens (parent) WHERE revoked_at IS NULL;
