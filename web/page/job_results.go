package page

import (
	"strconv"
	"strings"
)

// JobPlot shows how many messages of a job got each result over its time, in bars. The zero JobPlot shows nothing.
type JobPlot struct {
	Summary string // in words
	Done    string // the word for messages that went well: "delivered"
	Width   string // of the time of a bar: "5 s"
	Top     string // the rate at the top: "500 a second"
	Half    string // and half of it
	Middle  string // the time since the start in the middle, "30 s", and at the end
	End     string
	Bars    []JobBar
	Marks   []JobMark // of what may explain a change, in the order of time
}

// JobBar counts the results of a part of a job's time.
type JobBar struct {
	From                  string // since the start: "1 min 5 s"
	Rate                  string // "24 a second"
	Done, Failed, Skipped string
	Heights               [3]float64 // of those, as parts of the height; together 1 at most
	Moments               []string   // the marks in its time
}

// IsEmpty reports whether nothing happened in the time of the bar.
func (b JobBar) IsEmpty() bool { return b.Heights == [3]float64{} && len(b.Moments) == 0 }

// JobMark is a moment of a job.
type JobMark struct {
	Kind string  // a key of jobMarks
	Text string  // "Paused by anna"; of several that are close together each
	At   float64 // part of the width
}

// jobMarks has the icon of each kind of moment.
var jobMarks = map[string]string{
	"step": "chevron-right", "pause": "clock", "halt": "alert", "resume": "replay", "pace": "edit", "cancel": "ban",
}

// jobSegments are the classes of a bar's parts, from the bottom.
var jobSegments = [...]string{"job-bar-done", "job-bar-failed", "job-bar-skipped"}

// ofPlot returns a part as SVG has it.
func ofPlot(part float64) string { return strconv.FormatFloat(part*100, 'f', 2, 64) + "%" }

// jobPlotHead is the part of a plot's height that the icons of marks have.
const jobPlotHead = 0.14

// segment is a part of a bar.
type segment struct{ class, x, width, y, height string }

// x returns where a bar begins.
func (v JobPlot) x(bar int) string { return ofPlot((float64(bar) + 0.07) / float64(len(v.Bars))) }

func (v JobPlot) width() string { return ofPlot(0.86 / float64(len(v.Bars))) }

// segments returns the parts of a bar that have messages.
func (v JobPlot) segments(bar int) (list []segment) {
	top := 1.0
	for i, height := range v.Bars[bar].Heights {
		height *= 1 - jobPlotHead
		if top -= height; height > 0 {
			list = append(list, segment{jobSegments[i], v.x(bar), v.width(), ofPlot(top), ofPlot(height)})
		}
	}
	return list
}

// title says what a bar is.
func (v JobPlot) title(b JobBar) string {
	text := "From " + b.From + ": " + b.Done + " " + v.Done + ", " + b.Failed + " failed, " + b.Skipped + " skipped (" +
		b.Rate + ")"
	return strings.Join(append([]string{text}, b.Moments...), "\n")
}

// capital returns a word with a capital letter at its begin.
func capital(word string) string {
	if word == "" {
		return ""
	}
	return strings.ToUpper(word[:1]) + word[1:]
}
