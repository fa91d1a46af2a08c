package app_test

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

	"dlqdesk/internal/app"
)

// However often and by whom it is asked, what keeps webhooks is looked at once a second, and not for long. The log
// tells of changes alone.
func TestReadinessIsLookedAtOnceASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var fault error
		looks := 0
		keeps := func(ctx context.Context) error {
			if looks++; errors.Is(fault, context.DeadlineExceeded) {
				<-ctx.Done()
			}
			return errors.Join(fault, ctx.Err())
		}
		ready := app.Ready(keeps, time.Now, slog.New(slog.NewTextHandler(&log, nil)))
		hungUp, hangUp := context.WithCancel(t.Context())
		hangUp()
		full := errors.New("the disk is full")
		for n, step := range []struct {
			passes time.Duration
			fault  error
			status int
			looks  int
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
			if took := time.Since(
				begun,
			); got.Code != step.status || looks != step.looks || took != step.takes ||
				strings.Contains(got.Body.String(), "disk") {
				t.Errorf("step %d answers %d %s in %v, after %d looks", n, got.Code, got.Body, took, looks)
			}
		}
		if strings.Count(log.String(), "not ready: ") != 2 || strings.Count(log.String(), "ready again: ") != 1 ||
			!strings.Contains(log.String(), full.Error()) {
			t.Errorf("logged:\n%s", &log)
		}
	})
}
