package page

import "dlqdesk/web/ui"

// QueueView lists the messages on an embedded queue or spool.
type QueueView struct {
	Chrome
	Name     string
	Content  string // what waits in it: "Failed messages"
	NextStep string // what becomes of a message
	InFlight bool   // shows the messages in flight instead of the waiting ones
	Tabs     []QueueTab
	State    string // StateRows, StateNothing or StateFault
	Fault    string
	RetryURL string
	Rows     []QueuedRow // oldest first
	FirstURL string      // empty on the first page
	NextURL  string      // empty on the last one
}

// QueueTab is one of the two lists of a queue.
type QueueTab struct {
	Label, Count, URL string
	Current           bool
}

// QueuedRow is a message on a queue.
type QueuedRow struct {
	ID        string
	Source    string // empty: it names none
	Reason    string // empty: it failed nowhere yet
	TooLarge  bool   // it is too large to be read for a list
	Size      string
	QueuedAt  ui.Moment
	Receives  string    // how often it was received; empty: never
	VisibleAt ui.Moment // when it waits again at the latest; zero: it waits
}

// QueueRow is how much waits in a queue.
type QueueRow struct {
	Name           string
	Content        string // what waits in it: "Failed messages"
	Waiting        Count
	InFlight       Count
	NoListReason   string // why its numbers lead to no list; empty: they do
	Delayed        string // empty: none
	Oldest         ui.Moment
	Expires        ui.Moment // of the oldest that was read and is still there, when SQS would forget it
	NoOldestReason string    // why there is no oldest: "empty", "not reported by SQS"
	Fault          QueueFault
}

// QueueFault says why a queue could not be asked, or does not take what is sent to it. The zero value: it could, and
// does.
type QueueFault struct {
	Text  string
	Since ui.Moment // zero: the text says it all
}
