package worker_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
	"dlqdesk/internal/worker"
)

// ruled makes a rule of anna that replays what fails with 422 after ten minutes, unless change makes it another one.
func (b bundle) ruled(
	t *testing.T, state deadletter.RuleState, change func(spec *deadletter.RuleSpec),
) (r deadletter.Rule) {
	t.Helper()
	b.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	spec := deadletter.RuleSpec{
		Name: "again later", Match: deadletter.RuleMatch{Source: "genesys", Code: "422"},
		Action: deadletter.ActReplay, After: 10 * time.Minute, Times: 3, PerHour: 100, MaxFailed: 50,
	}
	if change != nil {
		change(&spec)
	}
	err := b.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		made, err := deadletter.NewRule(anna, spec, 0, b.clock.Now())
		if err != nil {
			return err
		}
		if r, err = tx.ApplyRule(ctx, made); err != nil || state == deadletter.RuleShadow {
			return err
		}
		switched, err := r.Switch(anna, state, r.Version, b.clock.Now())
		if err != nil {
			return err
		}
		r, err = tx.ApplyRule(ctx, switched)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// archiving is the change of a rule that archives.
func archiving(spec *deadletter.RuleSpec) {
	spec.Name, spec.Action, spec.Reason = "archive tests", deadletter.ActArchive, "sent by a test"
}

// did waits until the actions of a rule have these states, so many of each.
func (b bundle) did(
	t *testing.T, r deadletter.Rule, want ruleActions,
) []deadletter.RuleAction {
	t.Helper()
	return b.doing(t, r, want, func() {})
}

// doing is did that calls a function now and then.
func (b bundle) doing(
	t *testing.T, r deadletter.Rule, want ruleActions, and func(),
) []deadletter.RuleAction {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(20 * time.Second)
	for {
		page, err := b.store.RuleActions(t.Context(), r.ID, "", 200)
		if err != nil {
			t.Fatal(err)
		}
		got := map[deadletter.RuleActionState]int{}
		for _, a := range page.Items {
			got[a.State]++
		}
		if maps.Equal(got, want) {
			return page.Items
		}
		and()
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("the rule did %v, want %v: %+v", got, want, page.Items)
		}
	}
}

// rule waits until a rule has a state.
func (b bundle) rule(t *testing.T, id deadletter.RuleID, want deadletter.RuleState) deadletter.Rule {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(20 * time.Second)
	for {
		r, err := b.store.Rule(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if r.State == want {
			return r
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("the rule is %+v, want %s", r, want)
		}
	}
}

type ruleActions = map[deadletter.RuleActionState]int

func TestRuleReplaysWhenItIsDue(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.employ(t, deadletter.Operator)
	r := b.ruled(t, deadletter.RuleOn, nil)
	shadow := b.ruled(t, deadletter.RuleShadow, func(spec *deadletter.RuleSpec) { spec.Match.Code = "404" })
	b.failed(t, 1)
	desktest.Receive(t, b.store, desktest.Failure("other", 404, b.clock.Now()))
	b.run(t)
	b.tick(10*time.Minute - time.Millisecond)
	b.did(t, r, ruleActions{deadletter.RuleWaiting: 1})
	if got := b.destination.Received(); len(got) > 0 {
		t.Fatalf("it sent %d messages too early", len(got))
	}
	b.tick(time.Millisecond)
	m := b.becomes(t, "l-00000", deadletter.Resolved)
	b.did(t, r, ruleActions{deadletter.RuleDelivered: 1})
	b.did(t, shadow, ruleActions{deadletter.RuleWouldAct: 1})
	const by = "rule 'again later' of anna"
	a := b.attempts(t, "l-00000")
	if len(a) != 2 || a[0].Trigger != deadletter.TriggerRule || a[0].Actor != by || m.LastChange.By != by {
		t.Errorf("the attempts are %+v, the last change %+v", a, m.LastChange)
	}
	var events []string
	for _, e := range b.trail(t, store.EventFilter{By: by}) {
		events = append(events, fmt.Sprintf("%s %s %s", e.Actor, e.Action, e.Target))
	}
	want := []string{"rule attempt.delivered l-00000", "rule message.replay l-00000"}
	if !slices.Equal(events, want) {
		t.Errorf("its events are %v, want %v", events, want)
	}
	if got := b.destination.Received(); len(got) != 1 {
		t.Errorf("it sent %d messages", len(got))
	}
	if got := b.trail(t, store.EventFilter{Actors: store.People, Action: "message."}); len(got) > 0 {
		t.Errorf("what a rule did counts as done by people: %+v", got)
	}
}

func TestRuleArchivesAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.employ(t, deadletter.Operator)
	r := b.ruled(t, deadletter.RuleOn, archiving)
	b.failed(t, 3)
	if err := b.worker.KeepRules(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.did(t, r, ruleActions{deadletter.RuleArchived: 3})
	events := b.trail(t, store.EventFilter{Action: "message.archive"})
	if len(events) != 3 || events[0].By != "rule 'archive tests' of anna" || events[0].Reason != "sent by a test" {
		t.Errorf("the events are %+v", events)
	}
	if m := desktest.Message(t, b.store, "l-00001"); m.Status != deadletter.Archived {
		t.Errorf("the message is %s", m.Status)
	}
}

func TestRuleWaitsOnceItDidAllOfAnHour(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*deadletter.RuleSpec)
		done   deadletter.RuleActionState
	}{
		"replay":  {func(spec *deadletter.RuleSpec) {}, deadletter.RuleDelivered},
		"archive": {archiving, deadletter.RuleArchived},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.employ(t, deadletter.Operator)
			r := b.ruled(t, deadletter.RuleOn, func(spec *deadletter.RuleSpec) {
				c.change(spec)
				spec.PerHour = 2
			})
			b.failed(t, 5)
			b.run(t)
			b.tick(10 * time.Minute)
			b.did(t, r, ruleActions{c.done: 2, deadletter.RuleWaiting: 3})
			b.tick(59 * time.Minute)
			if err := b.another().KeepRules(t.Context()); err != nil { // another look changes nothing
				t.Fatal(err)
			}
			b.did(t, r, ruleActions{c.done: 2, deadletter.RuleWaiting: 3})
			b.tick(time.Minute)
			b.did(t, r, ruleActions{c.done: 4, deadletter.RuleWaiting: 1})
			b.tick(time.Hour)
			b.did(t, r, ruleActions{c.done: 5})
		})
	}
}

func TestRuleReplaysAMessageSoManyTimesAtMost(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.employ(t, deadletter.Operator)
	r := b.ruled(t, deadletter.RuleOn, nil)
	b.destination.Set(desktest.Answer(http.StatusUnprocessableEntity, `{}`))
	b.failed(t, 1)
	b.run(t)
	for i := range 3 {
		b.tick(10 * time.Minute)
		want := ruleActions{deadletter.RuleFailed: i + 1, deadletter.RuleWaiting: 1}
		if i == 2 {
			want = ruleActions{deadletter.RuleFailed: 3, deadletter.RuleSkipped: 1}
		}
		list := b.did(t, r, want)
		if i == 2 && list[0].Text != "replayed 3 of 3 times already" {
			t.Errorf("it was left alone because: %q", list[0].Text)
		}
	}
}

func TestRuleLeavesMessagesOfPeopleAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.ruled(t, deadletter.RuleOn, nil)
	b.things(t, 0, 0, 9)
	b.deliveredOf(t, 9, time.Hour)
	unknown := desktest.Failure("unknown", 422, b.clock.Now())
	unknown.FirstAttempt.Outcome = deadletter.Unknown
	change := deadletter.NewMessage(unknown, deadletter.RetryPolicy{}, 0, b.clock.Now())
	err := b.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error { return tx.Apply(ctx, change) })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Archive(t.Context(), anna, desk.Ref{ID: "l-00000"}, "known"); err != nil {
		t.Fatal(err)
	}
	b.run(t)
	b.tick(10 * time.Minute)
	list := b.did(t, r, ruleActions{deadletter.RuleDelivered: 1, deadletter.RuleSkipped: 3})
	why := map[deadletter.ID]string{}
	for _, a := range list {
		why[a.Message] = a.Text
	}
	want := map[deadletter.ID]string{
		"l-00000": "archived by anna in the meantime", "l-00001": "",
		"l-00002": "1 newer event of this order key was delivered", "unknown": "it may already have been processed",
	}
	if !maps.Equal(why, want) {
		t.Errorf("left alone because %v, want %v", why, want)
	}
	if got := b.destination.Received(); len(got) != 1 || got[0].Header.Get("Webhook-Id") != "l-00001" {
		t.Errorf("sent were %+v", got)
	}
}

// While the destination is down, one message at a time tests it, and that is no replay of the message.
func TestRuleWaitsWhileTheDestinationIsDown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.employ(t, deadletter.Operator)
	r := b.ruled(t, deadletter.RuleOn, func(spec *deadletter.RuleSpec) { spec.Times, spec.MaxFailed = 1, 1 })
	b.destination.Set(desktest.Answer(http.StatusBadGateway, `{}`))
	changes := make([]*deadletter.Change, 6)
	for i := range changes {
		c := desktest.Failure(fmt.Sprintf("l-%05d", i), 422, b.clock.Now())
		c.RetryCount = 9 // no automatic retry is left
		change := deadletter.NewMessage(c, desktest.Policy(), 0, b.clock.Now())
		changes[i] = &change
	}
	err := b.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Add(ctx, changes...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	b.fuse()
	b.run(t)
	b.clock.Add(10 * time.Minute)
	for i := range 3 {
		b.tick(breaker.ProbeInterval)
		b.received(t, i+1)
		b.did(t, r, ruleActions{deadletter.RuleWaiting: 6})
	}
	if now := b.rule(t, r.ID, deadletter.RuleOn); now.Version != r.Version {
		t.Errorf("the rule is %+v", now)
	}
	b.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	b.tick(breaker.ProbeInterval)
	b.doing(t, r, ruleActions{deadletter.RuleDelivered: 6}, func() { b.tick(100 * time.Millisecond) })
	b.received(t, 9)
}

func TestRuleThatMakesThingsWorseSwitchesItselfOff(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.employ(t, deadletter.Operator)
	r := b.ruled(t, deadletter.RuleOn, func(spec *deadletter.RuleSpec) { spec.PerHour = 5 })
	b.destination.Set(desktest.Answer(http.StatusNotFound, `{}`))
	b.failed(t, 9)
	b.run(t)
	b.tick(10 * time.Minute)
	off := b.rule(t, r.ID, deadletter.RuleOff)
	if off.Why != "5 of its last 5 replays failed again, more than 50 %" || off.By != "anna" {
		t.Errorf("the rule is off: %q, in the name of %s", off.Why, off.By)
	}
	list := b.did(t, r, ruleActions{deadletter.RuleFailed: 5, deadletter.RuleSkipped: 4})
	for _, a := range list {
		if a.State == deadletter.RuleSkipped && a.Text != "the rule was switched off before" {
			t.Errorf("%s was left alone: %q", a.Message, a.Text)
		}
	}
	events := b.trail(t, store.EventFilter{Action: "rule.off"})
	if len(events) != 1 || events[0].Actor != deadletter.ActorSystem || events[0].Reason != off.Why {
		t.Errorf("the events are %+v", events)
	}
}

func TestRuleOfAUserWhoMayNotSwitchesItselfOff(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*deadletter.RuleSpec){
		"replay": func(*deadletter.RuleSpec) {}, "archive": archiving,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.employ(t, deadletter.Viewer)
			r := b.ruled(t, deadletter.RuleOn, change)
			b.failed(t, 2)
			b.run(t)
			b.tick(10 * time.Minute)
			off := b.rule(t, r.ID, deadletter.RuleOff)
			if !strings.HasPrefix(off.Why, "anna may no longer make and switch rules") {
				t.Errorf("the rule is off: %q", off.Why)
			}
			b.tick(time.Second)
			b.did(t, r, ruleActions{deadletter.RuleSkipped: 2})
			if got := b.destination.Received(); len(got) > 0 {
				t.Errorf("%d messages were sent", len(got))
			}
		})
	}
}

func TestRuleFollowsItsCauseWhenPeopleMergeIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.employ(t, deadletter.Operator)
	receive := func(id, text string) deadletter.Message {
		t.Helper()
		c := desktest.Failure(id, 422, b.clock.Now())
		c.Reason, c.FirstAttempt.Error = text, text
		desktest.Receive(t, b.store, c)
		return desktest.Message(t, b.store, deadletter.ID(id))
	}
	old, other := receive("a-1", "no field customer"), receive("b-1", "no field agent")
	r := b.ruled(t, deadletter.RuleOn, func(spec *deadletter.RuleSpec) {
		archiving(spec)
		c, err := b.store.Cause(t.Context(), old.Fingerprint)
		if err != nil {
			t.Fatal(err)
		}
		spec.Match = deadletter.RuleMatch{
			Source: c.Source, Fingerprint: c.Fingerprint,
			Cause: deadletter.Failure{Source: c.Source, Destination: c.Destination, Error: c.Error},
		}
	})
	receive("b-2", "no field agent")
	b.did(t, r, nil)
	if err := b.MergeCauses(t.Context(), anna, []string{old.Fingerprint}, other.Fingerprint); err != nil {
		t.Fatal(err)
	}
	receive("a-2", "no field customer")
	receive("b-3", "no field agent")
	b.did(t, r, ruleActions{deadletter.RuleWaiting: 2})
	rules := b.trail(t, store.EventFilter{Action: "cause."})
	if len(rules) == 0 {
		t.Fatal("there is no merge")
	}
	if err := b.UndoGroupRule(t.Context(), anna, 1); err != nil {
		t.Fatal(err)
	}
	receive("b-4", "no field agent")
	receive("a-3", "no field customer")
	if list := b.did(t, r, ruleActions{deadletter.RuleWaiting: 3}); list[0].Message != "a-3" {
		t.Errorf("after the merge was undone it acts on %s", list[0].Message)
	}
}

func TestRuleReplaysWithARecipe(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.employ(t, deadletter.Operator)
	r := b.ruled(t, deadletter.RuleOn, func(spec *deadletter.RuleSpec) {
		spec.Action, spec.Reason = deadletter.ActEdit, "a field is missing"
		spec.Recipe = deadletter.Recipe{Kind: deadletter.MergePatch, Text: `{"id":7}`}
	})
	b.failed(t, 1)
	bad := desktest.Failure("bad", 422, b.clock.Now())
	bad.Body = []byte("no JSON")
	desktest.Receive(t, b.store, bad)
	b.run(t)
	b.tick(10 * time.Minute)
	list := b.did(t, r, ruleActions{deadletter.RuleDelivered: 1, deadletter.RuleSkipped: 1})
	if list[0].Message != "bad" || !strings.Contains(list[0].Text, "JSON") {
		t.Errorf("the body that is no JSON: %+v", list[0])
	}
	got := b.destination.Received()
	if len(got) != 1 || !strings.Contains(string(got[0].Body), `"id":7`) {
		t.Errorf("sent were %+v", got)
	}
	revision, err := b.store.Revision(t.Context(), "l-00000", 1)
	if err != nil || revision.By != "rule 'again later' of anna" || revision.Reason != "a field is missing" {
		t.Errorf("the revision is %+v, %v", revision, err)
	}
}

func TestRuleLeavesMessagesOfARemovedSourceAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.employ(t, deadletter.Operator)
	r := b.ruled(t, deadletter.RuleOn, nil)
	b.failed(t, 2)
	b.sources.Store(&[]worker.Source{})
	b.run(t)
	b.tick(10 * time.Minute)
	list := b.did(t, r, ruleActions{deadletter.RuleSkipped: 2})
	if !strings.Contains(list[0].Text, "not configured") {
		t.Errorf("left alone because: %q", list[0].Text)
	}
}

// A delivery that was in flight when the process died counts as a replay that failed.
func TestReplayOfARuleSurvivesARestart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.employ(t, deadletter.Operator)
	r := b.ruled(t, deadletter.RuleOn, nil)
	b.failed(t, 1)
	b.clock.Add(10 * time.Minute)
	due, err := b.store.DueRuleActions(t.Context(), r.ID, b.clock.Now(), 9)
	if err != nil || len(due) != 1 {
		t.Fatalf("due are %+v, %v", due, err)
	}
	err = b.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		m, err := tx.Message(ctx, due[0].Message)
		if err != nil {
			return err
		}
		at := b.clock.Now()
		asked, err := r.ChangeOf(due[0], m, deadletter.Revision{}, nil, deadletter.Newer{}, at)
		if err != nil {
			return err
		}
		claim, err := asked.After.Claim(deadletter.Lease{Token: "dead", Until: at}, "", at)
		if err != nil {
			return err
		}
		if err := tx.ApplyRequestAndClaim(ctx, asked, claim); err != nil {
			return err
		}
		return tx.SettleRuleAction(ctx, due[0].Acted(true, at))
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.worker.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	list := b.did(t, r, ruleActions{deadletter.RuleFailed: 1})
	if !strings.Contains(list[0].Text, "stopped during this delivery") {
		t.Errorf("the result is %+v", list[0])
	}
}
