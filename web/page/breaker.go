package page

import "dlqdesk/web/ui"

// The values of BreakerView.State and BreakerNotice.State.
const (
	BreakerOpen     = "open"      // one message at a time probes the destination
	BreakerHalfOpen = "half-open" // the destination responded, and waiting messages are sent at a limited rate
	BreakerPaused   = "paused"    // the destination asked for a pause by Retry-After
)

// BreakerView is a destination whose circuit breaker is not closed, or which asked for a pause.
type BreakerView struct {
	Source   string
	State    string    // BreakerOpen, BreakerHalfOpen or BreakerPaused
	Since    ui.Moment // of a pause: until when
	Waiting  Count     // messages that wait for a retry
	Messages string    // what they are: "messages waiting", "message waiting"
	// waiting messages without a source, which go there by default: "3 without a source"; no text: none
	WithoutSource Count
	Job           string // that waits as well: "job 17"; empty: none
	JobURL        string

	LastDelivery ui.Moment // when the latest delivery ended; zero: it is not known
	LastOutcome  string    // how
	CauseURL     string    // of LastOutcome; empty: it is not known
	Next         ui.Moment // time of the next probe; zero: Note says what probes
	Note         string    // what comes next, in words
	Probe        string    // the address that probes it; empty: there is nothing to probe
	Denied       string    // why it cannot be probed now; empty: it can
	Back         string    // the query of the page
	Position     string    // of the breaker on the page, for ids
}

func (b BreakerView) tone() string {
	switch b.State {
	case BreakerOpen:
		return "tone-fault"
	case BreakerPaused:
		return "tone-warn"
	}
	return "tone-info"
}

func (b BreakerView) icon() string {
	switch b.State {
	case BreakerOpen:
		return "plug"
	case BreakerPaused:
		return "pause"
	}
	return "check"
}

func (b BreakerView) id(what string) string { return "breaker-" + b.Position + "-" + what }

// BreakerNotice says why retries and jobs of a source wait.
type BreakerNotice struct {
	Source string
	State  string    // BreakerOpen, BreakerHalfOpen or BreakerPaused
	At     ui.Moment // since when; of a pause: until when
}

func (n BreakerNotice) icon() string {
	if n.State == BreakerOpen {
		return "warn"
	}
	return "clock"
}
