-- +goose Up
-- What outlives the program of what is known of a destination, as JSON: that it is down, and since when.
CREATE TABLE destinations (
	source TEXT PRIMARY KEY,
	memory TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE destinations;
