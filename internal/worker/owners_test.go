package worker_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/store"
)

// token stores a token of a user, or of a machine for "", and returns who a program with it is.
func (b bundle) token(t *testing.T, owner string) (deadletter.Token, deadletter.Actor) {
	t.Helper()
	token := deadletter.Token{Name: "ci", Owner: owner, Role: deadletter.Operator, By: "anna", CreatedAt: b.clock.Now()}
	err := b.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
		token, err = tx.AddToken(ctx, deadletter.TokenChange{
			After: token, Event: deadletter.Event{At: b.clock.Now(), Action: "token.add"},
		}, []byte(owner))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	account := deadletter.Account{Name: owner, Role: deadletter.Operator, HasPassword: true}
	by, err := token.Actor(account, "192.0.2.9", b.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	return token, by
}

// revoke writes that a token was revoked, and nothing else: what goes on has to notice it by itself.
func (b bundle) revoke(t *testing.T, token deadletter.Token) {
	t.Helper()
	change, err := token.Revoke(deadletter.System(), b.clock.Now())
	if err == nil {
		err = b.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			return tx.RevokeToken(ctx, change)
		})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// ways are how what a token began loses the right to go on.
func ways() map[string]struct {
	owner string // of the token
	role  deadletter.Role
	lose  func(b bundle, t *testing.T, token deadletter.Token)
	why   string
} {
	nothing := func(bundle, *testing.T, deadletter.Token) {}
	return map[string]struct {
		owner string
		role  deadletter.Role
		lose  func(b bundle, t *testing.T, token deadletter.Token)
		why   string
	}{
		"token revoked":   {"anna", deadletter.Operator, bundle.revoke, "the token ci was revoked"},
		"machine revoked": {"", deadletter.Operator, bundle.revoke, "the token ci was revoked"},
		"user lowered":    {"anna", deadletter.Viewer, nothing, "anna may no longer"},
		"user deleted":    {"bob", deadletter.Operator, nothing, "bob is no longer a user"},
	}
}

func TestJobOfATokenStopsWithIt(t *testing.T) {
	t.Parallel()
	for name, c := range ways() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.employ(t, c.role)
			b.failed(t, 3)
			token, by := b.token(t, c.owner)
			j, err := b.FreezeMatching(
				t.Context(),
				by,
				deadletter.ActReplay,
				store.Filter{Status: deadletter.Failed},
				"",
			)
			if err == nil {
				err = b.StartJob(t.Context(), by, j.ID, deadletter.JobInput{})
			}
			if err != nil {
				t.Fatal(err)
			}
			c.lose(b, t, token)
			b.run(t)
			j = b.awaitJob(t, j.ID, "paused", func(j deadletter.Job) bool { return j.State == deadletter.JobPaused })
			if !strings.HasPrefix(j.PauseReason, c.why) || len(b.destination.Received()) != 0 {
				t.Errorf("the job is %+v after %d deliveries", j, len(b.destination.Received()))
			}
		})
	}
}

func TestRuleOfATokenStopsWithIt(t *testing.T) {
	t.Parallel()
	for name, c := range ways() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.employ(t, c.role)
			token, by := b.token(t, c.owner)
			r, err := b.MakeRule(t.Context(), by, deadletter.RuleSpec{
				Name: "again later", Match: deadletter.RuleMatch{Source: "genesys", Code: "422"},
				Action: deadletter.ActReplay, After: 10 * time.Minute, Times: 3, PerHour: 100, MaxFailed: 50,
			})
			if err == nil {
				err = b.SwitchRule(t.Context(), by, desk.RuleRef{ID: r.ID, Version: r.Version}, deadletter.RuleOn)
			}
			if err != nil {
				t.Fatal(err)
			}
			b.failed(t, 2)
			c.lose(b, t, token)
			b.run(t)
			b.tick(10 * time.Minute)
			off := b.rule(t, r.ID, deadletter.RuleOff)
			if !strings.HasPrefix(off.Why, c.why) || len(b.destination.Received()) != 0 {
				t.Errorf("the rule is off: %q, after %d deliveries", off.Why, len(b.destination.Received()))
			}
		})
	}
}

// What a token in force began goes on, in the name of the token.
func TestJobOfATokenGoesOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.employ(t, deadletter.Operator)
	b.failed(t, 3)
	_, by := b.token(t, "anna")
	j, err := b.FreezeMatching(t.Context(), by, deadletter.ActArchive, store.Filter{Status: deadletter.Failed}, "")
	if err == nil {
		err = b.StartJob(t.Context(), by, j.ID, deadletter.JobInput{Reason: "test"})
	}
	if err != nil {
		t.Fatal(err)
	}
	b.run(t)
	if j := b.finished(t, j.ID); j.Items.Done != 3 || j.By.Name != "ci of anna" {
		t.Errorf("the job is %+v", j)
	}
}
