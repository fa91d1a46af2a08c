-- +goose Up

-- Failures and recoveries of a cause by the hour in which they were, for plots. A message counts as recovered when it
-- was delivered or redriven.
CREATE TABLE cause_hours (
	fingerprint TEXT    NOT NULL,
	at          INTEGER NOT NULL, -- when the hour begins
	failed      INTEGER NOT NULL,
	recovered   INTEGER NOT NULL,
	PRIMARY KEY (fingerprint, at)
) STRICT, WITHOUT ROWID;

-- The past of stored messages: two days of it, and of the newest messages alone.
WITH recent AS (
	SELECT fingerprint, received_at, attempted_at, status FROM (SELECT * FROM messages ORDER BY n DESC LIMIT 200000)
	WHERE received_at >= unixepoch() * 1000 - 172800000 AND fingerprint <> ''
)
INSERT INTO cause_hours
SELECT fingerprint, at - at % 3600000, sum(failed), sum(recovered) FROM (
	SELECT fingerprint, received_at AS at, 1 AS failed, 0 AS recovered FROM recent
	UNION ALL
	SELECT fingerprint, attempted_at, 0, 1 FROM recent WHERE status IN ('resolved', 'redriven')
) GROUP BY 1, 2;
