package console_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/store"
)

// ruleForm is the form of a rule that replays the messages of a cause, with other values for some fields.
func ruleForm(cause string, pairs ...string) url.Values {
	values := form("name", "again later", "match", "cause", "cause", cause, "source", "genesys", "code", "", "action",
		"replay", "after", "10", "times", "3", "perHour", "100", "maxFailed", "50")
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return values
}

// rule makes a rule of olga that replays what fails with 422 at genesys, in a state.
func (b bundle) rule(t *testing.T, state deadletter.RuleState) deadletter.Rule {
	t.Helper()
	olga := deadletter.User("olga", deadletter.Operator, "192.0.2.1")
	r, err := b.desk.MakeRule(t.Context(), olga, deadletter.RuleSpec{
		Name: "again later", Match: deadletter.RuleMatch{Source: "genesys", Code: "422"},
		Action: deadletter.ActReplay, After: 10 * time.Minute, Times: 3, PerHour: 100, MaxFailed: 50,
	})
	if err == nil && state != deadletter.RuleShadow {
		err = b.desk.SwitchRule(t.Context(), olga, desk.RuleRef{ID: r.ID, Version: r.Version}, state)
		r.State, r.Version = state, r.Version+1
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// switchedOff has dlqdesk switch off a rule that is on.
func (b bundle) switchedOff(t *testing.T, id deadletter.RuleID, why string) {
	t.Helper()
	err := b.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		r, err := tx.Rule(ctx, id)
		if err != nil {
			return err
		}
		change, err := r.SwitchOff(why, b.clock.Now())
		if err != nil {
			return err
		}
		_, err = tx.ApplyRule(ctx, change)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestRuleIsMadeOnThePageOfACause(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "a-1", failing("genesys", "no field customer", 422))
	b.receive(t, "a-2", failing("genesys", "no field customer", 422))
	p := b.member(t, "olga", deadletter.Operator)
	path := "/causes/" + m.Fingerprint
	to, ok := p.get(path).doc().Find("#cause-panel a[href^='/rules/new']").Attr("href")
	if !ok {
		t.Fatal("the page of the cause offers no rule")
	}
	a := p.get(to)
	values := a.fields(".rule-form")
	if values.Get("cause") != m.Fingerprint || values.Get("match") != "cause" || values.Get("code") != "422" ||
		values.Get("source") != "genesys" {
		t.Fatalf("the form has %v", values)
	}
	values.Set("name", "again later")
	a = p.post("/rules", values)
	if a.status != http.StatusSeeOther || a.header.Get("Location") != "/rules/1" {
		t.Fatalf("making it answers %d, to %q: %s", a.status, a.header.Get("Location"), a.says("main"))
	}
	a = p.get("/rules/1")
	if got := a.says(".rule-sentence"); !strings.Contains(got, "When a message of the cause 422") ||
		!strings.Contains(got, "replay it after 10 minutes, 3 times at most") ||
		!strings.Contains(got, "100 messages an hour at most") {
		t.Errorf("it says %q", got)
	}
	if got := a.says("main"); !strings.Contains(got, "It would have replayed 2 messages.") ||
		!strings.Contains(got, "Looked at all 2 messages of the cause received in these days.") {
		t.Errorf("the preview says %q", got)
	}
	if n := a.count(".rule-messages tbody tr"); n != 2 || a.says("h1") != "again later" {
		t.Errorf("%d messages, %q", n, a.says("h1"))
	}
	b.receive(t, "a-3", failing("genesys", "no field customer", 422))
	if got := p.get("/rules/1").says(".rule-actions tbody"); !strings.Contains(got, "Would act") {
		t.Errorf("in shadow it recorded %q", got)
	}
	if got := p.get(path).says(".cause-rules"); got != "1 rule is in shadow: again later" {
		t.Errorf("the page of the cause says %q", got)
	}
	if got := p.get("/rules").says(".rule-list tbody"); !strings.Contains(got, "Shadow") ||
		!strings.Contains(got, "1 in shadow") {
		t.Errorf("the list says %q", got)
	}
}

func TestRuleIsSwitchedOnItsPage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "a-1", failing("genesys", "no field customer", 422))
	b.rule(t, deadletter.RuleShadow)
	p := b.member(t, "olga", deadletter.Operator)
	on := form("version", "1", "state", "on")
	if a := p.post("/rules/1/state", on); a.status != http.StatusSeeOther {
		t.Fatalf("switching it on answers %d: %s", a.status, a.says("main"))
	}
	if a := p.post("/rules/1/state", on); a.status != http.StatusConflict ||
		!strings.Contains(a.says(".notice"), "switched on by olga") {
		t.Errorf("from a stale page it answers %d: %s", a.status, a.says(".notice"))
	}
	a := p.get("/rules/1")
	if a.says(".message-head .tag") != "On" || a.count("#rule-preview") != 0 {
		t.Errorf("it is %q", a.says(".message-head .tag"))
	}
	if got := a.says(".job-events"); !strings.Contains(got, "olga switched on this rule") ||
		!strings.Contains(got, "olga made this rule") {
		t.Errorf("its events are %q", got)
	}
	b.receive(t, "a-2", failing("genesys", "no field customer", 422))
	if got := p.get("/rules/1").says(".rule-facts"); !strings.Contains(got, "1 message") {
		t.Errorf("what waits is %q", got)
	}
	if got := p.get("/causes/" + m.Fingerprint).says(".cause-rules"); got != "1 rule is on: again later" {
		t.Errorf("the page of the cause says %q", got)
	}
	if got := p.get("/audit?action=rule.").says("main"); !strings.Contains(got, "switched on rule") {
		t.Errorf("the audit trail says %q", got)
	}
	if a := p.post("/rules/1/state", form("version", "2", "state", "away")); a.header.Get("Location") != "/rules" {
		t.Errorf("putting it away answers %d", a.status)
	}
	if a := p.get("/rules"); a.count(".rule-list") != 0 || !strings.Contains(a.says("main"), "No rules yet") {
		t.Errorf("the list says %q", a.says("main"))
	}
	a = p.get("/rules/1")
	if a.says(".message-head .tag") != "Put away" || a.count("form[action='/rules/1/state']") != 0 {
		t.Errorf("what was put away is %q", a.says(".message-head .tag"))
	}
}

func TestRuleIsChanged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1")
	b.rule(t, deadletter.RuleOn)
	p := b.member(t, "olga", deadletter.Operator)
	values := p.get("/rules/1/edit").fields(".rule-form")
	if values.Get("after") != "10" || values.Get("code") != "422" || values.Get("version") != "2" {
		t.Fatalf("the form has %v", values)
	}
	values.Set("action", "archive")
	values.Set("reason", "sent by a test")
	if a := p.post("/rules/1", values); a.status != http.StatusSeeOther {
		t.Fatalf("changing it answers %d: %s", a.status, a.says("main"))
	}
	a := p.get("/rules/1")
	if got := a.says(".rule-sentence"); a.says(".message-head .tag") != "Shadow" ||
		!strings.Contains(got, "archive it, because “sent by a test”") {
		t.Errorf("it is %q: %s", a.says(".message-head .tag"), got)
	}
	if a := p.post("/rules/1", values); a.status != http.StatusConflict ||
		a.fields(".rule-form").Get("reason") != "sent by a test" {
		t.Errorf("from a stale page it answers %d", a.status)
	}
}

func TestFormOfARuleSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "a-1")
	p := b.member(t, "olga", deadletter.Operator)
	for name, c := range map[string]struct {
		values url.Values
		fault  string // of its field
		want   string
	}{
		"no name":  {ruleForm(m.Fingerprint, "name", ""), "#name-fault", "Give the rule a name"},
		"no code":  {ruleForm("", "match", "code"), "#code-fault", "Enter a status code"},
		"no wait":  {ruleForm(m.Fingerprint, "after", "soon"), "#after-fault", "Enter a wait"},
		"far wait": {ruleForm(m.Fingerprint, "after", "99999999999"), "#after-fault", "Enter a wait"},
		"no reason": {
			ruleForm(m.Fingerprint, "action", "archive"), "#reason-fault", "Say why you archive",
		},
		"no source": {
			ruleForm("", "match", "code", "code", "503", "source", "gone"), "#source-fault", "Choose the source",
		},
		"no recipe": {
			ruleForm(m.Fingerprint, "recipe", "yes", "kind", "merge", "patch", "{", "editReason", "x"), "#patch-fault",
			"",
		},
		"no edit reason": {
			ruleForm(m.Fingerprint, "recipe", "yes", "kind", "merge", "patch", "{}"), "#editReason-fault",
			"Say why you edit",
		},
		"another recipe": {
			ruleForm(m.Fingerprint, "recipe", "yes", "saved", "x", "editReason", "x"), "#patch-fault", "Choose another",
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := p.post("/rules", c.values)
			if a.status != http.StatusUnprocessableEntity || a.count(c.fault) != 1 ||
				!strings.Contains(a.says(c.fault), c.want) {
				t.Errorf("it answers %d, %q: %s", a.status, a.says(".field-fault"), a.says("main"))
			}
			if got := a.fields(".rule-form"); got.Get("after") != c.values.Get("after") ||
				got.Get("name") != c.values.Get("name") {
				t.Errorf("the form lost what was typed: %v", got)
			}
		})
	}
	if rules, err := b.store.Rules(t.Context()); err != nil || len(rules) > 0 {
		t.Errorf("rules were made: %v, %v", rules, err)
	}
}

func TestPagesSayWhichRuleSwitchedItselfOff(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "a-1", failing("genesys", "no field customer", 422))
	r := b.rule(t, deadletter.RuleOn)
	p := b.member(t, "olga", deadletter.Operator)
	pages := []string{"/overview", "/jobs", "/causes/" + m.Fingerprint, "/rules", "/rules/1"}
	const why = "5 of its last 5 replays failed again"
	for _, path := range pages {
		if got := p.get(path).says("main"); strings.Contains(got, "switched itself off") || strings.Contains(got, why) {
			t.Errorf("%s says too early %q", path, got)
		}
	}
	b.switchedOff(t, r.ID, why)
	for _, path := range pages {
		if got := p.get(path).says("main"); !strings.Contains(got, why) || !strings.Contains(got, "again later") {
			t.Errorf("%s says %q", path, got)
		}
	}
	if a := p.post("/rules/1/state", form("version", "3", "state", "shadow")); a.status != http.StatusSeeOther {
		t.Fatalf("it answers %d", a.status)
	}
	if got := p.get("/jobs").says("main"); strings.Contains(got, why) {
		t.Errorf("after a person looked after it: %q", got)
	}
}

func TestRuleUsesASavedRecipe(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "a-1", failing("genesys", "no field customer", 422))
	var saved deadletter.SavedRecipe
	err := b.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		c, err := tx.Cause(ctx, m.Fingerprint)
		if err != nil {
			return err
		}
		olga := deadletter.User("olga", deadletter.Operator, "")
		change, err := c.NewRecipe(olga, "customer id", deadletter.Recipe{Text: `{"customer":1}`}, nil, b.clock.Now())
		if err != nil {
			return err
		}
		saved, err = tx.ApplyRecipe(ctx, change)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	p := b.member(t, "olga", deadletter.Operator)
	value, ok := p.get("/rules/new?cause=" + m.Fingerprint).doc().Find("#saved option:last-child").Attr("value")
	if !ok {
		t.Fatal("the form offers no recipe")
	}
	a := p.post("/rules", ruleForm(m.Fingerprint, "recipe", "yes", "saved", value, "editReason", "it is missing"))
	if a.status != http.StatusSeeOther {
		t.Fatalf("it answers %d: %s", a.status, a.says("main"))
	}
	r, err := b.store.Rule(t.Context(), 1)
	if err != nil || r.Saved != saved.Use() || r.Recipe.Text != `{"customer":1}` {
		t.Errorf("the rule is %+v, %v", r, err)
	}
	if got := p.get("/rules/1").says(".rule-facts"); !strings.Contains(got, "customer id") {
		t.Errorf("its page says %q", got)
	}
	if got := p.get("/rules/1/edit").fields(".rule-form").Get("saved"); got != value {
		t.Errorf("the form of a change has %q", got)
	}
}

// The history of a message says which rule replayed it, and in whose name.
func TestHistoryOfAMessageNamesTheRule(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1", failing("genesys", "no field customer", 404))
	r := b.rule(t, deadletter.RuleOn)
	b.receive(t, "a-2", failing("genesys", "no field customer", 422))
	p := b.member(t, "olga", deadletter.Operator)
	const waits = "The rule again later replays it"
	if got := p.get("/messages/a-2").says("main"); !strings.Contains(got, waits) {
		t.Errorf("before, its page says %q", got)
	}
	if got := p.get("/messages/a-1").says("main"); strings.Contains(got, "The rule") {
		t.Errorf("the page of another message says %q", got)
	}
	b.clock.Add(10 * time.Minute)
	err := b.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		due, err := b.store.DueRuleActions(ctx, r.ID, b.clock.Now(), 1)
		if err != nil {
			return err
		}
		m, err := tx.Message(ctx, "a-2")
		if err != nil {
			return err
		}
		if r, err = tx.Rule(ctx, r.ID); err != nil {
			return err
		}
		asked, err := r.ChangeOf(due[0], m, deadletter.Revision{}, nil, deadletter.Newer{}, b.clock.Now())
		if err != nil {
			return err
		}
		if err := tx.Apply(ctx, asked); err != nil {
			return err
		}
		return tx.SettleRuleAction(ctx, due[0].Acted(true, b.clock.Now()))
	})
	if err != nil {
		t.Fatal(err)
	}
	b.finish(t, "a-2", deadletter.Delivered, 200)
	got := p.get("/messages/a-2").says("main")
	if !strings.Contains(got, "replay by rule 'again later' of olga") || strings.Contains(got, waits) {
		t.Errorf("its page says %q", got)
	}
	if got := p.get("/rules/1").says(".rule-actions tbody"); !strings.Contains(got, "Delivered") {
		t.Errorf("the page of the rule says %q", got)
	}
}

func TestViewersReadRules(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "a-1")
	b.rule(t, deadletter.RuleShadow)
	p := b.member(t, "vera", deadletter.Viewer)
	for _, path := range []string{"/rules", "/rules/1", "/rules/new", "/rules/1/edit"} {
		a := p.get(path)
		if a.status != http.StatusOK || !strings.Contains(a.says("main"), "A viewer may not make and switch rules") {
			t.Errorf("%s answers %d: %s", path, a.status, a.says("main"))
		}
		if a.count("main form") != 0 {
			t.Errorf("%s has a form", path)
		}
	}
	if n := p.get("/causes/" + m.Fingerprint).count("a[href^='/rules/new']"); n != 0 {
		t.Error("the page of the cause offers a rule")
	}
	if a := p.get("/rules/99"); a.status != http.StatusNotFound {
		t.Errorf("no rule answers %d", a.status)
	}
}
