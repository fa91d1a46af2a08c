package deadletter

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

// StandingOf returns how a sink takes alerts, and the delivery that shows it, by the latest deliveries that it took, that
// it did not take so far, and that were given up. A zero delivery: there is none.
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
