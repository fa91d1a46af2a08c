package app

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"dlqdesk/internal/config"
)

// SteadyClock makes the clock that the program lives by.
func SteadyClock(read func() (time.Time, time.Duration), stepped func(time.Duration)) func() time.Time {
	return (&steadyClock{read: read, stepped: stepped}).now
}

// Guard keeps the connections of a server within a number.
func Guard(s *http.Server, most int) { newGuard(most).over(s) }

// Ready tells whether something keeps webhooks, by a clock.
func Ready(keeps func(ctx context.Context) error, now func() time.Time, log *slog.Logger) http.Handler {
	a := New(config.Config{}, Options{Log: log})
	a.now = now
	return &readiness{app: a, keeps: []keeping{keeps}}
}

// CutOffInTime answers the context of the deliveries of a program that stops within ctx, and what it calls at the end.
func CutOffInTime(ctx context.Context) (deliveries context.Context, stop func()) {
	a := New(config.Config{}, Options{})
	return a.deliveries, a.cutOffInTime(ctx)
}
