package app_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"dlqdesk/internal/app"
)

// Deliveries have all of the grace but what it takes to write down what became of them: five seconds, and never more
// than a third.
func TestGraceLeavesTimeForLastWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ grace, stops, cutOff time.Duration }{
		{30 * time.Second, time.Minute, 25 * time.Second},
		{3 * time.Second, time.Minute, 2 * time.Second},
		{30 * time.Second, 10 * time.Second, 10 * time.Second},
		{0, time.Minute, time.Minute}, // it has no end
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx := t.Context()
			if c.grace > 0 {
				limited, cancel := context.WithTimeout(ctx, c.grace)
				defer cancel()
				ctx = limited
			}
			begun := time.Now()
			deliveries, stop := app.CutOffInTime(ctx)
			defer time.AfterFunc(c.stops, stop).Stop()
			if <-deliveries.Done(); time.Since(begun) != c.cutOff {
				t.Errorf(
					"of a grace of %v and a stop that took %v deliveries had %v, want %v",
					c.grace,
					c.stops,
					time.Since(begun),
					c.cutOff,
				)
			}
		})
	}
}
