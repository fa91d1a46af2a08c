package desk

import (
	"context"
	"errors"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// MergeCauses makes causes of one source part of another one of it, into.
func (d *Desk) MergeCauses(ctx context.Context, by deadletter.Actor, fingerprints []string, into string) error {
	return d.changeGrouping(ctx, by, deadletter.ActGroup, func(
		ctx context.Context, tx *store.Tx, inForce []deadletter.GroupRule,
	) (change deadletter.GroupRuleChange, err error) {
		target, err := tx.Cause(ctx, into)
		if err == nil {
			err = by.Reaches(target.Source, "cause "+into)
		}
		if err != nil {
			return change, err
		}
		causes := make([]deadletter.Cause, len(fingerprints))
		for i, f := range fingerprints {
			if causes[i], err = tx.Cause(ctx, f); err == nil {
				err = by.Reaches(causes[i].Source, "cause "+f)
			}
			if err != nil {
				return change, err
			}
		}
		return deadletter.MergeCauses(by, causes, target, inForce, d.now())
	})
}

// SplitCause makes the messages of a cause whose errors match a pattern another cause. It returns Conflict if no stored
// message of the cause matches, or all do.
func (d *Desk) SplitCause(ctx context.Context, by deadletter.Actor, fingerprint, pattern, title string) error {
	trial, err := d.TrySplit(ctx, by, fingerprint, pattern, title)
	if err != nil {
		return err
	}
	if causes, _ := trial.Split(); causes == 0 && trial.All {
		return splitsNothing(trial)
	}
	return d.changeGrouping(ctx, by, deadletter.ActGroup, func(
		ctx context.Context, tx *store.Tx, inForce []deadletter.GroupRule,
	) (change deadletter.GroupRuleChange, err error) {
		c, err := tx.Cause(ctx, fingerprint)
		if err != nil {
			return change, err
		}
		return deadletter.SplitCause(by, c, pattern, d.masks().All().Note(title), inForce, d.now())
	})
}

func splitsNothing(trial store.GroupTrial) error {
	text := "no message of this cause has that in its error: look at the errors of some, then choose another word"
	if len(trial.Moves) > 0 {
		text = "every message of this cause has that in its error: choose a word that only some have"
	}
	return &deadletter.Error{Kind: deadletter.Conflict, Text: text, Field: deadletter.FieldPattern}
}

// AddGroupRule adds a rule of a source that joins or ignores.
func (d *Desk) AddGroupRule(ctx context.Context, by deadletter.Actor, r deadletter.GroupRule) error {
	if _, ok := d.Source(r.Source); !ok || by.Reaches(r.Source, "source") != nil {
		return deadletter.Errorf(deadletter.Invalid, "choose the source that the rule is for")
	}
	return d.changeGrouping(ctx, by, deadletter.ActGroupRules, func(
		_ context.Context, _ *store.Tx, inForce []deadletter.GroupRule,
	) (deadletter.GroupRuleChange, error) {
		return deadletter.NewOwnRule(by, r, inForce, d.now())
	})
}

// UndoGroupRule undoes a merge, a split or a rule: its causes come back as they were, with what was decided about them.
func (d *Desk) UndoGroupRule(ctx context.Context, by deadletter.Actor, id int64) error {
	return d.changeGrouping(ctx, by, deadletter.ActGroup, func(
		ctx context.Context, tx *store.Tx, _ []deadletter.GroupRule,
	) (change deadletter.GroupRuleChange, err error) {
		r, err := tx.GroupRule(ctx, id)
		if err == nil {
			err = by.Reaches(r.Source, "rule")
		}
		if err != nil {
			return change, err
		}
		return r.Undo(by, d.now())
	})
}

// changeGrouping reads the rules in force once, decides and writes.
func (d *Desk) changeGrouping(
	ctx context.Context, by deadletter.Actor, act deadletter.Action,
	decide func(context.Context, *store.Tx, []deadletter.GroupRule) (deadletter.GroupRuleChange, error),
) error {
	if err := by.May(act); err != nil {
		return err
	}
	return d.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		grouping, err := tx.Grouping(ctx)
		if err != nil {
			return err
		}
		change, err := decide(ctx, tx, grouping.Rules())
		if err != nil {
			return err
		}
		return tx.ApplyGroupRule(ctx, change)
	})
}

// ConfigureGrouping brings the rules of the configuration into force, in the order of each source, and ends those that
// are no longer in it.
func ConfigureGrouping(ctx context.Context, s *store.Store, rules []deadletter.GroupRule, at time.Time) error {
	wanted := map[string][]deadletter.GroupRule{}
	for _, r := range rules {
		wanted[r.Source] = append(wanted[r.Source], r)
	}
	return s.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		grouping, err := tx.Grouping(ctx)
		if err != nil {
			return err
		}
		present := map[string][]deadletter.GroupRule{}
		for _, r := range grouping.Rules() {
			present[r.Source] = append(present[r.Source], r)
			if _, ok := wanted[r.Source]; !ok {
				wanted[r.Source] = nil
			}
		}
		for source, list := range wanted {
			changes, err := deadletter.ConfiguredRules(list, present[source], at)
			if err != nil {
				return err
			}
			for _, change := range changes {
				if err := tx.ApplyGroupRule(ctx, change); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// TryGroupRule returns what a rule that joins or ignores would do to the stored messages. Titles are masked.
func (d *Desk) TryGroupRule(
	ctx context.Context, by deadletter.Actor, r deadletter.GroupRule,
) (store.GroupTrial, error) {
	if err := by.May(deadletter.ActGroupRules); err != nil {
		return store.GroupTrial{}, err
	}
	r, err := r.CheckOwn()
	if err == nil {
		err = by.Reaches(r.Source, "source "+r.Source)
	}
	if err != nil {
		return store.GroupTrial{}, err
	}
	return d.try(ctx, r)
}

// TrySplit returns what a split would do to the messages of a cause. Titles are masked.
func (d *Desk) TrySplit(
	ctx context.Context, by deadletter.Actor, fingerprint, pattern, title string,
) (store.GroupTrial, error) {
	if err := by.May(deadletter.ActGroup); err != nil {
		return store.GroupTrial{}, err
	}
	c, err := d.store.Cause(ctx, fingerprint)
	if err == nil {
		err = by.Reaches(c.Source, "cause "+fingerprint)
	}
	if err != nil {
		return store.GroupTrial{}, err
	}
	change, err := deadletter.SplitCause(by, c, pattern, title, nil, d.now())
	if err != nil {
		return store.GroupTrial{}, err
	}
	return d.try(ctx, change.Rule)
}

func (d *Desk) try(ctx context.Context, r deadletter.GroupRule) (store.GroupTrial, error) {
	trial, err := d.store.TryGroupRule(ctx, r)
	hider := d.Hider()
	for i, m := range trial.Moves {
		trial.Moves[i].Title, trial.Moves[i].To = hider.Text(m.Title, m.FirstAt), hider.Text(m.To, m.FirstAt)
	}
	return trial, err
}

// GroupRules returns the rules by which people group the messages of a source, or of all for "", newest first. Texts
// are masked. It returns Forbidden for the rules of all if the actor is limited to some sources.
func (d *Desk) GroupRules(ctx context.Context, by deadletter.Actor, source string) ([]deadletter.GroupRule, error) {
	if err := errors.Join(by.May(deadletter.ActView), by.ReachesSource(source)); err != nil {
		return nil, err
	}
	rules, err := d.store.GroupRules(ctx, source)
	hider := d.Hider()
	for i := range rules {
		r := &rules[i]
		r.Pattern, r.Title = hider.Note(r.Pattern), hider.Note(r.Title)
		r.Into.Error = hider.Text(r.Into.Error, r.At)
		for k := range r.From {
			r.From[k].Error = hider.Text(r.From[k].Error, r.At)
		}
	}
	return rules, err
}
