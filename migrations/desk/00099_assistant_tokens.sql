-- +goose Up

-- Whether a token is good for /mcp alone, where an assistant reads and suggests.
ALTER TABLE tokens ADD COLUMN assistant INTEGER NOT NULL DEFAULT 0;
