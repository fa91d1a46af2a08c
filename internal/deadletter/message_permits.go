package deadletter

import "time"

// Permits returns nil where the actor may carry out the action on the message as it stands. Otherwise it returns
// Unauthenticated, Forbidden or Conflict, with the reason. Pages grey a button out for the error that the order itself
// would return. What only the configuration knows is asked of CheckDestination and CheckOrigin.
func (m Message) Permits(by Actor, act Action, at time.Time) error {
	if err := by.May(act); err != nil {
		return err
	}
	var err error
	switch act {
	case ActReplay, ActEdit, ActRedrive, ActEditRedrive, ActProbe:
		if err = m.checkWay(act.Redrives()); err == nil {
			_, err = m.become(Replaying, at)
		}
		if act == ActReplay && err == nil {
			err = m.checkPayload(m.Revision)
		}
	case ActArchive:
		_, err = m.become(Archived, at)
	case ActRestore:
		err = m.checkArchived(at)
	case ActView, ActSeparate, ActAcknowledge, ActUsers:
	}
	return err
}

// MessageActions lists the actions on one message.
func MessageActions() []Action {
	return []Action{ActReplay, ActEdit, ActRedrive, ActEditRedrive, ActArchive, ActRestore, ActProbe}
}

// Delivers reports whether an action sends messages, to their destination or back to their queue.
func (a Action) Delivers() bool { return a == ActReplay || a == ActProbe || a.Edits() || a.Redrives() }

// checkWay refuses a delivery that the message itself rules out, whatever the configuration has.
func (m Message) checkWay(redrives bool) error {
	if redrives {
		return m.CheckOrigin(true)
	}
	return m.CheckDestination(true)
}

// CheckDestination returns a Conflict where the message cannot be delivered over HTTP. configured reports whether the
// configuration has its source, or a default source for a webhook that named none. A message of a listed queue has a
// destination only if its queue has a source: no default stands in for it.
func (m Message) CheckDestination(configured bool) error {
	switch {
	case m.Source == "" && m.Queue.ConfigName != "":
		return Errorf(Conflict,
			"messages of the queue %[1]s have no HTTP destination: set queues.%[1]s.source and restart",
			m.Queue.ConfigName)
	case configured:
		return nil
	case m.Source == "":
		return Errorf(Conflict, "messages without a source have no destination: "+
			"set queue.default_source to the source that they belong to and reload")
	}
	return Errorf(Conflict, "the source %q is not configured: add it under sources and reload", m.Source)
}

// CheckOrigin returns a Conflict where the message cannot be sent back to a queue. listed reports whether the DLQ that
// it was read from is on the configuration's list.
func (m Message) CheckOrigin(listed bool) error {
	switch {
	case m.Queue.Record != "":
		return Errorf(Conflict, "%s wrote this record in the place of a message, so it came from no queue, and a "+
			"redrive would send the record itself: %s", m.Queue.Service, m.Queue.Record.instead())
	case m.Queue.ConfigName == "":
		return Errorf(Conflict, "only messages from a queue under queues can be redriven, others can be replayed")
	case listed:
		return nil
	}
	return Errorf(Conflict, "the queue %q is not on the list queues: add it and restart", m.Queue.ConfigName)
}
