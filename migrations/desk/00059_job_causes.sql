-- +goose Up

-- What jobs came to, by the cause that a message had when the job took it up. The rows of a cause that was joined to
-- another stay with its fingerprint.
CREATE TABLE job_causes (
	fingerprint TEXT    NOT NULL,
	job         INTEGER NOT NULL REFERENCES jobs (id),
	done        INTEGER NOT NULL, -- as in jobs
	failed      INTEGER NOT NULL,
	skipped     INTEGER NOT NULL,
	PRIMARY KEY (fingerprint, job)
) STRICT, WITHOUT ROWID;

-- The latest jobs of an earlier version: a message that was delivered still has the cause of its latest failure.
INSERT INTO job_causes
SELECT m.fingerprint, i.job, sum(i.state = 'done'), sum(i.state = 'failed'), sum(i.state = 'skipped')
FROM (SELECT id FROM jobs WHERE state <> 'draft' ORDER BY id DESC LIMIT 20) j
CROSS JOIN job_items i ON i.job = j.id CROSS JOIN messages m ON m.n = i.message
WHERE m.fingerprint <> '' AND i.state <> 'pending'
GROUP BY 1, 2;
