package deadletter

import (
	"cmp"
	"strings"
)

// The inputs of a command that an Error can be about.
const (
	FieldReason   = "reason"
	FieldNote     = "note"
	FieldTicket   = "ticket"
	FieldConfirm  = "confirmUnknown"
	FieldPatch    = "patch"
	FieldTable    = "table"
	FieldNewer    = "confirmNewer"
	FieldOrder    = "order"
	FieldSteps    = "steps"
	FieldRate     = "rate"
	FieldPlaces   = "concurrency"
	FieldCount    = "count"
	FieldBegins   = "begins"
	FieldSequence = "sequence"
	FieldName     = "name"
)

// CheckConfirmed returns NeedsConfirmation where sending the message may have it processed twice, because the outcome
// of its latest delivery is unknown, and the command does not confirm that.
func (m Message) CheckConfirmed(confirmed bool) error {
	if confirmed || m.Outcome != Unknown {
		return nil
	}
	return &Error{
		Kind:  NeedsConfirmation,
		Field: FieldConfirm,
		Text:  "this message may already have been processed: confirm that it is to be sent again",
	}
}

// CheckConfirmed returns NeedsConfirmation where sending the message would overtake nothing but come too late: newer
// events were delivered, and the command does not confirm that the message is to be sent all the same.
func (n Newer) CheckConfirmed(confirmed bool) error {
	if confirmed || n.Count == 0 {
		return nil
	}
	return &Error{
		Kind:  NeedsConfirmation,
		Field: FieldNewer,
		Text:  n.String() + ": confirm that this older one is to be sent after them",
	}
}

// CheckReason returns Invalid where an action that needs a reason has none.
func (a Action) CheckReason(reason string) error {
	if strings.TrimSpace(reason) != "" {
		return nil
	}
	did := ""
	switch {
	case a.Edits():
		did = "edit"
	case a == ActArchive:
		did = "archive"
	case a == ActUnmask:
		did = "unmask"
	default:
		return nil
	}
	return &Error{
		Kind:  Invalid,
		Field: FieldReason,
		Text:  "say why you " + did + ": the reason is kept with the message",
	}
}

// Asks returns the inputs by which Start wants a draft that goes to so many destinations confirmed: FieldCount,
// FieldConfirm and FieldOrder.
func (j Job) Asks(destinations int) (fields []string) {
	if j.asksCount(destinations) {
		fields = append(fields, FieldCount)
	}
	if j.asksUnknown() {
		fields = append(fields, FieldConfirm)
	}
	if j.asksOrder() {
		fields = append(fields, FieldOrder)
	}
	return fields
}

// NeedsReview reports whether a draft must be shown before it is started: its messages were not seen one by one, or
// Start asks for a reason, a patch or a confirmation.
func (j Job) NeedsReview() bool {
	return j.Filter != "" || j.Action.Edits() || j.Action.Redrives() || j.Action == ActArchive || j.asksUnknown() ||
		j.asksOrder()
}

// maxUncounted is how many messages a job can send without the person entering their number.
const maxUncounted = 500

// asksCount reports whether a person has to enter the number of messages of a draft that goes to so many destinations,
// so that no slip sends many.
func (j Job) asksCount(destinations int) bool {
	return j.Delivers() && (j.Sends() > maxUncounted || destinations > 1)
}

// CheckCount returns NeedsConfirmation if the number of messages is asked for, and is not the one that was entered.
func (j Job) CheckCount(destinations, entered int) error {
	if !j.asksCount(destinations) || entered == j.Sends() {
		return nil
	}
	err := Errorf(NeedsConfirmation, "this sends %d messages: enter that number to confirm", j.Sends())
	err.Field = FieldCount
	return err
}

// asksUnknown reports whether some of the messages that the job sends may already have been processed.
func (j Job) asksUnknown() bool { return j.Delivers() && j.Unknown > 0 }

// asksOrder reports whether newer events than some of the messages that the job sends were delivered.
func (j Job) asksOrder() bool { return j.Delivers() && j.Overtaken > 0 }

// checkInput returns Invalid or NeedsConfirmation where the input for a draft is not complete. The patch is checked by
// those who can read one.
func (j Job) checkInput(in JobInput) error {
	fault := func(field, format string, args ...any) error {
		err := Errorf(Invalid, format, args...)
		err.Field = field
		return err
	}
	switch {
	case j.Items.Total() == 0:
		return fault("", "no message is in this job: select messages first")
	case j.Sends() == 0:
		return fault(FieldPatch, "by the dry run this recipe changes none of the messages: correct it")
	case !in.Sequence.isKnown():
		return fault(FieldSequence, "the sequence must be oldest, newest, random or key (got %q)", in.Sequence)
	case j.asksUnknown() && !in.ConfirmUnknown:
		err := Errorf(NeedsConfirmation,
			"%d of these messages may already have been processed: confirm that they are included", j.Unknown)
		err.Field = FieldConfirm
		return err
	case !in.Order.isKnown():
		return fault(FieldOrder, "the order must be skip, ask or send (got %q)", in.Order)
	case j.asksOrder() && in.Order == "":
		err := Errorf(NeedsConfirmation, "newer events than %d of these messages were delivered: "+
			"choose whether to skip those messages, to ask at each, or to send them", j.Overtaken)
		err.Field = FieldOrder
		return err
	}
	return cmp.Or(j.checkSteps(in.Steps), in.check(), j.Action.CheckReason(in.Reason))
}
