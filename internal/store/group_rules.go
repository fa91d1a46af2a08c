package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

// knownGrouping is a grouping by rules that are committed.
type knownGrouping struct {
	version  int64 // of the rules
	grouping *deadletter.Grouping
}

// groupState is what the writes of one commit know of the grouping.
type groupState struct {
	grouping *deadletter.Grouping // nil: not looked up yet
	active   bool                 // messages are being grouped anew
	acting   int64                // the version of the rules that act on messages
}

const (
	ruleColumns = `id, kind, source, pattern, title, merged, into_cause, configured, by, at, undone_by, undone_at`

	groupVersion = `SELECT rules, EXISTS (SELECT 1 FROM regrouping WHERE done = 0), acting
		FROM cause_rules`
	raiseVersion  = `UPDATE cause_rules SET rules = rules + 1`
	rulesInForce  = `SELECT ` + ruleColumns + ` FROM group_rules WHERE undone_at IS NULL ORDER BY id`
	rulesOfSource = `SELECT ` + ruleColumns + ` FROM group_rules WHERE ?1 = '' OR source = ?1 ORDER BY id DESC LIMIT ?2`
	oneRule       = `SELECT ` + ruleColumns + ` FROM group_rules WHERE id = ?`
	insertRule    = `INSERT INTO group_rules (kind, source, pattern, title, merged, into_cause, configured, by, at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
	undoRule = `UPDATE group_rules SET undone_by = ?, undone_at = ? WHERE id = ? AND undone_at IS NULL`
)

func scanRule(r sqlite.Row) (deadletter.GroupRule, error) {
	var rule deadletter.GroupRule
	var merged, into string
	var at int64
	var undoneBy sql.NullString
	var undoneAt sql.NullInt64
	if err := r.Scan(&rule.ID, &rule.Kind, &rule.Source, &rule.Pattern, &rule.Title, &merged, &into, &rule.Configured,
		&rule.By, &at, &undoneBy, &undoneAt); err != nil {
		return rule, err
	}
	rule.At, rule.UndoneBy, rule.UndoneAt = time.UnixMilli(at).UTC(), undoneBy.String, sqlite.Time(undoneAt)
	for text, to := range map[string]any{merged: &rule.From, into: &rule.Into} {
		if text == "" {
			continue
		}
		if err := json.Unmarshal([]byte(text), to); err != nil {
			return rule, fmt.Errorf("read the rule %d: %w", rule.ID, err)
		}
	}
	for i := range rule.From {
		rule.From[i].Source = rule.Source
	}
	rule.Into.Source = rule.Source
	return rule, nil
}

func groupRules(ctx context.Context, q sqlite.Querier, query string, args ...any) ([]deadletter.GroupRule, error) {
	var list []deadletter.GroupRule
	err := sqlite.Each(ctx, q, func(r sqlite.Row) error {
		rule, err := scanRule(r)
		list = append(list, rule)
		return err
	}, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read the rules that group messages: %w", err)
	}
	return list, nil
}

// MaxGroupRules bounds how many rules of a source are read.
const MaxGroupRules = 1000

// GroupRules returns the rules by which people group messages, newest first and at most MaxGroupRules: of one source,
// or of all for "". Rules that were undone are among them.
func (s *Store) GroupRules(ctx context.Context, source string) ([]deadletter.GroupRule, error) {
	return groupRules(ctx, s.db, rulesOfSource, source, MaxGroupRules)
}

// GroupRule returns the rule with the given number. It returns NotFound if there is none.
func (t *Tx) GroupRule(ctx context.Context, id int64) (deadletter.GroupRule, error) {
	rule, err := scanRule(t.tx.QueryRowContext(ctx, oneRule, id))
	return rule, notFound(err, "there is no rule %d", id)
}

// Grouping returns the grouping by the rules in force.
func (s *Store) Grouping(ctx context.Context) (*deadletter.Grouping, error) {
	state, err := s.groupState(ctx, s.db)
	return state.grouping, err
}

// Grouping returns the grouping by the rules in force, as this transaction sees them.
func (t *Tx) Grouping(ctx context.Context) (*deadletter.Grouping, error) {
	if t.group.grouping == nil {
		var err error
		if t.group, err = t.store.groupState(ctx, t.tx); err != nil {
			return nil, err
		}
	}
	return t.group.grouping, nil
}

// groupState returns the present grouping. It is compiled when the rules have changed.
func (s *Store) groupState(ctx context.Context, q sqlite.Querier) (groupState, error) {
	var version int64
	var state groupState
	if err := q.QueryRowContext(ctx, groupVersion).Scan(&version, &state.active, &state.acting); err != nil {
		return state, fmt.Errorf("read the version of the rules that group messages: %w", err)
	}
	if known := s.grouping.Load(); known != nil && known.version == version {
		state.grouping = known.grouping
		return state, nil
	}
	rules, err := groupRules(ctx, q, rulesInForce)
	if err != nil {
		return state, err
	}
	if state.grouping, err = deadletter.NewGrouping(rules); err != nil {
		return state, fmt.Errorf("group by the rules of people: %w", err)
	}
	s.grouping.Store(&knownGrouping{version, state.grouping})
	return state, nil
}

// ApplyGroupRule writes a rule that was made or undone, with its audit event. Small causes that it concerns are grouped
// anew at once, others in the background.
func (t *Tx) ApplyGroupRule(ctx context.Context, c deadletter.GroupRuleChange) error {
	before, err := t.Grouping(ctx)
	if err != nil {
		return err
	}
	if err := t.writeRule(ctx, &c.Rule); err != nil {
		return fmt.Errorf("write a rule that groups messages: %w", err)
	}
	rules, err := groupRules(ctx, t.tx, rulesInForce)
	if err != nil {
		return err
	}
	after, err := deadletter.NewGrouping(rules)
	if err != nil {
		return err
	}
	causes, all := before.Takes(c.Rule)
	if !c.Rule.InForce() {
		causes, all = before.Holds(c.Rule)
	}
	t.group.grouping = after
	if err := t.regroup(ctx, c.Rule.Source, causes, all); err != nil {
		return fmt.Errorf("group messages anew: %w", err)
	}
	return t.Record(ctx, c.Event)
}

// writeRule writes a rule, and sets the number of a new one.
func (t *Tx) writeRule(ctx context.Context, r *deadletter.GroupRule) error {
	if _, err := t.tx.ExecContext(ctx, raiseVersion); err != nil {
		return err
	}
	if !r.InForce() {
		_, err := t.tx.ExecContext(ctx, undoRule, r.UndoneBy, r.UndoneAt.UnixMilli(), r.ID)
		return err
	}
	merged, into := "", ""
	var err error
	if len(r.From) > 0 {
		if merged, err = toJSON(r.From); err != nil {
			return err
		}
	}
	if r.Into.Error != "" {
		if into, err = toJSON(r.Into); err != nil {
			return err
		}
	}
	written, err := t.tx.ExecContext(ctx, insertRule, r.Kind, r.Source, r.Pattern, r.Title, merged, into, r.Configured,
		r.By, r.At.UnixMilli())
	if err != nil {
		return err
	}
	r.ID, err = written.LastInsertId()
	return err
}
