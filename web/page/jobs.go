package page

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"dlqdesk/web/ui"

	"github.com/a-h/templ"
)

// JobView is a job: what it does, how far it is, and what came of it.
type JobView struct {
	ID         string
	State      string // draft, scheduled, running, paused, done or cancelled
	Title      string // "Replaying 214 messages"
	Finished   string // of Total, as plain numbers
	Total      string
	Parts      []JobPart
	WaitReason string // why it waits, if no user paused it
	Active     bool   // it goes on by itself: look again
	ReturnTo   string // the address to come back to
	// that is a list, which shows its messages as they were before
	Refresh                                          bool
	Limits                                           JobLimits // what holds it
	Problems                                         []JobProblem
	Causes                                           []JobCause // of its messages, on the job's page
	MoreProblems                                     string     // "and 3 more"; empty: these are all
	OtherEnded                                       string     // "2 more jobs have ended"; empty: none
	CanPause, CanResume, CanCancel, CanUndo, CanHide bool
	CanBegin                                         bool      // it is scheduled, and can be started now
	Begins                                           ui.Moment // of a scheduled job
	AsksOrder                                        bool      // it is paused at a message that comes too late
	Denied                                           string    // why this person may not steer it; empty: may
	// replay or redrive: how what failed is ordered once more; empty: nothing did
	RetryAction string
	// of that, and the query of the list of what failed, without "?"
	RetryLabel, FailedQuery string

	By                string
	Started, Ended    ui.Moment
	Reason            string
	Patch, PatchKind  string // the text of its recipe, and "jq"
	Saved             string // the name of the saved recipe that it used; empty: none
	SavedURL          string
	SavedVersion      string
	CanSave           bool   // its recipe can be saved
	SaveName          string // of the form, if it was refused
	SaveError         string
	Order             string // "Skips messages that come too late for their conversation"; empty: they have no order
	Step              string // "Step 2 of 4 (10 messages)"; empty: it has none, or has ended
	Left              string // "About 3m left at 412 a second"; empty: that is not known
	Steps             []JobStep
	AsksSteps         bool          // it pauses after each step
	Plot              JobPlot       // on the job's page
	Samples           []CompareView // messages that it edited, on the job's page
	Events            []AuditRow    // its latest ones, on the job's page
	EventsURL         string        // of all
	DryRun            string        // "1,204 of 1,300 would change, 90 unchanged, 6 fail"; empty: it has none
	Sequence          string        // "Oldest first"; empty: it does not deliver
	Pace              JobPace
	CanPace           bool   // its pace can be changed
	Messages          string // "214 messages"
	MessagesURL       string // the list of its messages
	FilterURL         string // the list that it was made of; empty: messages that were selected one by one
	UndoneURL, Undoes string // addresses of the jobs that take this one back, and that this one takes back
}

// JobPart is one count of a job.
type JobPart struct {
	Text string // "3 failed"
	Tone string // done, fault, warn or plain
	URL  string // the list of these messages; empty: there is none to show
}

// The values of JobLimit.Kind.
const (
	LimitBreaker     = "breaker"
	LimitPause       = "pause"
	LimitStep        = "step"
	LimitJobRate     = "job-rate"
	LimitRateLimit   = "rate-limit"
	LimitRamp        = "ramp"
	LimitConcurrency = "concurrency"
)

// JobLimit is what holds a job at one destination.
type JobLimit struct {
	Kind     string
	Source   string    // empty: it is a limit of the job itself
	At       ui.Moment // since when the circuit breaker is open; until when the destination is paused
	Messages string    // how many: "24 messages" at once or until a pause, "160" a second
}

// waits reports whether nothing is sent to the destination.
func (l JobLimit) waits() bool { return l.Kind == LimitBreaker || l.Kind == LimitPause }

// then returns the end of the sentence.
func (l JobLimit) then() string {
	switch l.Kind {
	case LimitBreaker:
		return ". Its messages wait, and continue when the destination responds."
	case LimitPause:
		return ". Its messages wait until then."
	}
	return ""
}

func (l JobLimit) icon() string {
	if l.Kind == LimitBreaker {
		return "warn"
	}
	return "clock"
}

// JobLimits are those of one job.
type JobLimits struct {
	List []JobLimit
	More string // "And 12 more destinations"; "": these are all
}

// waits reports whether a circuit breaker is open, so that a probe is sent.
func (l JobLimits) waits() bool {
	return slices.ContainsFunc(l.List, func(l JobLimit) bool { return l.Kind == LimitBreaker })
}

// JobPace is how fast a job goes on at most.
type JobPace struct {
	Rate, Concurrency           string // numbers; empty: no limit of the job's own
	RateError, ConcurrencyError string
	Redrives                    bool // a queue knows no concurrency
}

// Text describes the limits of a job; empty: it has none.
func (p JobPace) Text() string {
	var parts []string
	if p.Rate != "" {
		parts = append(parts, p.Rate+" a second at most")
	}
	if p.Concurrency != "" {
		parts = append(parts, p.Concurrency+" at once at most")
	}
	return strings.Join(parts, ", ")
}

// JobStep is a step of a job.
type JobStep struct {
	Messages string // "10 messages"
	State    string // done, running, paused, halted, cancelled or left
}

// stepStates has the tone, icon and word of each state of a step.
var stepStates = map[string]struct{ tone, icon, word string }{
	"done":      {"done", "check", "done"},
	"running":   {"info", "spinner", "now"},
	"paused":    {"warn", "clock", "paused"},
	"halted":    {"fault", "alert", "halted"},
	"cancelled": {"plain", "ban", "cancelled"},
	"left":      {"plain", "clock", "to come"},
}

// JobProblem is why messages of a job failed or were skipped.
type JobProblem struct {
	Count string // "12 messages"
	State string // failed or skipped
	Text  string
	URL   string // of the list of these messages; empty: there is none
	Cause string // the page of the cause that they failed for; empty: not of one
}

// JobCause is a cause that messages of a job had, with what became of them.
type JobCause struct {
	URL, Title string
	Parts      []JobPart
}

// JobConfirmView is the draft of a job, which asks whether it is meant.
type JobConfirmView struct {
	ID          string
	Action      string // replay, edit, redrive, edit-redrive, archive or restore
	Edits       bool
	Redrives    bool
	Heading     string // "Replay 214 messages"
	Messages    string // "214 messages"
	Oldest      ui.Moment
	Newest      ui.Moment
	NewMatches  NewMatchesView
	Limits      JobLimits // what would hold it
	Signatures  []string  // by source: whether the handler may refuse signatures
	Skipped     string    // "6 of them are resolved …"; empty: none
	Unknown     string    // "12 of them may have been processed already."; empty: none
	MessagesURL string
	InPage      bool   // it is a page of its own, and no dialog
	Back        string // the query of the list, without "?"
	To          string // the page to go to instead of that list; empty: none

	Recipe         JobRecipe
	Trial          JobTrial // of a job that edits
	Saved          JobSaved
	Reason         string
	ReasonError    string
	Order          JobOrder
	Delivers       bool   // steps and a pace can be asked for
	Steps          string // "1, 10, 100"; empty: none
	StepsError     string
	AskSteps       bool   // it pauses after each
	Sequence       string // oldest, newest, random or key
	Pace           JobPace
	Begins         string // a time in UTC; empty: now
	BeginsError    string
	Scope          JobScope
	Size           JobSize
	IncludeUnknown bool
	UnknownError   string
	Denied         string
}

// JobScope says where a draft sends messages, and what they failed for.
type JobScope struct {
	Targets    []JobTarget
	Causes     []JobScopeCause
	MoreCauses string // "And 12 more causes"; empty: these are all
	Takes      string // "About 3m at 5 a second."; empty: that is not known
	Asked      string // the number to enter; empty: none is asked for
}

// JobTarget is a destination with how many messages it gets.
type JobTarget struct{ Source, Destination, Messages string } // Source is empty for messages of no source

// JobScopeCause is a cause with how many messages of the draft failed for it, and what replays came to.
type JobScopeCause struct {
	URL, Title, Messages string
	Replays              []ReplayResult
}

// NewMatchesView counts the messages that match since the draft was made.
type NewMatchesView struct {
	URL  string // refreshes the count; empty: the messages were selected individually
	Text string
}

// JobsView is the list of jobs.
type JobsView struct {
	Chrome
	State                         string // StateRows, StateNothing or StateFault
	Fault                         string
	RetryURL                      string
	Rows                          []JobView
	RulesOff                      []RuleNote      // that dlqdesk switched off
	Suggested                     []SuggestionRow // by assistants, that wait for a person
	NewestURL, NewerURL, OlderURL string
}

// JobPageView is one job as a page. Confirm is set while it is a draft.
type JobPageView struct {
	Chrome
	Job     JobView
	Link    string // its whole address, to share
	Confirm *JobConfirmView
	// that made the draft
	Suggested JobSuggestion
}

// polls makes the strip of a job look again after a second, for as long as it is at work.
func (v JobView) polls() templ.Attributes {
	if !v.Active {
		return templ.Attributes{}
	}
	return templ.Attributes{
		"hx-get":     "/jobs/" + v.ID + "/strip?to=" + url.QueryEscape(v.ReturnTo),
		"hx-trigger": "load delay:1s, again",
		"hx-swap":    "outerHTML",
		"data-poll":  "",
	}
}

// order makes a button post an order about the job.
func (v JobView) order(what string) templ.Attributes {
	url := "/jobs/" + v.ID + "/" + what
	attributes := swapAction(url, "#job-"+v.ID)
	attributes["id"], attributes["formaction"] = "job-"+v.ID+"-"+what, url
	return attributes
}

// resume makes a button resume the job in an order: skip or send.
func (v JobView) resume(order string) templ.Attributes {
	attributes := v.order("resume")
	attributes["id"], attributes["name"], attributes["value"] = "job-"+v.ID+"-resume-"+order, "order", order
	return attributes
}

// limits returns the limits to show: above a list those alone that end by themselves.
func (v JobView) limits() JobLimits {
	shown := v.Limits
	if !v.alone() {
		shown.List = slices.DeleteFunc(slices.Clone(shown.List), func(l JobLimit) bool {
			return !l.waits() && l.Kind != LimitRamp
		})
	}
	return shown
}

// progress says at which step a running job is, and how long it will take.
func (v JobView) progress() string {
	texts := slices.DeleteFunc([]string{v.Step, v.Left}, func(text string) bool { return text == "" })
	return strings.Join(texts, ". ") + "."
}

// alone reports whether the job is shown on its own page, and not in a strip above a list.
func (v JobView) alone() bool { return v.ReturnTo == "/jobs/"+v.ID }

// opens is the text of the link from a list to the job's page.
func (v JobView) opens() string {
	if v.State == "draft" {
		return "Open"
	}
	return "Details"
}

// problemCount says how many errors a strip can show.
func (v JobView) problemCount() string {
	if len(v.Problems) == 1 && v.MoreProblems == "" {
		return "Show the error"
	}
	return strings.TrimSpace("Show " + strconv.Itoa(len(v.Problems)) + " errors " + v.MoreProblems)
}

// has reports whether messages of the job ended with a result of that tone.
func (v JobView) has(tone string) bool {
	return slices.ContainsFunc(v.Parts, func(p JobPart) bool { return p.Tone == tone })
}

// jobResults has the tone, icon and word of each result of a job.
var jobResults = map[string]struct{ tone, icon, word string }{
	"draft":          {"info", "check", "Not started"},
	"scheduled":      {"info", "clock", "Scheduled"},
	"running":        {"info", "spinner", "Running"},
	"paused":         {"warn", "clock", "Paused"},
	"cancelled":      {"plain", "ban", "Cancelled"},
	"failed":         {"fault", "alert", "Failed"},
	"partly-failed":  {"warn", "warn", "Partly failed"},
	"partly-skipped": {"warn", "warn", "Done"},
	"done":           {"done", "check", "Done"},
}

// result is the state of the job. That of a job that is done depends on the results of its messages.
func (v JobView) result() string {
	switch {
	case v.State != "done":
		return v.State
	case v.has(ui.Fault) && v.has(ui.Done):
		return "partly-failed"
	case v.has(ui.Fault):
		return "failed"
	case v.has(ui.Warn):
		return "partly-skipped"
	}
	return v.State
}

func (v JobView) tone() string { return jobResults[v.result()].tone }
func (v JobView) icon() string { return jobResults[v.result()].icon }
func (v JobView) word() string { return jobResults[v.result()].word }

// posts makes the form of a dialog answer into the list behind it.
func (v JobConfirmView) posts() templ.Attributes {
	if v.InPage {
		return templ.Attributes{}
	}
	target := "#messages"
	if v.To != "" {
		target = "#job-dialog" // the page is left
	}
	return swapAction("/jobs/"+v.ID+"/start", target)
}

// cancelURL is where a draft leads that is not started.
func (v JobConfirmView) cancelURL() string { return cmp.Or(v.To, listURL(v.Back)) }

func confirmIcon(action string) string {
	switch action {
	case "edit", "archive", "restore", "redrive", "merge", "mute":
		return action
	case "claim":
		return "user"
	case "edit-redrive":
		return "edit"
	}
	return "replay"
}

// sequences are the orders in which a job can take up its messages.
var sequences = []ui.Option{
	{Value: "oldest", Label: "Oldest first"},
	{Value: "newest", Label: "Newest first"},
	{Value: "random", Label: "Random"},
	{Value: "key", Label: "By order key"},
}

// JobRecipe is how a job edits each body.
type JobRecipe struct {
	Kind       string // merge, json-patch or jq; empty: merge
	Text       string
	Error      string
	Table      string // CSV, for jq
	TableError string
	AsksTable  bool // it reads a table
}

var recipeKinds = []ui.Option{
	{Value: "merge", Label: "JSON Merge Patch"},
	{Value: "json-patch", Label: "JSON Patch"},
	{Value: "jq", Label: "jq"},
}

// RecipeName returns the name of a kind of recipe.
func RecipeName(kind string) string {
	for _, known := range recipeKinds {
		if known.Value == kind {
			return known.Label
		}
	}
	return recipeKinds[0].Label
}

// Examples are shown where the change and its table are still empty.
const (
	patchExample = "{\n  \"customer\": { \"id\": \"4711\" },\n  \"legacyField\": null\n}"
	tableExample = "conversation,customer\nc-1,4711"
)

// listURL is the list that a query names.
func listURL(query string) string {
	if query == "" {
		return "/messages"
	}
	return "/messages?" + query
}
