package telemetry_test

import (
	"testing"
	"time"

	"dlqdesk/internal/telemetry"
)

func TestTroubleIsToldOnceAMinuteAndItsEnd(t *testing.T) {
	t.Parallel()
	var trouble telemetry.Trouble
	at := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	if _, tell := trouble.Over(at); tell {
		t.Error("what never failed is over")
	}
	for n, c := range []struct {
		after time.Duration
		fails bool
		tell  bool
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
			if times, tell := trouble.Met(at.Add(c.after)); tell != c.tell || times != c.times {
				t.Errorf("%d: %d times, told %t", n, times, tell)
			}
			continue
		}
		if lasted, tell := trouble.Over(at.Add(c.after)); tell != c.tell || tell && lasted != c.lasts {
			t.Errorf("%d: it lasted %s, told %t", n, lasted, tell)
		}
	}
}
