package deadletter

import "time"

// Redrives reports whether a delivery goes back to the queue that the message came from, and not to a destination.
func (t Trigger) Redrives() bool { return t == TriggerRedrive || t == TriggerJobRedrive }

// ByJob reports whether a job asked for a delivery.
func (t Trigger) ByJob() bool { return t == TriggerJob || t == TriggerJobRedrive }

// InBackground reports whether a job or a rule asked for a delivery: it leaves room for those that people wait for.
func (t Trigger) InBackground() bool { return t.ByJob() || t == TriggerRule }

func (t Trigger) noun() string {
	switch {
	case t == TriggerProbe:
		return "probe"
	case t.Redrives():
		return "redrive"
	}
	return "replay"
}

// Redrives reports whether an action sends messages back to the queue that they came from.
func (a Action) Redrives() bool { return a == ActRedrive || a == ActEditRedrive }

// Edits reports whether an action adds a revision.
func (a Action) Edits() bool { return a == ActEdit || a == ActEditRedrive }

// Redrive requests that a revision is sent back to the queue that the message came from. It returns Conflict if version
// is not the current one, or if the message came from no listed queue.
func (m Message) Redrive(by Actor, trigger Trigger, revision, version int, at time.Time) (Change, error) {
	if err := m.CheckOrigin(true); err != nil {
		return Change{}, err
	}
	return m.requestDelivery(by, trigger, revision, version, at)
}

// Adopt sets the source of a message that came from a queue without one, after the configuration gave that queue a
// source. The version stays, because no person changed the message. It returns Conflict if the message has a source or
// is in flight.
func (m Message) Adopt(source string, at time.Time) (Change, error) {
	if m.Queue.ConfigName == "" || m.Source != "" || m.Lease.Token != "" {
		return Change{}, Errorf(Conflict, "this message has a source, needs none, or is in flight")
	}
	next := m
	next.Source = source
	next.failedFor(m.StatusCode, m.Reason)
	c := next.changedFrom(m, System(), "message.source", "", at)
	c.SourceChanged = true
	return c, nil
}

// IsRedriving reports whether a redrive of the message is requested or in flight.
func (m Message) IsRedriving() bool { return m.Status == Replaying && m.Request.Trigger.Redrives() }

// Return records that a redriven message arrived on the DLQ again. The message keeps its history. open is the attempt
// in flight, or nil; Return finishes it, because the arrival proves that it was sent. A message that was delivered in
// the meantime stays Resolved.
func (m Message) Return(c Capture, open *Attempt, at time.Time) Change {
	if m.Status == Resolved || m.Status == Retrying || m.Status == Replaying && (open == nil || !m.IsRedriving()) {
		return m.ArriveAgain(c, at)
	}
	next := m
	if moved, err := m.become(Failed, at); err == nil {
		next = moved
	}
	next.Lease, next.Request, next.DueAt = Lease{}, DeliveryRequest{}, time.Time{}
	next.Outcome, next.StatusCode, next.Queue = "", 0, c.Queue
	next.failedFor(c.statusCode(), c.Reason)
	if next.Queue.DeduplicationID == "" {
		next.Queue.DeduplicationID = m.Queue.DeduplicationID // a redrive has one of its own, which is not the sender's
	}
	change := next.arrived(m, c, "message.returned", at)
	if open != nil {
		done := *open
		done.Done, done.Outcome, done.MessageID = true, OutcomeRedriven, c.Queue.MessageID
		done.Latency = max(0, at.Sub(open.StartedAt))
		change.Attempt = &done
	}
	change.Returned = true
	return change
}
