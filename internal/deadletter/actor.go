package deadletter

// Role is what a user may do. Each role may do all that the one before it may.
type Role string

// The roles.
const (
	Viewer   Role = "viewer"
	Operator Role = "operator"
	Admin    Role = "admin"
)

// ParseRole returns the role of that name, or an Invalid error that lists the roles.
func ParseRole(name string) (Role, error) {
	switch r := Role(name); r {
	case Viewer, Operator, Admin:
		return r, nil
	}
	return "", Errorf(Invalid, "there is no role %q: use viewer, operator or admin", name)
}

// Action is a command of a person.
type Action string

// The actions that May decides on.
const (
	ActView    Action = "view"
	ActReplay  Action = "replay"
	ActEdit    Action = "edit and replay"
	ActArchive Action = "archive"
	ActRestore Action = "restore"
	ActProbe   Action = "probe a destination"
	ActUsers   Action = "manage users"

	ActAcknowledge Action = "acknowledge an imbalance of the ledger"

	ActRedrive     Action = "redrive"
	ActEditRedrive Action = "edit and redrive"
)

// Actions lists every Action, so that a test can prove who may do what.
func Actions() []Action {
	return []Action{
		ActView, ActReplay, ActEdit, ActRedrive, ActEditRedrive, ActArchive, ActRestore, ActProbe,
		ActAcknowledge, ActUsers,
	}
}

// Allows reports whether a role may do an action. This is the only place that decides it.
func (r Role) Allows(a Action) bool {
	switch a {
	case ActView:
		return r == Viewer || r == Operator || r == Admin
	case ActReplay, ActEdit, ActRedrive, ActEditRedrive, ActArchive, ActRestore, ActProbe, ActAcknowledge:
		return r == Operator || r == Admin
	case ActUsers:
		return r == Admin
	}
	return false
}

// noun is the role with its article.
func (r Role) noun() string {
	switch r {
	case Operator, Admin:
		return "an " + string(r)
	case Viewer:
		return "a " + string(r)
	}
	return "a user without a role"
}

// ActorKind is a person, a token or the program itself.
type ActorKind string

// The kinds of actor.
const (
	ActorUser   ActorKind = "user"
	ActorToken  ActorKind = "token"
	ActorSystem ActorKind = "system"
)

// Actor is who did something.
type Actor struct {
	Kind ActorKind
	Name string
	Role Role
	Addr string // the address that the request came from; empty for the system
}

// System is the actor of everything that dlqdesk does by itself.
func System() Actor { return Actor{Kind: ActorSystem, Name: "system"} }

// User is a person at the desk.
func User(name string, role Role, addr string) Actor {
	return Actor{Kind: ActorUser, Name: name, Role: role, Addr: addr}
}

// May returns nil when the actor may do the action, and otherwise a Forbidden error that says what is missing.
func (a Actor) May(act Action) error {
	if a.Kind == "" || a.Name == "" {
		return Errorf(Unauthenticated, "sign in first")
	}
	if a.Kind != ActorSystem && !a.Role.Allows(act) {
		return Errorf(Forbidden, "%s may not %s: ask an admin for the role that may", a.Role.noun(), act)
	}
	return nil
}
