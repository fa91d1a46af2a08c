package server_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"dlqdesk/internal/server"
)

// Deliveries may use the whole grace period except the time to record their outcomes: five seconds, and a third at
// most.
func TestStopLeavesTimeToRecordCutOffDeliveries(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ grace, stops, cutOff time.Duration }{
		{30 * time.Second, time.Minute, 25 * time.Second},
		{3 * time.Second, time.Minute, 2 * time.Second},
		{30 * time.Second, 10 * time.Second, 10 * time.Second},
		{0, time.Minute, time.Minute}, // it has no end
	} {
		t.Run(fmt.Sprintf("grace %s, stops in %s", c.grace, c.stops), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if c.grace > 0 {
					limited, cancel := context.WithTimeout(ctx, c.grace)
					defer cancel()
					ctx = limited
				}
				begun := time.Now()
				l := server.NewLifecycle()
				l.OnStop("a part", func(context.Context) error {
					select {
					case <-time.After(c.stops):
					case <-l.Deliveries().Done():
					}
					return nil
				})
				go func() { _ = l.Stop(ctx) }()
				if <-l.Deliveries().Done(); time.Since(begun) != c.cutOff {
					t.Errorf("with %v to stop and steps of %v, deliveries had %v, want %v", c.grace, c.stops,
						time.Since(begun), c.cutOff)
				}
			})
		})
	}
}
