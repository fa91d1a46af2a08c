package auth

import (
	"context"
	"crypto/rand"
	"net/http"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// AddUser adds a user. It returns Invalid for a wrong name, role or password, and Conflict if the name is taken.
func (a *Auth) AddUser(ctx context.Context, by deadletter.Actor, name, role, password string) error {
	if err := by.May(deadletter.ActUsers); err != nil {
		return err
	}
	u, err := a.newUser(ctx, name, role, password)
	if err != nil {
		return err
	}
	return a.addUser(ctx, by, u, func(context.Context, *store.Tx) error { return nil })
}

// AddUserByLink adds a user without a password and returns the token of the link by which they choose one.
func (a *Auth) AddUserByLink(ctx context.Context, by deadletter.Actor, name, role string) (token string, err error) {
	if err := by.May(deadletter.ActUsers); err != nil {
		return "", err
	}
	u, err := a.newUserWithoutPassword(name, role)
	if err != nil {
		return "", err
	}
	token = rand.Text()
	err = a.addUser(ctx, by, u, func(ctx context.Context, tx *store.Tx) error {
		return tx.SetPasswordLink(ctx, name, token, a.now().Add(linkLife))
	})
	return token, err
}

func (a *Auth) newUser(ctx context.Context, name, role, password string) (store.User, error) {
	u, err := a.newUserWithoutPassword(name, role)
	if err != nil {
		return u, err
	}
	u.PasswordAt = u.CreatedAt
	u.PasswordHash, err = a.checkedHash(ctx, name, password)
	return u, err
}

func (a *Auth) newUserWithoutPassword(name, role string) (store.User, error) {
	parsed, err := deadletter.ParseRole(role)
	if err != nil {
		return store.User{}, err
	}
	return store.User{Name: name, Role: parsed, CreatedAt: a.now()}, CheckName(name)
}

// addUser writes a new user in one transaction with also, which can refuse it.
func (a *Auth) addUser(
	ctx context.Context, by deadletter.Actor, u store.User, also func(context.Context, *store.Tx) error,
) error {
	facts := map[string]deadletter.Role{"role": u.Role}
	event, err := deadletter.NewEvent(by, "user.add", "user", u.Name, "", nil, facts, u.CreatedAt)
	if err != nil {
		return err
	}
	return a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := also(ctx, tx); err != nil {
			return err
		}
		if err := tx.ClearSetupLink(ctx); err != nil {
			return err
		}
		return tx.AddUser(ctx, u, event)
	})
}

// Users returns all users, with how many sessions each has.
func (a *Auth) Users(ctx context.Context, by deadletter.Actor) ([]store.UserRow, error) {
	if err := by.May(deadletter.ActUsers); err != nil {
		return nil, err
	}
	return a.store.Users(ctx, a.now(), a.now().Add(-idleTimeout))
}

// User returns one user, with how many sessions are open. It returns NotFound if there is none.
func (a *Auth) User(ctx context.Context, by deadletter.Actor, name string) (store.UserRow, error) {
	if err := by.May(deadletter.ActUsers); err != nil {
		return store.UserRow{}, err
	}
	return a.store.UserRow(ctx, name, a.now(), a.now().Add(-idleTimeout))
}

// SetRole gives a user another role.
func (a *Auth) SetRole(ctx context.Context, by deadletter.Actor, name, role string) error {
	parsed, err := deadletter.ParseRole(role)
	if err != nil {
		return err
	}
	return a.change(ctx, by, name, func(u deadletter.Account, otherAdmins int) (deadletter.AccountChange, error) {
		return u.SetRole(by, parsed, otherAdmins, a.now())
	})
}

// EnsureRole sets the role that the configuration names for a user, unless the user has it.
func (a *Auth) EnsureRole(ctx context.Context, name string, role deadletter.Role) error {
	u, err := a.store.User(ctx, name)
	if err != nil || u.Role == role {
		return err
	}
	return a.SetRole(ctx, deadletter.System(), u.Name, string(role))
}

// Disable keeps a user from signing in.
func (a *Auth) Disable(ctx context.Context, by deadletter.Actor, name string) error {
	return a.change(ctx, by, name, func(u deadletter.Account, otherAdmins int) (deadletter.AccountChange, error) {
		return u.Disable(by, otherAdmins, a.now())
	})
}

// Enable lets a disabled user sign in again.
func (a *Auth) Enable(ctx context.Context, by deadletter.Actor, name string) error {
	return a.change(ctx, by, name, func(u deadletter.Account, otherAdmins int) (deadletter.AccountChange, error) {
		return u.Enable(by, otherAdmins, a.now())
	})
}

// Delete removes a user.
func (a *Auth) Delete(ctx context.Context, by deadletter.Actor, name string, confirmed bool) error {
	return a.change(ctx, by, name, func(u deadletter.Account, otherAdmins int) (deadletter.AccountChange, error) {
		return u.Delete(by, confirmed, otherAdmins, a.now())
	})
}

// change changes a user and pauses their jobs that may not go on, in one transaction.
func (a *Auth) change(
	ctx context.Context, by deadletter.Actor, name string,
	decide func(u deadletter.Account, otherAdmins int) (deadletter.AccountChange, error),
) error {
	return a.manage(ctx, by, name, func(ctx context.Context, tx *store.Tx, u store.User) error {
		otherAdmins, err := tx.OtherAdmins(ctx, u.Name)
		if err != nil {
			return err
		}
		change, err := decide(u.Account(), otherAdmins)
		if err != nil {
			return err
		}
		if err := tx.ApplyAccount(ctx, change); err != nil {
			return err
		}
		if err := pauseJobs(ctx, tx, change.After, a.now()); err != nil {
			return err
		}
		return switchOffRules(ctx, tx, change.After, a.now())
	})
}

// manage runs a change of a user in a transaction, for an actor who may manage users.
func (a *Auth) manage(
	ctx context.Context, by deadletter.Actor, name string,
	change func(ctx context.Context, tx *store.Tx, u store.User) error,
) error {
	if err := by.May(deadletter.ActUsers); err != nil {
		return err
	}
	return a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		u, err := tx.User(ctx, name)
		if err != nil {
			return err
		}
		return change(ctx, tx, u)
	})
}

// pauseJobs pauses the running jobs that a user may no longer run.
func pauseJobs(ctx context.Context, tx *store.Tx, owner deadletter.Account, at time.Time) error {
	jobs, err := tx.RunningJobsOf(ctx, owner.Name)
	if err != nil {
		return err
	}
	return pause(ctx, tx, jobs, func(j deadletter.Job) string { return owner.JobPauseReason(j.Action) }, at)
}

// pause pauses those of some running jobs for which there is a reason.
func pause(
	ctx context.Context, tx *store.Tx, jobs []deadletter.Job, why func(deadletter.Job) string, at time.Time,
) error {
	for _, j := range jobs {
		reason := why(j)
		if reason == "" {
			continue
		}
		change, err := j.PauseBySystem(reason, at)
		if err != nil {
			return err
		}
		if err := tx.ApplyJob(ctx, change); err != nil {
			return err
		}
	}
	return nil
}

// switchOffRules switches off the rules that act in the name of a user who may no longer do that.
func switchOffRules(ctx context.Context, tx *store.Tx, owner deadletter.Account, at time.Time) error {
	rules, err := tx.RulesOnOf(ctx, owner.Name)
	if err != nil {
		return err
	}
	return switchOff(ctx, tx, rules, owner.RuleOffReason, at)
}

// switchOff switches off those of some rules for which there is a reason.
func switchOff(
	ctx context.Context, tx *store.Tx, rules []deadletter.Rule, why func(deadletter.Rule) string, at time.Time,
) error {
	for _, r := range rules {
		reason := why(r)
		if reason == "" {
			continue
		}
		change, err := r.SwitchOff(reason, at)
		if err != nil {
			return err
		}
		if _, err := tx.ApplyRule(ctx, change); err != nil {
			return err
		}
	}
	return nil
}

// EndSessions signs a user out everywhere, and returns how many sessions there were.
func (a *Auth) EndSessions(ctx context.Context, by deadletter.Actor, name string) (n int64, err error) {
	err = a.manage(ctx, by, name, func(ctx context.Context, tx *store.Tx, u store.User) error {
		event, err := deadletter.NewEvent(by, "user.end_sessions", "user", u.Name, "", nil, nil, a.now())
		if err != nil {
			return err
		}
		if n, err = tx.EndSessions(ctx, u.Name, ""); err != nil {
			return err
		}
		return tx.Record(ctx, event)
	})
	return n, err
}

// SetPassword gives a user a password, for example one who forgot theirs. Every session of the user ends.
func (a *Auth) SetPassword(ctx context.Context, by deadletter.Actor, name, password string) error {
	if err := by.May(deadletter.ActUsers); err != nil {
		return err
	}
	u, err := a.store.User(ctx, name)
	if err != nil {
		return err
	}
	hashed, err := a.checkedHash(ctx, u.Name, password)
	if err != nil {
		return err
	}
	return a.manage(ctx, by, name, func(ctx context.Context, tx *store.Tx, u store.User) error {
		event, err := deadletter.NewEvent(by, "user.set_password", "user", u.Name, "", nil, nil, a.now())
		if err != nil {
			return err
		}
		return tx.SetPassword(ctx, u.Name, hashed, event)
	})
}

// linkLife is how long a link to choose a password works.
const linkLife = 24 * time.Hour

// NewPasswordLink returns the token of a link by which a user chooses a password, once and within a day. It replaces
// the previous link of the user. The present password works until then.
func (a *Auth) NewPasswordLink(ctx context.Context, by deadletter.Actor, name string) (token string, err error) {
	token = rand.Text()
	err = a.manage(ctx, by, name, func(ctx context.Context, tx *store.Tx, u store.User) error {
		if err := u.Account().CheckSignIn(); err != nil {
			return deadletter.Errorf(deadletter.Conflict, "%s is disabled: enable the user first", u.Name)
		}
		event, err := deadletter.NewEvent(by, "user.password_link", "user", u.Name, "", nil, nil, a.now())
		if err != nil {
			return err
		}
		if err := tx.SetPasswordLink(ctx, u.Name, token, a.now().Add(linkLife)); err != nil {
			return err
		}
		return tx.Record(ctx, event)
	})
	return token, err
}

// UserOfLink returns the name of the user who may choose a password by a token, or NotFound.
func (a *Auth) UserOfLink(ctx context.Context, token string) (name string, err error) {
	u, err := a.store.UserOfLink(ctx, token, a.now())
	return u.Name, err
}

// UsePasswordLink sets the password of the user of a link, and signs them in. The link ends.
func (a *Auth) UsePasswordLink(w http.ResponseWriter, r *http.Request, token, password string) error {
	ctx := r.Context()
	u, err := a.store.UserOfLink(ctx, token, a.now())
	if err != nil {
		return err
	}
	hashed, err := a.checkedHash(ctx, u.Name, password)
	if err != nil {
		return err
	}
	by := deadletter.User(u.Name, u.Role, Addr(r))
	event, err := deadletter.NewEvent(by, "user.password", "user", u.Name, "", nil, nil, a.now())
	if err != nil {
		return err
	}
	err = a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		u, err := tx.UserOfLink(ctx, token, a.now())
		if err != nil {
			return err
		}
		if err := u.Account().CheckSignIn(); err != nil {
			return err
		}
		return tx.SetPassword(ctx, u.Name, hashed, event)
	})
	if err != nil {
		return err
	}
	return a.beginAs(w, r, u.Name)
}

// beginAs signs a user in whose password has just been set.
func (a *Auth) beginAs(w http.ResponseWriter, r *http.Request, name string) error {
	u, err := a.store.User(r.Context(), name)
	if err != nil {
		return err
	}
	return a.begin(w, r, u)
}

// checkedHash returns the hash of a password that the user may have, or Invalid.
func (a *Auth) checkedHash(ctx context.Context, name, password string) (string, error) {
	if err := a.CheckPassword(name, password); err != nil {
		return "", err
	}
	return a.hash(ctx, password)
}
