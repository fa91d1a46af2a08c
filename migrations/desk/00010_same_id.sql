-- +goose Up

-- Messages of one source may claim one webhook_id with different content. content_digest is the SHA-256 of method,
-- query and body; '' for a message that shares its webhook_id with no other, or that an earlier version stored.
ALTER TABLE messages ADD COLUMN content_digest TEXT NOT NULL DEFAULT '';

-- Its deliveries carry its own id in place of webhook_id, because another message has that with other content.
ALTER TABLE messages ADD COLUMN own_webhook_id INTEGER NOT NULL DEFAULT 0;

-- Few messages are superseded, so this index costs the others nothing.
CREATE INDEX messages_same_id ON messages (source, webhook_id, content_digest) WHERE superseded = 1;

-- Arrivals with other content, which earlier versions merged into a message: its page lists them.
CREATE INDEX arrivals_differing ON arrivals (message, number) WHERE differs = 1;
