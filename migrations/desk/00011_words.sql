-- +goose Up
-- The words that a search can find, in their order.
CREATE VIRTUAL TABLE search_words USING fts5vocab (message_search, instance);

-- +goose Down
DROP TABLE search_words;
