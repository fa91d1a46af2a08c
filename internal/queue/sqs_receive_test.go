package queue_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"dlqdesk/internal/queue"
)

// SQS may hand out messages to a receive that is cancelled. They are visible to others at once, and not only after
// their visibility timeout.
func TestCancelledReceiveReleasesItsMessages(t *testing.T) {
	t.Parallel()
	const pollers = 4
	atSQS := make(chan struct{}, 100)
	q, direct, _ := faulty(
		t,
		"q",
		map[string]string{"VisibilityTimeout": "3600"},
		func(_ http.ResponseWriter, _ *http.Request, action string, _ int) bool {
			if action == "ReceiveMessage" {
				atSQS <- struct{}{}
			}
			return false
		},
	)
	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range pollers {
		all.Go(func() {
			if got, err := q.Receive(ctx, 10, 20*time.Second); !errors.Is(err, context.Canceled) {
				t.Errorf("%d messages were received, %v", len(got), err)
			}
		})
	}
	for range pollers {
		<-atSQS
	}
	stop()
	all.Wait()
	send(t, direct, "x")
	q.Close(t.Context())
	ok(t, direct.Delete(t.Context(), []queue.Message{receiveOne(t, direct)}))
}
