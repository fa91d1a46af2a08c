package deadletter_test

import (
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
)

func TestStandingOfASink(t *testing.T) {
	t.Parallel()
	none := deadletter.AlertDelivery{}
	try := func(id int64, state deadletter.AlertDeliveryState, fault string, at time.Duration) deadletter.AlertDelivery {
		return deadletter.AlertDelivery{ID: id, State: state, Error: fault, TriedAt: noon.Add(at)}
	}
	sent := try(1, deadletter.AlertSent, "", time.Minute)
	partly := try(2, deadletter.AlertSent, "550", time.Minute)
	failing := try(3, deadletter.AlertWaiting, "503", 0)
	gaveUp := try(4, deadletter.AlertGivenUp, "404", 2*time.Minute)
	before := try(5, deadletter.AlertGivenUp, "404", 0)
	seen := map[deadletter.SinkStanding]bool{}
	for name, c := range map[string]struct {
		sent, failing, givenUp deadletter.AlertDelivery
		want                   deadletter.SinkStanding
		latest                 deadletter.AlertDelivery
	}{
		"nothing yet":        {none, none, none, deadletter.SinkUntold, none},
		"taken":              {sent, none, none, deadletter.SinkTakes, sent},
		"taken in part":      {partly, none, none, deadletter.SinkPartly, partly},
		"given up before":    {sent, none, before, deadletter.SinkTakes, sent},
		"given up since":     {sent, none, gaveUp, deadletter.SinkGaveUp, gaveUp},
		"given up":           {none, none, gaveUp, deadletter.SinkGaveUp, gaveUp},
		"one is tried again": {sent, failing, gaveUp, deadletter.SinkFails, failing},
	} {
		standing, latest := deadletter.StandingOf(c.sent, c.failing, c.givenUp)
		if standing != c.want || latest != c.latest {
			t.Errorf("%s: %s by %+v", name, standing, latest)
		}
		seen[standing] = true
	}
	for _, standing := range deadletter.SinkStandings() {
		if !seen[standing] {
			t.Errorf("no case comes to %s", standing)
		}
	}
}
