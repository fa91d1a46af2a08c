package desk_test

import (
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/store"
)

func ruleSpec(cause string) deadletter.RuleSpec {
	return deadletter.RuleSpec{
		Name: "again later", Match: deadletter.RuleMatch{Fingerprint: cause}, Action: deadletter.ActReplay,
		After: 10 * time.Minute, Times: 3, PerHour: 100, MaxFailed: 50,
	}
}

func TestRuleOfACauseKnowsItsSourceAndError(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "a-1", nil)
	r, err := b.MakeRule(t.Context(), anna, ruleSpec(m.Fingerprint))
	if err != nil || r.Match.Source != m.Source || r.Match.Cause.Error == "" || r.State != deadletter.RuleShadow {
		t.Fatalf("the rule is %+v, %v", r, err)
	}
	views, err := b.Rules(t.Context(), anna)
	if err != nil || len(views) != 1 || views[0].Cause.Fingerprint != m.Fingerprint || views[0].Denied != nil {
		t.Errorf("the list is %+v, %v", views, err)
	}
	p, err := b.PreviewRule(t.Context(), anna, r.RuleSpec)
	if err != nil || len(p.Messages) != 1 || !p.All {
		t.Errorf("the preview is %+v, %v", p, err)
	}
}

func TestOrdersForRulesAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "a-1", nil)
	vera := deadletter.User("vera", deadletter.Viewer, "192.0.2.9")
	r, err := b.MakeRule(t.Context(), anna, ruleSpec(m.Fingerprint))
	if err != nil {
		t.Fatal(err)
	}
	ref := desk.RuleRef{ID: r.ID, Version: r.Version}
	edit := ruleSpec(m.Fingerprint)
	edit.Action, edit.Reason, edit.Recipe.Text = deadletter.ActEdit, "it is missing", "{"
	gone := ruleSpec("")
	gone.Match = deadletter.RuleMatch{Source: "gone", Code: "503"}
	for name, c := range map[string]struct {
		do   func() error
		kind deadletter.Kind
	}{
		"a viewer makes one": {func() error {
			_, err := b.MakeRule(t.Context(), vera, ruleSpec(m.Fingerprint))
			return err
		}, deadletter.Forbidden},
		"a viewer changes one": {func() error {
			return b.ChangeRule(t.Context(), vera, ref, ruleSpec(m.Fingerprint))
		}, deadletter.Forbidden},
		"a viewer switches one": {func() error {
			return b.SwitchRule(t.Context(), vera, ref, deadletter.RuleOn)
		}, deadletter.Forbidden},
		"of no cause": {func() error {
			_, err := b.MakeRule(t.Context(), anna, ruleSpec("nothing"))
			return err
		}, deadletter.NotFound},
		"of no source": {func() error {
			_, err := b.MakeRule(t.Context(), anna, gone)
			return err
		}, deadletter.Invalid},
		"with a recipe that cannot be read": {func() error {
			_, err := b.MakeRule(t.Context(), anna, edit)
			return err
		}, deadletter.Invalid},
		"from a stale page": {func() error {
			return b.SwitchRule(t.Context(), anna, desk.RuleRef{ID: r.ID, Version: 7}, deadletter.RuleOn)
		}, deadletter.Conflict},
		"there is none": {func() error {
			return b.SwitchRule(t.Context(), anna, desk.RuleRef{ID: 99, Version: 1}, deadletter.RuleOn)
		}, deadletter.NotFound},
	} {
		if err := c.do(); deadletter.KindOf(err) != c.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
	if now, err := b.store.Rule(t.Context(), r.ID); err != nil || now.Version != r.Version {
		t.Errorf("the rule was changed: %+v, %v", now, err)
	}
}

// Masked values in the recipe of a rule are not shown, and stay when the form is sent back with them hidden.
func TestMaskedValuesInTheRecipeOfARuleAreKept(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "a-1", nil)
	spec := ruleSpec(m.Fingerprint)
	spec.Action, spec.Reason, spec.Recipe.Text = deadletter.ActEdit, "it is missing", `{"password":"hunter2-secret"}`
	made, err := b.MakeRule(t.Context(), anna, spec)
	if err != nil {
		t.Fatal(err)
	}
	seen, err := b.Rule(t.Context(), anna, made.ID)
	if err != nil || strings.Contains(seen.Recipe.Text, "hunter2") {
		t.Fatalf("shown is %q, %v", seen.Recipe.Text, err)
	}
	spec.Recipe.Text, spec.Times = seen.Recipe.Text, 5
	ref := desk.RuleRef{ID: made.ID, Version: made.Version}
	if err := b.ChangeRule(t.Context(), anna, ref, spec); err != nil {
		t.Fatal(err)
	}
	now, err := b.store.Rule(t.Context(), made.ID)
	if err != nil || !strings.Contains(now.Recipe.Text, "hunter2-secret") || now.Times != 5 {
		t.Errorf("stored is %+v, %v", now, err)
	}
	events, err := b.store.Events(t.Context(), store.EventQuery{
		EventFilter: store.EventFilter{Action: "rule."}, Limit: 10,
	})
	if err == nil {
		err = b.Hider().Events(t.Context(), events.Items)
	}
	if err != nil || len(events.Items) != 2 {
		t.Fatalf("%d events, %v", len(events.Items), err)
	}
	for _, e := range events.Items {
		if text := string(e.Before) + string(e.After); strings.Contains(text, "hunter2") {
			t.Errorf("the audit trail shows %s", text)
		}
	}
}
