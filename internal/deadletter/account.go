package deadletter

import (
	"slices"
	"strings"
	"time"
)

// Account is a user as administrators manage them. Example:
//
//	Account{Name: "olga", Role: Operator, HasPassword: true}
type Account struct {
	Name        string
	Role        Role
	HasPassword bool // false: they have not used their set-up link yet
	Disabled    bool
	Deleted     bool // the audit trail keeps the name
}

// AccountState says whether a user can sign in.
type AccountState string

// The states of a user.
const (
	Active   AccountState = "active"
	Invited  AccountState = "invited" // has not chosen a password yet
	Disabled AccountState = "disabled"
)

// State returns whether the user can sign in.
func (u Account) State() AccountState {
	switch {
	case u.Disabled || u.Deleted:
		return Disabled
	case !u.HasPassword:
		return Invited
	}
	return Active
}

// AccountChange is an account before and after, with its audit event.
type AccountChange struct {
	Before, After Account
	Event         Event
}

// EndsSessions reports whether the user has to sign in again, if they still can: their sessions may show or do what
// they no longer may.
func (c AccountChange) EndsSessions() bool {
	lost := func(a Action) bool { return c.Before.may(a) && !c.After.may(a) }
	return slices.ContainsFunc(Actions(), lost)
}

// may reports whether the user may do an action, once signed in.
func (u Account) may(a Action) bool { return !u.Disabled && !u.Deleted && u.Role.Allows(a) }

// JobPauseReason returns why a job of this user has to pause; "" while it may go on. A job goes by what its user may do
// now, not by what they could when it began.
func (u Account) JobPauseReason(a Action) (reason string) {
	switch {
	case u.Deleted:
		return u.Name + " is no longer a user: another operator must resume it"
	case u.Disabled:
		return u.Name + " is disabled: another operator must resume it"
	case !u.may(a):
		return u.Name + " may no longer " + string(a) + ": an operator who may must resume it"
	}
	return ""
}

// RuleOffReason returns why a rule of this user switches itself off; "" while it may go on.
func (u Account) RuleOffReason(r Rule) (reason string) {
	switch {
	case u.Deleted:
		return u.Name + " is no longer a user: another operator must switch it on"
	case u.Disabled:
		return u.Name + " is disabled: another operator must switch it on"
	case !u.may(ActRules):
		return u.Name + " may no longer " + string(ActRules) + ": an operator who may must switch it on"
	case !u.may(r.Action):
		return u.Name + " may no longer " + string(r.Action) + ": an operator who may must switch it on"
	}
	return ""
}

// CheckSignIn returns Forbidden if the user is disabled. It is asked once the password was right, so that it tells a
// stranger nothing.
func (u Account) CheckSignIn() error {
	if u.Disabled || u.Deleted {
		return Errorf(Forbidden, "this user is disabled: ask an administrator to enable it")
	}
	return nil
}

// SetRole gives the user another role. otherAdmins is the number of other administrators who can sign in, here and
// below.
func (u Account) SetRole(by Actor, role Role, otherAdmins int, at time.Time) (AccountChange, error) {
	next := u
	next.Role = role
	if role == u.Role {
		return AccountChange{}, u.already(by, "%s is %s already", u.Name, role.noun())
	}
	return u.changeTo(next, by, "change the role of", "user.role", otherAdmins, at)
}

// Disable keeps the user from signing in.
func (u Account) Disable(by Actor, otherAdmins int, at time.Time) (AccountChange, error) {
	next := u
	next.Disabled = true
	if u.Disabled {
		return AccountChange{}, u.already(by, "%s is disabled already", u.Name)
	}
	return u.changeTo(next, by, "disable", "user.disable", otherAdmins, at)
}

// Enable lets a disabled user sign in again.
func (u Account) Enable(by Actor, otherAdmins int, at time.Time) (AccountChange, error) {
	next := u
	next.Disabled = false
	if !u.Disabled {
		return AccountChange{}, u.already(by, "%s is not disabled", u.Name)
	}
	return u.changeTo(next, by, "enable", "user.enable", otherAdmins, at)
}

// Delete removes the user. It cannot be undone, so it returns NeedsConfirmation unless confirmed.
func (u Account) Delete(by Actor, confirmed bool, otherAdmins int, at time.Time) (AccountChange, error) {
	next := u
	next.Deleted = true
	change, err := u.changeTo(next, by, "delete", "user.delete", otherAdmins, at)
	if err == nil && !confirmed {
		return AccountChange{}, Errorf(NeedsConfirmation, "deleting %s cannot be undone: confirm it", u.Name)
	}
	return change, err
}

// already returns a Conflict for an actor who may manage users.
func (u Account) already(by Actor, format string, args ...any) error {
	if err := by.May(ActUsers); err != nil {
		return err
	}
	return Errorf(Conflict, format, args...)
}

// changeTo returns the change to next. Administrators cannot do this to their own user, and one who can sign in always
// remains: otherwise no one could manage the desk.
func (u Account) changeTo(
	next Account, by Actor, verb, action string, otherAdmins int, at time.Time,
) (AccountChange, error) {
	if err := by.May(ActUsers); err != nil {
		return AccountChange{}, err
	}
	if by.Is(u.Name) {
		return AccountChange{}, Errorf(Forbidden, "you cannot %s your own user: ask another administrator", verb)
	}
	if u.HasPassword && otherAdmins == 0 && u.may(ActUsers) && !next.may(ActUsers) {
		return AccountChange{}, Errorf(Conflict,
			"%s is the last administrator who can sign in: make another user an administrator first", u.Name)
	}
	var after any = next.state()
	if next.Deleted {
		after = nil
	}
	event, err := NewEvent(by, action, "user", u.Name, "", u.state(), after, at)
	return AccountChange{Before: u, After: next, Event: event}, err
}

// Is reports whether the actor is the user of that name, or acts in their name.
func (a Actor) Is(user string) bool { return a.Account() != "" && strings.EqualFold(a.Account(), user) }

// wrote reports whether what has an author of that name is the actor's own: their user's, or their token's.
func (a Actor) wrote(author string) bool { return strings.EqualFold(a.Name, author) || a.Is(author) }

// accountState holds the facts of a user that an event stores.
type accountState struct {
	Role     Role `json:"role"`
	Disabled bool `json:"disabled,omitempty"`
}

func (u Account) state() accountState { return accountState{Role: u.Role, Disabled: u.Disabled} }
