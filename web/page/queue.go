package page

import "dlqdesk/web/ui"

// QueueView is what a queue of this machine holds, as a page.
type QueueView struct {
	Chrome
	Name     string
	Holds    string // what waits in it: "Failed messages"
	Fate     string // what becomes of a message
	InWork   bool   // those that somebody works on are shown; otherwise those that wait
	Tabs     []QueueTab
	State    string // StateRows, StateNothing or StateFault
	Fault    string
	RetryURL string
	Rows     []HeldRow // oldest first
	FirstURL string    // empty on the first page
	NextURL  string    // empty on the last one
}

// QueueTab is one of the two lists of a queue.
type QueueTab struct {
	Label, Count, URL string
	Current           bool
}

// HeldRow is a message on a queue.
type HeldRow struct {
	ID       string
	Source   string // empty: it names none
	Reason   string // empty: it failed nowhere yet
	Cut      bool   // it is too large to be read for a list
	Size     string
	Since    ui.Moment
	Receives string    // how often it was received; empty: never
	Until    ui.Moment // when it waits again at the latest; zero: it waits
}
