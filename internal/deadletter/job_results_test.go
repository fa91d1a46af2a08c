package deadletter_test

import (
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
)

// However long a job takes, its plot has few bars, and results that were kept in the bars of a shorter time fit into
// them.
func TestBarsOfAJobGrowWithItsTime(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	last := deadletter.JobBar(0)
	for took := time.Duration(0); took < 2*365*day; took += max(time.Second, took/50) {
		width := deadletter.JobBar(took)
		if took > deadletter.MaxJobBars*width || width > time.Second && width > took {
			t.Fatalf("a job of %s has bars of %s", took, width)
		}
		if width%last != 0 {
			t.Fatalf("bars of %s follow those of %s", width, last)
		}
		last = width
	}
	for took, want := range map[time.Duration]time.Duration{
		0:                     time.Second,
		time.Minute:           time.Second,
		time.Minute + 1:       5 * time.Second,
		time.Hour:             time.Minute,
		day:                   time.Hour,
		60 * day:              day,
		60*day + time.Second:  2 * day,
		240*day + time.Second: 8 * day,
	} {
		if width := deadletter.JobBar(took); width != want {
			t.Errorf("a job of %s has bars of %s, want %s", took, width, want)
		}
	}
}

func TestResultsOfAJobAreShownUntilItsEndOrPause(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	ended, paused := now.Add(-2*time.Hour), now.Add(-time.Hour)
	one := deadletter.JobItems{InFlight: 1}
	at := deadletter.LastChange{By: "anna", Action: "paused", At: paused}
	for name, test := range map[string]struct {
		job  deadletter.Job
		want time.Time
	}{
		"running":          {deadletter.Job{State: deadletter.JobRunning, Last: at}, now},
		"paused":           {deadletter.Job{State: deadletter.JobPaused, Last: at}, paused},
		"done":             {deadletter.Job{State: deadletter.JobDone, EndedAt: ended, Last: at}, ended},
		"pausing, not yet": {deadletter.Job{State: deadletter.JobPaused, Last: at, Items: one}, now},
	} {
		if got := test.job.ResultsUntil(now); !got.Equal(test.want) {
			t.Errorf("%s: until %s, want %s", name, got, test.want)
		}
	}
}
