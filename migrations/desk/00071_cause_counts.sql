-- +goose Up

-- Messages by their cause and the values of message_counts: a list that is grouped by cause counts none one by one.
CREATE TABLE cause_counts (
	fingerprint TEXT    NOT NULL,
	source      TEXT    NOT NULL,
	status      TEXT    NOT NULL,
	outcome     TEXT    NOT NULL,
	status_code INTEGER NOT NULL,
	messages    INTEGER NOT NULL,
	PRIMARY KEY (fingerprint, source, status, outcome, status_code)
) STRICT, WITHOUT ROWID;
INSERT INTO cause_counts
SELECT fingerprint, source, status, outcome, status_code, count(*) FROM messages WHERE fingerprint <> '' GROUP BY 1, 2, 3, 4, 5;
