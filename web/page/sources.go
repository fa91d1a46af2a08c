package page

import (
	"dlqdesk/web/ui"

	"github.com/a-h/templ"
)

// SourcesView lists where webhooks come in.
type SourcesView struct {
	Chrome
	State    string // StateRows, StateNothing or StateFault
	Fault    string
	RetryURL string
	AsOf     ui.Moment
	Rows     []SourceLine
	Refusals []RefusalRow // to no configured source
}

// RefusalRow is the requests that were refused for one reason.
type RefusalRow struct {
	Code   string // the status that the sender got
	Reason string
	Hint   string // what to do
	Count  string
	Since  ui.Moment
	Latest ui.Moment
	Why    string // of the latest
}

// SourceLine is one source of the list.
type SourceLine struct {
	Name         string
	URL          string // of its page
	Endpoint     string // where its webhooks are posted
	Verification Verification
	Health       SourceHealth

	Received, Failed, ByRetries, ByPeople, FailedNow Count
	FailedShare                                      string // of what was received, in percent; empty: none
}

// Verification is how a source knows that a webhook is genuine.
type Verification struct {
	Scheme     string // as the configuration names it
	Text       string // in words
	Unverified bool   // webhooks are accepted from anyone
}

// instruction says how to set up the verification at the platform.
func (p Verification) instruction() string {
	if p.Unverified {
		return ""
	}
	return " Verification: " + p.Text + "."
}

// The values of SourceHealth.Health. The empty one: the source is not configured.
const (
	HealthUp      = "up"
	HealthErrors  = "error-responses" // it responds, but not with 2xx
	HealthFailing = "failing"         // unreachable, or without a response
	HealthOpen    = "open"            // its circuit breaker is open
	HealthUnknown = "unknown"         // no delivery since dlqdesk started
)

// SourceHealth is the state of a source's destination.
type SourceHealth struct {
	Destination string // host
	Health      string
	Since       ui.Moment
	Note        string
	CauseURL    string // of the latest failure that Note names; empty: it is not known
}

// SourceView is one source with all that there is to know of it.
type SourceView struct {
	Chrome
	State       string // StateRows or StateFault
	Fault       string
	RetryURL    string
	Line        SourceLine
	Retrying    Count
	Note        string // on the URL; may be empty
	Settings    []Setting
	Refusals    []RefusalRow // the latest first
	TestCommand string       // a command that posts a webhook which proves itself
	SignCommand string       // a command that writes one for a body of one's own; empty: there is nothing to sign
	Platform    SourcePlatform
}

// Setting is one setting, in words.
type Setting struct {
	Name, Text string
	Code       string // what it is to the message; may be empty
	Hint       string // what follows from it, or where it is; may be empty
}

// SourcePlatform is how a source is registered where its webhooks come from. The zero SourcePlatform: it is not known
// where that is.
type SourcePlatform struct {
	Name, Title    string
	Status         string // verified, inferred or tutorial
	About          string
	Warning        string
	DeliveryPolicy string // how it delivers and tries again
	Register       string // the command that registers; empty: by hand
	Doctor         string
	Fields         []Setting // what to fill in by hand
}

func statusMeaning(status string) string {
	switch status {
	case "verified":
		return "The vendor publishes this."
	case "inferred":
		return "This follows from what the vendor publishes, but was not checked against it."
	case "tutorial":
		return "This is a tutorial's; the vendor's published API does not have it."
	}
	return ""
}

func statusTone(status string) string {
	if status == "verified" {
		return "tone-done"
	}
	return "tone-warn"
}

// healths has the tone, icon and word of each value of SourceHealth.Health.
var healths = map[string]struct{ tone, icon, word string }{
	HealthUp:      {"done", "check", "Up"},
	HealthErrors:  {"warn", "ban", "Error responses"},
	HealthFailing: {"fault", "plug", "Failing"},
	HealthOpen:    {"fault", "plug", "Circuit breaker open"},
	HealthUnknown: {"archived", "help", "No delivery yet"},
}

// tag is the state by colour, icon and word.
func (h SourceHealth) tag() templ.Component {
	of := healths[h.Health]
	return ui.Tag(of.tone, of.icon, of.word, templ.Attributes{"data-health": h.Health})
}
