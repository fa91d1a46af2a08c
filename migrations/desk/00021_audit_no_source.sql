-- +goose Up
-- Events of messages whose message named no source are few where there are any: without an index a search for them would read the whole
-- trail.
CREATE INDEX audit_without_source ON audit_events (seq) WHERE source = '' AND target_kind = 'message';

-- +goose Down
DROP INDEX audit_without_source;
