package page

import "dlqdesk/web/ui"

// MessageOrder is what a message is about, and what was delivered of that after it.
type MessageOrder struct {
	Thing string // a noun: "conversation"; empty: the message names none
	Value string // its id, masked; empty: the body does not have it any more
	Newer string // "3 newer events of this conversation were delivered"; empty: none
	URL   string // the list of all messages about it
}

// notice returns the warning that the message comes too late.
func (o MessageOrder) notice() ui.Notice {
	return ui.Notice{
		Kind: ui.Warn,
		Text: o.Newer + ".",
		Hint: "This one is older. A handler that keeps the latest state may go back to this one's.",
	}
}

// JobOrder is what a job does with messages that it would send out of order.
type JobOrder struct {
	Thing     string // "conversation"; empty: its messages name none
	Overtaken string // how many messages newer events overtook, as a number; empty: none
	Choice    string // skip, ask or send
	Error     string
}

// choice is one answer to the question what a job does.
type choice struct{ value, label, hint string }

func (o JobOrder) choices() []choice {
	return []choice{
		{"skip", "Skip it", "It gets the result skipped, with the reason."},
		{"ask", "Pause the job", "You then resume the job to skip such messages, or to send them."},
		{"send", "Send it", "The order does not matter to the handler."},
	}
}

// Affected are the things that the messages of a cause are about.
type Affected struct {
	Things string // "conversations"; empty: its messages name none
	Count  string // "96", "1,000+"
	Most   CauseFacet
}
