package deadletter

import (
	"strings"
	"time"
)

// drained begins what LastChange says of a message that was put back on a queue.
const drained = "drained to "

// Drain puts a message away that was put back on a queue, for another desk or another worker to deal with. One in
// flight cannot be drained: Conflict.
func (m Message) Drain(by Actor, to string, at time.Time) (Change, error) {
	if m.Lease.Token != "" {
		return Change{}, Errorf(
			Conflict,
			"a delivery of this message was in flight when dlqdesk stopped: start it once, and stop it again",
		)
	}
	next := m
	var err error
	if next.Status == Replaying { // what was ordered is not done here any more
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

// isDrained reports whether a message was put back on a queue, so that it is here again when it comes from one.
func (m Message) isDrained() bool {
	return m.Status == Archived && strings.HasPrefix(m.LastChange.Action, drained)
}

// OpenStatuses lists the statuses of messages that somebody or something still has to deal with. What was redriven is
// on its queue already.
func OpenStatuses() []Status { return []Status{Failed, Retrying, Replaying} }
