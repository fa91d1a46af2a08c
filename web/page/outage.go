package page

import "dlqdesk/web/ui"

// The states of an Outage.
const (
	OutageDown      = "down"      // one message at a time tests it
	OutageReleasing = "releasing" // it is back, and what waited goes bit by bit
	OutagePaused    = "paused"    // it asked to be left alone for a time
)

// Outage is a destination for which messages are held back.
type Outage struct {
	Source   string
	State    string    // OutageDown, OutageReleasing or OutagePaused
	Since    ui.Moment // of a pause: until when
	Waiting  Count     // messages that wait for a retry
	Messages string    // what they are: "messages waiting", "message waiting"
	// messages likewise that named no source and go there by default: "3 without a source"; no text: none
	Unnamed Count
	Job     string // that waits as well: "job 17"; empty: none
	JobURL  string

	Seen     ui.Moment // when the latest delivery ended; zero: it is not known
	Saw      string    // how
	Next     ui.Moment // when a message tests it next; zero: Note says what does
	Note     string    // what comes next, in words
	Probe    string    // the address that probes it; empty: there is nothing to probe
	Denied   string    // why it cannot be probed now; empty: it can
	BackTo   string    // the query of the page
	Position string    // of the outage on the page, for ids
}

func (o Outage) tone() string {
	switch o.State {
	case OutageDown:
		return "tone-fault"
	case OutagePaused:
		return "tone-warn"
	}
	return "tone-info"
}

func (o Outage) icon() string {
	switch o.State {
	case OutageDown:
		return "plug"
	case OutagePaused:
		return "pause"
	}
	return "check"
}

func (o Outage) id(what string) string { return "outage-" + o.Position + "-" + what }
