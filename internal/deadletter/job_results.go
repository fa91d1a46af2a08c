package deadletter

import "time"

// MaxJobBars is how many bars the plot of a job's results has at most.
const MaxJobBars = 60

// barFactors lead from one width of a bar to the next: 1, 5, 15 s, 1, 5, 15 min, 1, 6, 24 h.
var barFactors = [...]time.Duration{5, 3, 4, 5, 3, 4, 6, 4}

// JobBar returns the width of the bars that show the results of a job which took so long: the shortest of which
// MaxJobBars are enough. Each width is a multiple of all shorter ones, so the results of a job that goes on can be kept
// in the widths that it had so far. Example: 90 s are shown in bars of 5 s.
func JobBar(took time.Duration) time.Duration {
	width := time.Second
	for _, factor := range barFactors {
		if took <= MaxJobBars*width {
			return width
		}
		width *= factor
	}
	for took > MaxJobBars*width {
		width *= 2
	}
	return width
}

// JobResults counts the messages of a job that got their result in a part of its time.
type JobResults struct {
	After                 time.Duration // since the job began; the part is as long as JobBar returns
	Done, Failed, Skipped int
}

// ResultsUntil returns the time until which the results of a job are shown: its end, its pause, or now.
func (j Job) ResultsUntil(now time.Time) time.Time {
	switch {
	case j.State.Ended():
		return j.EndedAt
	case j.State == JobPaused && j.Items.InFlight == 0:
		return j.Last.At
	}
	return now
}
