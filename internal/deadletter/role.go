package deadletter

import "slices"

// Role is the set of actions that a user may do. Each role also allows the actions of the roles before it.
type Role string

// The roles.
const (
	Viewer   Role = "viewer"
	Operator Role = "operator"
	Admin    Role = "admin"
)

// Roles lists every Role.
func Roles() []Role { return []Role{Viewer, Operator, Admin} }

// ParseRole returns the role of that name, or an Invalid error that lists the roles.
func ParseRole(name string) (Role, error) {
	switch r := Role(name); r {
	case Viewer, Operator, Admin:
		return r, nil
	}
	return "", Errorf(Invalid, "there is no role %q: use viewer, operator or admin", name)
}

// Action is something that a person orders.
type Action string

// The actions. Their texts complete the sentence "a viewer may not …".
const (
	ActView    Action = "view"
	ActReplay  Action = "replay"
	ActEdit    Action = "edit and replay"
	ActArchive Action = "archive"
	ActRestore Action = "restore"
	ActProbe   Action = "probe a destination"
	ActUsers   Action = "manage users"
	ActUnmask  Action = "see masked values"

	ActAcknowledge Action = "acknowledge an imbalance of the ledger"

	ActRedrive     Action = "redrive"
	ActEditRedrive Action = "edit and redrive"
	ActSeparate    Action = "make an arrival a message of its own"

	// Of causes.
	ActClaim      Action = "claim a cause"
	ActRelease    Action = "release a cause"
	ActMute       Action = "mute a cause"
	ActUnmute     Action = "unmute a cause"
	ActKnown      Action = "mark a cause as known"
	ActUnmark     Action = "take a ticket from a cause"
	ActNote       Action = "write notes"
	ActGroup      Action = "merge and split causes"
	ActGroupRules Action = "change the rules that group messages"

	ActRules Action = "make and switch rules" // a Rule, which acts on messages

	ActTestSink Action = "test where alerts go"

	ActConfig Action = "see the configuration"
)

// Actions lists every Action, so that a test can prove who may do what.
func Actions() []Action {
	return []Action{
		ActView, ActReplay, ActEdit, ActRedrive, ActEditRedrive, ActArchive, ActRestore, ActProbe,
		ActSeparate, ActAcknowledge, ActUsers, ActUnmask, ActClaim, ActRelease, ActMute, ActUnmute, ActKnown, ActUnmark,
		ActNote, ActGroup, ActGroupRules, ActRules, ActTestSink, ActConfig,
	}
}

// Allows reports whether the role may do an action. No other place decides this.
func (r Role) Allows(a Action) bool {
	switch a {
	case ActView:
		return r == Viewer || r == Operator || r == Admin
	case ActReplay, ActEdit, ActRedrive, ActEditRedrive, ActArchive, ActRestore, ActProbe, ActAcknowledge,
		ActSeparate, ActClaim, ActRelease, ActMute, ActUnmute, ActKnown, ActUnmark, ActNote, ActGroup,
		ActRules, ActTestSink:
		return r == Operator || r == Admin
	case ActUsers, ActUnmask, ActGroupRules, ActConfig:
		return r == Admin
	}
	return false
}

// ofAllSources reports whether the action is about what has no source, so that an actor who is limited to some may not.
func (a Action) ofAllSources() bool { return a == ActUsers || a == ActConfig || a == ActTestSink }

// covers reports whether the role may do all that the other one may.
func (r Role) covers(other Role) bool {
	return !slices.ContainsFunc(Actions(), func(a Action) bool { return other.Allows(a) && !r.Allows(a) })
}

// noun returns the role with its article.
func (r Role) noun() string {
	switch r {
	case Operator, Admin:
		return "an " + string(r)
	case Viewer:
		return "a " + string(r)
	}
	return "a user without a role"
}
