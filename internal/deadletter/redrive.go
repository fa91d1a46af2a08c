package deadletter

import "time"

// Redrives tells whether a delivery goes back to the queue that the message came from, and not to a destination.
func (t Trigger) Redrives() bool { return t == TriggerRedrive || t == TriggerBulkRedrive }

// ByJob tells whether a job asked for a delivery.
func (t Trigger) ByJob() bool { return t == TriggerBulk || t == TriggerBulkRedrive }

func (t Trigger) noun() string {
	if t.Redrives() {
		return "redrive"
	}
	return "replay"
}

// Redrives tells whether an action sends messages back to the queue that they came from.
func (a Action) Redrives() bool { return a == ActRedrive || a == ActEditRedrive }

// Edits tells whether an action adds a revision.
func (a Action) Edits() bool { return a == ActEdit || a == ActEditRedrive }

// OrderRedrive asks for a revision to be sent back to the queue that the message came from. version is that of the
// page the person saw.
func (l Message) OrderRedrive(by Actor, trigger Trigger, revision, version int, at time.Time) (Change, error) {
	if err := l.CheckOrigin(true); err != nil {
		return Change{}, err
	}
	return l.orderDelivery(by, trigger, revision, version, at)
}

// Adopt gives a message of a queue the source that its queue has got since it was received. Nobody ordered it, so its
// version stays. One that has a source keeps it, and one in flight is let be: Conflict.
func (l Message) Adopt(source string, at time.Time) (Change, error) {
	if l.Queue.From == "" || l.Source != "" || l.Lease.Token != "" {
		return Change{}, Errorf(Conflict, "this message has a source, needs none, or is in flight")
	}
	next := l
	next.Source = source
	next.failedFor(l.Reason)
	c := next.changedFrom(l, System(), "message.source", "", at)
	c.Adopted = true
	return c, nil
}

// SendsBack tells whether a redrive of the message is ordered or in flight.
func (l Message) SendsBack() bool { return l.Status == Replaying && l.Order.Trigger.Redrives() }

// Return notes that a message which was sent back has come to the DLQ again, so that the message goes on with its
// history instead of a new one. sent is the revision that was sent last; open is the attempt that is in flight, nil
// where none is: the message itself proves then that it was sent. What was delivered meanwhile stays so.
func (l Message) Return(c Capture, sent Revision, open *Attempt, at time.Time) Change {
	if l.Status == Resolved || l.Status == Retrying || l.Status == Replaying && (open == nil || !l.SendsBack()) {
		return l.ArriveAgain(c, sent, at)
	}
	next := l
	if moved, err := l.become(Failed, at); err == nil {
		next = moved
	}
	next.Lease, next.Order, next.DueAt = Lease{}, Order{}, time.Time{}
	next.Outcome, next.StatusCode, next.Queue = "", 0, c.Queue
	next.failedFor(c.Reason)
	if next.Queue.DeduplicationID == "" {
		next.Queue.DeduplicationID = l.Queue.DeduplicationID // a redrive has one of its own, which is not the sender's
	}
	change := next.arrived(l, c, sent, "message.returned", at)
	if open != nil {
		done := *open
		done.Done, done.Outcome, done.Latency, done.MessageID = true, SentBack, max(
			0,
			at.Sub(open.StartedAt),
		), c.Queue.MessageID
		change.Attempt = &done
	}
	change.Returned = true
	return change
}
