package ingest_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"dlqdesk/internal/desktest"
	"dlqdesk/internal/ingest"
	"dlqdesk/internal/pressure"
	"dlqdesk/internal/queue"
)

// While webhooks fail faster than the machine can do everything, ingest moves a batch once a second, so that no message
// waits for ever. Afterwards it catches up.
func TestIngestYieldsToCaptures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const backlog, underPressure = 20, 5
		ctx, stop := context.WithCancel(t.Context())
		q := &arrivals{
			Embedded: queue.NewEmbedded(nil, "dlq", 1<<20, time.Now), begun: time.Now(), over: stop,
			at: make([]time.Duration, backlog),
		}
		d := newDeps(q, desktest.NewStore(t), settings, time.Now)
		d.Pressure = pressure.New(desktest.Busy)
		desktest.Capture(d.Pressure, time.Second)
		q.begun = time.Now()
		ended := make(chan error)
		go func() { ended <- ingest.New(d).Run(ctx) }()
		desktest.Capture(d.Pressure, underPressure*time.Second)
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if n := len(q.received); n != backlog {
			t.Fatalf("%d messages were received", n)
		}
		for n, after := range q.received[:underPressure] {
			if after != time.Duration(n)*time.Second {
				t.Errorf("under pressure message %d was received after %v", n, after)
			}
		}
		if last := q.received[backlog-1]; last > (underPressure+2)*time.Second {
			t.Errorf("the last message was received after %v: it did not catch up", last)
		}
	})
}
