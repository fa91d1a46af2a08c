package deadletter

import "time"

// Unmasking shows masked values of a message to one person in one session, until a time.
type Unmasking struct {
	ID      int64 // given by the store
	Message ID
	By      string
	Session string // the id of the session, which is no secret
	Value   string // the name of the field or header that is shown; "": all
	Reason  string
	At      time.Time
	Until   time.Time
}

// UnmaskFor is how long an unmasking lasts.
const UnmaskFor = 5 * time.Minute

// unmaskFacts are the facts that the events of an unmasking store.
type unmaskFacts struct {
	Value string    `json:"field,omitempty"`
	Until time.Time `json:"until"`
}

// Unmask returns an unmasking of the message, with its audit event. value names what is shown; "" is everything. It
// returns Invalid without a reason.
func (m Message) Unmask(by Actor, session, value, reason string, at time.Time) (Unmasking, Event, error) {
	if err := by.May(ActUnmask); err != nil {
		return Unmasking{}, Event{}, err
	}
	if err := ActUnmask.CheckReason(reason); err != nil {
		return Unmasking{}, Event{}, err
	}
	u := Unmasking{
		Message: m.ID, By: by.Name, Session: session, Value: value, Reason: reason, At: at, Until: at.Add(UnmaskFor),
	}
	e, err := u.event(by, "message.unmask", m.Source, reason, u.Until, at)
	return u, e, err
}

// End returns the unmasking as it ends now, with its audit event. It returns Conflict where it is over already.
func (u Unmasking) End(by Actor, source string, at time.Time) (Unmasking, Event, error) {
	if !u.InForce(at) {
		return u, Event{}, Errorf(Conflict, "these values are masked again already")
	}
	u.Until = at
	e, err := u.event(by, "message.mask_again", source, "", at, at)
	return u, e, err
}

func (u Unmasking) event(by Actor, action, source, reason string, until, at time.Time) (Event, error) {
	e, err := NewEvent(by, action, "message", string(u.Message), reason, nil, unmaskFacts{u.Value, until.UTC()}, at)
	e.Source = source
	return e, err
}

// InForce reports whether the values are shown at a time.
func (u Unmasking) InForce(at time.Time) bool { return at.Before(u.Until) }

// ShowsTo reports whether the values are shown to an actor in a session.
func (u Unmasking) ShowsTo(by Actor, session string, at time.Time) bool {
	return u.InForce(at) && u.By == by.Name && u.Session == session && session != "" && by.May(ActUnmask) == nil
}
