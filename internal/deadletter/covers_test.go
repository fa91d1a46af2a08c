package deadletter_test

import (
	"fmt"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
)

func TestMessageCoversRepeatedCaptures(t *testing.T) {
	t.Parallel()
	original := deadletter.Revision{Body: []byte("one")}
	for _, status := range deadletter.Statuses() {
		l := deadletter.Message{ID: "a-1", Status: status}
		open := status == deadletter.Failed || status == deadletter.Retrying || status == deadletter.Replaying
		if !l.Covers(deadletter.Capture{ID: "a-1", Body: []byte("two")}, original, time.Hour) ||
			!l.Covers(deadletter.Capture{ID: "b-2", Body: []byte("one")}, original, time.Hour) {
			t.Errorf("%s: the same message, or the same bytes, would be another message", status)
		}
		if l.Covers(deadletter.Capture{ID: "b-2", Body: []byte("two")}, original, time.Hour) != open {
			t.Errorf("%s: other bytes of the event", status)
		}
	}
}

func TestMessageCoversCapturesWithinTheWindow(t *testing.T) {
	t.Parallel()
	l := deadletter.Message{ID: "a-1", Status: deadletter.Failed, ReceivedAt: now}
	for _, c := range []struct {
		id            deadletter.ID
		after, window time.Duration
		want          bool
	}{
		{"b-2", 0, time.Hour, true},
		{"b-2", time.Hour, time.Hour, true},
		{"b-2", -time.Hour, time.Hour, true},
		{"b-2", time.Hour + 1, time.Hour, false},
		{"b-2", -time.Hour - 1, time.Hour, false},
		{"b-2", 0, 0, false},
		{"a-1", 100 * time.Hour, 0, true},
	} {
		t.Run(fmt.Sprintf("%s after %s within %s", c.id, c.after, c.window), func(t *testing.T) {
			if got := l.Covers(
				deadletter.Capture{ID: c.id, ReceivedAt: now.Add(c.after)}, deadletter.Revision{}, c.window,
			); got != c.want {
				t.Errorf("%s after %s within %s: %t", c.id, c.after, c.window, got)
			}
		})
	}
}
