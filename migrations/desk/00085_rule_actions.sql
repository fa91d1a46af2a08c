-- +goose Up

-- What a rule does to a message because it failed once. The row is written with the failure.
CREATE TABLE rule_actions (
	id           INTEGER PRIMARY KEY AUTOINCREMENT,
	rule         INTEGER NOT NULL REFERENCES rules (id),
	rule_version INTEGER NOT NULL,
	message      INTEGER NOT NULL REFERENCES messages (n),
	version      INTEGER NOT NULL, -- of the message when it failed
	order_key    INTEGER,          -- of the message
	failed_at    INTEGER NOT NULL,
	due_at       INTEGER NOT NULL,
	acted_at     INTEGER,
	state        TEXT    NOT NULL
		CHECK (state IN ('shadow', 'waiting', 'in_flight', 'archived', 'delivered', 'failed', 'skipped')),
	at           INTEGER NOT NULL, -- of the state
	text         TEXT    NOT NULL  -- why the message was skipped, or what its replay failed for
) STRICT;
CREATE INDEX rule_actions_due ON rule_actions (rule, due_at) WHERE state = 'waiting';
-- A message has one delivery in flight at most, so it is in flight for one rule at most.
CREATE UNIQUE INDEX rule_actions_in_flight ON rule_actions (message) WHERE state = 'in_flight';
-- The older actions of an order key, for which the next one waits.
CREATE INDEX rule_actions_order ON rule_actions (rule, order_key, message)
	WHERE order_key IS NOT NULL AND state IN ('waiting', 'in_flight');
CREATE INDEX rule_actions_acted ON rule_actions (rule, acted_at, rule_version, state) WHERE acted_at IS NOT NULL;
CREATE INDEX rule_actions_of_message ON rule_actions (message, rule, state);
CREATE INDEX rule_actions_latest ON rule_actions (rule, at, state);
CREATE INDEX rule_actions_of_rule ON rule_actions (rule);
