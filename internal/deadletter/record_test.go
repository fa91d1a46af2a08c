package deadletter_test

import (
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
)

func TestRecordIsNotSentBackToAQueue(t *testing.T) {
	t.Parallel()
	for kind, c := range map[deadletter.Record]struct {
		instead string
		payload bool
	}{
		deadletter.RecordInvocation: {"invoke the function with it again", true},
		deadletter.RecordExecution:  {"redrive the execution in Step Functions", true},
		deadletter.RecordRule:       {"publish it to its topic again", true},
		deadletter.RecordBatch:      {"read the batch from its stream", false},
		deadletter.RecordEvents:     {"replay the events from the bus", false},
		deadletter.RecordCut:        {"send the message again", false},
	} {
		t.Run(string(kind), func(t *testing.T) {
			m := queued(deadletter.Failed)
			m.Queue.Record, m.Queue.Service, m.Revision = kind, "Lambda", 0
			for _, act := range []deadletter.Action{deadletter.ActRedrive, deadletter.ActEditRedrive} {
				if err := m.Permits(anna, act, now); deadletter.KindOf(err) != deadletter.Conflict ||
					!strings.Contains(deadletter.TextOf(err), c.instead) {
					t.Errorf("%s: %v", act, err)
				}
			}
			if _, err := m.Redrive(anna, deadletter.TriggerRedrive, 0, m.Version, now); err == nil {
				t.Error("it is redriven")
			}
			_, err := m.Replay(anna, deadletter.TriggerReplay, 0, m.Version, now)
			if permitted := m.Permits(anna, deadletter.ActReplay, now); (err == nil) != c.payload ||
				(permitted == nil) != c.payload {
				t.Errorf("a replay: %v, %v", err, permitted)
			}
			edited, err := m.EditAndReplay(
				anna, deadletter.TriggerEdit, deadletter.Revision{Body: []byte("{}"), Reason: "x"}, m.Version, now,
			)
			if err != nil || m.Permits(anna, deadletter.ActEdit, now) != nil {
				t.Fatalf("an edit is refused: %v", err)
			}
			again := edited.After
			again.Status = deadletter.Failed
			if _, err := again.Replay(anna, deadletter.TriggerReplay, 1, again.Version, now); err != nil {
				t.Errorf("what a person wrote is not replayed: %v", err)
			}
		})
	}
}
