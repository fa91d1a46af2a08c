-- +goose Up

-- A job's page names the causes that its messages had.
CREATE INDEX job_causes_of_job ON job_causes (job);
