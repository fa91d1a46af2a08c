package page

import "dlqdesk/web/ui"

// RulesView is the list of rules.
type RulesView struct {
	Chrome   Chrome
	State    string // StateRows, StateNothing or StateFault
	Fault    string
	RetryURL string
	Rows     []RuleRow
	Denied   string // why this person may make none; empty: may
}

// RuleRow is a rule with what it does and did.
type RuleRow struct {
	Name  string
	URL   string
	State string // shadow, on, off or away
	Why   string // why dlqdesk switched it off; empty: it did not
	By    string // in whose name it acts
	What  RuleWords
	Parts []JobPart // what it did lately: "12 delivered"; empty: nothing
	Last  RuleChange
}

// RuleChange is the latest change of a rule.
type RuleChange struct {
	How string // "switched on"
	By  string
	At  ui.Moment
}

// RuleWords says what a rule does.
type RuleWords struct {
	Source   string
	Cause    string // its title; empty: the rule goes by Code
	CauseURL string // empty: the cause has no page any more
	Code     string // "503", "5xx" or "none"
	Then     string // "replay it after 10m, 3 times at most"
	Reason   string // of an archive or an edit
	PerHour  string // "100 messages"
}

// then returns what the rule does, before a reason or the end.
func (w RuleWords) then() string {
	if w.Reason != "" {
		return w.Then + ","
	}
	return w.Then
}

// code returns how messages fail that the rule is for.
func (w RuleWords) code() string {
	switch {
	case w.Code == "none":
		return " fails without a response, "
	case len(w.Code) == 3 && w.Code[1:] == "xx":
		return " fails with a status code " + w.Code + ", "
	}
	return " fails with the status code " + w.Code + ", "
}

// RulePage is one rule.
type RulePage struct {
	Chrome Chrome
	RuleRow
	Version  string
	Notice   ui.Notice
	Switches []RuleSwitch // empty: it was put away
	EditURL  string
	Denied   string // why this person may not switch it; empty: may

	Unknown   string    // what it does with messages that may already have been processed; empty: it does not send
	MaxFailed string    // "50 %"; empty: it does not send
	Waiting   string    // "12 messages"; empty: none wait
	Next      ui.Moment // when the next of these is due
	GoesOn    ui.Moment // when the rule may act again, if it did all of an hour
	Recipe    string    // its text; empty: none
	Language  string    // of the recipe
	Saved     string    // "customer id, version 3": the saved recipe that it is; empty: none
	SavedURL  string

	Preview   RulePreview
	Actions   []RuleActionRow
	NewestURL string
	NewerURL  string
	OlderURL  string
	Events    []AuditRow // the latest
	Created   RuleChange
}

// RuleSwitch is a button that brings a rule into another state.
type RuleSwitch struct {
	State, Label, Icon string
	Primary            bool
}

// RulePreview is what a rule would have done. The zero RulePreview shows nothing.
type RulePreview struct {
	Summary string // "Would have replayed 214 messages, 240 times in all."
	Bound   string // of what that is all: "Looked at every message …"
	Busiest string // if the rule would have had to wait: "In the busiest hour …"; empty: not
	Days    []RuleDay
	Rows    []RuleWouldAct
	More    string // "The 50 that failed last are shown."; empty: these are all
	Fault   string // why it could not be made; empty: it could
}

// RuleDay is one day of a preview.
type RuleDay struct {
	Day      string // "Mon 2 March"
	Messages string
	Share    string // of the day with the most, in percent
}

// RuleWouldAct is a message that a rule would have acted on.
type RuleWouldAct struct {
	ID, URL string
	Failed  ui.Moment
	Times   string // "3 times"; empty: once
	Status  string // of the message now
}

// RuleActionRow is what a rule did to a message.
type RuleActionRow struct {
	ID, URL string
	State   string // shadow, waiting, in_flight, archived, delivered, failed or skipped
	Failed  ui.Moment
	At      ui.Moment // of the state; of one that waits: when it is due
	Text    string    // why the message was left alone, or what its replay failed for
}

// ruleStates has the word, the icon and the tone of each state of a rule.
var ruleStates = map[string]struct{ word, icon, tone string }{
	"shadow": {"Shadow", "eye", "info"},
	"on":     {"On", "check", "done"},
	"off":    {"Off", "pause", "plain"},
	"away":   {"Put away", "archive", "archived"},
}

// ruleActionStates has the word, the icon and the tone of what a rule did.
var ruleActionStates = map[string]struct{ word, icon, tone string }{
	"shadow":    {"Would act", "eye", "info"},
	"waiting":   {"Waiting", "clock", "retrying"},
	"in_flight": {"Replaying", "spinner", "replaying"},
	"archived":  {"Archived", "archive", "archived"},
	"delivered": {"Delivered", "check", "done"},
	"failed":    {"Failed again", "alert", "fault"},
	"skipped":   {"Left alone", "ban", "plain"},
}

// RuleNote is a rule as other pages mention it.
type RuleNote struct {
	Name, URL string
	State     string
	Why       string // why dlqdesk switched it off; empty: it did not
}

// MessageRule is a rule that is about to act on a message. The zero MessageRule is none.
type MessageRule struct {
	Name, URL string
	Does      string // "replays it"
	Due       ui.Moment
}

// RuleForm makes or changes a rule.
type RuleForm struct {
	Chrome   Chrome
	Heading  string
	PostURL  string
	BackURL  string
	Back     string // the label of BackURL
	Button   string
	Version  string // of the rule that is changed; empty: a new one
	Denied   string // why this person may not; empty: may
	Error    string // about no input
	Errors   map[string]string
	Name     string
	Cause    string // the fingerprint of the cause that is offered; empty: none
	Title    string // of that cause
	CauseURL string
	OfCause  bool // the rule is for that cause, not for a code
	Sources  []ui.Option
	Code     string

	Action                           string // archive or replay
	Reason                           string
	After, Times, PerHour, MaxFailed string
	Unknown                          bool
	Recipe                           bool // the replay has one
	Saved                            []ui.Option
	Kind, Text                       string
	EditReason                       string
}

// recipeOpen reports whether the recipe is chosen, or has a fault.
func (f RuleForm) recipeOpen() bool {
	return f.Recipe || f.Errors["patch"] != "" || f.Errors["editReason"] != ""
}
