package page

import (
	"net/url"
	"strings"

	"dlqdesk/web/ui"
)

// happening is one entry of the timeline: an attempt, or what was done otherwise.
type happening struct {
	attempt *AttemptView
	event   *AuditRow
}

// timeline puts attempts and events, each newest first, into one order. Of the same moment the attempt is the newer
// one: it follows from the order that the event tells of.
func (v MessagePanelView) timeline() []happening {
	attempts, events := v.Attempts, v.Events
	var all []happening
	for len(attempts)+len(events) > 0 {
		if len(events) == 0 || len(attempts) > 0 && attempts[0].At.ISO >= events[0].At.ISO {
			all = append(all, happening{attempt: &attempts[0]})
			attempts = attempts[1:]
			continue
		}
		all = append(all, happening{event: &events[0]})
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
	Trigger         string // receive, auto, replay, edit or bulk
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

// doubt says what nobody knows of an attempt without an answer.
func (a AttemptView) doubt() string {
	if strings.HasSuffix(a.Trigger, "redrive") {
		return "The message may be back on its queue."
	}
	return "The destination may have processed it."
}

// triggerWords says why the delivery was made, and who asked for it.
func (a AttemptView) triggerWords() string {
	switch a.Trigger {
	case "receive":
		return "first delivery, on receipt"
	case "auto":
		return "automatic retry"
	case "replay":
		return "replay by " + a.Actor
	case "edit":
		return "edit and replay by " + a.Actor
	case "job":
		return "bulk action by " + a.Actor
	case "redrive":
		return "redrive by " + a.Actor
	case "job_redrive":
		return "bulk redrive by " + a.Actor
	}
	return a.Trigger
}
