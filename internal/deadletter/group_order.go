package deadletter

import (
	"slices"
	"strings"
	"time"
)

// GroupRuleChange is a rule that people made or undid, with its audit event.
type GroupRuleChange struct {
	Rule  GroupRule
	Event Event
}

// NewOwnRule returns the rule of a source that ignores or joins what matches a pattern. inForce are the rules that
// there are. It returns Invalid for a pattern or a title that does not do, and Conflict where the rule exists or the
// source has too many.
func NewOwnRule(by Actor, r GroupRule, inForce []GroupRule, at time.Time) (GroupRuleChange, error) {
	if err := by.May(ActGroupRules); err != nil {
		return GroupRuleChange{}, err
	}
	r, err := r.CheckOwn()
	if err != nil {
		return GroupRuleChange{}, err
	}
	own := 0
	for _, other := range inForce {
		if other.Source != r.Source || other.Kind != GroupIgnore && other.Kind != GroupJoin {
			continue
		}
		if own++; other.Kind == r.Kind && other.Pattern == r.Pattern && other.Title == r.Title {
			return GroupRuleChange{}, Errorf(Conflict, "there is this rule already")
		}
	}
	if own >= MaxOwnRules {
		return GroupRuleChange{}, Errorf(
			Conflict,
			"%s has %d rules, and can have no more: undo some first",
			r.Source,
			own,
		)
	}
	return r.made(by, "cause.rule", "source", r.Source, r.facts(), at)
}

// MergeCauses returns the rule by which causes are one: they become part of into, which may be one of them. It returns
// Invalid unless they are two causes at least, of one source.
func MergeCauses(by Actor, causes []Cause, into Cause, inForce []GroupRule, at time.Time) (GroupRuleChange, error) {
	if err := by.May(ActGroup); err != nil {
		return GroupRuleChange{}, err
	}
	r := GroupRule{Kind: GroupMerge, Source: into.Source, Into: into.failure()}
	var moved []string
	for _, c := range causes {
		switch {
		case c.Fingerprint == into.Fingerprint:
		case c.Source != into.Source:
			return GroupRuleChange{}, Errorf(
				Invalid,
				"causes of the sources %s and %s cannot be merged, because each source is replayed and configured by itself: "+
					"select causes of one source",
				into.Source,
				c.Source,
			)
		default:
			r.From, moved = append(r.From, c.failure()), append(moved, c.Fingerprint)
		}
	}
	switch {
	case len(r.From) == 0:
		return GroupRuleChange{}, Errorf(Invalid, "select two causes at least")
	case len(r.From) > MaxMerged:
		return GroupRuleChange{}, Errorf(
			Invalid,
			"%d causes can be merged at once: select fewer, or make a rule",
			MaxMerged,
		)
	}
	if err := checkSteps(r.Source, inForce); err != nil {
		return GroupRuleChange{}, err
	}
	return r.made(by, "cause.merge", causeTarget, into.Fingerprint, r.facts(moved...), at)
}

// SplitCause returns the rule by which the errors of a cause that match a pattern are of another cause, with a title of
// its own if one is given.
func SplitCause(
	by Actor, c Cause, pattern, title string, inForce []GroupRule, at time.Time,
) (GroupRuleChange, error) {
	if err := by.May(ActGroup); err != nil {
		return GroupRuleChange{}, err
	}
	r := GroupRule{
		Kind: GroupSplit, Source: c.Source, Pattern: pattern, Title: strings.Join(strings.Fields(title), " "),
		Into: c.failure(),
	}
	if _, err := r.compile(); err != nil {
		return GroupRuleChange{}, err
	}
	if err := checkTitle(r.Title); err != nil {
		return GroupRuleChange{}, err
	}
	if err := checkSteps(r.Source, inForce); err != nil {
		return GroupRuleChange{}, err
	}
	return r.made(by, "cause.split", causeTarget, c.Fingerprint, r.facts(), at)
}

func checkSteps(source string, inForce []GroupRule) error {
	steps := 0
	for _, r := range inForce {
		if r.Source == source && (r.Kind == GroupMerge || r.Kind == GroupSplit) {
			steps++
		}
	}
	if steps >= maxSteps {
		return Errorf(Conflict, "%s has %d merges and splits, and can have no more: make a rule, and undo some of them",
			source, steps)
	}
	return nil
}

// Undo returns the rule as it is undone: the causes are as they were before it.
func (r GroupRule) Undo(by Actor, at time.Time) (GroupRuleChange, error) {
	act := ActGroup
	if r.Kind == GroupIgnore || r.Kind == GroupJoin {
		act = ActGroupRules
	}
	if err := by.May(act); err != nil {
		return GroupRuleChange{}, err
	}
	switch {
	case !r.InForce():
		return GroupRuleChange{}, Errorf(Conflict, "undone by %s %s already", r.UndoneBy, ago(r.UndoneAt, at))
	case r.Configured && by.Kind != ActorSystem:
		return GroupRuleChange{}, Errorf(Conflict, "this rule is in the configuration: remove it there, and reload")
	}
	r.UndoneBy, r.UndoneAt = by.Name, at
	e, err := NewEvent(by, "cause.rule_undo", "source", r.Source, "", r.facts(), nil, at)
	e.Source = r.Source
	return GroupRuleChange{r, e}, err
}

func (r GroupRule) made(
	by Actor,
	action, kind, target string,
	facts groupFacts,
	at time.Time,
) (GroupRuleChange, error) {
	r.By, r.At = by.Name, at
	e, err := NewEvent(by, action, kind, target, "", nil, facts, at)
	e.Source = r.Source
	return GroupRuleChange{r, e}, err
}

// groupFacts are the facts of a rule that its events store: no error text, which may have values of customers.
type groupFacts struct {
	Rule    GroupKind `json:"rule"`
	Pattern string    `json:"pattern,omitempty"`
	Title   string    `json:"title,omitempty"`
	Merged  []string  `json:"merged,omitempty"` // fingerprints of the causes that become part of the target
}

func (r GroupRule) facts(merged ...string) groupFacts {
	return groupFacts{Rule: r.Kind, Pattern: r.Pattern, Title: r.Title, Merged: merged}
}

// ConfiguredRules returns the changes after which the rules of a source in the configuration are those of wanted, in
// their order. inForce are its present rules.
func ConfiguredRules(wanted, inForce []GroupRule, at time.Time) ([]GroupRuleChange, error) {
	var present []GroupRule
	for _, r := range inForce {
		if r.Configured {
			present = append(present, r)
		}
	}
	same := func(a, b GroupRule) bool { return a.Kind == b.Kind && a.Pattern == b.Pattern && a.Title == b.Title }
	if slices.EqualFunc(wanted, present, same) {
		return nil, nil
	}
	var changes []GroupRuleChange
	for _, r := range present {
		undone, err := r.Undo(System(), at)
		if err != nil {
			return nil, err
		}
		changes = append(changes, undone)
	}
	for _, r := range wanted {
		r.Configured = true
		made, err := r.made(System(), "cause.rule", "source", r.Source, r.facts(), at)
		if err != nil {
			return nil, err
		}
		changes = append(changes, made)
	}
	return changes, nil
}
