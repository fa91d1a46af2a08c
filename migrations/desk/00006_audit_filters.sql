-- +goose Up
-- The trail of one source, and of what people did, each in its order. What the program did is everywhere, and needs no index.
CREATE INDEX audit_by_source ON audit_events (source, seq) WHERE source <> '';
CREATE INDEX audit_by_people ON audit_events (seq) WHERE actor <> 'system';

-- +goose Down
DROP INDEX audit_by_people;
DROP INDEX audit_by_source;
