package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/store"
	"dlqdesk/internal/telemetry"
)

// rulesEvery is how often the worker looks for what rules do now.
const rulesEvery = time.Second

// runRules lets rules act until ctx ends. It looks once a second, and at every kick.
func (w *Worker) runRules(ctx context.Context) {
	var faults telemetry.RepeatedError
	for wait := rulesEvery / 2; ; wait = rulesEvery { // half a second after the loop of causes, not together with it
		select {
		case <-ctx.Done():
			return
		case <-w.rulesKicked:
		case <-time.After(wait):
		}
		if err := w.KeepRules(ctx); ctx.Err() == nil {
			faults.Report(ctx, w.log, err, w.now(), "cannot go on with rules; trying again", "rules go on again")
		}
	}
}

// KeepRules does what rules have to do now, except for replays: it wakes the loops of their sources, which claim them.
// It must not be called while the worker runs.
func (w *Worker) KeepRules(ctx context.Context) error {
	rules, err := w.store.RulesWithActions(ctx, w.now())
	if err != nil {
		return err
	}
	for _, r := range rules {
		if _, ok := w.source(r.Match.Source); ok && r.State == deadletter.RuleOn && r.Replays() {
			w.loops.wakeForRules(r.Match.Source)
			continue
		}
		for more := true; more; {
			if more, err = w.actOnRule(ctx, r); err != nil {
				return fmt.Errorf("rule %d: %w", r.ID, err)
			}
		}
	}
	return nil
}

// wakeForRules wakes the loop of a source, because replays of rules are due.
func (l *sourceLoops) wakeForRules(source string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if loop := l.running[source]; loop != nil {
		loop.rulesDue.Store(true)
		loop.wake()
	}
}

// actOnRule does some of what waits for a rule where nothing is delivered: it archives, or leaves messages alone. It
// returns false if there is no more to do now.
func (w *Worker) actOnRule(ctx context.Context, r deadletter.Rule) (more bool, err error) {
	limit, at := jobBatch, farFuture
	if r.State == deadletter.RuleOn {
		if limit, err = w.roomOf(ctx, r, jobBatch); err != nil || limit == 0 {
			return false, err
		}
		at = w.now()
	}
	actions, err := w.store.DueRuleActions(ctx, r.ID, at, limit)
	if err != nil || len(actions) == 0 {
		return false, err
	}
	err = w.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		more = false
		return w.forEachAction(ctx, tx, r, actions, func(r deadletter.Rule, a deadletter.RuleAction) error {
			more = true
			return w.applyRule(ctx, tx, r, a)
		})
	})
	return more, err
}

// roomOf returns on how many more messages a rule may act now, at most limit.
func (w *Worker) roomOf(ctx context.Context, r deadletter.Rule, limit int) (int, error) {
	acted, err := w.store.RuleActed(ctx, r.ID, w.now().Add(-deadletter.RuleHour))
	return min(limit, r.Room(acted)), err
}

// forEachAction calls do with what a rule does, unless the rule has changed its state since: what waits is looked at
// again then. A message whose change is refused is left alone, and the action says why.
func (w *Worker) forEachAction(
	ctx context.Context, tx *store.Tx, read deadletter.Rule, actions []deadletter.RuleAction,
	do func(deadletter.Rule, deadletter.RuleAction) error,
) error {
	r, err := tx.Rule(ctx, read.ID)
	if err != nil || r.Version != read.Version {
		return err
	}
	if r.State == deadletter.RuleOn {
		reason, err := w.offReason(ctx, tx, r)
		if err != nil {
			return err
		}
		if reason != "" {
			change, err := r.SwitchOff(reason, w.now())
			if err != nil {
				return err
			}
			_, err = tx.ApplyRule(ctx, change)
			return err
		}
	}
	for _, a := range actions {
		err := do(r, a)
		var refused *deadletter.Error
		if errors.As(err, &refused) && refused.Kind != deadletter.Internal {
			err = tx.SettleRuleAction(ctx, a.Skipped(refused.Text, w.now()))
		}
		if err != nil {
			return deadletter.AboutMessage(a.Message, err)
		}
	}
	return nil
}

// offReason returns why a rule has to switch itself off, see pauseReason.
func (w *Worker) offReason(ctx context.Context, tx *store.Tx, r deadletter.Rule) (reason string, err error) {
	if reason, err = tokenReason(ctx, tx, r.Token); reason != "" || err != nil || r.Owner == "" {
		return reason, err
	}
	owner, err := account(ctx, tx, r.Owner)
	return owner.RuleOffReason(r), err
}

// applyRule archives a message. It refuses the replays of a source that is not configured.
func (w *Worker) applyRule(
	ctx context.Context, tx *store.Tx, r deadletter.Rule, a deadletter.RuleAction,
) error {
	m, err := tx.Message(ctx, a.Message)
	if err != nil {
		return err
	}
	if r.State == deadletter.RuleOn && r.Replays() {
		return m.CheckDestination(false)
	}
	change, err := r.ChangeOf(a, m, deadletter.Revision{}, nil, deadletter.Newer{}, w.now())
	if err != nil {
		return err
	}
	if err := errors.Join(tx.Apply(ctx, change), tx.SettleRuleAction(ctx, a.Acted(false, w.now()))); err != nil {
		return undoBatch(err)
	}
	return nil
}

// claimRuled claims up to free replays of rules that are due. Where the destination is down, and jobs wait as well, it
// leaves the test of it to them.
func (s *sourceLoop) claimRuled(ctx context.Context, free int) (claims []claimed, err error) {
	if !s.rulesDue.Load() || s.source.Breaker.Status().State == delivery.Open && s.jobsWaiting {
		return nil, nil
	}
	s.rulesDue.Store(false)
	rules, err := s.w.store.RulesWithActions(ctx, s.w.now())
	if err != nil {
		return nil, err
	}
	for _, r := range rules {
		if r.Match.Source != s.source.Name || r.State != deadletter.RuleOn || !r.Replays() {
			continue
		}
		opened, err := s.claimRule(ctx, r, free-len(claims))
		if claims = append(claims, opened...); err != nil {
			return claims, fmt.Errorf("rule %d: %w", r.ID, err)
		}
	}
	return claims, nil
}

func (s *sourceLoop) claimRule(ctx context.Context, r deadletter.Rule, free int) ([]claimed, error) {
	limit, err := s.w.roomOf(ctx, r, free)
	if err != nil || limit == 0 {
		return nil, err
	}
	breaker := s.source.Breaker.Status()
	if breaker.State == delivery.Open {
		limit = 1
	}
	actions, err := s.w.store.DueRuleActions(ctx, r.ID, s.w.now(), limit)
	if err != nil || len(actions) == 0 {
		return nil, err
	}
	allowed := s.source.Breaker.Allow(len(actions), true)
	if allowed.Count == 0 {
		return nil, nil
	}
	s.rulesDue.Store(len(actions) == limit) // more may be due
	opened, err := s.openRuled(ctx, r, actions[:allowed.Count])
	if allowed.Probe && len(opened) > 0 {
		opened[0].probe = true
		s.causes.probed(breaker, candidate{opened[0].message.Fingerprint, opened[0].message.ID}, true)
	}
	if unsent := allowed.Count - len(opened); unsent > 0 {
		s.source.Breaker.GiveBack(unsent)
	}
	return opened, err
}

// openRuled claims the messages of a rule. It edits them before the transaction, because all writers share one
// connection.
func (s *sourceLoop) openRuled(
	ctx context.Context, r deadletter.Rule, actions []deadletter.RuleAction,
) ([]claimed, error) {
	edited, err := s.editsOfRule(ctx, r, actions)
	if err != nil {
		return nil, err
	}
	var claims []claimed
	err = s.w.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		claims = claims[:0]
		return s.w.forEachAction(ctx, tx, r, actions, func(r deadletter.Rule, a deadletter.RuleAction) error {
			c, err := s.openAction(ctx, tx, r, a, edited)
			if err == nil {
				claims = append(claims, c)
			}
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return claims, nil
}

func (s *sourceLoop) editsOfRule(
	ctx context.Context, r deadletter.Rule, actions []deadletter.RuleAction,
) (edits, error) {
	if !r.Action.Edits() {
		return edits{}, nil
	}
	recipe, err := payload.Compile(r.Recipe)
	if err != nil {
		return edits{}, err
	}
	ids := make([]deadletter.ID, len(actions))
	for i, a := range actions {
		ids[i] = a.Message
	}
	read, err := s.w.store.LatestOf(ctx, ids)
	if err != nil {
		return edits{}, err
	}
	return s.w.edit(ctx, recipe, read)
}

// openAction requests the replay of a message for a rule and claims it in one transaction.
func (s *sourceLoop) openAction(
	ctx context.Context, tx *store.Tx, r deadletter.Rule, a deadletter.RuleAction, edited edits,
) (claimed, error) {
	latest, err := tx.Latest(ctx, a.Message)
	if err != nil {
		return claimed{}, err
	}
	message, revision, at := latest.Message, latest.Revision, s.w.now()
	if revision.IsHead() && r.Action.Edits() {
		if revision, err = tx.Revision(ctx, message.ID, revision.Number); err != nil {
			return claimed{}, err
		}
	}
	newer, err := tx.Newer(ctx, message)
	if err != nil {
		return claimed{}, err
	}
	newer.Thing = s.source.Thing
	requested, err := r.ChangeOf(a, message, revision, edited.of(ctx, message, store.Item{}), newer, at)
	if err != nil {
		return claimed{}, err
	}
	if requested.Revision != nil {
		revision = *requested.Revision
	}
	trace := telemetry.TraceParent(message.ID, message.Queue.TraceParent, revision.Headers)
	opened, err := requested.After.Claim(s.lease(at), trace, at)
	if err != nil {
		return claimed{}, err
	}
	err = errors.Join(tx.ApplyRequestAndClaim(ctx, requested, opened), tx.SettleRuleAction(ctx, a.Acted(true, at)))
	if err != nil {
		return claimed{}, undoBatch(err)
	}
	return claimed{message: opened.After, attempt: *opened.Attempt, revision: revision}, nil
}
