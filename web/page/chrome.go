package page

import (
	"strings"

	"dlqdesk/web/ui"

	"github.com/a-h/templ"
)

// Chrome is the part of a page around its content: navigation, account menu and notice.
type Chrome struct {
	Title       string // of the document, without the program's name
	User        string // empty: signed out, so there is no navigation
	Role        string // viewer, operator or admin
	Path        string // of the request: marks the current entry of the navigation
	FailedCount string // number of failed messages, in the navigation and in the tab's title; empty: none
	Live        string // address of the live updates of FailedCount; empty: it does not change
	ManageUsers bool   // the user may: Users is in the account menu
	AlertCount  string // number of open alerts, in the navigation; empty: none
	Unbalanced  bool   // reconciliation found a difference: marks its entry
	Tampered    bool   // the audit trail was changed outside of the program: marks its entry
	Flash       ui.Notice
}

// htmxConfig keeps htmx within the content security policy, keeps pages (which have customers' data) out of the
// browser's storage, lets nothing swap what an element around it would, and swaps whatever the status is, because the
// user must see a conflict or a refusal.
const htmxConfig = `{"includeIndicatorStyles":false,"disableInheritance":true,"allowEval":false,` +
	`"allowScriptTags":false,"selfRequestsOnly":true,` +
	`"historyCacheSize":0,"refreshOnHistoryMiss":true,"defaultSettleDelay":0,"timeout":30000,` +
	`"responseHandling":[{"code":"204","swap":false},{"code":"[23]..","swap":true},` +
	`{"code":"[45]..","swap":true,"error":true}]}`

// documentTitle is the title of the browser's tab: "(12) Messages · dlqdesk" with 12 failed messages.
func (c Chrome) documentTitle() string {
	title := "dlqdesk"
	if c.Title != "" {
		title = c.Title + " · dlqdesk"
	}
	if c.FailedCount != "" {
		title = "(" + c.FailedCount + ") " + title
	}
	return title
}

// liveCount tells the script where it follows the number of failed messages.
func (c Chrome) liveCount() templ.Attributes {
	if c.Live == "" {
		return nil
	}
	return templ.Attributes{"data-live-count": c.Live}
}

// current returns the value of aria-current for an entry of the navigation.
func (c Chrome) current(path string) string {
	return ariaCurrent(c.Path == path || strings.HasPrefix(c.Path, path+"/"))
}

// ErrorView says that a request could not be answered.
type ErrorView struct {
	Chrome
	Status    string // "404"
	Heading   string // "There is no such message"
	Text      string // what helps
	RequestID string // to look up in the log; may be empty
	RetryURL  string // tries again; may be empty
	BackURL   string // where to go instead; empty: /causes
}

func (v ErrorView) backURL() string {
	if v.BackURL != "" {
		return v.BackURL
	}
	return "/causes"
}

// shortcut is what keys do; several keys are pressed one after the other, or mean two things of a kind.
type shortcut struct {
	keys []string
	does string
}

type shortcutGroup struct {
	name string
	list []shortcut
}

// shortcuts are those of keys.js.
func shortcuts() []shortcutGroup {
	return []shortcutGroup{
		{"On every page", []shortcut{
			{[]string{"g", "c"}, "Causes"},
			{[]string{"g", "m"}, "Messages"},
			{[]string{"g", "o"}, "Overview"},
			{[]string{"g", "l"}, "Alerts"},
			{[]string{"g", "j"}, "Jobs"},
			{[]string{"g", "s"}, "Sources"},
			{[]string{"g", "a"}, "Audit trail"},
			{[]string{"g", "r"}, "Reconciliation"},
			{[]string{"/"}, "Search"},
			{[]string{"?"}, "Show this help"},
			{[]string{"Esc"}, "Close, or clear the selection"},
		}},
		{"Lists of causes and messages", []shortcut{
			{[]string{"j", "k"}, "Next, previous row"},
			{[]string{"x"}, "Select the row"},
			{[]string{"X"}, "Select all on this page; again: all messages that match"},
			{[]string{"Enter"}, "Open the row"},
		}},
		{"What is open or selected", []shortcut{
			{[]string{"r"}, "Replay"},
			{[]string{"e"}, "Edit and replay"},
			{[]string{"a"}, "Archive or restore"},
			{[]string{"d"}, "Redrive (messages)"},
			{[]string{"c"}, "Claim or release (causes)"},
			{[]string{"m"}, "Mute or unmute (causes)"},
			{[]string{"t"}, "Mark as known (one cause)"},
			{[]string{"u"}, "Back to the list"},
			{[]string{"Ctrl", "Enter"}, "Save and replay (while editing)"},
		}},
	}
}

// column is the head of a column of a table.
type column struct{ label, class string }

// swapForm makes a filter form swap its list alone, where a script runs; the newest query wins.
func swapForm(url, target string) templ.Attributes {
	attributes := ui.Swap(url, target)
	attributes["hx-sync"] = "this:replace"
	return attributes
}

// swapAction makes a button post its form and swap the answer in. A second click while the first is under way does
// nothing.
func swapAction(url, target string) templ.Attributes {
	return templ.Attributes{"hx-post": url, "hx-target": target, "hx-swap": "outerHTML", "hx-sync": "this:drop"}
}

func ariaCurrent(current bool) string {
	if current {
		return "page"
	}
	return "false"
}
