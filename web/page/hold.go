package page

import "dlqdesk/web/ui"

// Hold says why what can wait is not sent to the destination of a source now.
type Hold struct {
	Source string
	State  string    // OutageDown, OutageReleasing or OutagePaused
	At     ui.Moment // since when; of a pause: until when
	Rate   string    // messages a second that are let go, while it is released
}

// Holds are those that a job tells of.
type Holds struct {
	List []Hold
	More string // "and 12 more destinations"; "": these are all
}

func (h Hold) icon() string {
	if h.State == OutageDown {
		return "warn"
	}
	return "clock"
}
