package app

import (
	"context"

	"dlqdesk/internal/config"
)

// CutOffInTime returns the context of the deliveries of a program that stops within ctx, and what Stop calls at its
// end.
func CutOffInTime(ctx context.Context) (deliveries context.Context, stop func()) {
	a := New(config.Config{}, Options{})
	return a.deliveries, a.cutOffInTime(ctx)
}
