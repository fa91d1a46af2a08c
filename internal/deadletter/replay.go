package deadletter

import "time"

// Replay requests a delivery of a revision. It returns Conflict if version is not the current one (the page that the
// person saw is stale) or a delivery is in flight, and NotFound if there is no such revision.
func (m Message) Replay(by Actor, trigger Trigger, revision, version int, at time.Time) (Change, error) {
	if err := m.CheckDestination(true); err != nil {
		return Change{}, err
	}
	if err := m.checkPayload(revision); err != nil {
		return Change{}, err
	}
	return m.requestDelivery(by, trigger, revision, version, at)
}

func (m Message) requestDelivery(by Actor, trigger Trigger, revision, version int, at time.Time) (Change, error) {
	if err := m.checkVersion(version, at); err != nil {
		return Change{}, err
	}
	if revision < 0 || revision > m.Revision {
		return Change{}, Errorf(NotFound, "this message has no revision %d", revision)
	}
	next, err := m.become(Replaying, at)
	if err != nil {
		return Change{}, err
	}
	next.request(by, trigger, revision, trigger.pastTense(), at)
	return next.changedFrom(m, by, trigger.action(), "", at), nil
}

// action returns the audit action of a request for an unedited delivery.
func (t Trigger) action() string {
	switch {
	case t == TriggerProbe:
		return "destination.probe"
	case t.Redrives():
		return "message.redrive"
	}
	return "message.replay"
}

// pastTense returns the participle of what the trigger asks for.
func (t Trigger) pastTense() string {
	switch {
	case t == TriggerProbe:
		return "sent as a probe"
	case t.Redrives():
		return "redriven"
	}
	return "replayed"
}

// EditAndReplay adds a revision and requests its delivery. It sets Number, By and At of the revision. It returns
// Invalid without a reason, and Conflict as Replay does.
func (m Message) EditAndReplay(by Actor, trigger Trigger, r Revision, version int, at time.Time) (Change, error) {
	if err := m.checkVersion(version, at); err != nil {
		return Change{}, err
	}
	if err := ActEdit.CheckReason(r.Reason); err != nil {
		return Change{}, err
	}
	if err := m.checkWay(trigger.Redrives()); err != nil {
		return Change{}, err
	}
	next, err := m.become(Replaying, at)
	if err != nil {
		return Change{}, err
	}
	next.Revision++
	r.Number, r.By, r.At = next.Revision, by.Name, at
	next.request(by, trigger, r.Number, "edited and "+trigger.pastTense(), at)
	action := "message.edit"
	if trigger.Redrives() {
		action = "message.edit_redrive"
	}
	c := next.changedFrom(m, by, action, r.Reason, at)
	after := next.state()
	after.BodySHA256, after.Recipe, after.Version = digestOf(r.Body), r.Recipe.Name, r.Recipe.Version
	c.Revision, c.Event.After = &r, after.json()
	return c, nil
}

func (m *Message) request(by Actor, t Trigger, revision int, action string, at time.Time) {
	m.Version++
	m.DueAt, m.Lease = at, Lease{}
	m.Request = DeliveryRequest{Trigger: t, By: by.Name, Revision: revision, At: at}
	m.LastChange = LastChange{By: by.Name, Action: action, At: at}
}

// Probe requests a delivery of the latest revision that tests the destination. It uses up no automatic attempt. It
// returns an error as Replay does.
func (m Message) Probe(by Actor, version int, at time.Time) (Change, error) {
	return m.Replay(by, TriggerProbe, m.Revision, version, at)
}
