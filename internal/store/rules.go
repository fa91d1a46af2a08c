package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

// knownRules are rules that are committed, so that a failure costs no look-up.
type knownRules struct {
	version  int64
	grouping *deadletter.Grouping
	set      *deadletter.RuleSet // nil: there are none
}

const (
	messageRuleColumns = `r.id, r.name, r.source, r.fingerprint, r.cause, r.code, r.action, r.reason, r.recipe, r.patch,
	r.saved_recipe, r.saved_version, coalesce((SELECT name FROM recipes WHERE id = r.saved_recipe), ''),
	r.after_ms, r.times, r.per_hour, r.max_failed, r.unknown, r.state, r.why, r.by, r.version, r.created_by,
	r.created_at, r.last_by, r.last_action, r.last_at, r.owner, r.token`

	presentRules = `SELECT ` + messageRuleColumns + ` FROM rules r WHERE r.state <> 'away' ORDER BY r.id`
	ruleByID     = `SELECT ` + messageRuleColumns + ` FROM rules r WHERE r.id = ?`
	countRules   = `SELECT count(*) FROM rules WHERE state <> 'away'`
	rulesOnOf    = `SELECT ` + messageRuleColumns + ` FROM rules r WHERE r.state <> 'away' AND r.state = 'on'
		AND r.owner = ?`
	rulesOnOfToken = `SELECT ` + messageRuleColumns + ` FROM rules r WHERE r.state <> 'away' AND r.state = 'on'
		AND r.token = ?`

	raiseActing = `UPDATE cause_rules SET acting = acting + 1`

	addRule = `INSERT INTO rules (name, source, fingerprint, cause, code, action, reason, recipe, patch,
		saved_recipe, saved_version, after_ms, times, per_hour, max_failed, unknown, state, why, by, owner, token,
		version, last_by, last_action, last_at, created_by, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	updateRule = `UPDATE rules SET name = ?, source = ?, fingerprint = ?, cause = ?, code = ?, action = ?, reason = ?,
		recipe = ?, patch = ?, saved_recipe = ?, saved_version = ?, after_ms = ?, times = ?, per_hour = ?,
		max_failed = ?, unknown = ?, state = ?, why = ?, by = ?, owner = ?, token = ?, version = ?, last_by = ?,
		last_action = ?, last_at = ?
		WHERE id = ? AND version = ?`
)

func scanMessageRule(r sqlite.Row) (rule deadletter.Rule, err error) {
	var cause string
	var after, created, last int64
	if err := r.Scan(
		&rule.ID, &rule.Name, &rule.Match.Source, &rule.Match.Fingerprint, &cause, &rule.Match.Code, &rule.Action,
		&rule.Reason, &rule.Recipe.Kind, &rule.Recipe.Text, &rule.Saved.ID, &rule.Saved.Version, &rule.Saved.Name,
		&after, &rule.Times, &rule.PerHour, &rule.MaxFailed,
		&rule.Unknown, &rule.State, &rule.Why, &rule.By, &rule.Version, &rule.CreatedBy, &created, &rule.Last.By,
		&rule.Last.Action, &last, &rule.Owner, &rule.Token,
	); err != nil {
		return rule, err
	}
	rule.After = time.Duration(after) * time.Millisecond
	rule.CreatedAt, rule.Last.At = time.UnixMilli(created).UTC(), time.UnixMilli(last).UTC()
	if cause != "" {
		if err := json.Unmarshal([]byte(cause), &rule.Match.Cause); err != nil {
			return rule, fmt.Errorf("read rule %d: %w", rule.ID, err)
		}
		rule.Match.Cause.Source = rule.Match.Source
	}
	return rule, nil
}

func messageRules(ctx context.Context, q sqlite.Querier, query string, args ...any) ([]deadletter.Rule, error) {
	var list []deadletter.Rule
	err := sqlite.Each(ctx, q, func(r sqlite.Row) error {
		rule, err := scanMessageRule(r)
		list = append(list, rule)
		return err
	}, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read rules: %w", err)
	}
	return list, nil
}

// Rules returns the rules that are not put away, the oldest first. There are deadletter.MaxRules at most.
func (s *Store) Rules(ctx context.Context) ([]deadletter.Rule, error) {
	return messageRules(ctx, s.db, presentRules)
}

// Rule returns the rule with the given id. It returns NotFound if there is none.
func (s *Store) Rule(ctx context.Context, id deadletter.RuleID) (deadletter.Rule, error) {
	return messageRule(ctx, s.db, id)
}

// Rule returns the rule as this transaction sees it, or NotFound.
func (t *Tx) Rule(ctx context.Context, id deadletter.RuleID) (deadletter.Rule, error) {
	return messageRule(ctx, t.tx, id)
}

func messageRule(ctx context.Context, q sqlite.Querier, id deadletter.RuleID) (deadletter.Rule, error) {
	r, err := scanMessageRule(q.QueryRowContext(ctx, ruleByID, id))
	return r, notFound(err, "there is no rule %d", id)
}

// RulesOnOf returns the rules that are on in the name of a user.
func (t *Tx) RulesOnOf(ctx context.Context, user string) ([]deadletter.Rule, error) {
	return messageRules(ctx, t.tx, rulesOnOf, user)
}

// RulesOnOfToken returns the rules that were switched on with a token, and are on.
func (t *Tx) RulesOnOfToken(ctx context.Context, id deadletter.TokenID) ([]deadletter.Rule, error) {
	return messageRules(ctx, t.tx, rulesOnOfToken, id)
}

// CountRules returns how many rules are not put away.
func (t *Tx) CountRules(ctx context.Context) (n int, err error) {
	if err := t.tx.QueryRowContext(ctx, countRules).Scan(&n); err != nil {
		return 0, fmt.Errorf("count rules: %w", err)
	}
	return n, nil
}

// ApplyRule writes the change of a rule with its audit event, and returns the rule with its id. It returns Conflict if
// the version that the change started from is no longer the stored one.
func (t *Tx) ApplyRule(ctx context.Context, c deadletter.RuleChange) (deadletter.Rule, error) {
	r := c.After
	cause := ""
	if r.Match.Fingerprint != "" {
		var err error
		if cause, err = toJSON(r.Match.Cause); err != nil {
			return r, err
		}
	}
	values := []any{
		r.Name, r.Match.Source, r.Match.Fingerprint, cause, r.Match.Code, r.Action, r.Reason, r.Recipe.Kind,
		r.Recipe.Text, r.Saved.ID, r.Saved.Version, r.After.Milliseconds(), r.Times, r.PerHour, r.MaxFailed,
		r.Unknown, r.State, r.Why, r.By, r.Owner, r.Token,
		r.Version, r.Last.By, r.Last.Action, r.Last.At.UnixMilli(),
	}
	if _, err := t.tx.ExecContext(ctx, raiseActing); err != nil {
		return r, err
	}
	if err := t.writeMessageRule(ctx, &r, c.Before.Version, values); err != nil {
		return r, fmt.Errorf("write rule %d: %w", r.ID, err)
	}
	t.rulesChanged, c.Event.Target = true, r.ID.String()
	return r, t.Record(ctx, c.Event)
}

func (t *Tx) writeMessageRule(ctx context.Context, r *deadletter.Rule, version int, values []any) error {
	if r.ID == 0 {
		written, err := t.tx.ExecContext(ctx, addRule, append(values, r.CreatedBy, r.CreatedAt.UnixMilli())...)
		if err != nil {
			return err
		}
		id, err := written.LastInsertId()
		r.ID = deadletter.RuleID(id)
		return err
	}
	written, err := t.tx.ExecContext(ctx, updateRule, append(values, r.ID, version)...)
	if err != nil {
		return err
	}
	if n, err := written.RowsAffected(); err != nil || n == 0 {
		return errors.Join(
			deadletter.Errorf(deadletter.Conflict, "this rule was changed by someone else: reload and try again"), err,
		)
	}
	return nil
}

// ruleSet returns the rules for messages that fail; nil if there are none. It reads them only if they or the grouping
// have changed.
func (t *Tx) ruleSet(ctx context.Context) (*deadletter.RuleSet, error) {
	grouping, err := t.Grouping(ctx)
	if err != nil {
		return nil, err
	}
	known := t.store.rules.Load()
	if !t.rulesChanged && known != nil && known.version == t.group.acting && known.grouping == grouping {
		return known.set, nil
	}
	rules, err := messageRules(ctx, t.tx, presentRules)
	if err != nil {
		return nil, err
	}
	known = &knownRules{t.group.acting, grouping, nil}
	if len(rules) > 0 {
		known.set = deadletter.NewRuleSet(rules, grouping)
	}
	if !t.rulesChanged { // otherwise they are not committed
		t.store.rules.Store(known)
	}
	return known.set, nil
}
