package deadletter

import (
	"strings"
	"time"
)

// Archive archives the message. It returns Conflict while a delivery is in flight or if version is not the current one,
// and Invalid without a reason.
func (m Message) Archive(by Actor, reason string, version int, at time.Time) (Change, error) {
	if err := m.checkVersion(version, at); err != nil {
		return Change{}, err
	}
	next, err := m.become(Archived, at)
	if err != nil {
		return Change{}, err
	}
	if err := ActArchive.CheckReason(reason); err != nil {
		return Change{}, err
	}
	next.Version++
	next.DueAt = time.Time{}
	next.LastChange = LastChange{By: by.Name, Action: "archived", At: at}
	return next.changedFrom(m, by, "message.archive", reason, at), nil
}

// Restore brings an archived message back. It is Resolved or Redriven again if its latest delivery succeeded, and
// Failed otherwise. Restore returns Conflict if the message is not archived or version is not the current one.
func (m Message) Restore(by Actor, version int, at time.Time) (Change, error) {
	if err := m.checkVersion(version, at); err != nil {
		return Change{}, err
	}
	if err := m.checkArchived(at); err != nil {
		return Change{}, err
	}
	status := Failed
	switch m.Outcome {
	case Delivered:
		status = Resolved
	case OutcomeRedriven:
		status = Redriven
	case ErrorResponse, Unreachable, Unknown:
	}
	next, err := m.become(status, at)
	if err != nil {
		return Change{}, err
	}
	next.Version++
	next.LastChange = LastChange{By: by.Name, Action: "restored", At: at}
	return next.changedFrom(m, by, "message.restore", "", at), nil
}

// drained begins the Action of the LastChange of a drained message.
const drained = "drained to "

// Drain archives a message that was put back on the queue to, for another desk or worker. It returns Conflict while a
// delivery is in flight.
func (m Message) Drain(by Actor, to string, at time.Time) (Change, error) {
	if m.Lease.Token != "" {
		return Change{}, Errorf(Conflict,
			"a delivery of this message was in flight when dlqdesk stopped: start it once, and stop it again")
	}
	next := m
	var err error
	if next.Status == Replaying { // the requested delivery is no longer made here
		if next, err = next.become(Failed, at); err != nil {
			return Change{}, err
		}
	}
	if next, err = next.become(Archived, at); err != nil {
		return Change{}, err
	}
	next.Version++
	next.DueAt, next.Request = time.Time{}, DeliveryRequest{}
	next.LastChange = LastChange{By: by.Name, Action: drained + to, At: at}
	return next.changedFrom(m, by, "message.drain", "to "+to, at), nil
}

// isDrained reports whether the message was drained. If it arrives again, it is open again.
func (m Message) isDrained() bool {
	return m.Status == Archived && strings.HasPrefix(m.LastChange.Action, drained)
}
