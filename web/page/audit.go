package page

import "dlqdesk/web/ui"

// AuditTableView is the trail with its filter and pager: all that changes with a query.
type AuditTableView struct {
	State    string // StateRows, StateNothing, StateNoMatch or StateFault
	Fault    string
	RetryURL string
	Chain    ChainStatus

	Filter        AuditFilter
	TimePresets   []Preset
	ActionPresets []Preset
	ExportURL     string // with the filter; it is posted to
	Chips         []ui.Chip
	ClearURL      string
	EachURL       string      // lists the events of messages that jobs caused, too; empty: it does
	UnderWay      []*AuditJob // jobs that had begun before the time of these rows, whose own events are not among them
	Rows          []AuditRow
	NewestURL     string
	NewerURL      string
	OlderURL      string
}

// ChainStatus says whether the trail is whole.
type ChainStatus struct {
	Broken bool
	Text   string // "1,204 events, each confirmed by the next one" or "broken at event 812: the row was changed"
	At     ui.Moment
	Gaps   []ChainGap
}

// ChainGap is a part of the trail that cannot be vouched for, as a person accepted.
type ChainGap struct {
	Text   string // "Event 812 of the audit trail was changed outside dlqdesk."
	By     string
	At     ui.Moment
	Reason string
}

// AuditFilter is what the filter form shows.
type AuditFilter struct {
	Actor      string
	ActorTypes []ui.Option // people, or the program itself
	Actions    []ui.Option
	Sources    []ui.Option
	Message    string
	Cause      string // the fingerprint of a cause
	Job        string // the number of a job; empty: any
	Jobs       string // "each": with the events of messages that jobs caused
	From, To   string // UTC, as 2006-01-02T15:04
	Error      string
}

// AuditRow is one event.
type AuditRow struct {
	Number   string // in the chain
	At       ui.Moment
	Actor    string
	System   bool   // the program itself did it
	Rule     bool   // a rule did it
	Action   string // dotted: message.replay
	Sentence string // "asked to replay": what was done, in words
	Target   string // the message's id, as short as can be, or a user's name; empty: the sentence needs none
	TargetID string // the message's whole id
	Named    bool   // the target is the title of a cause, and no id
	URL      string // of the target; empty: it has no page
	Source   string // that the message came from
	To       string // that the message was delivered by
	Attempt  string // number of the delivery; empty: it was none
	Outcome  string // of the delivery
	Code     string
	Took     string
	Next     ui.Moment // the delivery that follows by itself
	Addr     string    // empty: none
	Reason   string
	Changes  []AuditChange
	Job      *AuditJob // which stands for the events of its messages; nil: of another event
}

// AuditJob is what a job came to, in place of the events of its messages.
type AuditJob struct {
	ID, URL, Title string
	Parts          []JobPart
	EventsURL      string // the events of its messages
}

// AuditChange is a fact that an event changed.
type AuditChange struct {
	Name     string
	Old, New AuditFact
}

// AuditFact is a time or a text; the zero AuditFact is nothing.
type AuditFact struct {
	Text string
	At   ui.Moment
}

// Preset is a filter that is one click away.
type Preset struct {
	Label   string
	URL     string
	Current bool
	// for a script, which knows the reader's zone: the days before today that it begins and ends with, "1 0"
	Days    string
	Minutes string // or how many minutes before now it begins; empty: it is not such a range
}
