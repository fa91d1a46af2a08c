package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

const (
	actionColumns = `a.id, a.rule, a.rule_version, m.id, a.version, coalesce(a.order_key, 0), a.failed_at, a.due_at,
	a.acted_at, a.state, a.at, a.text`

	addAction = `INSERT INTO rule_actions (rule, rule_version, message, version, order_key, failed_at, due_at, state,
		at, text) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	// Of a rule that is on its replays of a message count, of one in shadow those that it would have made.
	actionsOfMessage = `SELECT count(*) FROM rule_actions WHERE message = ? AND rule = ?
		AND state IN (SELECT value FROM json_each(?))`

	// A message waits for the older ones of its order key.
	dueActions = `SELECT ` + actionColumns + ` FROM rule_actions a JOIN messages m ON m.n = a.message
		WHERE a.rule = ? AND a.state = 'waiting' AND a.due_at <= ?
		AND NOT EXISTS (SELECT 1 FROM rule_actions o WHERE o.rule = a.rule AND o.order_key = a.order_key
			AND o.message < a.message AND o.state IN ('waiting', 'in_flight'))
		ORDER BY a.due_at LIMIT ?`
	rulesWithActions = `SELECT ` + messageRuleColumns + ` FROM rules r WHERE EXISTS (SELECT 1 FROM rule_actions a
		WHERE a.rule = r.id AND a.state = 'waiting' AND a.due_at <= iif(r.state = 'on', ?, 1 << 60)) ORDER BY r.id`
	actedSince  = `SELECT count(*) FROM rule_actions WHERE rule = ? AND acted_at > ?`
	actedBefore = `SELECT acted_at FROM rule_actions WHERE rule = ? AND acted_at > ? ORDER BY acted_at DESC
		LIMIT 1 OFFSET ?`

	actionAhead = `SELECT ` + actionColumns + ` FROM messages m JOIN rule_actions a ON a.message = m.n
		WHERE m.id = ? AND a.state = 'waiting' AND a.version = m.version ORDER BY a.id DESC LIMIT 1`

	updateAction = `UPDATE rule_actions SET state = ?, at = ?, acted_at = ?, text = ?
		WHERE id = ? AND state = 'waiting'`
	settleAction = `UPDATE rule_actions SET state = ?1, at = ?2, text = ?3,
		version = iif(?1 = 'waiting', ?4, version), acted_at = iif(?1 = 'waiting', NULL, acted_at)
		WHERE message = ?5 AND state = 'in_flight' RETURNING rule`
	latestResults = `SELECT state FROM rule_actions WHERE rule = ? AND acted_at >= ? AND rule_version = ?
		AND state IN ('delivered', 'failed') ORDER BY acted_at DESC LIMIT ?`

	countActions = `SELECT state, count(*) FROM (SELECT state FROM rule_actions WHERE rule = ? AND at >= ?
		AND state <> 'waiting' ORDER BY at DESC LIMIT ?) GROUP BY state`
	countWaiting = `SELECT count(*) FROM (SELECT 1 FROM rule_actions WHERE rule = ? AND state = 'waiting' LIMIT ?)`
	nextAction   = `SELECT min(due_at) FROM rule_actions WHERE rule = ? AND state = 'waiting'`
)

func scanAction(r sqlite.Row) (int64, deadletter.RuleAction, error) {
	var a deadletter.RuleAction
	var failed, due, at int64
	var acted sql.NullInt64
	err := r.Scan(&a.ID, &a.Rule, &a.RuleVersion, &a.Message, &a.Version, &a.OrderKey, &failed, &due, &acted, &a.State,
		&at, &a.Text)
	a.FailedAt, a.DueAt = time.UnixMilli(failed).UTC(), time.UnixMilli(due).UTC()
	a.ActedAt, a.At = sqlite.Time(acted), time.UnixMilli(at).UTC()
	return a.ID, a, err
}

// applyRules writes the result of a delivery that a rule asked for, and what rules do because the message has failed.
func (t *Tx) applyRules(ctx context.Context, c numbered) error {
	if a := c.Attempt; a != nil && a.Done && a.Trigger == deadletter.TriggerRule {
		if ended, err := t.settleRule(ctx, c); err != nil || !ended {
			return err
		}
	}
	if !c.Fails() {
		return nil
	}
	return t.planRules(ctx, c)
}

// planRules adds what rules do because the message of a change has failed.
func (t *Tx) planRules(ctx context.Context, c numbered) error {
	set, err := t.ruleSet(ctx)
	if err != nil || set == nil {
		return err
	}
	for _, rule := range set.For(c.After) {
		replays := 0
		if rule.Replays() {
			if replays, err = t.replaysOfRule(ctx, c.n, rule); err != nil {
				return err
			}
		}
		a := rule.ActionFor(c.After, replays, c.Event.At)
		if _, err := t.tx.ExecContext(ctx, addAction, a.Rule, a.RuleVersion, c.n, a.Version, orNull(a.OrderKey),
			a.FailedAt.UnixMilli(), a.DueAt.UnixMilli(), a.State, a.At.UnixMilli(), a.Text); err != nil {
			return fmt.Errorf("write what rule %d does: %w", rule.ID, err)
		}
	}
	return nil
}

func (t *Tx) replaysOfRule(ctx context.Context, n int64, r deadletter.Rule) (replays int, err error) {
	states, err := toJSON(r.ReplayStates())
	if err != nil {
		return 0, err
	}
	if err := t.tx.QueryRowContext(ctx, actionsOfMessage, n, r.ID, states).Scan(&replays); err != nil {
		return 0, fmt.Errorf("count the replays of rule %d: %w", r.ID, err)
	}
	return replays, nil
}

// RulesWithActions returns the rules that have something to do at a time, the oldest first: something is due, or waits
// though the rule is no longer on.
func (s *Store) RulesWithActions(ctx context.Context, at time.Time) ([]deadletter.Rule, error) {
	return messageRules(ctx, s.db, rulesWithActions, at.UnixMilli())
}

// DueRuleActions returns what a rule does at a time, the longest due first. Of messages with one order key it returns
// the oldest, and none while one of them is in flight.
func (s *Store) DueRuleActions(
	ctx context.Context, id deadletter.RuleID, at time.Time, limit int,
) (list []deadletter.RuleAction, err error) {
	err = sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		_, a, err := scanAction(r)
		list = append(list, a)
		return err
	}, dueActions, id, at.UnixMilli(), limit)
	if err != nil {
		return nil, fmt.Errorf("read what rule %d does: %w", id, err)
	}
	return list, nil
}

// RuleAhead returns the rule that is about to act on a message, and when. It returns NotFound if there is none.
func (s *Store) RuleAhead(ctx context.Context, id deadletter.ID) (r deadletter.Rule, due time.Time, err error) {
	_, a, err := scanAction(s.db.QueryRowContext(ctx, actionAhead, id))
	if err != nil {
		return r, due, notFound(err, "no rule is about to act on message %s", id)
	}
	if r, err = s.Rule(ctx, a.Rule); err == nil && (r.State != deadletter.RuleOn || r.Version != a.RuleVersion) {
		err = deadletter.Errorf(deadletter.NotFound, "rule %d acts on message %s no longer", r.ID, id)
	}
	return r, a.DueAt, err
}

// RuleActed returns on how many messages a rule has acted since a time.
func (s *Store) RuleActed(ctx context.Context, id deadletter.RuleID, since time.Time) (int, error) {
	return ruleActed(ctx, s.db, id, since)
}

// RuleActed is Store.RuleActed as this transaction sees it.
func (t *Tx) RuleActed(ctx context.Context, id deadletter.RuleID, since time.Time) (int, error) {
	return ruleActed(ctx, t.tx, id, since)
}

func ruleActed(ctx context.Context, q sqlite.Querier, id deadletter.RuleID, since time.Time) (n int, err error) {
	if err := q.QueryRowContext(ctx, actedSince, id, since.UnixMilli()).Scan(&n); err != nil {
		return 0, fmt.Errorf("count what rule %d did: %w", id, err)
	}
	return n, nil
}

// SettleRuleAction writes the new state of an action that waits. It returns Conflict if it waits no longer.
func (t *Tx) SettleRuleAction(ctx context.Context, a deadletter.RuleAction) error {
	written, err := t.tx.ExecContext(
		ctx, updateAction, a.State, a.At.UnixMilli(), sqlite.Millis(a.ActedAt), a.Text, a.ID,
	)
	if err != nil {
		return fmt.Errorf("write what rule %d did: %w", a.Rule, err)
	}
	if n, err := written.RowsAffected(); err != nil || n == 0 {
		return errors.Join(deadletter.Errorf(deadletter.Conflict, "rule %d has acted already", a.Rule), err)
	}
	return nil
}

// settleRule writes the result of a finished delivery of a message for the rule that asked for it, and switches off a
// rule whose replays fail. It returns false if the message waits for the same replay again.
func (t *Tx) settleRule(ctx context.Context, c numbered) (ended bool, err error) {
	state, text := c.Attempt.RuleResult()
	if state == deadletter.RuleWaiting && !c.Fails() {
		state = deadletter.RuleFailed // it is retried automatically first
	}
	var id deadletter.RuleID
	at := c.Event.At
	err = t.tx.QueryRowContext(ctx, settleAction, state, at.UnixMilli(), text, c.After.Version, c.n).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return true, nil
	}
	if err != nil || state == deadletter.RuleWaiting {
		return false, err
	}
	rule, err := t.Rule(ctx, id)
	if err == nil && rule.Saved.ID != 0 {
		n := deadletter.Replays{Tried: 1}
		if state == deadletter.RuleDelivered {
			n.Delivered = 1
		}
		err = t.CountRecipe(ctx, rule.Saved, n)
	}
	if err != nil || rule.State != deadletter.RuleOn {
		return true, err
	}
	results, err := sqlite.Column[deadletter.RuleActionState](ctx, t.tx, "results of a rule", latestResults, id,
		rule.Last.At.UnixMilli(), rule.Version, deadletter.JudgedReplays)
	if err != nil {
		return true, err
	}
	change, off, err := rule.Judge(results, at)
	if err != nil || !off {
		return true, err
	}
	_, err = t.ApplyRule(ctx, change)
	return true, err
}

// RuleActions returns one page of what a rule did, the latest failures first.
func (s *Store) RuleActions(
	ctx context.Context, id deadletter.RuleID, cursor string, limit int,
) (Page[deadletter.RuleAction], error) {
	at, newer, err := parseCursor(cursor, false)
	if err != nil {
		return Page[deadletter.RuleAction]{}, err
	}
	var of conditions
	of.add("a.rule = ?", id)
	page, err := keyset[deadletter.RuleAction]{
		columns:    actionColumns,
		from:       "rule_actions a INDEXED BY rule_actions_of_rule JOIN messages m ON m.n = a.message",
		key:        "a.id",
		conditions: of,
		scan:       scanAction,
	}.page(ctx, s.db, at, newer, limit)
	if err != nil {
		return page, fmt.Errorf("read what rule %d did: %w", id, err)
	}
	return page, nil
}

// RuleCounts counts what a rule did since a time, by state. Each count is exact up to CountCap; more are CountCap + 1.
type RuleCounts struct {
	States  map[deadletter.RuleActionState]int // those that wait now among them, whenever they began
	Next    time.Time                          // when the next one is due; zero: none waits
	GoesOn  time.Time                          // when the rule may act again; zero: now
	Capped  bool                               // there are more than were counted
	Counted int
}

// RuleCounts counts what a rule did since a time, and when it goes on.
func (s *Store) RuleCounts(ctx context.Context, r deadletter.Rule, since, now time.Time) (RuleCounts, error) {
	c := RuleCounts{States: map[deadletter.RuleActionState]int{}}
	err := sqlite.Each(ctx, s.db, func(row sqlite.Row) error {
		var state deadletter.RuleActionState
		var n int
		err := row.Scan(&state, &n)
		c.States[state] = n
		c.Counted += n
		return err
	}, countActions, r.ID, since.UnixMilli(), CountCap+1)
	c.Capped = c.Counted > CountCap
	var waiting int
	var next, full sql.NullInt64
	if err == nil {
		err = s.db.QueryRowContext(ctx, countWaiting, r.ID, CountCap+1).Scan(&waiting)
	}
	if err == nil && waiting > 0 {
		c.States[deadletter.RuleWaiting] = waiting
		if err = s.db.QueryRowContext(ctx, nextAction, r.ID).Scan(&next); err == nil {
			err = s.db.QueryRowContext(ctx, actedBefore, r.ID, now.Add(-deadletter.RuleHour).UnixMilli(), r.PerHour-1).
				Scan(&full)
		}
		if errors.Is(err, sql.ErrNoRows) {
			err = nil
		}
	}
	if err != nil {
		return c, fmt.Errorf("count what rule %d did: %w", r.ID, err)
	}
	if c.Next = sqlite.Time(next); full.Valid {
		c.GoesOn = sqlite.Time(full).Add(deadletter.RuleHour)
	}
	return c, nil
}

// MaxPastFailures bounds how many messages are read for the preview of a rule.
const MaxPastFailures = 2000

// pastFailures returns the query of the failures of the newest messages that a condition finds, by its index. The trail
// says when a message became failed.
func pastFailures(condition string) string {
	return `WITH newest AS MATERIALIZED (SELECT n FROM (` + eachStatus(
		`SELECT n FROM messages WHERE `+condition+` AND status = %s AND n >= ?2 ORDER BY n DESC LIMIT ?3`,
		deadletter.Statuses(),
	) + `) ORDER BY n DESC LIMIT ?3)
		SELECT m.n, m.id, m.status, e.at, coalesce(e.after ->> '$.statusCode', a.status_code, 0),
			coalesce(iif(e.action = 'message.received', a.outcome, substr(e.action, 9)), '')
		FROM newest CROSS JOIN messages m ON m.n = newest.n
		LEFT JOIN audit_events e ON e.target = m.id AND e.target_kind = 'message' AND e.at >= ?4
			AND +e.action IN ('message.received', 'attempt.error_response', 'attempt.unreachable', 'attempt.unknown')
			AND e.after ->> '$.status' = 'failed'
		LEFT JOIN attempts a ON a.message = m.n AND a.number = 1 AND e.action = 'message.received'
		ORDER BY e.at DESC, e.seq DESC`
}

var (
	pastOfCause  = pastFailures(`fingerprint = ?1`)
	pastOfSource = pastFailures(`source = ?1`)
)

// PastFailures is what the store knows of the failures that a rule would have been for.
type PastFailures struct {
	Failures []deadletter.PastFailure // the latest first
	Read     int                      // messages that were looked at
	All      bool                     // these are all that were received since the time
	Oldest   time.Time                // otherwise: receipt of the oldest of them
}

// PastFailures returns when messages became failed that were received since a time: the newest MaxPastFailures of some
// causes, or of a source without one. A message counts for the cause of its latest failure.
func (s *Store) PastFailures(
	ctx context.Context, source string, causes []string, since time.Time,
) (p PastFailures, err error) {
	query, of := pastOfSource, []string{source}
	if len(causes) > 0 {
		query, of = pastOfCause, causes
	}
	p.All = true
	for _, one := range of {
		if err := s.addPastFailures(ctx, &p, query, one, since); err != nil {
			return p, fmt.Errorf("read past failures: %w", err)
		}
	}
	slices.SortStableFunc(p.Failures, func(a, b deadletter.PastFailure) int { return b.At.Compare(a.At) })
	return p, nil
}

func (s *Store) addPastFailures(ctx context.Context, p *PastFailures, query, of string, since time.Time) error {
	read := map[int64]bool{}
	var oldest int64
	err := sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var n int64
		var at sql.NullInt64
		var f deadletter.PastFailure
		if err := r.Scan(&n, &f.Message, &f.Status, &at, &f.StatusCode, &f.Outcome); err != nil {
			return err
		}
		if read[n] = true; oldest == 0 || n < oldest {
			oldest = n
		}
		if at.Valid {
			f.At = sqlite.Time(at)
			p.Failures = append(p.Failures, f)
		}
		return nil
	}, query, of, since.UnixMilli()<<21, MaxPastFailures, since.UnixMilli())
	p.Read += len(read)
	if len(read) == MaxPastFailures {
		p.All, p.Oldest = false, time.UnixMilli(oldest>>21).UTC()
	}
	return err
}
