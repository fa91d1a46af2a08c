package page

import (
	"net/url"
	"strings"

	"dlqdesk/web/ui"

	"github.com/a-h/templ"
)

// AlertsView is the list of alerts, and where they go.
type AlertsView struct {
	Chrome
	State                         string // StateRows, StateNothing or StateFault
	Fault                         string
	RetryURL                      string
	Open                          bool // they are the open ones
	OpenURL, AllURL               string
	Rows                          []AlertRow // newest first
	NewestURL, NewerURL, OlderURL string
	Deleted                       string // when alerts are deleted; empty: the list has newer ones alone
	Sinks                         AlertSinks
	Routes                        []string // what each route sends, in a sentence
}

// AlertRow is one alert.
type AlertRow struct {
	ID, URL   string
	Severity  string // info, warning or critical
	Title     string
	Text      string // more of it; may be empty
	Sources   string // "genesys, cxone"; empty: it is about dlqdesk itself
	Since     ui.Moment
	Resolved  ui.Moment // zero: it is open
	Why       string    // of Resolved
	Told      []AlertTold
	Untold    string     // why no sink is told of it; empty: some are
	Whole     *AlertLink // the alert that tells about this one; nil: it is told by itself
	PartsText string     // "40 causes are part of this alert"; empty: it tells about itself alone
	Parts     []AlertPart
	PartsMore string // "and 28 more"; empty: these are all
}

// AlertTold is the delivery of one event of an alert to one sink.
type AlertTold struct {
	Sink  string
	State string    // "was told", "told only some people", "not told yet" or "was not told"
	Tone  string    // done, warn, fault or plain
	What  string    // "that it began", "that it ended"
	At    ui.Moment // when it was told, or tried last; zero: it was not tried
	Next  ui.Moment // of the next try; zero: there is none
	Error string    // of the latest try
}

// nextText says what happens at Next.
func (t AlertTold) nextText() string {
	if t.At.IsZero() {
		return "is due"
	}
	return "next try"
}

// AlertPart is an alert that another one tells about.
type AlertPart struct{ Title, URL string }

// AlertView is one alert as a page.
type AlertView struct {
	Chrome
	Row   AlertRow // with Parts that have pages
	Kind  string   // "New cause"
	Facts []AlertFact
	Links []AlertLink // to what it is about

	NewestURL, NewerURL, OlderURL string // of its parts
}

// AlertFact is a label with its value.
type AlertFact struct{ Label, Value string }

// AlertLink leads to what an alert is about.
type AlertLink struct{ Label, URL string }

// AlertSinks are the sinks that alerts go to. Live updates of a test replace them.
type AlertSinks struct {
	Fault string // why they cannot be shown; empty: they are
	Rows  []AlertSinkRow
	// PollURL reads them again, because a test is under way; empty: none is.
	PollURL string
	Quiet   bool // they were read again by themselves: that takes no focus
	Notice  ui.Notice
}

// AlertSinkRow is a place that alerts go to.
type AlertSinkRow struct {
	Name   string
	Kind   string   // "Slack"
	Routes []string // names of the routes that lead to it
	State  string   // "took the latest alert", "does not take alerts", "was not told anything yet"
	Tone   string
	Since  ui.Moment // of the latest that it took, or the latest try
	Wait   string    // "3 alerts wait, the next is due"; empty: none does
	Next   ui.Moment // when that is due
	Error  string
	Test   *AlertTest // the latest; nil: none was sent
	Deny   string     // why this person may not test it
}

// AlertTest is a test of a sink.
type AlertTest struct {
	By    string
	At    ui.Moment
	State string // "is being sent", "was taken", "reached only some people" or "was not taken"
	Tone  string
	Error string
	Runs  bool // it is being sent
}

// routesText names the routes that lead to the sink.
func (r AlertSinkRow) routesText() string {
	if len(r.Routes) == 1 {
		return "route " + r.Routes[0]
	}
	return "routes " + strings.Join(r.Routes, ", ")
}

func (r AlertSinkRow) testRuns() bool { return r.Test != nil && r.Test.Runs }

// pollSinks reads the sinks again in a moment.
func pollSinks(url string) templ.Attributes {
	if url == "" {
		return nil
	}
	return templ.Attributes{
		"hx-get": url, "hx-target": "this", "hx-trigger": "load delay:1s, again", "hx-swap": "outerHTML",
		"data-poll": true,
	}
}

func (r AlertSinkRow) testURL() string { return "/alerts/sinks/" + url.PathEscape(r.Name) + "/test" }

// CauseTold lists the latest alerts about a cause, and who got them.
type CauseTold struct {
	Rows []AlertRow // newest first
	More bool       // there may be older ones
	// Deleted says when alerts are deleted; empty: the cause is too young to lack any.
	Deleted string
}

var severities = map[string]struct{ tone, icon, word string }{
	"critical": {"fault", "alert", "Critical"},
	"warning":  {"warn", "warn", "Warning"},
	"info":     {"info", "info", "Info"},
}
