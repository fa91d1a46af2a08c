-- +goose Up

-- The version of a saved recipe that a job used.
ALTER TABLE jobs ADD COLUMN saved_recipe INTEGER;
ALTER TABLE jobs ADD COLUMN saved_version INTEGER NOT NULL DEFAULT 0;
CREATE INDEX jobs_recipe ON jobs (saved_recipe, id) WHERE saved_recipe IS NOT NULL;

-- The version that made a revision.
ALTER TABLE revisions ADD COLUMN recipe INTEGER;
ALTER TABLE revisions ADD COLUMN recipe_version INTEGER;
