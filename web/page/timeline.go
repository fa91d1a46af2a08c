package page

import (
	"net/url"
	"strings"

	"dlqdesk/web/ui"
)

// timelineEntry is an attempt or an event.
type timelineEntry struct {
	attempt *AttemptView
	event   *AuditRow
}

// timeline merges attempts and events, each newest first. An attempt comes before an event of the same time, because
// it follows from it.
func (v MessagePanelView) timeline() []timelineEntry {
	attempts, events := v.Attempts, v.Events
	var all []timelineEntry
	for len(attempts)+len(events) > 0 {
		if len(events) == 0 || len(attempts) > 0 && attempts[0].At.ISO >= events[0].At.ISO {
			all = append(all, timelineEntry{attempt: &attempts[0]})
			attempts = attempts[1:]
			continue
		}
		all = append(all, timelineEntry{event: &events[0]})
		events = events[1:]
	}
	return all
}

// auditURL leads to every event of the message, those of its attempts included.
func (v MessagePanelView) auditURL() string {
	return "/audit?" + url.Values{"message": {v.ID}}.Encode()
}

// AttemptView is one delivery in the timeline.
type AttemptView struct {
	Number          string
	Trigger         string // receive, auto, replay, edit, job, rule …
	Actor           string
	Revision        string // "original"; empty where there is only one
	At              ui.Moment
	InFlight        bool
	Outcome         string
	Code            string
	Latency         string // "84 ms"
	Error           string
	ResponseHeaders []HeaderRow
	ResponseBody    string
	ResponseNote    string // "the first 4 KiB are kept"
}

func (a AttemptView) tone() string {
	if a.InFlight {
		return "replaying"
	}
	return a.Outcome
}

func (a AttemptView) hasResponse() bool {
	return len(a.ResponseHeaders) > 0 || a.ResponseBody != "" || a.ResponseNote != ""
}

// doubt explains an attempt whose outcome is unknown.
func (a AttemptView) doubt() string {
	if strings.HasSuffix(a.Trigger, "redrive") {
		return "The message may be back on its queue."
	}
	return "The destination may have processed it."
}

// ordered are the deliveries that a person, a job or a rule asked for.
var ordered = map[string]string{
	"replay":      "replay",
	"edit":        "edit and replay",
	"job":         "bulk action",
	"probe":       "probe",
	"rule":        "replay",
	"redrive":     "redrive",
	"job_redrive": "bulk redrive",
}

// triggerWords says why the delivery was made, and who asked for it.
func (a AttemptView) triggerWords() string {
	switch a.Trigger {
	case "receive":
		return "first delivery, on receipt"
	case "auto":
		return "automatic retry"
	}
	return ordered[a.Trigger] + " by " + a.Actor
}
