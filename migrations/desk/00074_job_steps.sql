-- +goose Up

-- The steps of a job: the messages of each as a JSON array ('': none), whether it asks a person after each, the present
-- one from 1, and the failures that a person had seen when they resumed it.
ALTER TABLE jobs ADD COLUMN steps TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN ask INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN step INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN forgiven INTEGER NOT NULL DEFAULT 0;
UPDATE jobs SET steps = json_array(test_batch), ask = 1, step = 1 WHERE test_batch > 0;
ALTER TABLE jobs DROP COLUMN test_batch;

-- Deliveries in flight at once at each destination (0: as many as that has), and which messages go first.
ALTER TABLE jobs ADD COLUMN places INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN sequence TEXT NOT NULL DEFAULT 'oldest';

-- The step of a message (0: the rest), and its place where the sequence is not that of receipt.
ALTER TABLE job_items ADD COLUMN step INTEGER NOT NULL DEFAULT 0;
ALTER TABLE job_items ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
CREATE INDEX job_items_steps ON job_items (job, step, source, message)
	WHERE step > 0 AND state = 'pending' AND behind = 0;
CREATE INDEX job_items_places ON job_items (job, source, place, message)
	WHERE place > 0 AND state = 'pending' AND behind = 0;

-- Messages that failed for the cause that they had before, since the job was started or resumed.
ALTER TABLE job_causes ADD COLUMN again INTEGER NOT NULL DEFAULT 0;
