package deadletter_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
)

type spec = deadletter.RuleSpec

var ruleTime = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

func replaySpec() deadletter.RuleSpec {
	return deadletter.RuleSpec{
		Name: "again later", Match: deadletter.RuleMatch{Source: "genesys", Code: "503"},
		Action: deadletter.ActReplay, After: 10 * time.Minute, Times: 3, PerHour: 100, MaxFailed: 50,
	}
}

func archiveSpec() deadletter.RuleSpec {
	return deadletter.RuleSpec{
		Name: "archive tests", Match: deadletter.RuleMatch{Source: "genesys", Code: "4xx"},
		Action: deadletter.ActArchive, Reason: "sent by a test", PerHour: 100,
	}
}

func editSpec() deadletter.RuleSpec {
	s := replaySpec()
	s.Action, s.Reason, s.Recipe.Text = deadletter.ActEdit, "the field was renamed", `{"a":null}`
	return s
}

// ruleIn returns a rule in a state.
func ruleIn(t *testing.T, spec deadletter.RuleSpec, state deadletter.RuleState) deadletter.Rule {
	t.Helper()
	made, err := deadletter.NewRule(operator, spec, 0, ruleTime)
	if err != nil {
		t.Fatal(err)
	}
	r := made.After
	r.ID = 7
	if state == deadletter.RuleShadow {
		return r
	}
	change, err := r.Switch(operator, state, r.Version, ruleTime)
	if err != nil {
		t.Fatal(err)
	}
	return change.After
}

var operator = deadletter.User("anna", deadletter.Operator, "192.0.2.7")

func TestNewRuleNamesTheFieldThatDoesNotDo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spec  deadletter.RuleSpec
		do    func(s *spec)
		field string
	}{
		"no name": {replaySpec(), func(s *spec) { s.Name = " \n" }, deadletter.FieldRuleName},
		"long name": {
			replaySpec(), func(s *spec) { s.Name = strings.Repeat("é", 81) }, deadletter.FieldRuleName,
		},
		"no source":          {replaySpec(), func(s *spec) { s.Match.Source = "" }, deadletter.FieldSource},
		"no code":            {replaySpec(), func(s *spec) { s.Match.Code = "" }, deadletter.FieldCode},
		"code of two digits": {replaySpec(), func(s *spec) { s.Match.Code = "50" }, deadletter.FieldCode},
		"code beyond":        {replaySpec(), func(s *spec) { s.Match.Code = "600" }, deadletter.FieldCode},
		"hundred beyond":     {replaySpec(), func(s *spec) { s.Match.Code = "6xx" }, deadletter.FieldCode},
		"no action":          {replaySpec(), func(s *spec) { s.Action = "" }, deadletter.FieldAction},
		"another action":     {replaySpec(), func(s *spec) { s.Action = deadletter.ActMute }, deadletter.FieldAction},
		"no wait":            {replaySpec(), func(s *spec) { s.After = 0 }, deadletter.FieldAfter},
		"long wait":          {replaySpec(), func(s *spec) { s.After = 8 * 24 * time.Hour }, deadletter.FieldAfter},
		"no times":           {replaySpec(), func(s *spec) { s.Times = 0 }, deadletter.FieldTimes},
		"many times":         {replaySpec(), func(s *spec) { s.Times = 21 }, deadletter.FieldTimes},
		"none an hour":       {archiveSpec(), func(s *spec) { s.PerHour = 0 }, deadletter.FieldPerHour},
		"many an hour":       {archiveSpec(), func(s *spec) { s.PerHour = 1001 }, deadletter.FieldPerHour},
		"no share":           {replaySpec(), func(s *spec) { s.MaxFailed = 0 }, deadletter.FieldFailed},
		"share beyond":       {replaySpec(), func(s *spec) { s.MaxFailed = 101 }, deadletter.FieldFailed},
		"archive, no reason": {archiveSpec(), func(s *spec) { s.Reason = " " }, deadletter.FieldReason},
		"edit, no reason":    {editSpec(), func(s *spec) { s.Reason = "" }, deadletter.FieldReason},
		"edit, no recipe":    {editSpec(), func(s *spec) { s.Recipe.Text = " " }, deadletter.FieldPatch},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := deadletter.NewRule(operator, c.spec, 0, ruleTime); err != nil {
				t.Fatalf("without the fault: %v", err)
			}
			c.do(&c.spec)
			_, err := deadletter.NewRule(operator, c.spec, 0, ruleTime)
			if deadletter.KindOf(err) != deadletter.Invalid || deadletter.FieldOf(err) != c.field {
				t.Errorf("got %v about %q, want Invalid about %q", err, deadletter.FieldOf(err), c.field)
			}
		})
	}
}

func TestNewRuleBeginsInShadow(t *testing.T) {
	t.Parallel()
	spec := archiveSpec()
	spec.Recipe.Text, spec.Times, spec.Unknown, spec.Name = "{}", 3, true, "  archive \n tests "
	made, err := deadletter.NewRule(operator, spec, 0, ruleTime)
	r := made.After
	if err != nil || r.State != deadletter.RuleShadow || r.Version != 1 || r.By != "anna" || r.CreatedBy != "anna" {
		t.Fatalf("the rule is %+v, %v", r, err)
	}
	if r.Recipe.Text != "" || r.Times != 0 || r.Unknown || r.Name != "archive tests" {
		t.Errorf("its specification is %+v", r.RuleSpec)
	}
	if made.Event.Action != "rule.create" || made.Event.By != "anna" || made.Event.Source != "genesys" {
		t.Errorf("its event is %+v", made.Event)
	}
	_, err = deadletter.NewRule(operator, spec, deadletter.MaxRules, ruleTime)
	if deadletter.KindOf(err) != deadletter.Conflict {
		t.Errorf("one too many: %v", err)
	}
	viewer := deadletter.User("vera", deadletter.Viewer, "")
	if _, err = deadletter.NewRule(viewer, spec, 0, ruleTime); deadletter.KindOf(err) != deadletter.Forbidden {
		t.Errorf("of a viewer: %v", err)
	}
}

func TestRulesAreSwitchedByPeople(t *testing.T) {
	t.Parallel()
	ben := deadletter.User("ben", deadletter.Operator, "192.0.2.8")
	all := deadletter.RuleStates()
	for _, from := range all {
		for _, to := range all {
			t.Run(string(from+" to "+to), func(t *testing.T) {
				t.Parallel()
				r := ruleIn(t, replaySpec(), from)
				change, err := r.Switch(ben, to, r.Version, ruleTime)
				if refused := from == to || from == deadletter.RuleAway; refused {
					if deadletter.KindOf(err) != deadletter.Conflict {
						t.Errorf("got %v, want Conflict", err)
					}
					return
				}
				after := change.After
				if err != nil || after.State != to || after.Version != r.Version+1 || after.Last.By != "ben" {
					t.Errorf("the rule is %+v, %v", after, err)
				}
				want := "anna"
				if to == deadletter.RuleOn || to == deadletter.RuleShadow {
					want = "ben" // acts in the name of who switched it on
				}
				if after.By != want || change.Event.Action != "rule."+string(to) {
					t.Errorf("it acts in the name of %s, the event is %s", after.By, change.Event.Action)
				}
			})
		}
	}
	r := ruleIn(t, replaySpec(), deadletter.RuleOn)
	_, err := r.Switch(ben, deadletter.RuleOff, r.Version-1, ruleTime)
	if deadletter.KindOf(err) != deadletter.Conflict || !strings.Contains(err.Error(), "switched on by anna") {
		t.Errorf("a stale page: %v", err)
	}
	if _, err := r.Switch(ben, "asleep", r.Version, ruleTime); deadletter.KindOf(err) != deadletter.Invalid {
		t.Errorf("no state: %v", err)
	}
	change, err := r.Change(ben, archiveSpec(), r.Version, ruleTime)
	if err != nil || change.After.State != deadletter.RuleShadow || change.After.By != "ben" {
		t.Errorf("a changed rule is %+v, %v", change.After, err)
	}
	if _, err := r.Change(ben, archiveSpec(), 1, ruleTime); deadletter.KindOf(err) != deadletter.Conflict {
		t.Errorf("a change on a stale page: %v", err)
	}
}

func TestRuleWhoseReplaysFailSwitchesItselfOff(t *testing.T) {
	t.Parallel()
	results := func(delivered, failed int) []deadletter.RuleActionState {
		return append(slices.Repeat([]deadletter.RuleActionState{deadletter.RuleFailed}, failed),
			slices.Repeat([]deadletter.RuleActionState{deadletter.RuleDelivered}, delivered)...)
	}
	for name, c := range map[string]struct {
		state   deadletter.RuleState
		share   int
		results []deadletter.RuleActionState
		why     string // how it begins
	}{
		"too few":           {deadletter.RuleOn, 50, results(0, 4), ""},
		"the first five":    {deadletter.RuleOn, 50, results(0, 5), "5 of its last 5 replays failed"},
		"half":              {deadletter.RuleOn, 50, results(5, 5), ""},
		"more than half":    {deadletter.RuleOn, 50, results(4, 5), "5 of its last 9 replays failed"},
		"less than it may":  {deadletter.RuleOn, 90, results(1, 9), ""},
		"only the latest":   {deadletter.RuleOn, 50, append(results(10, 0), results(0, 100)...), ""},
		"latest 11 of 20":   {deadletter.RuleOn, 50, results(30, 11), "11 of its last 20 replays failed"},
		"off already":       {deadletter.RuleOff, 50, results(0, 20), ""},
		"all may fail":      {deadletter.RuleOn, 100, results(0, 20), ""},
		"none may, and did": {deadletter.RuleOn, 1, results(19, 1), "1 of its last 20 replays failed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := replaySpec()
			spec.MaxFailed = c.share
			r := ruleIn(t, spec, c.state)
			change, off, err := r.Judge(c.results, ruleTime)
			if err != nil || off != (c.why != "") {
				t.Fatalf("switches itself off: %v, %v", off, err)
			}
			if off && (change.After.State != deadletter.RuleOff || change.After.By != "anna" ||
				change.After.Why != fmt.Sprintf("%s again, more than %d %%", c.why, c.share) ||
				change.Event.Actor != deadletter.ActorSystem || change.Event.Reason != change.After.Why) {
				t.Errorf("the change is %+v", change)
			}
		})
	}
}

func failedMessage(source string, code int, outcome deadletter.Outcome, cause string) deadletter.Message {
	return deadletter.Message{
		ID: "a-1", Source: source, StatusCode: code, Outcome: outcome, Fingerprint: cause, Status: deadletter.Failed,
		Version: 2,
	}
}

func TestRulesMatchByCodeOrCause(t *testing.T) {
	t.Parallel()
	grouping, err := deadletter.NewGrouping(nil)
	if err != nil {
		t.Fatal(err)
	}
	of := func(source, code string) deadletter.RuleMatch {
		return deadletter.RuleMatch{Source: source, Code: code}
	}
	ofCause := deadletter.RuleMatch{Source: "a", Fingerprint: "c"}
	answered := deadletter.ErrorResponse
	for name, c := range map[string]struct {
		match deadletter.RuleMatch
		m     deadletter.Message
		want  bool
	}{
		"code":           {of("a", "503"), failedMessage("a", 503, answered, "c"), true},
		"another code":   {of("a", "503"), failedMessage("a", 502, answered, "c"), false},
		"another source": {of("a", "503"), failedMessage("b", 503, answered, "c"), false},
		"hundred":        {of("a", "5xx"), failedMessage("a", 599, answered, "c"), true},
		"below":          {of("a", "5xx"), failedMessage("a", 499, answered, "c"), false},
		"above":          {of("a", "4xx"), failedMessage("a", 500, answered, "c"), false},
		"no answer": {
			of("a", "none"), failedMessage("a", 0, deadletter.Unknown, "c"), true,
		},
		"none and a code": {
			of("a", "none"), failedMessage("a", 503, answered, "c"), false,
		},
		"nothing known": {of("a", "none"), failedMessage("a", 0, "", "c"), false},
		"cause":         {ofCause, failedMessage("a", 0, answered, "c"), true},
		"another cause": {ofCause, failedMessage("a", 0, answered, "d"), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := ruleIn(t, replaySpec(), deadletter.RuleOn)
			r.Match = c.match
			if got := deadletter.NewRuleSet([]deadletter.Rule{r}, grouping).For(c.m); (len(got) == 1) != c.want {
				t.Errorf("the rules are %v", got)
			}
		})
	}
}

func TestOldestRuleThatIsOnWins(t *testing.T) {
	t.Parallel()
	grouping, err := deadletter.NewGrouping(nil)
	if err != nil {
		t.Fatal(err)
	}
	rules := func(states ...deadletter.RuleState) (list []deadletter.Rule) {
		for i, state := range states {
			r := ruleIn(t, replaySpec(), state)
			r.ID = deadletter.RuleID(i + 1)
			list = append(list, r)
		}
		slices.Reverse(list)
		return list
	}
	on, off, shadow, away := deadletter.RuleOn, deadletter.RuleOff, deadletter.RuleShadow, deadletter.RuleAway
	for _, c := range []struct {
		states []deadletter.RuleState
		want   []deadletter.RuleID
	}{
		{[]deadletter.RuleState{on, on}, []deadletter.RuleID{1}},
		{[]deadletter.RuleState{off, on, on}, []deadletter.RuleID{2}},
		{[]deadletter.RuleState{shadow, on, shadow}, []deadletter.RuleID{1, 2}},
		{[]deadletter.RuleState{shadow, shadow}, []deadletter.RuleID{1, 2}},
		{[]deadletter.RuleState{away, off}, nil},
	} {
		var got []deadletter.RuleID
		for _, r := range deadletter.NewRuleSet(rules(c.states...), grouping).For(
			failedMessage("genesys", 503, deadletter.ErrorResponse, "c")) {
			got = append(got, r.ID)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("of %v act %v, want %v", c.states, got, c.want)
		}
	}
}

func TestRuleFollowsItsCause(t *testing.T) {
	t.Parallel()
	a := deadletter.Failure{Source: "genesys", Destination: "http://h", Error: "503 shard alpha is away"}
	b := deadletter.Failure{Source: "genesys", Destination: "http://h", Error: "500 no memory"}
	key := func(f deadletter.Failure) string { return deadletter.Fingerprint(f.Source, f.Destination, f.Error) }
	match := deadletter.RuleMatch{Source: "genesys", Fingerprint: key(a), Cause: a}
	none, err := deadletter.NewGrouping(nil)
	if err != nil {
		t.Fatal(err)
	}
	merged, err := none.With(deadletter.GroupRule{
		ID: 1, Kind: deadletter.GroupMerge, Source: "genesys", From: []deadletter.Failure{a}, Into: b,
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := match.Causes(none); !slices.Equal(got, []string{key(a)}) {
		t.Errorf("without a rule: %v", got)
	}
	if got := match.Causes(merged); !slices.Equal(got, []string{key(a), key(b)}) {
		t.Errorf("after the merge: %v, want %v", got, []string{key(a), key(b)})
	}
	if got := (deadletter.RuleMatch{Source: "genesys", Code: "503"}).Causes(merged); got != nil {
		t.Errorf("by code: %v", got)
	}
}

func TestActionsOfRules(t *testing.T) {
	t.Parallel()
	m := failedMessage("genesys", 503, deadletter.ErrorResponse, "c")
	on := ruleIn(t, replaySpec(), deadletter.RuleOn)
	a := on.ActionFor(m, 2, ruleTime)
	if a.State != deadletter.RuleWaiting || !a.DueAt.Equal(ruleTime.Add(10*time.Minute)) || a.Version != 2 {
		t.Errorf("the action is %+v", a)
	}
	if a := on.ActionFor(m, 3, ruleTime); a.State != deadletter.RuleSkipped ||
		a.Text != "replayed 3 of 3 times already" {
		t.Errorf("after three replays it is %+v", a)
	}
	shadow := ruleIn(t, replaySpec(), deadletter.RuleShadow)
	if a := shadow.ActionFor(m, 0, ruleTime); a.State != deadletter.RuleWouldAct {
		t.Errorf("in shadow it is %+v", a)
	}
	if a := ruleIn(t, archiveSpec(), deadletter.RuleOn).ActionFor(m, 9, ruleTime); !a.DueAt.Equal(ruleTime) ||
		a.State != deadletter.RuleWaiting {
		t.Errorf("an archive is %+v", a)
	}
}

func TestRuleLeavesMessagesAlone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		do   func(r *deadletter.Rule, m *deadletter.Message, n *deadletter.Newer)
		want string
	}{
		"nothing in the way": {func(*deadletter.Rule, *deadletter.Message, *deadletter.Newer) {}, ""},
		"switched off": {func(r *deadletter.Rule, _ *deadletter.Message, _ *deadletter.Newer) {
			change, err := r.Switch(operator, deadletter.RuleOff, r.Version, ruleTime)
			if err != nil {
				t.Fatal(err)
			}
			*r = change.After
		}, "the rule was switched off before"},
		"changed since": {func(r *deadletter.Rule, _ *deadletter.Message, _ *deadletter.Newer) {
			r.Version++
		}, "the rule was changed before"},
		"archived by a person": {func(_ *deadletter.Rule, m *deadletter.Message, _ *deadletter.Newer) {
			change, err := m.Archive(operator, "known", m.Version, ruleTime)
			if err != nil {
				t.Fatal(err)
			}
			*m = change.After
		}, "archived by anna in the meantime"},
		"in flight": {func(_ *deadletter.Rule, m *deadletter.Message, _ *deadletter.Newer) {
			m.Status = deadletter.Replaying
		}, "replaying already"},
		"may have been processed": {func(_ *deadletter.Rule, m *deadletter.Message, _ *deadletter.Newer) {
			m.Outcome = deadletter.Unknown
		}, "it may already have been processed"},
		"may have been processed, and does not matter": {
			func(r *deadletter.Rule, m *deadletter.Message, _ *deadletter.Newer) {
				r.Unknown, m.Outcome = true, deadletter.Unknown
			}, "",
		},
		"overtaken": {func(_ *deadletter.Rule, _ *deadletter.Message, n *deadletter.Newer) {
			*n = deadletter.Newer{Count: 2, Thing: "conversation"}
		}, "2 newer events of this conversation were delivered"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := ruleIn(t, replaySpec(), deadletter.RuleOn)
			m, n := failedMessage("genesys", 503, deadletter.ErrorResponse, "c"), deadletter.Newer{}
			a := r.ActionFor(m, 0, ruleTime)
			c.do(&r, &m, &n)
			change, err := r.ChangeOf(a, m, deadletter.Revision{}, nil, n, ruleTime)
			if c.want != "" {
				if deadletter.KindOf(err) != deadletter.Conflict || deadletter.TextOf(err) != c.want {
					t.Errorf("got %v, want Conflict %q", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			e, by := change.Event, "rule 'again later' of anna"
			if e.Actor != deadletter.ActorRule || e.By != by || !strings.HasPrefix(string(e.After), `{"rule":7,`) ||
				change.After.LastChange.By != by || change.After.Request.Trigger != deadletter.TriggerRule {
				t.Errorf("the change is %+v", change)
			}
		})
	}
}

func TestRuleEditsWithItsRecipe(t *testing.T) {
	t.Parallel()
	r := ruleIn(t, editSpec(), deadletter.RuleOn)
	m := failedMessage("genesys", 503, deadletter.ErrorResponse, "c")
	a := r.ActionFor(m, 0, ruleTime)
	apply := func(deadletter.Revision) ([]byte, error) { return []byte(`{}`), nil }
	c, err := r.ChangeOf(a, m, deadletter.Revision{Body: []byte(`{"a":1}`)}, apply, deadletter.Newer{}, ruleTime)
	if err != nil || c.Revision == nil || string(c.Revision.Body) != `{}` || c.Revision.Number != 1 ||
		c.Revision.Reason != "the field was renamed" || c.After.Request.Revision != 1 {
		t.Fatalf("the change is %+v, %v", c, err)
	}
	m = c.After
	m.Status, a.Version = deadletter.Failed, m.Version
	c, err = r.ChangeOf(a, m, *c.Revision, apply, deadletter.Newer{}, ruleTime)
	if err != nil || c.Revision != nil || c.After.Request.Revision != 1 {
		t.Errorf("the same edit again is %+v, %v", c, err)
	}
	bad := func(deadletter.Revision) ([]byte, error) {
		return nil, deadletter.Errorf(deadletter.Invalid, "the body is no JSON")
	}
	_, err = r.ChangeOf(a, m, deadletter.Revision{}, bad, deadletter.Newer{}, ruleTime)
	if deadletter.KindOf(err) != deadletter.Invalid {
		t.Errorf("a recipe that does not fit: %v", err)
	}
}

func TestResultsOfReplaysForRules(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		attempt deadletter.Attempt
		state   deadletter.RuleActionState
		text    string
	}{
		"delivered": {deadletter.Attempt{Outcome: deadletter.Delivered}, deadletter.RuleDelivered, ""},
		"failed": {
			deadletter.Attempt{Outcome: deadletter.ErrorResponse, StatusCode: 503, Error: "away"},
			deadletter.RuleFailed, "503 away",
		},
		"a test of a destination that is down": {
			deadletter.Attempt{Outcome: deadletter.Unreachable, Probe: true}, deadletter.RuleWaiting, "",
		},
		"a test that is refused": {
			deadletter.Attempt{Outcome: deadletter.ErrorResponse, StatusCode: 422, Error: "no", Probe: true},
			deadletter.RuleFailed, "422 no",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if state, text := c.attempt.RuleResult(); state != c.state || text != c.text {
				t.Errorf("got %s %q, want %s %q", state, text, c.state, c.text)
			}
		})
	}
}

func TestRuleOffReason(t *testing.T) {
	t.Parallel()
	rule := ruleIn(t, replaySpec(), deadletter.RuleOn)
	for _, c := range []struct {
		u    deadletter.Account
		want string
	}{
		{deadletter.Account{Name: "anna", Role: deadletter.Operator}, ""},
		{deadletter.Account{Name: "anna", Role: deadletter.Admin}, ""},
		{deadletter.Account{Name: "anna", Deleted: true}, "anna is no longer a user"},
		{deadletter.Account{Name: "anna", Role: deadletter.Admin, Disabled: true}, "anna is disabled"},
		{deadletter.Account{Name: "anna", Role: deadletter.Viewer}, "anna may no longer make and switch rules"},
	} {
		if got := c.u.RuleOffReason(rule); !strings.HasPrefix(got, c.want) || (got == "") != (c.want == "") {
			t.Errorf("%+v: %q, want %q", c.u, got, c.want)
		}
	}
}

func TestPreviewOfARule(t *testing.T) {
	t.Parallel()
	at := func(minutes int) time.Time { return ruleTime.Add(time.Duration(minutes) * time.Minute) }
	failed := func(id deadletter.ID, code, minutes int) deadletter.PastFailure {
		return deadletter.PastFailure{
			Message: id, At: at(minutes), StatusCode: code, Outcome: deadletter.ErrorResponse,
		}
	}
	failures := []deadletter.PastFailure{
		failed("a", 503, 200), failed("b", 422, 190), failed("a", 503, 180), failed("c", 503, 130),
		failed("a", 503, 120), failed("a", 503, 90), failed("d", 503, 10),
	}
	spec := replaySpec()
	p := spec.Preview(failures)
	if len(p.Messages) != 3 || p.Actions != 5 || p.Busiest != 2 {
		t.Fatalf("the preview is %+v", p)
	}
	if m := p.Messages[0]; m.Message != "a" || m.Actions != 3 || !m.At.Equal(at(200)) {
		t.Errorf("the first message is %+v", m)
	}
	archive := archiveSpec()
	if p := archive.Preview(failures); len(p.Messages) != 1 || p.Messages[0].Message != "b" || p.Actions != 1 {
		t.Errorf("an archive is %+v", p)
	}
	spec.Match = deadletter.RuleMatch{Source: "genesys", Fingerprint: "c"}
	if p := spec.Preview(failures); len(p.Messages) != 4 {
		t.Errorf("of a cause it is %+v", p)
	}
}
