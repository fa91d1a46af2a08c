package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// makeRule stores a rule in a state.
func makeRule(
	t *testing.T, s *store.Store, state deadletter.RuleState, change func(spec *deadletter.RuleSpec),
) (r deadletter.Rule) {
	t.Helper()
	spec := deadletter.RuleSpec{
		Name: "again later", Match: deadletter.RuleMatch{Source: "genesys", Code: "4xx"},
		Action: deadletter.ActReplay, After: 10 * time.Minute, Times: 2, PerHour: 100, MaxFailed: 50,
	}
	if change != nil {
		change(&spec)
	}
	err := s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		others, err := tx.CountRules(ctx)
		if err != nil {
			return err
		}
		made, err := deadletter.NewRule(anna, spec, others, start)
		if err != nil {
			return err
		}
		r, err = tx.ApplyRule(ctx, made)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if state != deadletter.RuleShadow {
		r = switchRule(t, s, r, state)
	}
	return r
}

func switchRule(t *testing.T, s *store.Store, r deadletter.Rule, state deadletter.RuleState) deadletter.Rule {
	t.Helper()
	change, err := r.Switch(anna, state, r.Version, start)
	if err != nil {
		t.Fatal(err)
	}
	applyRule(t, s, change)
	return change.After
}

func applyRule(t *testing.T, s *store.Store, c deadletter.RuleChange) {
	t.Helper()
	err := s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.ApplyRule(ctx, c)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// actionsOf describes what a rule did, oldest failure first: "a-1 waiting".
func actionsOf(t *testing.T, s *store.Store, r deadletter.Rule) string {
	t.Helper()
	page, err := s.RuleActions(t.Context(), r.ID, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, a := range page.Items {
		list = append([]string{fmt.Sprintf("%s %s", a.Message, a.State)}, list...)
	}
	return strings.Join(list, ", ")
}

// deliverFor has a rule replay a message, and ends that with a status code.
func deliverFor(t *testing.T, s *store.Store, r deadletter.Rule, id deadletter.ID, code int) {
	t.Helper()
	at := start.Add(time.Hour)
	due, err := s.DueRuleActions(t.Context(), r.ID, at.Add(24*time.Hour), 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range due {
		if a.Message != id {
			continue
		}
		err := s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			m, err := tx.Message(ctx, id)
			if err != nil {
				return err
			}
			asked, err := r.ChangeOf(a, m, deadletter.Revision{}, nil, deadletter.Newer{}, at)
			if err != nil {
				return err
			}
			claim, err := asked.After.Claim(deadletter.Lease{Token: "x", Until: at}, "", at)
			if err != nil {
				return err
			}
			if err := errors.Join(
				tx.ApplyRequestAndClaim(ctx, asked, claim), tx.SettleRuleAction(ctx, a.Acted(true, at)),
			); err != nil {
				return err
			}
			attempt := *claim.Attempt
			attempt.Outcome, attempt.StatusCode, attempt.Error = deadletter.ErrorResponse, code, "no"
			if code == 200 {
				attempt.Outcome, attempt.Error = deadletter.Delivered, ""
			}
			ended, err := claim.After.Finish("x", attempt, policy, 0, at.Add(time.Second))
			if err != nil {
				return err
			}
			return tx.Apply(ctx, ended)
		})
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatalf("nothing of %s is due for rule %d: %+v", id, r.ID, due)
}

func TestRuleReadsBackAsItWasWritten(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	r := makeRule(t, s, deadletter.RuleOn, func(spec *deadletter.RuleSpec) {
		spec.Action, spec.Reason = deadletter.ActEdit, "a field was renamed"
		spec.Recipe = deadletter.Recipe{Kind: deadletter.JQ, Text: ".a = 1"}
		spec.Unknown = true
		spec.Match = deadletter.RuleMatch{
			Source: "genesys", Fingerprint: "c-1",
			Cause: deadletter.Failure{Source: "genesys", Destination: "http://h", Error: "503 away"},
		}
	})
	got, err := s.Rule(t.Context(), r.ID)
	if err != nil || fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", r) {
		t.Errorf("rule\n got %+v, %v\nwant %+v", got, err, r)
	}
	if _, err := s.Rule(t.Context(), 99); deadletter.KindOf(err) != deadletter.NotFound {
		t.Errorf("an absent rule: %v", err)
	}
	err = s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		change, err := r.Switch(anna, deadletter.RuleOff, r.Version, start)
		if err != nil {
			return err
		}
		change.Before.Version--
		_, err = tx.ApplyRule(ctx, change)
		return err
	})
	if deadletter.KindOf(err) != deadletter.Conflict {
		t.Errorf("a change of an older version: %v", err)
	}
	switchRule(t, s, r, deadletter.RuleAway)
	if rules, err := s.Rules(t.Context()); err != nil || len(rules) != 0 {
		t.Errorf("rules that were put away are listed: %v, %v", rules, err)
	}
	events, err := s.Events(t.Context(), store.EventQuery{EventFilter: store.EventFilter{Action: "rule."}, Limit: 9})
	if err != nil || len(events.Items) != 3 || events.Items[2].Target != r.ID.String() {
		t.Errorf("the events are %+v, %v", events.Items, err)
	}
}

// What a rule does is written with the failure itself, by the rules as they are then.
func TestRulesActOnMessagesThatFail(t *testing.T) {
	t.Parallel()
	s, path := setup(t)
	receive(t, s, failure("a-1", 422, start)) // there is no rule yet
	on := makeRule(t, s, deadletter.RuleOn, nil)
	shadow := makeRule(t, s, deadletter.RuleShadow, nil)
	receive(t, s, failure("a-2", 422, start))
	receive(t, s, failure("a-3", 503, start)) // it is retried by itself
	if got := actionsOf(t, s, on); got != "a-2 waiting" {
		t.Errorf("the rule did %q", got)
	}
	if got := actionsOf(t, s, shadow); got != "" {
		t.Errorf("a rule behind one that is on: %q", got)
	}
	// Another process switches it off.
	other, err := store.Open(t.Context(), path, key, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	on = switchRule(t, other, on, deadletter.RuleOff)
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	receive(t, s, failure("a-4", 422, start))
	if on, shadow := actionsOf(t, s, on), actionsOf(t, s, shadow); on != "a-2 waiting" || shadow != "a-4 shadow" {
		t.Errorf("after it was switched off %q, in shadow %q", on, shadow)
	}
	// A rule that was changed in a write that failed acts as before.
	failed := errors.New("the disk is full")
	err = s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		change, err := on.Switch(anna, deadletter.RuleOn, on.Version, start)
		if err != nil {
			return err
		}
		if _, err := tx.ApplyRule(ctx, change); err != nil {
			return err
		}
		c := failure("a-5", 422, start)
		return errors.Join(tx.Apply(ctx, deadletter.NewMessage(c, policy, 0.5, c.ReceivedAt)), failed)
	})
	if !errors.Is(err, failed) {
		t.Fatal(err)
	}
	receive(t, s, failure("a-6", 422, start))
	if on, shadow := actionsOf(t, s, on), actionsOf(t, s, shadow); on != "a-2 waiting" ||
		shadow != "a-4 shadow, a-6 shadow" {
		t.Errorf("after a write that failed %q, in shadow %q", on, shadow)
	}
	m := receive(t, s, failure("a-7", 422, start))
	archived, err := m.Archive(anna, "known", m.Version, start)
	m = apply(t, s, archived, err)
	restored, err := m.Restore(anna, m.Version, start)
	apply(t, s, restored, err)
	if got := actionsOf(t, s, shadow); strings.Count(got, "a-7") != 1 {
		t.Errorf("a message that a person restored counts as failed: %q", got)
	}
}

func TestReplaysOfAMessageAreLimited(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	r := makeRule(t, s, deadletter.RuleOn, func(spec *deadletter.RuleSpec) { spec.MaxFailed = 100 })
	receive(t, s, failure("a-1", 422, start))
	for range 2 {
		deliverFor(t, s, r, "a-1", 422)
	}
	if got := actionsOf(t, s, r); got != "a-1 failed, a-1 failed, a-1 skipped" {
		t.Errorf("the rule did %q", got)
	}
	c, err := s.RuleCounts(t.Context(), r, start, start)
	if err != nil || c.States[deadletter.RuleFailed] != 2 || c.States[deadletter.RuleSkipped] != 1 || c.Capped {
		t.Errorf("the counts are %+v, %v", c, err)
	}
}

// A rule is judged by the replays that ended since it was switched on.
func TestRuleIsSwitchedOffWithTheResultThatIsTooMuch(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	r := makeRule(t, s, deadletter.RuleOn, nil)
	for i := range 7 {
		receive(t, s, failure(fmt.Sprintf("a-%d", i), 422, start))
	}
	for i := range 5 {
		if now, err := s.Rule(t.Context(), r.ID); err != nil || now.State != deadletter.RuleOn {
			t.Fatalf("after %d replays the rule is %s, %v", i, now.State, err)
		}
		code := 422
		if i < 2 {
			code = 200
		}
		deliverFor(t, s, r, deadletter.ID(fmt.Sprintf("a-%d", i)), code)
	}
	now, err := s.Rule(t.Context(), r.ID)
	if err != nil || now.State != deadletter.RuleOff || !strings.HasPrefix(now.Why, "3 of its last 5 replays") {
		t.Fatalf("the rule is %+v, %v", now, err)
	}
	at := start.Add(time.Hour)
	again, err := now.Switch(anna, deadletter.RuleOn, now.Version, at)
	if err != nil {
		t.Fatal(err)
	}
	applyRule(t, s, again)
	receive(t, s, failure("b-1", 422, start))
	deliverFor(t, s, again.After, "b-1", 422)
	if now, err = s.Rule(t.Context(), r.ID); err != nil || now.State != deadletter.RuleOn {
		t.Errorf("after it was switched on again and one replay failed it is %+v, %v", now, err)
	}
}

// Of the messages with one order key the oldest goes first, and the next once that has its result.
func TestRulesKeepTheOrderOfAKey(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	r := makeRule(t, s, deadletter.RuleOn, nil)
	for i, k := range []deadletter.OrderKey{5, 5, 0, 0} {
		c := failure(fmt.Sprintf("a-%d", i), 422, start.Add(time.Duration(i)*time.Second))
		c.OrderKey = k
		receive(t, s, c)
	}
	due := func() (ids string) {
		list, err := s.DueRuleActions(t.Context(), r.ID, start.Add(time.Hour), 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range list {
			ids += string(a.Message) + " "
		}
		return ids
	}
	if got := due(); got != "a-0 a-2 a-3 " {
		t.Errorf("due are %s", got)
	}
	deliverFor(t, s, r, "a-0", 200)
	if got := due(); got != "a-1 a-2 a-3 " {
		t.Errorf("then %s", got)
	}
}

func TestRulesWithActionsAreThoseWithSomethingToDo(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	r := makeRule(t, s, deadletter.RuleOn, nil)
	receive(t, s, failure("a-1", 422, start))
	has := func(at time.Time) bool {
		t.Helper()
		rules, err := s.RulesWithActions(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		return len(rules) == 1 && rules[0].ID == r.ID
	}
	if has(start) || !has(start.Add(10*time.Minute)) {
		t.Error("a rule has to act when its action is due, and not before")
	}
	switchRule(t, s, r, deadletter.RuleOff)
	if !has(start) {
		t.Error("what waits for a rule that is off is forgotten")
	}
}

func TestRuleCountsSayWhenTheRuleGoesOn(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	r := makeRule(t, s, deadletter.RuleOn, func(spec *deadletter.RuleSpec) { spec.PerHour = 1 })
	receive(t, s, failure("a-1", 422, start))
	receive(t, s, failure("a-2", 422, start))
	deliverFor(t, s, r, "a-1", 200)
	acted := start.Add(time.Hour)
	c, err := s.RuleCounts(t.Context(), r, start, acted.Add(time.Minute))
	if err != nil || c.States[deadletter.RuleWaiting] != 1 || c.States[deadletter.RuleDelivered] != 1 ||
		!c.GoesOn.Equal(acted.Add(time.Hour)) || !c.Next.Equal(start.Add(10*time.Minute)) {
		t.Errorf("the counts are %+v, %v", c, err)
	}
	if n, err := s.RuleActed(t.Context(), r.ID, acted.Add(-time.Minute)); n != 1 || err != nil {
		t.Errorf("it acted %d times, %v", n, err)
	}
	if c, err = s.RuleCounts(t.Context(), r, start, acted.Add(2*time.Hour)); err != nil || !c.GoesOn.IsZero() {
		t.Errorf("an hour later: %+v, %v", c, err)
	}
}

func TestPastFailuresAreThoseThatNeededAPerson(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	receive(t, s, failure("old", 422, start.Add(-8*24*time.Hour)))
	cause := receive(t, s, failure("a-1", 422, start)).Fingerprint
	receive(t, s, failure("a-2", 503, start.Add(time.Second))) // its retries are not over
	receive(t, s, failure("a-3", 422, start.Add(2*time.Second)))
	replay(t, s, "a-3", false, 200)
	receive(t, s, failure("a-4", 422, start.Add(3*time.Second)))
	replay(t, s, "a-4", false, 404)
	since := start.Add(-7 * 24 * time.Hour)
	p, err := s.PastFailures(t.Context(), "genesys", nil, since)
	if err != nil || p.Read != 4 || !p.All {
		t.Fatalf("read %d, all %v, %v", p.Read, p.All, err)
	}
	got := map[string]int{}
	for _, f := range p.Failures {
		got[fmt.Sprintf("%s %d %s", f.Message, f.StatusCode, f.Status)]++
	}
	want := map[string]int{
		"a-1 422 failed": 1, "a-3 422 resolved": 1, "a-4 422 failed": 1, "a-4 404 failed": 1,
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the failures are %v, want %v", got, want)
	}
	if p, err = s.PastFailures(t.Context(), "genesys", []string{cause}, since); err != nil || p.Read != 2 {
		t.Errorf("of the cause %d are read, %v", p.Read, err)
	}
}

// Of more messages than are read the newest count, and the page can say how far back they go.
func TestPastFailuresAreBounded(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	receiveMany(t, s, "a", "no memory", store.MaxPastFailures+10)
	p, err := s.PastFailures(t.Context(), "genesys", nil, start.Add(-time.Hour))
	if err != nil || p.Read != store.MaxPastFailures || p.All || p.Oldest.Before(start) {
		t.Errorf("read %d, all %v, back to %s, %v", p.Read, p.All, p.Oldest, err)
	}
}

// No query about rules reads past the rows that it returns.
func TestQueriesAboutRulesUseTheirIndexes(t *testing.T) {
	t.Parallel()
	_, path := setup(t)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for query, wants := range map[string][]string{
		store.DueActions: {
			"SEARCH a USING INDEX rule_actions_due (rule=? AND due_at<?)",
			"SEARCH o USING INDEX rule_actions_order (rule=? AND order_key=? AND message<?)",
		},
		store.ActionsOfMessage: {"USING COVERING INDEX rule_actions_of_message (message=? AND rule=? AND state=?)"},
		store.RulesWithActions: {"USING COVERING INDEX rule_actions_due (rule=? AND due_at<?)"},
		store.ActionAhead:      {"SEARCH a USING INDEX rule_actions_of_message (message=?)"},
		store.ActedSince:       {"USING COVERING INDEX rule_actions_acted (rule=? AND acted_at>?)"},
		store.ActedBefore:      {"USING COVERING INDEX rule_actions_acted (rule=? AND acted_at>?)"},
		store.LatestResults:    {"USING COVERING INDEX rule_actions_acted (rule=? AND acted_at>?)"},
		store.SettleAction:     {"USING INDEX rule_actions_in_flight (message=?)"},
		store.CountActions:     {"USING COVERING INDEX rule_actions_latest (rule=? AND at>?)"},
		store.CountWaiting:     {"USING COVERING INDEX rule_actions_due (rule=?)"},
		store.NextAction:       {"USING COVERING INDEX rule_actions_due (rule=?)"},
		store.PresentRules:     {"USING INDEX rules_present"},
		store.PastOfCause: {
			"USING COVERING INDEX messages_cause (fingerprint=? AND status=? AND n>?)",
			"SEARCH e USING INDEX audit_by_target (target=?)",
		},
		store.PastOfSource: {
			"USING COVERING INDEX messages_source (source=? AND status=? AND rowid>?)",
			"SEARCH e USING INDEX audit_by_target (target=?)",
		},
	} {
		args := make([]any, 12)
		plan, err := planOf(t, db, query, args[:parameters(query)])
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(plan, "\n")
		for _, want := range wants {
			if !strings.Contains(got, want) || strings.Contains(got, "SCAN messages") ||
				strings.Contains(got, "SCAN rule_actions") {
				t.Errorf("%s\nis done by\n%s\nwant %s", query, got, want)
			}
		}
	}
}

// parameters returns how many parameters a query has.
func parameters(query string) (n int) {
	for i := 1; i <= 9; i++ {
		if strings.Contains(query, fmt.Sprintf("?%d", i)) {
			n = i
		}
	}
	if n == 0 {
		n = strings.Count(query, "?")
	}
	return n
}
