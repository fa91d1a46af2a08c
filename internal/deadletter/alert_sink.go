package deadletter

import (
	"slices"
	"time"
)

// SinkStanding says how a sink takes alerts.
type SinkStanding string

// The standings of sinks.
const (
	SinkUntold SinkStanding = "untold" // nothing was sent to it yet
	SinkTakes  SinkStanding = "takes"  // it took the latest alert
	SinkPartly SinkStanding = "partly" // it took the latest alert, but not for all who are to get it
	SinkFails  SinkStanding = "fails"  // it does not take an alert that waits for it
	SinkGaveUp SinkStanding = "gave_up"
)

// SinkStandings lists every standing.
func SinkStandings() []SinkStanding {
	return []SinkStanding{SinkUntold, SinkTakes, SinkPartly, SinkFails, SinkGaveUp}
}

// StandingOf returns how a sink takes alerts, and the delivery that shows it, by the latest deliveries that it took,
// that it did not take so far, and that were given up. A zero delivery: there is none.
func StandingOf(sent, failing, givenUp AlertDelivery) (SinkStanding, AlertDelivery) {
	switch {
	case failing.ID != 0:
		return SinkFails, failing
	case givenUp.TriedAt.After(sent.TriedAt):
		return SinkGaveUp, givenUp
	case sent.ID == 0:
		return SinkUntold, sent
	case sent.Partly():
		return SinkPartly, sent
	}
	return SinkTakes, sent
}

// TestSink returns the delivery of a test that the actor orders, with its audit event. names are the configured sinks,
// and latest is the latest test of this one. It returns NotFound for another sink, and Conflict while a test waits.
func TestSink(
	by Actor, sink string, names []string, latest AlertDelivery, at time.Time,
) (AlertDelivery, Event, error) {
	if err := by.May(ActTestSink); err != nil {
		return AlertDelivery{}, Event{}, err
	}
	if !slices.Contains(names, sink) {
		return AlertDelivery{}, Event{}, Errorf(NotFound, "there is no sink %q below alerts.sinks", sink)
	}
	if latest.State == AlertWaiting {
		return AlertDelivery{}, Event{}, Errorf(
			Conflict, "the test by %s %s is not over yet: wait for what comes of it", latest.By, ago(latest.MadeAt, at),
		)
	}
	d := NewAlertDelivery(0, sink, AlertTest, at, at)
	d.By = by.Name
	e, err := NewEvent(by, "alert.test", "sink", sink, "", nil, nil, at)
	return d, e, err
}

// TestAlert returns the alert that a test sends.
func TestAlert(d AlertDelivery) Alert {
	return Alert{
		Key: "test:" + d.Notice, Severity: SeverityInfo, Title: "Test of the alerts to " + d.Sink,
		Text: d.By + " sent this to see whether alerts come here. Nothing has happened.", RaisedAt: d.MadeAt,
	}
}
