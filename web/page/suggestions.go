package page

import (
	"strconv"

	"dlqdesk/web/ui"
)

// SuggestionsView lists what assistants suggest and no one has decided about.
type SuggestionsView struct {
	Chrome
	State    string // StateNothing, StateFault or empty
	Fault    string
	RetryURL string
	Rows     []SuggestionRow
}

// SuggestionRow is a suggestion in a list.
type SuggestionRow struct {
	URL        string
	Does       string // "Add a note"
	Cause      string // its title; empty: it is about none
	CauseURL   string // empty: likewise
	Why        string // the reason that the assistant gave
	By         string // the token that it used, with its user
	At, Expiry ui.Moment
}

// SuggestionView is one suggestion: what would be done, and who decides.
type SuggestionView struct {
	Chrome
	SuggestionRow
	Decided SuggestionDecision
	Note    string    // the whole text of a note; empty: it is none
	Mute    string    // "until 3 March 2026 10:00 UTC"; empty: it is no mute
	As      string    // the person in whose name it would be done
	Button  string    // "Add note"
	Ref     string    // the version of the cause that the page shows
	Notice  ui.Notice // of an order that was refused
	State   string    // of the cause now
	Failed  string    // "12 failed now"
}

// SuggestionDecision is the decision of a person, or the reason why this person cannot decide.
type SuggestionDecision struct {
	Word   string // started or dismissed; empty: no one has decided
	By     string
	At     ui.Moment
	Denied string // why this person cannot decide; empty: can
}

// JobSuggestion says that an assistant made a draft; the zero value: none did.
type JobSuggestion struct {
	SuggestionRow
	DismissURL string // empty: the person cannot
}

// waiting says how many suggestions there are.
func waiting(rows []SuggestionRow) string {
	if len(rows) == 1 {
		return "An assistant suggests something"
	}
	return "Assistants suggest " + strconv.Itoa(len(rows)) + " things"
}
