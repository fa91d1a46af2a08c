package telemetry_test

import (
	"testing"
	"time"

	"dlqdesk/internal/telemetry"
)

func TestRepeatedErrorIsLoggedOnceAMinute(t *testing.T) {
	t.Parallel()
	var repeated telemetry.RepeatedError
	at := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	if _, log := repeated.Succeeded(at); log {
		t.Error("an error that never was is over")
	}
	for n, c := range []struct {
		after time.Duration
		fails bool
		log   bool
		times int
		lasts time.Duration
	}{
		{0, true, true, 1, 0},
		{time.Second, true, false, 0, 0},
		{59 * time.Second, true, false, 0, 0},
		{time.Minute, true, true, 3, 0},
		{90 * time.Second, false, true, 0, 90 * time.Second},
		{91 * time.Second, false, false, 0, 0},
		{92 * time.Second, true, false, 0, 0}, // it comes and goes
		{93 * time.Second, false, false, 0, 0},
		{2 * time.Minute, true, true, 2, 0},
		{121 * time.Second, false, true, 0, time.Second},
		{-time.Hour, true, true, 1, 0}, // the clock was set back
	} {
		if c.fails {
			if times, log := repeated.Failed(at.Add(c.after)); log != c.log || times != c.times {
				t.Errorf("%d: %d times, logged %t", n, times, log)
			}
			continue
		}
		if lasted, log := repeated.Succeeded(at.Add(c.after)); log != c.log || log && lasted != c.lasts {
			t.Errorf("%d: it lasted %s, logged %t", n, lasted, log)
		}
	}
}
