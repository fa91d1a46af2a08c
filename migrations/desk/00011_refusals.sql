-- +goose Up

-- Requests that the receiver refused, by source and reason. source is '' for all requests to no configured source.
CREATE TABLE refusals (
	source    TEXT    NOT NULL,
	reason    TEXT    NOT NULL,
	refused   INTEGER NOT NULL,
	first_at  INTEGER NOT NULL,
	latest_at INTEGER NOT NULL,
	why       TEXT    NOT NULL, -- of the latest
	PRIMARY KEY (source, reason)
) STRICT, WITHOUT ROWID;
