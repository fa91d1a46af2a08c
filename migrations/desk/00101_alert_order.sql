-- +goose Up

-- What a sink is told of the same topic is told in order; '' for a test.
ALTER TABLE alert_deliveries ADD COLUMN topic TEXT NOT NULL DEFAULT '';
UPDATE alert_deliveries SET topic = (
	SELECT CASE WHEN a.kind IN ('new-cause', 'regressed-cause') THEN a.key ELSE a.kind || ' ' || a.key END
	FROM alerts a WHERE a.id = alert_deliveries.alert
) WHERE alert IS NOT NULL;
-- 1: the sink was not told that an earlier alert of the topic ended.
ALTER TABLE alert_deliveries ADD COLUMN supersedes INTEGER NOT NULL DEFAULT 0;
CREATE INDEX alert_deliveries_topic ON alert_deliveries (sink, topic, id) WHERE state = 'waiting';

-- Causes that people were not told of are read source by source.
DROP INDEX causes_untold;
CREATE INDEX causes_untold ON causes (source, state_at)
	WHERE told_at < state_at AND state NOT IN ('muted', 'resolved');
