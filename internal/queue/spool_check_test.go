package queue_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"dlqdesk/internal/queue"
)

// telling is a queue that is asked for its depth.
type telling struct {
	err   error
	asked int
}

func (*telling) Name() string { return "dlq" }

func (q *telling) Depth(context.Context) (queue.Depth, error) {
	q.asked++
	return queue.Depth{}, q.err
}

func TestOutageOfIdleQueueIsNoticed(t *testing.T) { //nolint:paralleltest // the SQS server is found by environment
	for name, c := range map[string]struct {
		err  error
		away bool
	}{
		"no connection": {errors.New("connection refused"), true},
		"no answer":     {context.DeadlineExceeded, true},
		"deleted":       {&types.QueueDoesNotExist{}, true},
		"throttled":     {&smithy.GenericAPIError{Code: "ThrottlingException"}, true},
		"may not ask":   {&smithy.GenericAPIError{Code: "AccessDenied"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			o, q := setupOutage(t, "dlq"), &telling{err: c.err}
			o.Check(t.Context(), q)
			if away := !o.UnavailableSince().IsZero(); away != c.away {
				t.Errorf("it is away: %t", away)
			}
			q.err = nil
			o.Check(t.Context(), q)
			if !o.UnavailableSince().IsZero() || q.asked != 2 {
				t.Errorf("it answered, and is away since %s; it was asked %d times", o.UnavailableSince(), q.asked)
			}
		})
	}
}

func TestQueueInUseIsNotPolled(t *testing.T) { //nolint:paralleltest // the SQS server is found by environment
	o, q := setupOutage(t, "dlq"), &telling{err: errors.New("connection refused")}
	message := []queue.Outgoing{{Body: []byte("x")}}
	if err := o.Send(t.Context(), message)[0]; err != nil {
		t.Fatal(err)
	}
	o.Check(t.Context(), q)
	if q.asked != 0 || !o.UnavailableSince().IsZero() {
		t.Errorf("it was asked %d times, and is away since %s", q.asked, o.UnavailableSince())
	}
	// A queue that accepts no message is unavailable, even if it reports its depth.
	o.begin("ServiceUnavailable")
	if err := o.Send(t.Context(), message)[0]; err != nil {
		t.Fatal(err)
	}
	o.clock.Add(time.Minute)
	q.err = nil
	o.Check(t.Context(), q)
	if o.UnavailableSince().IsZero() {
		t.Error("it is back without having taken a message")
	}
}
