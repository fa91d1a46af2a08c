package page

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"dlqdesk/web/ui"
)

// CausesView is the list of causes with its tabs, filter, bulk actions and pager: all that changes with a query or an
// action.
type CausesView struct {
	State    string // StateRows, StateNothing, StateNoMatch or StateFault
	Fault    string
	RetryURL string
	Curl     string // a command that posts to a configured source

	Live     string // the address of its live updates; empty: none
	FirstURL string // its first page
	Here     string // its own address, to come back to after an action
	Tabs     []CauseTab
	Filter   CausesFilter
	Sorts    []Preset
	Order    string // the order in words: "Regressed and new first, …"
	Owners   []Preset
	Chips    []ui.Chip
	ClearURL string // the list without filters, on the same tab

	SearchNotes []ui.Notice // what the search does not reach

	Grouping   GroupProgress
	OnTheirWay ui.Notice // says how many webhooks failed and are not listed yet
	Notice     ui.Notice
	Jobs       []JobView // those that this person has in sight

	Rows                       []CauseRow
	StartURL, PrevURL, NextURL string // of the pager; empty: there is no such page

	Denied string // why this person may not act on causes; empty: may

	// "3 causes": those that match in another state, where none in this one does; empty: none
	OtherState, OtherStateURL string
}

// CauseTab is one tab of the list of causes.
type CauseTab struct {
	Name    string // "new", "unresolved" or "all"
	Label   string
	Count   string // formatted; empty hides it
	URL     string
	Current bool
}

// CausesFilter is what the filter form of the list shows.
type CausesFilter struct {
	Carried []ui.Option // parameters of the query that have no field in the form
	Sources []ui.Option
	Text    string
	Error   string       // what in the query could not be understood; empty: nothing
	Faulty  []ui.Segment // the query with the place of its fault marked

	Completions []Completion // of the query, in a list that is open
}

// CauseRow is one cause of the list.
type CauseRow struct {
	Fingerprint string
	Version     string
	URL         string
	Code        string // the status code of the title; empty: there was no response
	Title       string // without the status code; empty: no error was recorded
	Source      string // empty: its messages named none
	Destination string

	CauseStanding
	Failed, Retrying Count
	Hours            Spark
	Arriving         bool   // a message failed for it within minutes
	Growing          bool   // more fail for it than usual
	PerHour          string // "212": failures within an hour; empty: none
	First, Last      ui.Moment
	Replays          []ReplayResult
	Next             NextStep
	Selected         bool
	Refused          []Refusal
}

// way is the source and the destination in one text, as far as they are known.
func (r CauseRow) way() string {
	if r.Destination == "" {
		return r.Source
	}
	return strings.TrimSpace(r.Source + " → " + r.Destination)
}

// CauseStanding is the state of a cause, and who or what it waits for.
type CauseStanding struct {
	State      string // new, open, claimed, known, muted, resolved or regressed
	Owner      string // empty: it has none
	Mine       bool   // the owner is the reader
	OwnedUntil ui.Moment
	Ticket     Ticket // zero: none
	MutedUntil ui.Moment
	MutedFor   []string // what else ends a mute: "after 200 more", "at the next delivery"
}

// isMuted reports whether something ends a mute of the cause.
func (v CauseStanding) isMuted() bool { return !v.MutedUntil.IsZero() || len(v.MutedFor) > 0 }

// wantsOwner reports whether a person should take the cause.
func (v CauseStanding) wantsOwner() bool {
	return v.State == "new" || v.State == "regressed" || v.State == "open"
}

// ReplayResult is what replays of a cause came to.
type ReplayResult struct {
	Delivered, Tried string // "214", "214"
	Share            int    // delivered, in percent
	How              string // "as they were", "after add id"
	Tone             string // done, warn or fault
}

// replayText returns what replays came to in one text.
func replayText(results []ReplayResult) string {
	var parts []string
	for _, r := range results {
		parts = append(parts, r.Delivered+" of "+r.Tried+" "+r.How)
	}
	return strings.Join(parts, " · ")
}

// StepText returns the next step of a cause in words. kind is look, test, replay, edit, fix, breaker or retries.
func StepText(kind, failed, retrying string) string {
	switch kind {
	case "look":
		return "Claim it and look at a message"
	case "test":
		return "Replay a test batch: deliveries succeed again"
	case "replay":
		return "Replay the other " + failed
	case "edit":
		return "Edit and replay the other " + failed
	case "fix":
		return "Fix the destination, or edit and replay"
	case "breaker":
		return "Wait: the circuit breaker is open"
	case "retries":
		return "Wait: " + retrying + " will be retried automatically"
	}
	return ""
}

// Spark is how many messages failed and recovered in each of the latest hours, oldest first.
type Spark struct {
	Failed, Recovered []int
	Summary           string // in words
}

// A sparkline is this wide and high. Failures are above the base line and recoveries below it.
const (
	sparkStep, sparkBar = 5, 4
	sparkBase           = 18
	sparkBelow          = 6
)

func (s Spark) viewBox() string {
	return "0 0 " + strconv.Itoa(sparkStep*len(s.Failed)-1) + " " + strconv.Itoa(sparkBase+1+sparkBelow)
}

// bars returns the path of one bar for each number: up from the base line, or down from it. A number above zero is at
// least one unit high.
func bars(numbers []int, most, room int, down bool) string {
	var path strings.Builder
	for i, n := range numbers {
		if n == 0 {
			continue
		}
		high := max(1, n*room/most)
		top := sparkBase - high
		if down {
			top = sparkBase + 1
		}
		bar := strconv.Itoa(sparkBar)
		path.WriteString("M" + strconv.Itoa(i*sparkStep) + " " + strconv.Itoa(top) + "h" + bar + "v" +
			strconv.Itoa(high) + "h-" + bar + "z")
	}
	return path.String()
}

func (s Spark) failedBars() string { return bars(s.Failed, most(s.Failed), sparkBase, false) }

func (s Spark) recoveredBars() string { return bars(s.Recovered, most(s.Recovered), sparkBelow, true) }

func most(numbers []int) int {
	found := 1
	for _, n := range numbers {
		found = max(found, n)
	}
	return found
}

// refusals returns refusals for a script; "" for none.
func refusals(list []Refusal) string {
	if len(list) == 0 {
		return ""
	}
	text, err := json.Marshal(list)
	if err != nil {
		return "" // texts alone can be written
	}
	return string(text)
}

// bulkCauseActions are the actions on causes, in the order of the buttons.
func bulkCauseActions() []bulkAction {
	return []bulkAction{
		{"replay", "Replay", "r", true},
		{"edit", "Edit and replay", "e", false},
		{"archive", "Archive", "a", false},
		{"claim", "Claim", "c", false},
		{"mute", "Mute", "m", false},
		{"merge", "Merge", "", false},
	}
}

// MuteForm is what ends a mute, as the form was sent.
type MuteForm struct {
	Until, Count, Rate string
	Delivered          bool
	Error              string
}

// MuteCausesView asks what ends the mute of the selected causes.
type MuteCausesView struct {
	Heading string   // "Mute 3 causes"
	Items   []string // FINGERPRINT@VERSION
	To      string   // the list to go back to
	InPage  bool     // it is a page of its own, and no dialog
	Form    MuteForm
}

// posts makes the form of a dialog swap the list; on a page of its own it is sent as it is.
func (v MuteCausesView) posts() templ.Attributes {
	if v.InPage {
		return nil
	}
	return swapAction("/causes/bulk", "#causes")
}
