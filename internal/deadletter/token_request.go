package deadletter

import (
	"strings"
	"time"
)

// TokenRequest is a program that asks a person for a token, such as dlqdesk login. The program shows a code, and polls.
// The person enters the code on a page of the desk, sees who asks, and grants a token or refuses it. The program then
// takes the token, once.
type TokenRequest struct {
	ID    int64
	Code  string // BCDF-GHJK
	Name  string // of the token, as the program says: "CLI on laptop"
	Addr  string // that the request came from
	State RequestState
	By    string // who granted or refused it
	Role  Role   // that was granted
	Days  int    // for which it was granted

	CreatedAt, ExpiresAt time.Time
}

// RequestState is the state of a request for a token.
type RequestState string

// The states of requests.
const (
	RequestWaiting RequestState = "waiting"
	RequestGranted RequestState = "granted"
	RequestRefused RequestState = "refused"
	RequestTaken   RequestState = "taken"
)

// TokenRequestLife is how long a program can wait for a token.
const TokenRequestLife = 10 * time.Minute

// NewTokenRequest returns the request of a program at an address. It returns Invalid for a name that no token can have.
func NewTokenRequest(name, code, addr string, at time.Time) (TokenRequest, error) {
	r := TokenRequest{
		Name: strings.TrimSpace(name), Code: code, Addr: addr, State: RequestWaiting,
		CreatedAt: at.UTC(), ExpiresAt: at.UTC().Add(TokenRequestLife),
	}
	return r, checkTokenName(r.Name)
}

// TokenRequestChange is a request before and after, with its audit event.
type TokenRequestChange struct {
	Before, After TokenRequest
	Event         Event
}

// Grant says that the program may take a token of the person, who may do what a role allows for so many days.
func (r TokenRequest) Grant(by Actor, role Role, days int, at time.Time) (TokenRequestChange, error) {
	next := r
	next.State, next.By, next.Role, next.Days = RequestGranted, by.Name, role, days
	if err := r.MayDecide(by, at); err != nil {
		return TokenRequestChange{}, err
	}
	if _, err := NewToken(by, Token{}, next.input(), nil, at); err != nil {
		return TokenRequestChange{}, err
	}
	return next.changedFrom(r, by, "token.grant", at)
}

// Refuse says that the program gets no token.
func (r TokenRequest) Refuse(by Actor, at time.Time) (TokenRequestChange, error) {
	next := r
	next.State, next.By = RequestRefused, by.Name
	if err := r.MayDecide(by, at); err != nil {
		return TokenRequestChange{}, err
	}
	return next.changedFrom(r, by, "token.refuse", at)
}

// MayDecide returns an error if a person cannot decide about the request.
func (r TokenRequest) MayDecide(by Actor, at time.Time) error {
	if by.Kind != ActorUser {
		return Errorf(Forbidden, "only a user who signed in can decide about this")
	}
	if err := by.May(ActView); err != nil {
		return err
	}
	if !at.Before(r.ExpiresAt) {
		return errRequestGone
	}
	if r.State != RequestWaiting {
		return Errorf(Conflict, "this code was used already: run dlqdesk login again if you need another token")
	}
	return nil
}

var errRequestGone = Errorf(NotFound, "this code has expired or was used: run dlqdesk login again")

// IsWaiting reports whether a person can still decide about the request at a time.
func (r TokenRequest) IsWaiting(at time.Time) bool {
	return r.State == RequestWaiting && at.Before(r.ExpiresAt)
}

// Take returns the token that was granted, and the request as it becomes. owner is the account of who granted it, as it
// is now, and addr the address that asks for the token. It returns false while no person has decided.
func (r TokenRequest) Take(
	owner Account, addr string, at time.Time,
) (token TokenChange, taken TokenRequest, ok bool, err error) {
	taken = r
	taken.State = RequestTaken
	switch {
	case !at.Before(r.ExpiresAt) || r.State == RequestTaken:
		return token, r, false, errRequestGone
	case r.IsWaiting(at):
		return token, r, false, nil
	case r.State == RequestRefused:
		return token, r, false, Errorf(Forbidden, "%s refused the sign-in", r.By)
	case owner.State() != Active:
		return token, r, false, Errorf(Forbidden, "the user who granted the token cannot sign in")
	}
	token, err = NewToken(User(owner.Name, owner.Role, addr), Token{}, r.input(), nil, at)
	return token, taken, err == nil, err
}

func (r TokenRequest) input() TokenInput { return TokenInput{Name: r.Name, Role: r.Role, Days: r.Days} }

func (r TokenRequest) changedFrom(
	before TokenRequest, by Actor, action string, at time.Time,
) (TokenRequestChange, error) {
	facts := struct {
		Addr string `json:"from"`
		Role Role   `json:"role,omitempty"`
		Days int    `json:"days,omitempty"`
	}{r.Addr, r.Role, r.Days}
	e, err := NewEvent(by, action, "token", r.Name, "", nil, facts, at)
	return TokenRequestChange{before, r, e}, err
}
