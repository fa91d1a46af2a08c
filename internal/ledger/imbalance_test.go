package ledger_test

import (
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/ledger"
)

func TestAcknowledge(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 2, 10, 15, 0, 0, time.UTC)
	anna := deadletter.User("anna", deadletter.Operator, "192.0.2.7")
	lost := ledger.Imbalance{
		Hour:    ledger.HourOf(at),
		Source:  "genesys",
		Stage:   ledger.StageMessages,
		Missing: 2,
	}
	known, grown, killed := lost, lost, lost
	known.Ack = ledger.Acknowledgement{By: "ben", At: at.Add(-time.Minute), Amount: 2}
	grown.Ack = ledger.Acknowledgement{By: "ben", At: at.Add(-time.Minute), Amount: 1}
	killed.Missing, killed.Killed = -2, at
	for name, c := range map[string]struct {
		i    ledger.Imbalance
		by   deadletter.Actor
		note string
		seen int
		kind deadletter.Kind
		says string // empty: it is acknowledged
	}{
		"one that nobody knows of": {lost, anna, " ticket 4711 ", 2, 0, ""},
		"one that has changed":     {grown, anna, "more of it", 2, 0, ""},
		"by a viewer": {
			lost, deadletter.User("vera", deadletter.Viewer, ""), "x", 2, deadletter.Forbidden,
			"a viewer may not acknowledge",
		},
		"without a note":    {lost, anna, " ", 2, deadletter.Invalid, "say what you found out"},
		"of another amount": {lost, anna, "x", 3, deadletter.Conflict, "it was 3 when you looked and is 2 now"},
		"once more":         {known, anna, "x", 2, deadletter.Conflict, "ben acknowledged this"},
		"what is explained": {killed, anna, "x", 2, deadletter.Conflict, "is explained"},
	} {
		t.Run(name, func(t *testing.T) {
			ack, e, err := c.i.Acknowledge(c.by, c.seen, c.note, at)
			if c.says != "" {
				if deadletter.KindOf(err) != c.kind || !strings.Contains(deadletter.TextOf(err), c.says) {
					t.Errorf("%s: %v", name, err)
				}
				return
			}
			if err != nil || ack.By != "anna" || ack.Amount != 2 || ack.Note != strings.TrimSpace(c.note) ||
				!ack.At.Equal(at) {
				t.Errorf("%s: %+v, %v", name, ack, err)
			}
			if e.Action != "ledger.acknowledge" || e.Source != "genesys" || e.Target != "2026-03-02T10:00:00Z" ||
				string(e.After) != `{"stage":"messages","kind":"missing","amount":2}` {
				t.Errorf("%s: the event is %+v", name, e)
			}
			c.i.Ack = ack
			if !c.i.Acknowledged() {
				t.Errorf("%s: it is not", name)
			}
		})
	}
}
