package deadletter

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"time"
)

// Change is one change of a message: the message before and after, the rows to add with it, and its audit event. The
// store writes messages only by Changes. Before is the zero Message if the message is new.
type Change struct {
	Before, After Message
	Attempt       *Attempt  // written (opened or finished) with the change
	Revision      *Revision // added with the change
	Arrival       *Arrival  // added with the change
	Returned      bool      // After.Queue describes another queue message than Before.Queue
	SourceChanged bool      // the message had no source before

	// Failure is the error with its status code if the message fails by the change; "" otherwise. The fingerprint of
	// After is that of the built-in rules then: the store finds the cause, because the rules of people can change until
	// the moment in which the message is written.
	Failure string

	// Of a message whose platform's id another message of its source had: see Beside.
	Supersedes *Superseded
	Digest     string // of its content; "" if no other message has its id
	Event      Event
}

// Replayed reports whether the change ends a delivery that a person asked for, whether that sent an edited revision,
// and whether it was delivered.
func (c Change) Replayed() (edited, delivered, ok bool) {
	if c.Before.ID == "" || c.Attempt == nil || !c.Attempt.replayed() {
		return false, false, false
	}
	return c.Attempt.Revision > 0, c.Attempt.Outcome == Delivered, true
}

// replayed reports whether the attempt is a finished delivery that a person asked for.
func (a Attempt) replayed() bool {
	return a.Done && a.Trigger != TriggerReceive && a.Trigger != TriggerAuto && !a.Trigger.Redrives()
}

// ReplaysOfCause returns those of a message's attempts, oldest first, that are replays made while the message had the
// error of its latest failure.
func ReplaysOfCause(attempts []Attempt) (replays []Attempt) {
	if !slices.ContainsFunc(attempts, Attempt.replayed) {
		return nil
	}
	fault := ""
	for _, a := range attempts {
		if a.replayed() {
			replays = append(replays, a)
		}
		if !a.Done || a.Outcome == Delivered || a.Trigger.Redrives() {
			continue
		}
		if key := FaultKey(FailureText(a.StatusCode, a.Error)); key != fault {
			if fault != "" {
				replays = nil // they are of the cause before
			}
			fault = key
		}
	}
	return replays
}

// Event is one append-only row of the audit trail.
type Event struct {
	At         time.Time
	Actor      ActorKind
	By         string
	Addr       string
	Action     string // dotted: message.replay, attempt.delivered, user.sign_in
	TargetKind string // one of EventTargets
	Target     string
	Source     string // of the message, so that the trail can be filtered by it
	Reason     string
	Before     json.RawMessage // facts of the target before; nil when there were none
	After      json.RawMessage
}

// EventTargets lists the kinds of things that events are about.
func EventTargets() []string {
	return []string{
		"message", causeTarget, "job", "rule", recipeTarget, suggestionTarget, "destination", "source", "sink", "user",
		"token", "view", "ledger", "audit", "configuration",
	}
}

// NewEvent returns an audit event about a target other than a message, such as a user. before and after are marshalled
// to JSON; nil leaves one out. It returns Internal if they cannot be marshalled, and for a kind of target that is none
// of EventTargets.
func NewEvent(by Actor, action, targetKind, target, reason string, before, after any, at time.Time) (Event, error) {
	if !slices.Contains(EventTargets(), targetKind) {
		return Event{}, Errorf(Internal, "an event cannot be about a %q", targetKind)
	}
	e := Event{
		At:         at,
		Actor:      by.Kind,
		By:         by.Name,
		Addr:       by.Addr,
		Action:     action,
		TargetKind: targetKind,
		Target:     target,
		Reason:     reason,
	}
	for _, side := range []struct {
		from any
		to   *json.RawMessage
	}{{before, &e.Before}, {after, &e.After}} {
		if side.from == nil {
			continue
		}
		text, err := json.Marshal(side.from)
		if err != nil {
			return Event{}, &Error{Kind: Internal, Text: "the audit event could not be written", Err: err}
		}
		*side.to = text
	}
	return e, nil
}

// jobFact begins the facts of an event that a job caused. The store finds such events by it.
const jobFact = `{"job":`

// OfJob returns the event of a message with the job that caused it; 0: none did.
func (e Event) OfJob(id JobID) Event {
	if id != 0 {
		e.After = slices.Concat([]byte(jobFact+id.String()+","), e.After[1:])
	}
	return e
}

// Job returns the job that caused the event of a message; 0: none did.
func (e Event) Job() JobID {
	rest, ok := bytes.CutPrefix(e.After, []byte(jobFact))
	if !ok || e.TargetKind != "message" {
		return 0
	}
	digits, _, _ := bytes.Cut(rest, []byte(","))
	id, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil {
		return 0
	}
	return JobID(id)
}

// state holds the facts of a message that an event stores.
type state struct {
	Status     Status    `json:"status"`
	Source     string    `json:"source,omitempty"`
	Revision   int       `json:"revision"`
	Attempt    int       `json:"attempt,omitempty"`
	StatusCode int       `json:"statusCode,omitempty"`
	LatencyMS  int64     `json:"latencyMs,omitempty"`
	DueAt      time.Time `json:"dueAt,omitzero"`
	Arrivals   int       `json:"arrivals,omitempty"`
	SameIDAs   ID        `json:"sameIdAs,omitempty"`  // a message with other content whose platform's id is the same
	Separated  ID        `json:"separated,omitempty"` // the message that an arrival became
	Reason     string    `json:"reason,omitempty"`    // set only if the change changed it
	BodySHA256 string    `json:"bodySha256,omitempty"`
	Recipe     string    `json:"recipe,omitempty"` // the name of the saved recipe that made the revision
	Version    int       `json:"recipeVersion,omitempty"`
}

// json cannot fail: every field is a string, a number or a time within the years that JSON can write.
func (s state) json() json.RawMessage {
	s.DueAt = s.DueAt.UTC()
	text, err := json.Marshal(s)
	if err != nil {
		return json.RawMessage(`null`)
	}
	return text
}

func (m Message) state() state {
	return state{Status: m.Status, Revision: m.Revision, DueAt: m.DueAt, Arrivals: m.Arrivals}
}

// stateBeside returns the facts for an event. The reason and the source are left out if other has the same.
func (m Message) stateBeside(other Message) state {
	s := m.state()
	if m.Reason != other.Reason {
		s.Reason = m.Reason
	}
	if m.Source != other.Source {
		s.Source = m.Source
	}
	return s
}

// changedFrom returns the Change from before to m, with its audit event. Every transition ends here.
func (m Message) changedFrom(before Message, by Actor, action, reason string, at time.Time) Change {
	e := Event{
		At:         at,
		Actor:      by.Kind,
		By:         by.Name,
		Addr:       by.Addr,
		Action:     action,
		TargetKind: "message",
		Target:     string(m.ID),
		Source:     m.Source,
		Reason:     reason,
		After:      m.state().json(),
	}
	if before.ID != "" {
		e.Before, e.After = before.stateBeside(m).json(), m.stateBeside(before).json()
	}
	failure := m.failure
	m.failure = ""
	return Change{Before: before, After: m, Failure: failure, Event: e}
}
