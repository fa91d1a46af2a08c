-- +goose Up
-- What people ordered is found without looking past the automatic retries that wait, and the other way round.
DROP INDEX messages_due;
CREATE INDEX messages_due ON messages (source, status, due_at) WHERE due_at IS NOT NULL;

-- +goose Down
DROP INDEX messages_due;
CREATE INDEX messages_due ON messages (source, due_at) WHERE due_at IS NOT NULL;
