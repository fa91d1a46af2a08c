package deadletter

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// TokenID identifies a token.
type TokenID int64

func (id TokenID) String() string { return strconv.FormatInt(int64(id), 10) }

// Token lets a program use the API: in the name of a user, who made it, or as a machine of its own, which an
// administrator made. Example:
//
//	Token{Name: "deploy", Owner: "anna", Role: Operator, Sources: []string{"genesys"}}
type Token struct {
	ID      TokenID
	Name    string
	Owner   string   // the user in whose name it acts, and never beyond what they may do; "": a machine
	Role    Role     // what it may do at most
	Sources []string // whose messages and causes it reaches; none: of all
	By      string   // who made it
	Parent  TokenID  // with which it was made, and with which it ends; 0: a person made it
	Hint    string   // the beginning of its secret, by which people recognise it

	Assistant bool // it is good for the tools of assistants alone, which read and suggest

	CreatedAt, ExpiresAt time.Time // ExpiresAt is zero if it does not expire
	UsedAt, RevokedAt    time.Time // zero: never
}

// TokenInput is what a person chooses of a new token.
type TokenInput struct {
	Name    string
	Machine bool // it acts as a machine of its own
	Role    Role
	Sources []string
	Days    int // until it expires; 0: it does not

	Assistant bool // it is good for the tools of assistants alone
}

// The fields of a TokenInput that a fault can be about.
const (
	FieldTokenName    = "name"
	FieldTokenRole    = "role"
	FieldTokenSources = "sources"
	FieldTokenDays    = "days"
)

const (
	maxTokenName    = 60
	maxTokenSources = 100
	maxTokenDays    = 3650
)

// TokenChange is a token before and after, with its audit event.
type TokenChange struct {
	Before, After Token
	Event         Event
}

// NewToken makes a token. with is the token that the actor came with; the zero Token: none. known reports whether a
// source is configured. The actor makes one in the name of their user, and one of a machine only if they may manage
// users. A token makes none that may do more than itself, reaches more sources or expires later.
func NewToken(
	by Actor, with Token, in TokenInput, known func(source string) bool, at time.Time,
) (TokenChange, error) {
	t := Token{Name: strings.TrimSpace(in.Name), Owner: by.Account(), Role: in.Role, By: by.Name, CreatedAt: at.UTC()}
	needs := ActView
	if in.Machine {
		t.Owner, needs = "", ActUsers
	}
	if err := by.May(needs); err != nil {
		return TokenChange{}, err
	}
	if err := with.ForAPI(); err != nil {
		return TokenChange{}, err
	}
	if t.Owner == "" && !in.Machine || by.Token != with.ID {
		return TokenChange{}, Errorf(Forbidden, "only a user, or a token of one, can make a token in their name")
	}
	if err := in.check(by, t.Name, known); err != nil {
		return TokenChange{}, err
	}
	t.Sources = slices.Compact(slices.Sorted(slices.Values(in.Sources)))
	t.ExpiresAt, t.Assistant, t.Parent = with.ExpiresAt, in.Assistant, with.ID
	if in.Days > 0 {
		t.ExpiresAt = t.CreatedAt.AddDate(0, 0, in.Days)
	}
	if err := with.checkMakes(t); err != nil {
		return TokenChange{}, err
	}
	return t.changedFrom(Token{}, by, "token.add", at)
}

// checkMakes returns Invalid for a token that the token may not make: it reaches more sources, or expires later.
func (t Token) checkMakes(other Token) error {
	if !t.reachesAllOf(other) {
		return About(FieldTokenSources, Errorf(Invalid, "this token is limited to the sources %s: so is what it makes",
			strings.Join(t.Sources, ", ")))
	}
	if !t.ExpiresAt.IsZero() && other.ExpiresAt.After(t.ExpiresAt) {
		return About(FieldTokenDays, Errorf(Invalid, "this token expires on %s: what it makes cannot expire later",
			t.ExpiresAt.Format("2 January 2006, 15:04 UTC")))
	}
	return nil
}

// reachesAllOf reports whether the token reaches all sources that the other one does.
func (t Token) reachesAllOf(other Token) bool {
	return len(t.Sources) == 0 || len(other.Sources) > 0 && !slices.ContainsFunc(other.Sources, func(s string) bool {
		return !slices.Contains(t.Sources, s)
	})
}

func (in TokenInput) check(by Actor, name string, known func(source string) bool) error {
	fault := func(field, format string, args ...any) error {
		return About(field, Errorf(Invalid, format, args...))
	}
	if err := checkTokenName(name); err != nil {
		return err
	}
	_, err := ParseRole(string(in.Role))
	switch {
	case err != nil:
		return About(FieldTokenRole, err)
	case !by.Role.covers(in.Role):
		return fault(FieldTokenRole, "a token of %s may not be %s", by.Role.noun(), in.Role)
	case len(in.Sources) > maxTokenSources:
		return fault(FieldTokenSources, "a token can be limited to %d sources", maxTokenSources)
	case in.Days < 0 || in.Days > maxTokenDays:
		return fault(FieldTokenDays, "a token can expire in 1 to %d days, or not at all", maxTokenDays)
	}
	for _, source := range in.Sources {
		if !known(source) {
			return fault(FieldTokenSources, "there is no source %q", source)
		}
	}
	return nil
}

func checkTokenName(name string) error {
	if name == "" || len(name) > maxTokenName || Printable(name, maxTokenName) != name {
		return About(FieldTokenName, Errorf(Invalid, "a token needs a name of at most %d characters", maxTokenName))
	}
	return nil
}

// Revoke ends a token. Its owner may do so, the token itself, another one of its owner that may as much, and who may
// manage users.
func (t Token) Revoke(by Actor, at time.Time) (TokenChange, error) {
	needs := ActUsers
	if t.IsOf(by) {
		needs = ActView
	}
	if err := by.May(needs); err != nil {
		return TokenChange{}, err
	}
	if !t.RevokedAt.IsZero() {
		return TokenChange{}, Errorf(Conflict, "this token was revoked already")
	}
	return t.end(by, "", at)
}

// RevokeWith ends a token because the one with which it was made is revoked. Who may revoke that one ends both.
func (t Token) RevokeWith(parent TokenChange, by Actor, at time.Time) (TokenChange, error) {
	return t.end(by, "made with the token "+parent.After.Name, at)
}

func (t Token) end(by Actor, reason string, at time.Time) (TokenChange, error) {
	next := t
	next.RevokedAt = at.UTC()
	c, err := next.changedFrom(t, by, "token.revoke", at)
	c.Event.Reason = reason
	return c, err
}

// IsOf reports whether the token is an actor's own: it is in the name of that person or, with a token, of the same person
// and may no more than that token.
func (t Token) IsOf(by Actor) bool {
	if by.Token != 0 && by.Token == t.ID {
		return true
	}
	own := t.Owner != "" && strings.EqualFold(by.Account(), t.Owner)
	return own && (by.Token == 0 || by.Role.covers(t.Role) && Token{Sources: by.Sources.List()}.reachesAllOf(t))
}

// InForce reports whether a program can use the token at a time, as far as the token itself says.
func (t Token) InForce(at time.Time) bool {
	return t.RevokedAt.IsZero() && (t.ExpiresAt.IsZero() || at.Before(t.ExpiresAt))
}

// Actor returns who a program with the token is. owner is the account of the token's Owner. addr is the address that
// the request came from. It returns Unauthenticated for a token that is not in force, or whose owner cannot sign in.
func (t Token) Actor(owner Account, addr string, at time.Time) (Actor, error) {
	switch {
	case !t.RevokedAt.IsZero():
		return Actor{}, Errorf(Unauthenticated, "this token was revoked: make another one")
	case !t.InForce(at):
		return Actor{}, Errorf(Unauthenticated, "this token has expired: make another one")
	}
	by := Actor{
		Kind:    ActorToken,
		Name:    t.Name,
		Role:    t.Role,
		Addr:    addr,
		Sources: NamesOf(t.Sources),
		Token:   t.ID,
		Owner:   t.Owner,
	}
	if t.Owner == "" {
		return by, nil
	}
	if owner.State() != Active {
		return Actor{}, Errorf(Unauthenticated, "the user of this token cannot sign in")
	}
	by.Name = fmt.Sprintf("%s of %s", t.Name, owner.Name)
	if !owner.Role.covers(by.Role) {
		by.Role = owner.Role
	}
	return by, nil
}

// PauseReason returns why a job that was started with the token has to pause, and a rule that was switched on with it
// is switched off; "" while they may go on. One that has expired began nothing that it might not.
func (t Token) PauseReason() string {
	if t.RevokedAt.IsZero() {
		return ""
	}
	return "the token " + t.Name + " was revoked: an operator must take it over"
}

// ForAPI returns Forbidden for a token that is good for the tools of assistants alone: with it nothing can be started.
func (t Token) ForAPI() error {
	if t.Assistant {
		return Errorf(Forbidden, "this token is for an assistant: it is good at /mcp alone")
	}
	return nil
}

// tokenFacts are what an event stores of a token.
type tokenFacts struct {
	Name    string     `json:"name"`
	Owner   string     `json:"owner,omitempty"`
	Role    Role       `json:"role"`
	Sources []string   `json:"sources,omitempty"`
	Expires *time.Time `json:"expires,omitempty"`
	Revoked bool       `json:"revoked,omitempty"`

	Assistant bool `json:"assistant,omitempty"`
}

func (t Token) facts() *tokenFacts {
	if t.Name == "" {
		return nil
	}
	f := &tokenFacts{
		Name: t.Name, Owner: t.Owner, Role: t.Role, Sources: t.Sources, Revoked: !t.RevokedAt.IsZero(),
		Assistant: t.Assistant,
	}
	if !t.ExpiresAt.IsZero() {
		f.Expires = &t.ExpiresAt
	}
	return f
}

func (t Token) changedFrom(before Token, by Actor, action string, at time.Time) (TokenChange, error) {
	var was any
	if f := before.facts(); f != nil {
		was = f
	}
	e, err := NewEvent(by, action, "token", t.Name, "", was, t.facts(), at)
	return TokenChange{Before: before, After: t, Event: e}, err
}
