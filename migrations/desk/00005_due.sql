-- +goose Up
-- What people ordered is found without looking past the automatic retries that wait, and the other way round.
DROP INDEX letters_due;
CREATE INDEX letters_due ON letters (source, status, due_at) WHERE due_at IS NOT NULL;

-- +goose Down
DROP INDEX letters_due;
CREATE INDEX letters_due ON letters (source, due_at) WHERE due_at IS NOT NULL;
