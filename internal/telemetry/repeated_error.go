package telemetry

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// RepeatedError decides when to log an error that occurs again and again in many loops: at once, then once a minute
// with the number of times, and when it has ended. The zero RepeatedError is ready to use.
type RepeatedError struct {
	mu         sync.Mutex
	since      time.Time // when the present error was first met; zero: there is none
	logged     time.Time // when one was last logged
	open       bool      // an error was logged, and its end was not
	unreported int       // errors since the last log line
}

// repeatEvery is how often an error that lasts is logged.
const repeatEvery = time.Minute

// Report logs the errors of a loop with the text failed, and their end with the text over. err is the result of one
// turn of the loop.
func (e *RepeatedError) Report(
	ctx context.Context, log *slog.Logger, err error, now time.Time, failed, over string,
) {
	if err == nil {
		if lasted, ok := e.Succeeded(now); ok {
			log.InfoContext(ctx, over, "after", lasted) //nolint:sloglint // a constant of the caller
		}
		return
	}
	if times, ok := e.Failed(now); ok {
		log.ErrorContext(ctx, failed, "faults", times, "err", err) //nolint:sloglint // likewise
	}
}

// ReportQueue is Report for a loop that polls a queue.
func (e *RepeatedError) ReportQueue(
	ctx context.Context, log *slog.Logger, queue string, err error, now time.Time,
) {
	e.Report(ctx, log.With("queue", queue), err, now, "cannot process the queue; trying again",
		"the queue can be processed again")
}

// Failed records an error. It reports whether to log it, and how many there were since the last log line.
func (e *RepeatedError) Failed(now time.Time) (times int, log bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.unreported++
	if e.since.IsZero() {
		e.since = now
	}
	if !e.logged.IsZero() && now.Sub(e.logged) < repeatEvery && !now.Before(e.logged) {
		return 0, false
	}
	times, e.unreported, e.logged, e.open = e.unreported, 0, now, true
	return times, true
}

// Succeeded records a success. It reports whether to log the end of an error, and how long it lasted.
func (e *RepeatedError) Succeeded(now time.Time) (lasted time.Duration, log bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	lasted, log = now.Sub(e.since), e.open
	e.since, e.open = time.Time{}, false
	return lasted, log
}
