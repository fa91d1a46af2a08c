package deadletter

import (
	"bytes"
	"time"
)

// ItemState is the result of one message of a job.
type ItemState string

// The states of an item.
const (
	ItemPending  ItemState = "pending"   // not begun
	ItemInFlight ItemState = "in_flight" // its delivery is in flight
	ItemDone     ItemState = "done"      // delivered, archived or restored
	ItemFailed   ItemState = "failed"    // its delivery failed
	ItemSkipped  ItemState = "skipped"   // the message could not take the action
)

// ItemStates lists every state of an item.
func ItemStates() []ItemState {
	return []ItemState{ItemPending, ItemInFlight, ItemDone, ItemFailed, ItemSkipped}
}

// JobActions lists the actions of jobs, by name.
func JobActions() []Action {
	return []Action{ActArchive, ActEdit, ActEditRedrive, ActRedrive, ActReplay, ActRestore}
}

// Name returns the action of a job as one word, by which forms and requests name it.
func (a Action) Name() string {
	switch a {
	case ActEdit:
		return "edit"
	case ActEditRedrive:
		return "edit-redrive"
	default:
		return string(a)
	}
}

// JobAction returns the action of jobs with that name, or Invalid if there is none.
func JobAction(name string) (Action, error) {
	for _, a := range JobActions() {
		if a.Name() == name {
			return a, nil
		}
	}
	return "", Errorf(Invalid, "there is no action %q", name)
}

// AllowedStatuses lists the statuses in which a message can take the action.
func (a Action) AllowedStatuses() []Status {
	var fit []Status
	for _, s := range Statuses() {
		if a.takes(s) {
			fit = append(fit, s)
		}
	}
	return fit
}

func (a Action) takes(s Status) bool {
	switch a {
	case ActReplay, ActEdit, ActRedrive, ActEditRedrive:
		return s.CanReplay()
	case ActArchive:
		return s.CanArchive()
	case ActRestore:
		return s.CanRestore()
	case ActView, ActProbe, ActAcknowledge, ActUsers:
	}
	return false
}

// ChangeOf returns the change that the job makes to a message whose version was fixed with it. latest is the newest
// revision of the message, which only a job that edits reads. Conflict and Invalid say why the job skips the message,
// in words that are the same for all messages of a cause.
func (j Job) ChangeOf(m Message, version int, latest Revision, apply Apply, at time.Time) (Change, error) {
	if err := j.CheckMessage(m, version); err != nil {
		return Change{}, err
	}
	c, err := j.change(m, version, latest, apply, at)
	if err != nil {
		return Change{}, err
	}
	c.Event = c.Event.OfJob(j.ID)
	return c, nil
}

// CheckMessage returns why the job skips a message whose version was fixed with it, whatever its recipe makes of it.
func (j Job) CheckMessage(m Message, version int) error {
	switch {
	case version != m.Version && m.LastChange.By != "":
		return Errorf(Conflict, "%s by %s in the meantime", m.LastChange.Action, m.LastChange.By)
	case version != m.Version:
		return Errorf(Conflict, "changed in the meantime")
	case j.Action.takes(m.Status):
		return nil
	case m.Status == Replaying && m.Request.Trigger == TriggerAuto:
		return Errorf(Conflict, "an automatic retry was in flight")
	case m.Status == Replaying:
		return Errorf(Conflict, "a %s by %s was in flight", m.Request.Trigger.noun(), m.Request.By)
	case j.Action == ActRestore:
		return Errorf(Conflict, "%s, not archived", m.Status)
	}
	return Errorf(Conflict, "%s already", m.Status)
}

func (j Job) change(m Message, version int, latest Revision, apply Apply, at time.Time) (Change, error) {
	switch j.Action {
	case ActReplay, ActRedrive:
		return j.sendOn(m, version, at)
	case ActEdit, ActEditRedrive:
		trigger := TriggerJob
		if j.Action.Redrives() {
			trigger = TriggerJobRedrive
		}
		body, err := apply(latest)
		if err != nil {
			return Change{}, err
		}
		if latest.Number > 0 && bytes.Equal(body, latest.Body) {
			return j.sendOn(m, version, at) // it was edited when it tested its destination
		}
		edited := Revision{Body: body, Headers: latest.Headers, Reason: j.Reason, Recipe: j.Saved}
		return m.EditAndReplay(j.By, trigger, edited, version, at)
	case ActArchive:
		return m.Archive(j.By, j.Reason, version, at)
	case ActRestore:
		return m.Restore(j.By, version, at)
	case ActView, ActProbe, ActAcknowledge, ActUsers:
	}
	return Change{}, Errorf(Invalid, "%q is nothing to do to many messages at once", j.Action)
}

// sendOn requests a replay or a redrive of the latest revision, as the job's action says.
func (j Job) sendOn(m Message, version int, at time.Time) (Change, error) {
	if j.Action.Redrives() {
		return m.Redrive(j.By, TriggerJobRedrive, m.Revision, version, at)
	}
	return m.Replay(j.By, TriggerJob, m.Revision, version, at)
}

// ItemResult returns the result of a finished delivery for its job.
func (a Attempt) ItemResult() (ItemState, string) {
	switch {
	case a.Outcome == Delivered || a.Outcome == OutcomeRedriven:
		return ItemDone, ""
	case a.Probe && a.Transient():
		return ItemPending, "" // this delivery only tested the destination: the message waits as before
	}
	return ItemFailed, WithStatus(a.StatusCode, a.Error)
}
