-- +goose Up

-- Alerts that ended, in the order in which they are deleted, each with those that are part of it.
CREATE INDEX alerts_ended ON alerts (resolved_at, id) WHERE part_of IS NULL AND resolved_at IS NOT NULL;
-- The sources of an alert, also for the foreign key when it is deleted.
CREATE INDEX alert_sources_alert ON alert_sources (alert, source);
