package deadletter

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
