package server_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dlqdesk/internal/server"
)

// The checks run once a second at most, however many clients ask, and have two seconds. Only changes are logged.
func TestReadinessIsCheckedOnceASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var fault error
		checks := 0
		check := func(ctx context.Context) error {
			if checks++; errors.Is(fault, context.DeadlineExceeded) {
				<-ctx.Done()
			}
			return errors.Join(fault, ctx.Err())
		}
		ready := server.NewReadiness([]server.ReadyCheck{check}, time.Now, slog.New(slog.NewTextHandler(&log, nil)))
		hungUp, hangUp := context.WithCancel(t.Context())
		hangUp()
		full := errors.New("the disk is full")
		for n, step := range []struct {
			passes time.Duration
			fault  error
			status int
			checks int
			takes  time.Duration
		}{
			{0, nil, http.StatusOK, 1, 0},
			{time.Second - 1, full, http.StatusOK, 1, 0},
			{1, full, http.StatusServiceUnavailable, 2, 0},
			{time.Second - 1, nil, http.StatusServiceUnavailable, 2, 0},
			{1, full, http.StatusServiceUnavailable, 3, 0},
			{time.Second, nil, http.StatusOK, 4, 0},
			{time.Second, context.DeadlineExceeded, http.StatusServiceUnavailable, 5, 2 * time.Second},
		} {
			time.Sleep(step.passes)
			fault = step.fault
			begun, got := time.Now(), httptest.NewRecorder()
			ready.ServeHTTP(got, httptest.NewRequestWithContext(hungUp, http.MethodGet, "/readyz", http.NoBody))
			if took := time.Since(begun); got.Code != step.status || checks != step.checks || took != step.takes ||
				strings.Contains(got.Body.String(), "disk") {
				t.Errorf("step %d: %d %s in %v, after %d checks", n, got.Code, got.Body, took, checks)
			}
		}
		if strings.Count(log.String(), "not ready: ") != 2 || strings.Count(log.String(), "ready again: ") != 1 ||
			!strings.Contains(log.String(), full.Error()) {
			t.Errorf("logged:\n%s", &log)
		}
	})
}
