package app

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"dlqdesk/internal/config"
	"dlqdesk/internal/receiver"
)

// SetClock has the program, before it starts, live by another machine's clocks: the time of day, and how long it runs.
func (a *App) SetClock(read func() (time.Time, time.Duration)) {
	a.now = (&steadyClock{read: read, stepped: a.clockStepped}).now
}

// SteadyClock makes the clock that the program lives by.
func SteadyClock(read func() (time.Time, time.Duration), stepped func(time.Duration)) func() time.Time {
	return (&steadyClock{read: read, stepped: stepped}).now
}

// Guard keeps the connections of a server within a number.
func Guard(s *http.Server, most int) { newGuard(most).over(s) }

// Sender delivers as the program does, until it is cut off.
func Sender(s receiver.Sender) (sender receiver.Sender, cutOff func()) {
	a := New(config.Config{}, slog.New(slog.DiscardHandler))
	return a.sender(s), a.cutOff
}

// CheckLedger has the ledger checked so often, and messages on their way for so long only. It comes before Start.
func (a *App) CheckLedger(every, settle time.Duration) { a.ledgerEvery, a.ledgerSettle = every, settle }

// Ready tells whether something keeps webhooks, by a clock.
func Ready(keeps func(ctx context.Context) error, now func() time.Time, log *slog.Logger) http.Handler {
	a := New(config.Config{}, log)
	a.now = now
	return &readiness{app: a, keeps: []keeping{keeps}}
}

// CutOffInTime answers the context of the deliveries of a program that stops within ctx, and what it calls at the end.
func CutOffInTime(ctx context.Context) (deliveries context.Context, stop func()) {
	a := New(config.Config{}, slog.New(slog.DiscardHandler))
	return a.deliveries, a.cutOffInTime(ctx)
}
