-- +goose Up

-- How many messages of a job got each result, by the time since the job began, in milliseconds: a row of the first
-- minute is of one second, and those of later times are of longer ones.
CREATE TABLE job_results (
	job     INTEGER NOT NULL REFERENCES jobs (id),
	after   INTEGER NOT NULL,
	done    INTEGER NOT NULL, -- as in jobs
	failed  INTEGER NOT NULL,
	skipped INTEGER NOT NULL,
	PRIMARY KEY (job, after)
) STRICT, WITHOUT ROWID;
