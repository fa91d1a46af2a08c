package deadletter

import (
	"time"
	"unicode/utf8"
)

// AlertDelivery is one event of an alert at one sink, or a test of a sink.
type AlertDelivery struct {
	ID      int64
	Alert   AlertID // 0 of a test
	Sink    string
	Event   AlertEvent
	Notice  string // the id by which the receiver drops doubles
	By      string // who ordered a test
	State   AlertDeliveryState
	MadeAt  time.Time
	DueAt   time.Time // of the next try; while one is under way, when its lease ends
	Until   time.Time // when it is given up
	Lease   string    // of the try under way; "": there is none
	Tries   int
	TriedAt time.Time // the latest; zero: none yet
	Error   string    // of the latest try, or why it is not sent any more; of one that was sent: who did not get it

	Topic string // of the alert; what a sink is told of the same topic is told in order
	// Supersedes says that the sink was not told that an earlier alert of the topic ended, because this one began.
	Supersedes bool
}

// Partly reports whether the sink took it, but not for all who are to get it.
func (d AlertDelivery) Partly() bool { return d.State == AlertSent && d.Error != "" }

// AlertDeliveryState is the state of an AlertDelivery.
type AlertDeliveryState string

// The states of an AlertDelivery.
const (
	AlertWaiting AlertDeliveryState = "waiting"
	AlertSent    AlertDeliveryState = "sent"
	AlertGivenUp AlertDeliveryState = "given_up" // the sink did not take it
	AlertDropped AlertDeliveryState = "dropped"  // there was nothing to tell any more
)

const (
	// AlertLease is how long a try may take before another one begins.
	AlertLease = 30 * time.Second

	// alertRetryTime is how long a sink that is away is tried.
	alertRetryTime = 24 * time.Hour

	minAlertRetry = 5 * time.Second
	maxAlertRetry = 10 * time.Minute

	maxAlertError = 300 // bytes
)

// NewAlertDelivery returns the delivery of an event of an alert to a sink, whose first try is due at a time.
func NewAlertDelivery(alert AlertID, sink string, event AlertEvent, due, at time.Time) AlertDelivery {
	return AlertDelivery{
		Alert: alert, Sink: sink, Event: event, State: AlertWaiting, MadeAt: at, DueAt: due,
		Until: due.Add(alertRetryTime),
	}
}

// Begin returns the delivery with a try under way, which has a lease. The first try begins the time in which it is tried.
func (d AlertDelivery) Begin(lease string, at time.Time) AlertDelivery {
	if until := at.Add(alertRetryTime); d.Tries == 0 || d.Until.After(until) {
		d.Until = until
	}
	d.Lease, d.DueAt = lease, at.Add(AlertLease)
	d.Tries, d.TriedAt = d.Tries+1, at
	return d
}

// AlertResult is the result of a try.
type AlertResult struct {
	Error      string // "": the sink took it
	Permanent  bool   // trying again cannot help
	Partly     bool   // the sink took it, but not for all who are to get it, as Error says
	RetryAfter time.Duration
}

// After returns the delivery after a try. ended reports whether its alert has ended meanwhile: a sink that was not told
// that it began is not told late.
func (d AlertDelivery) After(r AlertResult, ended bool, at time.Time) AlertDelivery {
	d.Lease, d.Error = "", cutText(r.Error, maxAlertError)
	switch wait := max(d.backoff(), min(r.RetryAfter, alertRetryTime)); {
	case r.Error == "", r.Partly:
		d.State = AlertSent
	case r.Permanent, at.Add(wait).After(d.Until), d.Event == AlertTest:
		d.State = AlertGivenUp
	case ended && d.Event == AlertRaised:
		d.State = AlertDropped
		d.Error = "it ended before it was sent: " + d.Error
	default:
		d.DueAt = at.Add(wait)
	}
	return d
}

// backoff returns the wait before the next try.
func (d AlertDelivery) backoff() time.Duration {
	wait := minAlertRetry
	for range min(d.Tries-1, 10) {
		wait *= 2
	}
	return min(wait, maxAlertRetry)
}

// Resolved returns the delivery of AlertRaised now that the alert has ended: it is dropped if it was not sent yet. tell
// reports whether the sink is to be told of the end.
func (d AlertDelivery) Resolved() (next AlertDelivery, tell bool) {
	switch {
	case d.State == AlertDropped, d.State == AlertGivenUp:
		return d, d.Supersedes
	case d.State == AlertWaiting && d.Lease == "":
		d.State, d.Error = AlertDropped, "it ended before it was sent"
		return d, d.Tries > 0 || d.Supersedes // an answer may have been lost
	}
	return d, true
}

// cutText returns at most limit bytes of a text, with an ellipsis if something is left out.
func cutText(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit] + "…"
}
