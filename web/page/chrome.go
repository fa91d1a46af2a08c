package page

import (
	"strings"

	"dlqdesk/web/ui"

	"github.com/a-h/templ"
)

// Chrome is what every page shows around its content.
type Chrome struct {
	Title       string // of the document, without the program's name
	User        string // empty: nobody is signed in, so there is no navigation
	Role        string // viewer, operator or admin
	Path        string // of the request: marks the current entry of the navigation
	FailedCount string // how many messages need a person, beside "Messages"; empty hides it
	Unbalanced  bool   // the ledger does not balance: marks its entry
	Flash       ui.Notice
}

// htmxConfig keeps htmx within the content security policy, keeps pages (which hold customers' data) out of the
// browser's storage, lets nothing swap what an element around it would, and swaps whatever the status is, because a
// conflict or a refusal is an answer that a person must see.
const htmxConfig = `{"includeIndicatorStyles":false,"disableInheritance":true,"allowEval":false,"allowScriptTags":false,"selfRequestsOnly":true,` +
	`"historyCacheSize":0,"refreshOnHistoryMiss":true,"defaultSettleDelay":0,"timeout":30000,` +
	`"responseHandling":[{"code":"204","swap":false},{"code":"[23]..","swap":true},{"code":"[45]..","swap":true,"error":true}]}`

func (c Chrome) documentTitle() string {
	if c.Title == "" {
		return "dlqdesk"
	}
	return c.Title + " · dlqdesk"
}

// current answers the value of aria-current for an entry of the navigation.
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
	BackURL   string // where to go instead; empty: /messages
}

func (v ErrorView) backURL() string {
	if v.BackURL != "" {
		return v.BackURL
	}
	return "/messages"
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
		{"Anywhere", []shortcut{
			{[]string{"g", "l"}, "Go to the messages"},
			{[]string{"g", "o"}, "Go to the overview"},
			{[]string{"g", "j"}, "Go to the jobs"},
			{[]string{"g", "s"}, "Go to the sources"},
			{[]string{"g", "a"}, "Go to the audit trail"},
			{[]string{"g", "b"}, "Go to the ledger (books)"},
			{[]string{"/"}, "Search"},
			{[]string{"?"}, "Show this"},
			{[]string{"Esc"}, "Close, or let go of the selection"},
		}},
		{"Messages", []shortcut{
			{[]string{"j", "k"}, "Next, previous message"},
			{[]string{"x"}, "Select the message"},
			{[]string{"X"}, "Select the page, then all that match"},
			{[]string{"Enter"}, "Open it"},
		}},
		{"The message, or all that are selected", []shortcut{
			{[]string{"r"}, "Replay"},
			{[]string{"d"}, "Redrive"},
			{[]string{"e"}, "Edit and replay"},
			{[]string{"a"}, "Archive, or restore"},
			{[]string{"u"}, "Back to where it came from"},
			{[]string{"Ctrl", "Enter"}, "Save the edit and replay"},
		}},
	}
}

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

// faultAttributes ties a field to its fault.
func faultAttributes(id, fault string) templ.Attributes {
	if fault == "" {
		return templ.Attributes{}
	}
	return templ.Attributes{"aria-invalid": "true", "aria-describedby": id + "-fault"}
}
