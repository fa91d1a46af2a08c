package deadletter_test

import (
	"fmt"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
)

type accountStep struct {
	name string
	do   func(u deadletter.Account, by deadletter.Actor, otherAdmins int) (deadletter.AccountChange, error)
}

// accountSteps are all changes of an account, made by at.
func accountSteps(at time.Time) []accountStep {
	role := func(r deadletter.Role) accountStep {
		return accountStep{
			"role " + string(r),
			func(u deadletter.Account, by deadletter.Actor, others int) (deadletter.AccountChange, error) {
				return u.SetRole(by, r, others, at)
			},
		}
	}
	return []accountStep{
		role(deadletter.Viewer), role(deadletter.Operator), role(deadletter.Admin),
		{"disable", func(u deadletter.Account, by deadletter.Actor, others int) (deadletter.AccountChange, error) {
			return u.Disable(by, others, at)
		}},
		{"enable", func(u deadletter.Account, by deadletter.Actor, others int) (deadletter.AccountChange, error) {
			return u.Enable(by, others, at)
		}},
		{"delete", func(u deadletter.Account, by deadletter.Actor, others int) (deadletter.AccountChange, error) {
			return u.Delete(by, true, others, at)
		}},
	}
}

// The table crosses every actor, change and state of a user. An administrator who can sign in always remains, and
// only administrators and commands change a user.
func TestEveryChangeOfEveryAccount(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	allowed := 0
	for _, step := range accountSteps(at) {
		for _, role := range []deadletter.Role{deadletter.Viewer, deadletter.Operator, deadletter.Admin} {
			for _, state := range []deadletter.AccountState{
				deadletter.Active, deadletter.Invited, deadletter.Disabled,
			} {
				for others := range 2 {
					u := deadletter.Account{
						Name: "dora", Role: role, HasPassword: state != deadletter.Invited,
						Disabled: state == deadletter.Disabled,
					}
					for name, by := range map[string]deadletter.Actor{
						"nobody":   {},
						"viewer":   deadletter.User("vera", deadletter.Viewer, ""),
						"operator": deadletter.User("olga", deadletter.Operator, ""),
						"admin":    deadletter.User("adam", deadletter.Admin, "192.0.2.1"),
						"self":     deadletter.User("DORA", deadletter.Admin, ""),
						"command":  deadletter.CLI("root"),
					} {
						change, err := step.do(u, by, others)
						kind := deadletter.KindOf(err)
						what := fmt.Sprintf(
							"%s: %s of a %s %s with %d other admins",
							name,
							step.name,
							state,
							role,
							others,
						)
						switch name {
						case "nobody":
							if kind != deadletter.Unauthenticated {
								t.Errorf("%s: %v", what, err)
							}
							continue
						case "viewer", "operator":
							if kind != deadletter.Forbidden {
								t.Errorf("%s: %v", what, err)
							}
							continue
						case "self":
							if err == nil {
								t.Errorf("%s: is done", what)
							}
							continue
						}
						last := role == deadletter.Admin && state == deadletter.Active && others == 0
						keeps := step.name == "role admin" || step.name == "enable"
						if last && !keeps && kind != deadletter.Conflict {
							t.Errorf("%s: the last administrator is lost: %v", what, err)
						}
						if err != nil {
							if kind != deadletter.Conflict {
								t.Errorf("%s: %v", what, err)
							}
							continue
						}
						allowed++
						if e := change.Event; e.By != by.Name || e.Actor != by.Kind || e.Addr != by.Addr ||
							e.Target != "dora" || e.TargetKind != "user" || e.At != at || len(e.Before) == 0 {
							t.Errorf("%s: event %+v", what, e)
						}
					}
				}
			}
		}
	}
	if allowed < 30 {
		t.Errorf("only %d changes are allowed", allowed)
	}
}

func TestChangesThatTakeRightsEndSessions(t *testing.T) {
	t.Parallel()
	at, by := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC), deadletter.CLI("root")
	operator := deadletter.Account{Name: "olga", Role: deadletter.Operator, HasPassword: true}
	disabled := operator
	disabled.Disabled = true
	for _, c := range []struct {
		name   string
		change func() (deadletter.AccountChange, error)
		ends   bool
		reason string // of pausing a job that replays
	}{
		{"demoted", func() (deadletter.AccountChange, error) {
			return operator.SetRole(by, deadletter.Viewer, 1, at)
		}, true, "olga may no longer replay: an operator who may must resume it"},
		{"promoted", func() (deadletter.AccountChange, error) {
			return operator.SetRole(by, deadletter.Admin, 1, at)
		}, false, ""},
		{"disabled", func() (deadletter.AccountChange, error) {
			return operator.Disable(by, 1, at)
		}, true, "olga is disabled: another operator must resume it"},
		{"enabled", func() (deadletter.AccountChange, error) {
			return disabled.Enable(by, 1, at)
		}, false, ""},
		{"deleted", func() (deadletter.AccountChange, error) {
			return operator.Delete(by, true, 1, at)
		}, true, "olga is no longer a user: another operator must resume it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			change, err := c.change()
			if err != nil || change.EndsSessions() != c.ends ||
				change.After.JobPauseReason(deadletter.ActReplay) != c.reason {
				t.Errorf("%v, %v, %q", err, change.EndsSessions(), change.After.JobPauseReason(deadletter.ActReplay))
			}
		})
	}
	if _, err := operator.Delete(by, false, 1, at); deadletter.KindOf(err) != deadletter.NeedsConfirmation {
		t.Errorf("deleting without a confirmation: %v", err)
	}
}
