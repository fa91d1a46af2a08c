package deadletter

import (
	"fmt"
	"slices"
	"time"
)

// Status is the state of a message.
type Status string

// The statuses of a message.
const (
	Retrying  Status = "retrying"  // automatic attempts are left; the next is due at a known time
	Failed    Status = "failed"    // waits for a person
	Replaying Status = "replaying" // a delivery is requested or in flight
	Resolved  Status = "resolved"  // a delivery succeeded
	Redriven  Status = "redriven"  // sent back to its SQS queue
	Archived  Status = "archived"  // put away by a person
)

// Statuses lists every status, in the order in which the desk shows them.
func Statuses() []Status { return []Status{Failed, Retrying, Replaying, Resolved, Redriven, Archived} }

// transitions lists the statuses that each status can become. An arrival or a lease changes no status.
var transitions = map[Status][]Status{
	Retrying:  {Replaying, Archived},
	Failed:    {Replaying, Archived},
	Replaying: {Resolved, Redriven, Failed, Retrying},
	Resolved:  {Archived},
	Redriven:  {Archived, Failed},
	Archived:  {Failed, Resolved, Redriven},
}

func (s Status) canBecome(next Status) bool {
	for _, to := range transitions[s] {
		if to == next {
			return true
		}
	}
	return false
}

// CanReplay reports whether a message in this status can be replayed or redriven.
func (s Status) CanReplay() bool { return s.canBecome(Replaying) }

// CanArchive reports whether a message in this status can be put away.
func (s Status) CanArchive() bool { return s.canBecome(Archived) }

// CanRestore reports whether a message in this status can be brought back.
func (s Status) CanRestore() bool { return s == Archived }

// IsOpen reports whether a message in this status is one of OpenStatuses.
func (s Status) IsOpen() bool { return slices.Contains(OpenStatuses(), s) }

// OpenStatuses lists the statuses of messages that a person or a worker still has to deal with.
func OpenStatuses() []Status { return []Status{Failed, Retrying, Replaying} }

// become returns the message with another status. It returns Conflict, with who changed it last, if the transition is
// not allowed. No other function changes a status.
func (m Message) become(next Status, at time.Time) (Message, error) {
	if m.Status.canBecome(next) {
		m.Status = next
		return m, nil
	}
	switch {
	case m.Status == Replaying && m.Request.Trigger == TriggerAuto:
		return m, Errorf(Conflict, "an automatic retry of this message is in flight: wait for its result")
	case m.Status == Replaying:
		return m, Errorf(Conflict, "already %s by %s %s: wait for the result", m.Request.Trigger.pastTense(),
			m.Request.By, ago(m.Request.At, at))
	case m.Status == Resolved && m.LastChange.By == "":
		return m, Errorf(Conflict, "this message is resolved: it was delivered by itself")
	case m.Status == Resolved:
		return m, Errorf(Conflict, "this message is resolved: it was delivered%s", m.lastChange(at))
	case m.Status == Archived && next != Archived:
		return m, Errorf(Conflict, "this message is archived: restore it first%s", m.lastChange(at))
	}
	return m, Errorf(Conflict, "this message is %s already%s", m.Status, m.lastChange(at))
}

// checkArchived returns a Conflict where there is nothing to restore.
func (m Message) checkArchived(at time.Time) error {
	if m.Status == Archived {
		return nil
	}
	return Errorf(Conflict, "this message is %s, not archived: there is nothing to restore%s", m.Status,
		m.lastChange(at))
}

// checkVersion returns Conflict if the page that the person saw shows an older version.
func (m Message) checkVersion(version int, at time.Time) error {
	if version == m.Version {
		return nil
	}
	if m.LastChange.By == "" {
		return Errorf(Conflict, "the message has changed since this page was loaded: look at it again, then decide")
	}
	return Errorf(Conflict, "already %s by %s %s: look at it again, then decide",
		m.LastChange.Action, m.LastChange.By, ago(m.LastChange.At, at))
}

// lastChange returns, in brackets, who changed the message last and when; "" where no person did.
func (m Message) lastChange(at time.Time) string {
	if m.LastChange.By == "" {
		return ""
	}
	return fmt.Sprintf(" (%s by %s %s)", m.LastChange.Action, m.LastChange.By, ago(m.LastChange.At, at))
}

func ago(then, now time.Time) string {
	switch d := max(0, now.Sub(then)); {
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	}
	return "on " + then.UTC().Format("2 January 2006")
}
