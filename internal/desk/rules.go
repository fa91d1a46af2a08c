package desk

import (
	"context"
	"slices"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/store"
)

// RuleRef names a rule and the version of it that the person saw.
type RuleRef struct {
	ID      deadletter.RuleID
	Version int
}

// RuleView is a rule as it may be shown, with what it did.
type RuleView struct {
	deadletter.Rule
	Cause  deadletter.Cause // that it is for at present; the zero Cause: it goes by a code, or the cause is gone
	Counts store.RuleCounts // of RuleDay
	Denied error            // why the actor may not switch it; nil: may
}

// RuleDay is the time for which the results of rules are counted.
const RuleDay = 24 * time.Hour

// RuleHistory is how far back the preview of a rule goes.
const RuleHistory = 7 * 24 * time.Hour

// Rules returns the rules that are not put away, the oldest first.
func (d *Desk) Rules(ctx context.Context, by deadletter.Actor) ([]RuleView, error) {
	if err := by.May(deadletter.ActView); err != nil {
		return nil, err
	}
	rules, err := d.store.Rules(ctx)
	if err != nil {
		return nil, err
	}
	rules = slices.DeleteFunc(rules, func(r deadletter.Rule) bool { return by.Reaches(r.Match.Source, "rule") != nil })
	return d.ruleViews(ctx, by, rules...)
}

// Rule returns one rule. It returns NotFound if there is none.
func (d *Desk) Rule(ctx context.Context, by deadletter.Actor, id deadletter.RuleID) (RuleView, error) {
	if err := by.May(deadletter.ActView); err != nil {
		return RuleView{}, err
	}
	r, err := d.reachedRule(ctx, by, id)
	if err != nil {
		return RuleView{}, err
	}
	views, err := d.ruleViews(ctx, by, r)
	if err != nil {
		return RuleView{}, err
	}
	return views[0], nil
}

// reachedRule reads a rule. It returns NotFound for one whose source the actor does not reach.
func (d *Desk) reachedRule(ctx context.Context, by deadletter.Actor, id deadletter.RuleID) (deadletter.Rule, error) {
	r, err := d.store.Rule(ctx, id)
	if err == nil {
		err = by.Reaches(r.Match.Source, "rule "+id.String())
	}
	return r, err
}

// RuleActions returns one page of what a rule did, the latest failures first, masked.
func (d *Desk) RuleActions(
	ctx context.Context, by deadletter.Actor, id deadletter.RuleID, cursor string, limit int,
) (page store.Page[deadletter.RuleAction], err error) {
	if err := by.May(deadletter.ActView); err != nil {
		return page, err
	}
	if _, err := d.reachedRule(ctx, by, id); err != nil {
		return page, err
	}
	page, err = d.store.RuleActions(ctx, id, cursor, limit)
	hider := d.Hider()
	for i, a := range page.Items {
		page.Items[i].Text = hider.Text(a.Text, a.At)
	}
	return page, err
}

func (d *Desk) ruleViews(ctx context.Context, by deadletter.Actor, rules ...deadletter.Rule) ([]RuleView, error) {
	views := make([]RuleView, len(rules))
	for i, r := range rules {
		counts, err := d.store.RuleCounts(ctx, r, d.now().Add(-RuleDay), d.now())
		if err != nil {
			return nil, err
		}
		views[i] = RuleView{Rule: d.shownRule(r), Counts: counts, Denied: by.May(deadletter.ActRules)}
		if r.Match.Fingerprint == "" {
			continue
		}
		found, err := d.Cause(ctx, by, r.Match.Fingerprint)
		if err != nil && deadletter.KindOf(err) != deadletter.NotFound {
			return nil, err
		}
		views[i].Cause = found.Cause
	}
	return views, nil
}

// shownRule returns a rule without what is masked now.
func (d *Desk) shownRule(r deadletter.Rule) deadletter.Rule {
	hider := d.Hider()
	r.Name, r.Reason, r.Saved.Name = hider.Note(r.Name), hider.Note(r.Reason), hider.Note(r.Saved.Name)
	r.Recipe.Text, r.Match.Cause.Error = hider.Patch(r.Recipe.Text), hider.Text(r.Match.Cause.Error, r.CreatedAt)
	return r
}

// RulesOfCause returns the rules that are on or in shadow for the messages of a cause, the oldest first, and those that
// dlqdesk switched off.
func (d *Desk) RulesOfCause(
	ctx context.Context, by deadletter.Actor, c deadletter.Cause,
) (list []deadletter.Rule, err error) {
	if err := by.May(deadletter.ActView); err != nil {
		return nil, err
	}
	rules, err := d.store.Rules(ctx)
	if err != nil || len(rules) == 0 {
		return nil, err
	}
	grouping, err := d.store.Grouping(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range deadletter.RulesOfCause(rules, c, grouping) {
		list = append(list, d.shownRule(r))
	}
	return list, nil
}

// RulesSwitchedOff returns the rules that dlqdesk switched off, and no person has looked after since.
func (d *Desk) RulesSwitchedOff(ctx context.Context, by deadletter.Actor) (list []deadletter.Rule, err error) {
	if err := by.May(deadletter.ActView); err != nil {
		return nil, err
	}
	rules, err := d.store.Rules(ctx)
	for _, r := range rules {
		if r.Why != "" {
			list = append(list, d.shownRule(r))
		}
	}
	return list, err
}

// RulePreview is what a rule would have done, by the stored history.
type RulePreview struct {
	deadletter.RulePreview
	Since  time.Time // messages that were received since count
	Read   int       // how many were looked at
	All    bool      // these are all of them
	Oldest time.Time // otherwise: receipt of the oldest that was looked at
}

// PreviewRule returns what a rule would have done in RuleHistory.
func (d *Desk) PreviewRule(
	ctx context.Context, by deadletter.Actor, spec deadletter.RuleSpec,
) (p RulePreview, err error) {
	if err := by.May(deadletter.ActView); err != nil {
		return p, err
	}
	grouping, err := d.store.Grouping(ctx)
	if err != nil {
		return p, err
	}
	if spec.Match.Fingerprint != "" {
		if err := d.reachesCause(ctx, by, spec.Match.Fingerprint); err != nil {
			return p, err
		}
	} else if err := by.Reaches(spec.Match.Source, "source "+spec.Match.Source); err != nil {
		return p, err
	}
	p.Since = d.now().Add(-RuleHistory)
	past, err := d.store.PastFailures(ctx, spec.Match.Source, spec.Match.Causes(grouping), p.Since)
	p.RulePreview = spec.Preview(past.Failures)
	p.Read, p.All, p.Oldest = past.Read, past.All, past.Oldest
	return p, err
}

// MakeRule makes a rule, which begins in shadow.
func (d *Desk) MakeRule(
	ctx context.Context, by deadletter.Actor, spec deadletter.RuleSpec,
) (r deadletter.Rule, err error) {
	if spec, err = d.ruleSpec(ctx, by, spec); err != nil {
		return r, err
	}
	err = d.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		others, err := tx.CountRules(ctx)
		if err != nil {
			return err
		}
		change, err := deadletter.NewRule(by, spec, others, d.now())
		if err != nil {
			return err
		}
		r, err = tx.ApplyRule(ctx, change)
		return err
	})
	return r, err
}

// ChangeRule gives a rule another specification. It begins in shadow again.
func (d *Desk) ChangeRule(ctx context.Context, by deadletter.Actor, ref RuleRef, spec deadletter.RuleSpec) error {
	if err := by.May(deadletter.ActRules); err != nil {
		return err
	}
	before, err := d.reachedRule(ctx, by, ref.ID)
	if err != nil {
		return err
	}
	// The form has the text with masked values hidden.
	text, err := d.masks().All().Restore([]byte(spec.Recipe.Text), []byte(before.Recipe.Text))
	if err != nil {
		return deadletter.About(deadletter.FieldPatch, err)
	}
	spec.Recipe.Text = string(text)
	if spec, err = d.ruleSpec(ctx, by, spec); err != nil {
		return err
	}
	return d.changeRule(ctx, ref, func(r deadletter.Rule) (deadletter.RuleChange, error) {
		return r.Change(by, spec, ref.Version, d.now())
	})
}

// SwitchRule brings a rule into another state.
func (d *Desk) SwitchRule(ctx context.Context, by deadletter.Actor, ref RuleRef, state deadletter.RuleState) error {
	if err := by.May(deadletter.ActRules); err != nil {
		return err
	}
	if _, err := d.reachedRule(ctx, by, ref.ID); err != nil {
		return err
	}
	return d.changeRule(ctx, ref, func(r deadletter.Rule) (deadletter.RuleChange, error) {
		return r.Switch(by, state, ref.Version, d.now())
	})
}

func (d *Desk) changeRule(
	ctx context.Context, ref RuleRef, decide func(deadletter.Rule) (deadletter.RuleChange, error),
) error {
	err := d.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		r, err := tx.Rule(ctx, ref.ID)
		if err != nil {
			return err
		}
		change, err := decide(r)
		if err != nil {
			return err
		}
		_, err = tx.ApplyRule(ctx, change)
		return err
	})
	if err == nil {
		d.kick()
	}
	return err
}

// ruleSpec completes a specification: the source and an error of its cause, and texts without what is masked. It
// returns Invalid for a source that is not configured, and for a recipe that cannot be read.
func (d *Desk) ruleSpec(
	ctx context.Context, by deadletter.Actor, spec deadletter.RuleSpec,
) (deadletter.RuleSpec, error) {
	if err := by.May(deadletter.ActRules); err != nil {
		return spec, err
	}
	if spec.Match.Fingerprint != "" {
		c, err := d.store.Cause(ctx, spec.Match.Fingerprint)
		if err == nil {
			err = by.Reaches(c.Source, "cause "+spec.Match.Fingerprint)
		}
		if err != nil {
			return spec, err
		}
		spec.Match.Fingerprint, spec.Match.Source = c.Fingerprint, c.Source
		spec.Match.Cause = deadletter.Failure{Source: c.Source, Destination: c.Destination, Error: c.Error}
	} else if _, ok := d.Source(spec.Match.Source); !ok || by.Reaches(spec.Match.Source, "source") != nil {
		return spec, deadletter.About(deadletter.FieldSource,
			deadletter.Errorf(deadletter.Invalid, "choose the source that the rule is for"))
	}
	reason, err := cleanReason(spec.Reason)
	if err != nil {
		return spec, err
	}
	if spec, err = d.ruleRecipe(ctx, by, spec); err != nil {
		return spec, deadletter.About(deadletter.FieldPatch, err)
	}
	rules := d.masks().All() // its messages may be of many queues
	secrets := rules.Secrets(nil, "", []byte(spec.Recipe.Text))
	spec.Reason, spec.Name = rules.Note(secrets.HideText(reason)), rules.Note(secrets.HideText(spec.Name))
	return spec, nil
}

// ruleRecipe completes the recipe of a specification: the text of a saved one. It returns an error for one that cannot
// be read.
func (d *Desk) ruleRecipe(
	ctx context.Context, by deadletter.Actor, spec deadletter.RuleSpec,
) (deadletter.RuleSpec, error) {
	if !spec.Action.Edits() {
		return spec, nil
	}
	if spec.Saved.ID != 0 {
		saved, err := d.store.Recipe(ctx, spec.Saved.ID)
		if err == nil {
			err = d.reachesRecipe(ctx, by, spec.Saved.ID)
		}
		if err != nil {
			return spec, err
		}
		version, err := d.store.RecipeVersion(ctx, spec.Saved.ID, spec.Saved.Version)
		if err != nil {
			return spec, err
		}
		spec.Recipe, spec.Saved.Name = version.Edit(), saved.Name
	}
	_, err := payload.Compile(spec.Recipe)
	return spec, err
}
