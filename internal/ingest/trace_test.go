package ingest_test

import (
	"context"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/queue"
)

// traced has SQS say of which trace each message is.
type traced struct {
	*queue.Embedded
	header string
}

func (q traced) Receive(ctx context.Context, limit int, wait time.Duration) ([]queue.Message, error) {
	messages, err := q.Embedded.Receive(ctx, limit, wait)
	for i := range messages {
		messages[i].System = map[string]string{"AWSTraceHeader": q.header}
	}
	return messages, err
}

func TestMessageContinuesTheTraceOfItsQueueMessage(t *testing.T) {
	t.Parallel()
	b := setup(t, settings)
	const header, carried, own = "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"00-5cf92f3577b34da6a3ce929d0e0e4736-11f067aa0ba902b7-01"
	told := desktest.Failure("a-1", 422, b.clock.Now())
	told.Queue.TraceParent = own
	b.send(t, encode(t, told), encode(t, desktest.Failure("b-2", 422, b.clock.Now())))
	if n, err := newIngest(
		traced{b.queue, header}, b.store, settings, b.clock, desktest.Log(t),
	).Once(t.Context(), 0); n != 2 ||
		err != nil {
		t.Fatalf("%d messages were moved, %v", n, err)
	}
	for id, want := range map[deadletter.ID]string{"a-1": own, "b-2": carried} {
		t.Run(string(id), func(t *testing.T) {
			if l := desktest.Message(t, b.store, id); l.Queue.TraceParent != want {
				t.Errorf("message %s goes on with %q, not %q", id, l.Queue.TraceParent, want)
			}
		})
	}
}
