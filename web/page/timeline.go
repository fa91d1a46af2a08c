package page

import "net/url"

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
