-- +goose Up
-- A job pauses by itself once its first messages (canary, 0: none) have their results, and begins no more than rate messages a second (0: as
-- fast as it goes).
ALTER TABLE jobs ADD COLUMN canary INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN rate INTEGER NOT NULL DEFAULT 0;

-- Groups of FIFO queues of which a job could not send a message back: what follows in them would overtake it.
CREATE TABLE job_stopped_groups (
	job           INTEGER NOT NULL REFERENCES jobs (id),
	queue         TEXT    NOT NULL,
	message_group TEXT    NOT NULL,
	PRIMARY KEY (job, queue, message_group)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE job_stopped_groups;
ALTER TABLE jobs DROP COLUMN rate;
ALTER TABLE jobs DROP COLUMN canary;
