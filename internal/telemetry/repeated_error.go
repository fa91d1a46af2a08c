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

// Report logs the errors of the loops that poll a queue, and the end of the errors. err is the result of one poll.
func (e *RepeatedError) Report(ctx context.Context, log *slog.Logger, queue string, err error, now time.Time) {
	if err == nil {
		if lasted, ok := e.Succeeded(now); ok {
			log.InfoContext(ctx, "the queue can be processed again", "queue", queue, "after", lasted)
		}
		return
	}
	if times, ok := e.Failed(now); ok {
		log.ErrorContext(ctx, "cannot process the queue; trying again", "queue", queue, "faults", times, "err", err)
	}
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
