package page

import (
	"strings"

	"github.com/a-h/templ"

	"dlqdesk/web/ui"
)

// The states of MessagesTableView.State. The zero state shows the rows.
const (
	StateRows    = ""        // there are rows
	StateNothing = "nothing" // no message was ever stored: the page says what to do, with Curl
	StateNoMatch = "nomatch" // the filters match no message
	StateFault   = "fault"   // the list could not be read: Fault says why, RetryURL tries again
)

// MessagesTableView is the list with its tabs, filter, bulk actions and pager: all that changes with a query or an
// action.
type MessagesTableView struct {
	State    string
	Fault    string
	RetryURL string
	Curl     string // a command that posts to a configured source

	Views       []SavedView
	Layout      ListLayout
	Live        string // the address of its live updates; empty: none
	FirstURL    string // its newest page
	Query       string // of this list, without "?" and without cursor: posted back as "back"
	Tabs        []StatusTab
	Filter      MessagesFilter
	SearchNotes []ui.Notice // what a search does not reach

	OnTheirWay ui.Notice // says how many webhooks failed and are not listed yet
	Presets    []Preset  // of the time of receipt
	Group      Preset    // groups the list by cause, or no longer
	Grouped    bool
	Chips      []ui.Chip
	ClearURL   string // the list without filters, on the same tab

	ByReceived SortLink
	ByAttempt  SortLink
	Rows       []MessageRow
	NewestURL  string // empty on the newest page
	NewerURL   string // the neighbouring page of newer messages; empty where there is none
	OlderURL   string // empty on the oldest page

	CopiesTo []string // names of destinations for copies
	Redrives bool     // there are queues that messages can be sent back to
	Denied   string   // why this person may not act on messages; empty: may
	Notice   ui.Notice
	Jobs     []JobView // those that this person has in sight

	// "3 messages": those that match with another status, where none with this one does; empty: none
	OtherStatus, OtherStatusURL string

	Matching string // "214 messages": all that match, where more do than are on this page; empty: none
}

// SavedView is a list that is kept by name.
type SavedView struct {
	Name      string
	Owner     string // empty: the person's own
	URL       string
	DeleteURL string // empty: this person may not delete it
	Current   bool
	Shared    bool
}

// ListLayout is the choice of columns and the density of the list.
type ListLayout struct {
	Compact bool
	Columns []ui.Option // those that can be hidden; selected ones are shown
}

func (v MessagesTableView) classes() string {
	l := v.Layout
	var classes []string
	if v.Grouped {
		classes = append(classes, "without-cause") // each group has its head
	}
	if l.Compact {
		classes = append(classes, "compact")
	}
	for _, column := range l.Columns {
		if !column.Selected {
			classes = append(classes, "without-"+column.Value)
		}
	}
	return strings.Join(classes, " ")
}

// SortLink sorts the list by a column.
type SortLink struct {
	Name    string
	URL     string
	Current bool
}

func (s SortLink) aria() templ.Attributes {
	if s.Current {
		return templ.Attributes{"aria-sort": "descending"}
	}
	return nil
}

// StatusTab is one tab of the list.
type StatusTab struct {
	Status  string // empty: all
	Count   string // formatted: "1,204" or "1,000+"; empty hides it
	URL     string
	Current bool
}

// MessagesFilter is what the filter form shows.
type MessagesFilter struct {
	Status   string // of the current tab, carried along
	Sources  []ui.Option
	Queues   []ui.Option // of the list; none: there is no list
	Types    []ui.Option // of events
	Code     string
	Codes    []string // offered as suggestions
	Outcomes []ui.Option
	From, To string // UTC, as 2006-01-02T15:04
	Text     string
	Error    string       // what in the query could not be understood; empty: nothing
	Faulty   []ui.Segment // the text, with that place marked

	Completions []Completion // of the text; a script replaces them
}

// UndeletedCopy is a queue that still has a message of the desk, and the time at which it forgets it.
type UndeletedCopy struct {
	Queue   string // empty: none has it
	Expires ui.Moment
}

// MessageCause is the cause of a message in the list.
type MessageCause struct {
	URL   string // empty: it has none
	State string
	Title string
	Open  string // "1,204": messages of it that are open
}

// MessageGroup is the head of the messages of one cause, where the list is grouped.
type MessageGroup struct {
	MessageCause
	ID       string // of the cause
	Messages string // "1,204 messages": of it that match; empty: no group begins
	Number   string // of these, if there are more than below the head
	AllURL   string // lists them
}

// MessageGroupID returns the id of the element with the number of messages of a cause.
func MessageGroupID(fingerprint string) string { return "group-" + fingerprint }

// MessageRow is one message of the list.
type MessageRow struct {
	ID          string
	Version     string
	URL         string // of the message, with the list's query in it
	Status      string
	Source      string // empty: its message named none
	Queue       string // of the list, that it came from; empty: it is a webhook
	EventType   string // empty: its body does not say
	Reason      string
	Cause       MessageCause
	Group       MessageGroup // begins with this row
	TypeMarks   []ui.Segment // the event type, likewise
	Marks       []ui.Segment // the reason, with what was looked for marked; empty: nothing was
	Snippet     []ui.Segment // of the payload, where that has it and the reason has not
	Code        string       // empty: there was no answer
	Outcome     string
	Attempts    string // "2 of 5"
	NextRetry   ui.Moment
	WaitsFor    string // why a retry that is due has not begun: "the circuit breaker"; empty: none is due
	Received    ui.Moment
	Arrived     string // "3": how often; empty: once
	Undeleted   UndeletedCopy
	LastAttempt ui.Moment
	Selected    bool
	Refused     []Refusal
}

// Refusal is why some actions on a message are not possible.
type Refusal struct {
	Actions []string `json:"actions"` // names of bulk actions
	Reason  string   `json:"reason"`
}

// bulkAction is an action on many messages.
type bulkAction struct {
	name, label, key string
	primary          bool
}

// bulkActions are the actions that messages of the current tab can be open to. Archived messages are restored before
// anything else.
func (v MessagesTableView) bulkActions() []bulkAction {
	restore := bulkAction{name: "restore", label: "Restore"}
	acts := []bulkAction{{"replay", "Replay", "r", true}}
	if v.Redrives {
		acts = append(acts, bulkAction{"redrive", "Redrive", "d", false})
	}
	acts = append(acts, bulkAction{"edit", "Edit and replay", "e", false})
	if v.Redrives {
		acts = append(acts, bulkAction{"edit-redrive", "Edit and redrive", "", false})
	}
	acts = append(acts, bulkAction{"archive", "Archive", "a", false})
	for _, tab := range v.Tabs {
		switch {
		case tab.Current && tab.Status == "archived":
			restore.key, restore.primary = "a", true
			return []bulkAction{restore}
		case tab.Current && tab.Status == "":
			return append(acts, restore)
		}
	}
	return acts
}
