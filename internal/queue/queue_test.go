package queue_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"dlqdesk/internal/queue"
)

// extensions notes when messages were extended, and for how long.
type extensions struct {
	begun time.Time
	at    []time.Duration
	d     time.Duration
}

func (e *extensions) ExtendVisibility(_ context.Context, messages []queue.Message, d time.Duration) []error {
	e.at, e.d = append(e.at, time.Since(e.begun)), d
	return make([]error, len(messages))
}

func TestHeartbeatExtendsVisibilityUntilTheWorkIsDone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &extensions{begun: time.Now()}
		stop := queue.StartHeartbeat(t.Context(), e, []queue.Message{{ID: "a"}}, 30*time.Second)
		<-time.After(50 * time.Second)
		stop()
		<-time.After(time.Hour)
		if want := []time.Duration{
			15 * time.Second,
			30 * time.Second,
			45 * time.Second,
		}; !slices.Equal(e.at, want) ||
			e.d != 30*time.Second {
			t.Errorf("extended at %v by %v", e.at, e.d)
		}
	})
}
