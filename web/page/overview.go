package page

import "dlqdesk/web/ui"

// OverviewFigures are all figures of the page: what changes with time.
type OverviewFigures struct {
	State    string // StateRows, StateNothing or StateFault
	Fault    string
	RetryURL string
	Curl     string // a command that posts to a configured source

	URL       string // of these figures, to look again
	Ranges    []RangeLink
	Span      string // of the range, in words: "24 hours"
	Source    string // the one source that the page is narrowed to; empty: all
	AllURL    string // of all sources
	AsOf      ui.Moment
	Notices   []StandingNotice
	RulesOff  []RuleNote      // that dlqdesk switched off
	Suggested []SuggestionRow // by assistants, that wait for a person
	Grouping  GroupProgress
	Breakers  []BreakerView
	Headlines []Headline
	Plot      Plot
	Steps     []StepRow // newest first, without those in which nothing happened
	Sources   []SourceRow
	Ages      []AgeRow
	Causes    []TopCause
	Queues    []QueueRow
}

// StandingNotice is a notice that stays until its reason is gone.
type StandingNotice struct {
	Kind, Text, Hint string
	At               ui.Moment
	Items            []string // keys, or faults with their lines
}

// RangeLink is one choice of the time that the page looks back on.
type RangeLink struct {
	Value, Label, Name string // "7d", "7 d", "7 days"
	URL                string
	Current            bool
}

// Count is a number with the list that it counts. Without an address it is plain; the zero Count shows a dash.
type Count struct {
	Text, URL string
}

// Headline is one figure of the strip on top.
type Headline struct {
	Label string
	Count Count
	Note  string // beside it: "75 % of those that failed"
	Tone  string
}

// Plot is what a plot draws: how many messages failed and how many recovered, step by step.
type Plot struct {
	Summary string // in words, for those who do not see it
	Data    string // JSON of {from, step, failed, byRetries, byPeople, url}; from and step in milliseconds
}

// StepRow is one step of time.
type StepRow struct {
	From                        ui.Moment
	Failed, ByRetries, ByPeople Count
}

// SourceRow is one source with its destination.
type SourceRow struct {
	Name         string // empty: messages whose message named no source
	URL          string // of this page for the source alone; empty: none
	SourceHealth        // zero: the source is not configured
	Plot         Plot

	Failed, ByRetries, ByPeople Count // in the range
	FailedNow, Retrying         Count // now
}

// AgeRow counts the open messages of an age.
type AgeRow struct {
	Age                 string
	FailedNow, Retrying Count
	Share               int // of the failed ones of the largest age, in percent
}

// TopCause is a cause for which messages are open.
type TopCause struct {
	Text                string
	URL                 string
	Source              string
	First, Newest       ui.Moment
	Replays             string // how they went: "0 of 20 unedited replays succeeded"; empty: there were none
	FailedNow, Retrying Count
	Share               int // of the largest cause, in percent
}
