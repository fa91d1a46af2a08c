package page

import "dlqdesk/web/ui"

// GroupingView is the page of the rules by which people group messages.
type GroupingView struct {
	Source   string // whose rules are shown; "" for all
	Sources  []ui.Option
	Denied   string // why the person may add no rule; "" if they may
	Form     GroupRuleForm
	Trial    *GroupTrial
	Progress GroupProgress
	Rows     []GroupRuleRow
}

// GroupRuleForm is the rule as it was typed.
type GroupRuleForm struct {
	Source                   string
	Kind                     string // join or ignore
	Pattern, Title           string
	Error                    string
	PatternError, TitleError string
	Sources                  []ui.Option
	Open                     bool
}

// GroupProgress is how far stored messages are grouped anew.
type GroupProgress struct {
	Done, Of string // "12,400" of "80,000" messages; "" if none are
	Percent  string
}

// GroupTrial is what a rule, or a split, would do.
type GroupTrial struct {
	Summary string // "Joins 3 causes, 1,204 messages."
	Looked  string // "Looked at 4,031 messages."
	Nothing bool
	Moves   []GroupMove
}

// GroupMove is what would move from one cause.
type GroupMove struct {
	URL, Title     string
	Messages, Stay string // Stay is "" if all move
	To             string
}

// GroupRuleRow is one merge, split or rule.
type GroupRuleRow struct {
	Kind    string // merge, split, join or ignore
	Source  string
	Pattern string
	Title   string
	Into    string   // the error of the target of a merge, or of the cause that was split
	From    []string // errors of merged causes
	By      string   // "" for a rule of the configuration
	At      ui.Moment
	Undone  string // who undid it
	UndoURL string // "" if it cannot be undone
	Denied  string
}

func (r GroupRuleRow) word() string {
	switch r.Kind {
	case "merge":
		return "Merge"
	case "split":
		return "Split"
	case "join":
		return "Join"
	}
	return "Ignore"
}

// MergeView is the page on which causes are merged.
type MergeView struct {
	Error  string
	Denied string
	Source string
	Text   string // the search for further causes
	Chosen []MergeCause
	Others []MergeCause // of the same source, to add
}

// MergeCause is a cause that can be merged.
type MergeCause struct {
	Fingerprint, Title, URL string
	Open, Messages, State   string
	Into                    bool // the others become part of it
	AddURL                  string
}

// SplitView is the page on which a cause is split.
type SplitView struct {
	Fingerprint, Title, URL string
	Denied                  string
	Text, Pattern           string // one of them is set
	NewTitle                string
	Error                   string
	Examples                []string // errors of some of its messages
	Trial                   *GroupTrial
}
