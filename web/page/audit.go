package page

import "dlqdesk/web/ui"

// AuditView is the audit trail as a page.
type AuditView struct {
	Chrome
	Table AuditTableView
}

// AuditTableView is the trail with its filter and pager: all that changes with a query.
type AuditTableView struct {
	State    string // StateRows, StateNothing, StateNoMatch or StateFault
	Fault    string
	RetryURL string
	Chain    Chain

	Filter    AuditFilter
	Chips     []ui.Chip
	ClearURL  string
	Rows      []AuditRow
	NewestURL string
	NewerURL  string
	OlderURL  string
}

// Chain says whether the trail is whole.
type Chain struct {
	Broken bool
	Text   string // "1,204 events, each vouched for by the next" or "broken at event 812: the row was changed"
	At     ui.Moment
}

// AuditFilter is what the filter form shows.
type AuditFilter struct {
	Actor    string
	Doers    []ui.Option // people, or the program itself
	Actions  []ui.Option
	Sources  []ui.Option
	Letter   string
	From, To string // UTC, as 2006-01-02T15:04
	Error    string
}

// AuditRow is one event.
type AuditRow struct {
	Number   string // in the chain
	At       ui.Moment
	Actor    string
	System   bool   // the program itself did it
	Action   string // dotted: letter.replay
	Sentence string // "replayed": what was done, in words
	Target   string // the letter's id, or a user's name
	URL      string // of the letter; empty: the target is no letter
	Source   string
	Addr     string // empty: none
	Reason   string
	Before   string // JSON, indented; empty: nothing
	After    string
}

func (c Chain) tone() string {
	if c.Broken {
		return "tone-fault"
	}
	return "tone-done"
}

func (c Chain) word() string {
	if c.Broken {
		return "broken"
	}
	return "intact"
}
