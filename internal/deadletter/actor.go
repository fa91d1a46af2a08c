package deadletter

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ActorKind is the kind of an actor.
type ActorKind string

// The kinds of actor.
const (
	ActorUser   ActorKind = "user"   // a person who signed in
	ActorToken  ActorKind = "token"  // a client of the API
	ActorCLI    ActorKind = "cli"    // a command on the server's machine, in the name of its user there
	ActorSystem ActorKind = "system" // dlqdesk itself; it may do everything
	ActorRule   ActorKind = "rule"   // a Rule that acts on messages, named with the user in whose name it does
)

// Actor is the author of an action or of an audit event. Example:
//
//	Actor{Kind: ActorUser, Name: "ana", Role: Operator, Addr: "192.0.2.7"}
type Actor struct {
	Kind ActorKind
	Name string
	Role Role
	Addr string // the address that the request came from; empty for the system

	// Of a Token.
	Sources SourceNames // the only ones whose messages and causes it reaches; none: all
	Token   TokenID     // 0: it came with none
	Owner   string      // the user in whose name it acts; "" for a machine
}

// Account returns the name of the user whose account decides what the actor may do from now on; "" if none does.
func (a Actor) Account() string {
	if a.Kind == ActorUser {
		return a.Name
	}
	return a.Owner
}

// SourceNames are names of sources with commas between them, which no name has. They can be compared.
type SourceNames string

// NamesOf returns names of sources as SourceNames.
func NamesOf(list []string) SourceNames { return SourceNames(strings.Join(list, ",")) }

// List returns the names; nil for none.
func (n SourceNames) List() []string {
	if n == "" {
		return nil
	}
	return strings.Split(string(n), ",")
}

// System returns the actor of everything that dlqdesk does by itself.
func System() Actor { return Actor{Kind: ActorSystem, Name: "system"} }

// CLI returns the actor of a command. osUser is the name of the operating system's user who ran it. Who can run it can
// read and write the data folder, so it may do what an administrator may.
func CLI(osUser string) Actor { return Actor{Kind: ActorCLI, Name: osUser, Role: Admin} }

// User returns the actor for a person who signed in. addr is the address that the request came from.
func User(name string, role Role, addr string) Actor {
	return Actor{Kind: ActorUser, Name: name, Role: role, Addr: addr}
}

// May returns nil if the actor's role allows the action. It returns Unauthenticated for the zero Actor, and otherwise
// Forbidden.
func (a Actor) May(act Action) error {
	if a.Kind == "" || a.Name == "" {
		return Errorf(Unauthenticated, "sign in first")
	}
	if a.Kind != ActorSystem && !a.Role.Allows(act) {
		return Errorf(Forbidden, "%s may not %s: ask an admin for the role that may", a.Role.noun(), act)
	}
	if act.ofAllSources() {
		return a.ReachesAll()
	}
	return nil
}

// Reaches returns NotFound if the actor is limited to other sources than that of what, which completes the sentence
// "there is no …", as it would of anything that does not exist.
func (a Actor) Reaches(source, what string) error {
	if names := a.Sources.List(); names != nil && !slices.Contains(names, source) {
		return Errorf(NotFound, "there is no %s among the sources of this token: %s", what, strings.Join(names, ", "))
	}
	return nil
}

// ReachesAll returns Forbidden if the actor is limited to some sources.
func (a Actor) ReachesAll() error {
	if names := a.Sources.List(); names != nil {
		return Errorf(Forbidden, "this token is limited to the sources %s: use one without that limit",
			strings.Join(names, ", "))
	}
	return nil
}

// ReachesSource is Reaches for a source itself; "" is ReachesAll.
func (a Actor) ReachesSource(name string) error {
	if name == "" {
		return a.ReachesAll()
	}
	return a.Reaches(name, "source "+name)
}

// Printable returns the beginning of a text that a stranger sent, such as a name, at most limit bytes of it. Control
// characters become question marks.
func Printable(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text[:min(len(text), utf8.UTFMax*limit)])
	return strings.ToValidUTF8(text[:min(len(text), limit)], "")
}
