package console

import (
	"cmp"
	"context"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
)

// maxJobMarks is how many of a job's latest events its plot marks.
const maxJobMarks = 50

// jobPlot shows what a job came to over its time. It returns the zero view before the first result.
func (c *Console) jobPlot(ctx context.Context, j deadletter.Job) (v page.JobPlot, err error) {
	took := max(0, j.ResultsUntil(c.Now()).Sub(j.StartedAt))
	width := deadletter.JobBar(took)
	results, err := c.Store.JobResults(ctx, j.ID, width)
	if err != nil || len(results) == 0 {
		return v, err
	}
	events, err := c.jobEvents(ctx, j, maxJobMarks)
	if err != nil {
		return v, err
	}
	bars := make([]deadletter.JobResults, max(1, int((took+width-1)/width)))
	at := func(after time.Duration) int { return max(0, min(int(after/width), len(bars)-1)) }
	most, sum := 0, deadletter.JobResults{}
	for _, r := range results { // those that were in flight at the end belong to the last bar
		bar := &bars[at(r.After)]
		bar.Done, bar.Failed, bar.Skipped = bar.Done+r.Done, bar.Failed+r.Failed, bar.Skipped+r.Skipped
		sum.Done, sum.Failed, sum.Skipped = sum.Done+r.Done, sum.Failed+r.Failed, sum.Skipped+r.Skipped
		most = max(most, bar.Done+bar.Failed+bar.Skipped)
	}
	axis := rateAxisOf(most, width)
	whole := width * time.Duration(len(bars))
	v = page.JobPlot{
		Done: wordsOf(j.Action).each, Width: formatDuration(width),
		Top: axis.text(axis.top), Half: axis.text(axis.top / 2), Middle: elapsed(whole / 2), End: elapsed(whole),
	}
	v.Summary = number(sum.Done) + " " + v.Done + ", " + number(sum.Failed) + " failed and " + number(sum.Skipped) +
		" skipped in " + elapsed(whole) + ", " + axis.text(axis.rate(most)) + " at most."
	for i, bar := range bars {
		n := bar.Done + bar.Failed + bar.Skipped
		shown := page.JobBar{
			From: elapsed(time.Duration(i) * width), Rate: axis.text(axis.rate(n)),
			Done: number(bar.Done), Failed: number(bar.Failed), Skipped: number(bar.Skipped),
		}
		for k, part := range []int{bar.Done, bar.Failed, bar.Skipped} {
			shown.Heights[k] = axis.rate(part) / axis.top
		}
		v.Bars = append(v.Bars, shown)
	}
	for i := range events { // newest first
		kind, text := c.jobMark(j, events[len(events)-1-i])
		if kind == "" {
			continue
		}
		after := events[len(events)-1-i].At.Sub(j.StartedAt)
		bar := &v.Bars[at(after)]
		bar.Moments = append(bar.Moments, text)
		addMark(&v, page.JobMark{Kind: kind, Text: text, At: min(1, max(0, float64(after)/float64(whole)))})
	}
	return v, nil
}

// addMark adds a mark to a plot, or its text to the mark before that would be drawn over it.
func addMark(v *page.JobPlot, m page.JobMark) {
	const close = 0.04
	if n := len(v.Marks); n > 0 && m.At-v.Marks[n-1].At < close {
		v.Marks[n-1].Text += "\n" + m.Text
		return
	}
	v.Marks = append(v.Marks, m)
}

// jobMark returns the kind and the text of an event that may explain how a job goes on; "" for any other.
func (c *Console) jobMark(j deadletter.Job, e store.EventRow) (kind, text string) {
	by := " by " + cmp.Or(printable(e.By), "unknown user")
	var facts struct {
		Step int
		deadletter.JobPace
	}
	// An event of another version may lack some of these fields.
	_ = json.Unmarshal(e.After, &facts)
	switch e.Action {
	case "job.step":
		j.Step = facts.Step
		return "step", strings.TrimSuffix(sentence(j.StepText()), ".") + " began"
	case "job.pause":
		if e.Actor == deadletter.ActorSystem {
			return "halt", printable(sentence(e.Reason))
		}
		return "pause", "Paused" + by
	case "job.resume":
		return "resume", "Resumed" + by
	case "job.pace":
		pace := page.JobPace{Rate: optional(facts.Rate), Concurrency: optional(facts.Places)}
		return "pace", "Pace set" + by + ": " + cmp.Or(pace.Text(), "no limit")
	case "job.cancel":
		return "cancel", "Cancelled" + by
	}
	return "", ""
}

// rateAxis is the axis of a plot: rates in a unit in which they are no fractions.
type rateAxis struct {
	width, unit time.Duration
	name        string
	top         float64
}

// rateAxisOf returns the axis for bars of a width of which the highest has so many messages.
func rateAxisOf(most int, width time.Duration) rateAxis {
	a := rateAxis{width: width, unit: time.Hour, name: "an hour"}
	switch {
	case float64(most) >= width.Seconds():
		a.unit, a.name = time.Second, "a second"
	case float64(most) >= width.Minutes():
		a.unit, a.name = time.Minute, "a minute"
	}
	rate := a.rate(most)
	power := math.Pow(10, math.Floor(math.Log10(rate)))
	for _, step := range []float64{1, 2, 4, 6, 8, 10} {
		if a.top = step * power; a.top >= rate {
			break
		}
	}
	return a
}

// rate returns the rate of so many messages in a bar.
func (a rateAxis) rate(messages int) float64 {
	return float64(messages) * float64(a.unit) / float64(a.width)
}

// text returns a rate with its unit: "24 a second", "0.5 a second".
func (a rateAxis) text(rate float64) string {
	if rate < 10 && rate != math.Trunc(rate) {
		return strconv.FormatFloat(rate, 'f', 1, 64) + " " + a.name
	}
	return number(int(math.Round(rate))) + " " + a.name
}

// elapsed formats a time since a start in its two largest units: "2.5 s", "1 min 5 s", "2 h 15 min".
func elapsed(d time.Duration) string {
	units := []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second}
	for i, unit := range units[:3] {
		if d < unit {
			continue
		}
		text, rest := formatDuration(d.Truncate(unit)), d%unit
		if rest >= units[i+1] {
			text += " " + formatDuration(rest.Truncate(units[i+1]))
		}
		return text
	}
	return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + " s"
}
