package page

import (
	"cmp"
	"net/url"
	"strconv"
	"strings"

	"dlqdesk/web/ui"

	"github.com/a-h/templ"
)

// CauseView is one cause as a page.
type CauseView struct {
	Chrome
	BackURL  string // the list of causes
	LiveURL  string // of the live updates of this page
	Head     CauseHead
	Presence []CausePresence
	Jobs     []JobView // over its messages, that are not over
	// by assistants, that wait for a person
	Suggested []SuggestionRow
	Trend     CauseTrend
	Sample    CauseSample

	Affected    Affected
	Differences DifferencesView
	Examples    []CauseExample
	Tried       CauseTried
	Recipes     CauseRecipes
	Told        CauseTold
	Notes       CauseNotes
}

// CauseHead is all of a cause that an action or a live update changes. Its element has the id cause-panel; live updates
// replace the part with the id cause-head, and leave the notice.
type CauseHead struct {
	Fingerprint string
	Version     string
	CauseStanding
	Since       ui.Moment // of the state
	Title       string    // "500 NullPointerException: order is null"; empty: no error was recorded
	Source      string    // empty: its messages named none
	Destination string    // the host; empty: none

	Failed, Retrying Count
	Ever             string // "1,204": messages that ever failed for it
	First, Last      ui.Moment
	Arriving         string // "12 in the last hour"; empty: none

	Next    NextStep
	Opened  string     // what the page was opened for, by a link of an alert: "claim", "mute" or "test"; empty: nothing
	Batch   string     // "1 message": the first step of a replay; empty: so few messages that it has none
	Rules   []RuleNote // for its messages: on or in shadow, or switched off by dlqdesk
	Actions CauseActions
	Notice  ui.Notice
}

// opensTest reports whether the page was opened for a test batch, and one can be begun.
func (v CauseHead) opensTest() bool { return v.Opened == "test" && v.Actions.DenyReplay == "" }

// testHint says how a test batch begins.
func (v CauseHead) testHint() string {
	hint := " press Replay to see what would be sent. Nothing is sent before you start it"
	if v.Batch != "" {
		hint += "; then " + v.Batch + " goes first, as a test batch"
	}
	return hint + "."
}

// rules says which rules are for the cause: "1 rule is on"; empty: none is on or in shadow.
func (v CauseHead) rules() string {
	on, shadow := 0, 0
	for _, r := range v.Rules {
		switch r.State {
		case "on":
			on++
		case "shadow":
			shadow++
		}
	}
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{{on, "on"}, {shadow, "in shadow"}} {
		switch p.n {
		case 0:
		case 1:
			parts = append(parts, "1 rule is "+p.what)
		default:
			parts = append(parts, itoa(p.n)+" rules are "+p.what)
		}
	}
	return strings.Join(parts, ", ")
}

// Ticket is the ticket of a cause in the tracker of the company.
type Ticket struct {
	ID  string
	URL string // empty: no address is configured
}

// NextStep is what to do next, as the facts say.
type NextStep struct {
	Text string
	URL  string // where to do it; empty: an action on this page
	Link string // the words of the link
}

// CauseActions are the actions on a cause, each with the reason that forbids it; "" where it is possible.
type CauseActions struct {
	DenyReplay, DenyEdit, DenyArchive         string
	DenyClaim, DenyMute, DenyKnown, DenyGroup string
	DenyNote                                  string
	Messages                                  string // "214 messages": what a replay, an edit or archiving is for
	EditOneURL                                string // edits one of its messages; empty: none can be edited
	MergeURL, SplitURL                        string
	RuleURL                                   string // the form of a rule for it; empty: this person may make none
	OpenTicketURL                             string // a new ticket with the facts of the cause; empty: none configured
	Mute                                      MuteForm
	KnownValue, KnownError                    string // of the form that marks it as known, as it was sent
}

// CausePresence is one other person with this page, or a message of the cause, open.
type CausePresence struct {
	User  string
	Edits int // messages of the cause that the person is editing
}

func (p CausePresence) text() string {
	switch p.Edits {
	case 0:
		return " is on this page"
	case 1:
		return " is editing 1 message of it"
	}
	return " is editing " + itoa(p.Edits) + " messages of it"
}

// CauseTrend is how many messages failed for a cause and how many recovered, step by step.
type CauseTrend struct {
	Ranges []RangeLink
	Span   string // "7 days"
	Plot   Plot   // its data has recovered in place of byRetries and byPeople, and marks
	Steps  []CauseStep
	Marks  []CauseMark // newest first
}

// CauseStep is one step of time.
type CauseStep struct {
	From              ui.Moment
	Failed, Recovered string
}

// CauseMark is a moment that may explain a change: a job, another configuration, an outage.
type CauseMark struct {
	At   ui.Moment
	Kind string // job, configuration or outage
	Text string // "Job 12 started: replay of 214 messages by anna"
	URL  string
}

// CauseSample is what the newest messages of a cause have in common.
type CauseSample struct {
	Size  string // "the newest 500 messages"; "all 214 messages"
	Facet []CauseFacet
}

// CauseFacet is one property with its values, most frequent first.
type CauseFacet struct {
	Name   string // "Status code"
	Values []CauseValue
	More   string // "and 12 more"; empty: these are all
}

// CauseValue is how many messages of the sample have a value.
type CauseValue struct {
	Text  string // empty: none
	None  string // what no value means: "no response"
	URL   string // the list of the messages of the cause with this value; empty: it cannot be filtered by
	Count string
	Share int // in percent
}

// CauseExample is one message of the cause, with the reason that it is shown.
type CauseExample struct {
	Names    []string // "First", "Largest"
	Why      string
	URL      string
	Status   string
	Code     string
	Outcome  string
	Type     string // of the event
	Size     string
	Received ui.Moment
	Reason   string // its error, where that is not the title of the cause
}

// CauseTried is what was tried on messages of a cause, and what it came to.
type CauseTried struct {
	Replays []ReplayResult
	Jobs    []CauseJob // newest first
	More    string     // "The newest 20 jobs are shown."; empty: these are all
}

// CauseJob is one job, with what became of the messages of this cause.
type CauseJob struct {
	ID      string
	URL     string
	Action  string // "Replay"
	By      string
	Reason  string
	Started ui.Moment
	Parts   []JobPart
}

// CauseNotes is the conversation about a cause.
type CauseNotes struct {
	List  []CauseNote // oldest first
	Older string      // "12 older notes"; empty: these are all
	Text  string      // of the form, if it was refused
	Error string
}

// CauseNote is one note.
type CauseNote struct {
	ID      string
	By      string
	At      ui.Moment
	Body    string // Markdown
	Edited  ui.Moment
	Earlier []EarlierNote // texts before an edit, newest first
	EditURL string        // empty: it is another person's
	Error   string        // of its form
}

// EarlierNote is a text that a note had.
type EarlierNote struct {
	At   ui.Moment
	Body string
}

// causeStates has the tone, icon and word of each state of a cause.
var causeStates = map[string]struct{ tone, icon, word string }{
	"new":       {"fault", "sparkles", "New"},
	"open":      {"warn", "alert", "Open"},
	"claimed":   {"info", "user", "Claimed"},
	"known":     {"redriven", "ticket", "Known"},
	"muted":     {"archived", "mute", "Muted"},
	"resolved":  {"done", "check", "Resolved"},
	"regressed": {"fault", "regressed", "Regressed"},
}

// CauseURL is the page of a cause.
func CauseURL(fingerprint string) string { return "/causes/" + url.PathEscape(fingerprint) }

// url is where an action on the cause is posted to.
func (v CauseHead) url(action string) string { return CauseURL(v.Fingerprint) + "/" + action }

// order makes a form post an order about the cause and swap the head in.
func (v CauseHead) order(action string) templ.Attributes {
	return swapAction(v.url(action), "#cause-panel")
}

// back is the query of the list of messages that an action over all of them is for.
func (v CauseHead) back() string {
	return url.Values{"cause": {v.Fingerprint}, "status": {"failed"}}.Encode()
}

func (v CauseActions) denials() []denial {
	return denials([]deniedAction{
		{"Replay", v.DenyReplay},
		{"Edit and replay", v.DenyEdit},
		{"Archive", v.DenyArchive},
		{"Claim", v.DenyClaim},
		{"Mute", v.DenyMute},
		{"Mark as known", v.DenyKnown},
		{"Merge and split", v.DenyGroup},
	})
}

func (v CauseActions) denialID(why string) string { return denialID(v.denials(), why) }

// leases are how long a claim can last.
var leases = []ui.Option{
	{Value: "1h", Label: "for 1 hour"},
	{Value: "4h", Label: "for 4 hours", Selected: true},
	{Value: "24h", Label: "for 24 hours"},
	{Value: "168h", Label: "for 7 days"},
}

var markIcons = map[string]string{"job": "layers", "configuration": "sliders", "outage": "link-broken"}

func itoa(n int) string { return strconv.Itoa(n) }

func plural(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + one + "s"
}

// joinNames writes "First and largest".
func joinNames(names []string) string {
	if len(names) == 0 {
		return ""
	}
	text := names[0]
	for i, name := range names[1:] {
		joint := ", "
		if i == len(names)-2 {
			joint = " and "
		}
		text += joint + strings.ToLower(name)
	}
	return text
}

// label names a value for those who do not see that it stands beside its number.
func (v CauseValue) label() string { return cmp.Or(v.Text, v.None) }

// separator returns what follows the entry i of n.
func separator(i, n int) string {
	if i < n-1 {
		return ","
	}
	return ""
}
