package deadletter

import (
	"fmt"
	"slices"
	"time"
)

// JobSteps are the growing batches in which a job sends its messages: each has to go well before the next one begins.
// Example: 1, 10 and 100 messages, then the rest.
type JobSteps struct {
	Sizes []int `json:"sizes,omitempty"` // messages of each step; the rest follows the last one
	Ask   bool  `json:"ask,omitempty"`   // the job pauses after each step until a person resumes it
}

const (
	// MaxJobSteps is how many steps a job can have before the rest.
	MaxJobSteps = 10

	// MaxJobStep is how many messages a step can have.
	MaxJobStep = 1000

	// haltShare is the share of failures beyond which a job with steps halts, in percent.
	haltShare = 20

	// JobWindow is how many results after the last step are judged together.
	JobWindow = 500

	// haltAgain is how many messages have to fail for the cause that they had before until that halts a job.
	haltAgain = 3
)

// DefaultJobSteps returns the sizes of the steps that are offered for a job of so many messages; none for a few.
func DefaultJobSteps(messages int) (sizes []int) {
	for size, sum := 1, 1; sum < messages && size <= 100; size, sum = size*10, sum+size*10 {
		sizes = append(sizes, size)
	}
	return sizes
}

// JobProgress is what the deliveries of a job came to lately, beyond what the job itself counts.
type JobProgress struct {
	Results, Failed int // after the last step: of the latest messages, JobWindow at most

	// Again is the cause whose messages failed for it again most often since the job was started or resumed.
	Again CauseAgain

	// Latency is how long its destination takes to answer; Timeout is how long it may take. Timeout is 0 where that is
	// not known.
	Latency, Timeout time.Duration
}

// CauseAgain counts the results of the messages of a cause in a job.
type CauseAgain struct {
	Title   string
	Results int
	Again   int // those that failed for the cause once more
}

// stepCount returns how many steps the job has, the rest included; 0: it has none.
func (j Job) stepCount() int {
	if len(j.Steps.Sizes) == 0 {
		return 0
	}
	return len(j.Steps.Sizes) + 1
}

// StepSize returns how many messages the present step has; 0: it is the rest.
func (j Job) StepSize() int {
	if j.Step == 0 || j.Step > len(j.Steps.Sizes) {
		return 0
	}
	return j.Steps.Sizes[j.Step-1]
}

// stepEnd returns how many messages have their result at the end of the present step.
func (j Job) stepEnd() (sum int) {
	for _, size := range j.Steps.Sizes[:min(j.Step, len(j.Steps.Sizes))] {
		sum += size
	}
	return sum
}

// JobStep is a step of a job with how it stands.
type JobStep struct {
	Messages int
	State    StepState
}

// StepState is how a step of a job stands.
type StepState string

// The states of steps.
const (
	StepDone      StepState = "done"
	StepRunning   StepState = "running"
	StepPaused    StepState = "paused"    // a person paused it, or is asked before it begins
	StepHalted    StepState = "halted"    // dlqdesk paused it in the midst
	StepCancelled StepState = "cancelled" // the job was cancelled before it, or in its midst
	StepLeft      StepState = "left"      // it is to come
)

// StepStates returns the steps of the job, with the rest as the last one if messages are left for that.
func (j Job) StepStates() []JobStep {
	if j.Step == 0 {
		return nil
	}
	var list []JobStep
	rest := j.Sends()
	for i, size := range j.Steps.Sizes {
		list = append(list, JobStep{size, j.stepState(i + 1)})
		rest -= size
	}
	if rest > 0 {
		list = append(list, JobStep{rest, j.stepState(len(list) + 1)})
	}
	return list
}

func (j Job) stepState(step int) StepState {
	n := j.Items
	before := j
	before.Step--
	switch {
	case step < j.Step || j.State == JobDone:
		return StepDone
	case j.State == JobCancelled:
		return StepCancelled
	case step > j.Step || j.State == JobScheduled:
		return StepLeft
	case j.State == JobRunning:
		return StepRunning
	case j.PauseReason != "" && n.Done+n.Failed+n.Skipped-j.Spared > before.stepEnd():
		return StepHalted
	}
	return StepPaused
}

// StepText names the present step: "step 2 of 4 (10 messages)". It is "" for a job without steps.
func (j Job) StepText() string {
	switch size := j.StepSize(); {
	case j.Step == 0:
		return ""
	case size == 0:
		return fmt.Sprintf("step %d of %d (the rest)", j.Step, j.stepCount())
	case size == 1:
		return fmt.Sprintf("step %d of %d (1 message)", j.Step, j.stepCount())
	default:
		return fmt.Sprintf("step %d of %d (%d messages)", j.Step, j.stepCount(), size)
	}
}

// NextStep decides how a running job with steps goes on. It halts if too many messages fail, if a cause comes back, or
// if its destination takes too long, or before the rest if no message of a step was sent. It begins the next step, or
// pauses before it, once every message of the present one has its result. It returns false if the job goes on as it is.
func (j Job) NextStep(p JobProgress, at time.Time) (JobChange, bool, error) {
	if j.State != JobRunning || j.Step == 0 || j.Sparing {
		return JobChange{}, false, nil
	}
	if reason := j.haltReason(p); reason != "" {
		change, err := j.PauseBySystem(
			"halted at "+j.StepText()+": "+reason+". Look at the errors, then resume with the "+
				"messages that are left, or cancel",
			at,
		)
		return change, err == nil, err
	}
	n := j.Items
	if j.StepSize() == 0 || n.Done+n.Failed+n.Skipped-j.Spared < j.stepEnd() || n.InFlight > 0 || n.Pending == 0 {
		return JobChange{}, false, nil
	}
	next := j
	next.Step++
	why := fmt.Sprintf(
		"%s finished, %d of its messages failed: check the results, then resume for the other %d", j.StepText(),
		n.Failed-j.Forgiven, n.Pending,
	)
	untested := next.StepSize() == 0 && n.Done+n.Failed == 0
	switch {
	case untested:
		why = fmt.Sprintf(
			"halted before %s: all messages of the steps were skipped, so nothing was tried. Look why, then resume "+
				"for the other %d", next.StepText(), n.Pending,
		)
	case !j.Steps.Ask:
		change, err := next.changedFrom(j, System(), "job.step", "", at)
		return change, err == nil, err
	}
	change, err := next.PauseBySystem(why, at)
	change.Before = j
	return change, err == nil, err
}

// haltReason returns why the job halts at its present step; "": it does not. Where a person looks at the results of a
// step, its failures halt nothing.
func (j Job) haltReason(p JobProgress) string {
	failed, of := j.Items.Failed-j.Forgiven, j.stepEnd()
	if j.StepSize() == 0 {
		failed, of = p.Failed, min(JobWindow, max(of, j.Sends()-of))
	} else if j.Steps.Ask {
		return ""
	}
	again := p.Again
	switch {
	case failed*100 > of*haltShare:
		return fmt.Sprintf("%d of %d results failed, more than %d %%", failed, j.results(p), haltShare)
	case again.Again >= haltAgain && again.Again*100 > again.Results*haltShare:
		return fmt.Sprintf(
			"%d of %d messages of the cause %q failed for it again",
			again.Again,
			again.Results,
			again.Title,
		)
	case p.Timeout > 0 && p.Latency > p.Timeout/2:
		return fmt.Sprintf("its destination takes %s to answer, more than half of the limit of %s",
			p.Latency.Round(100*time.Millisecond), p.Timeout)
	}
	return ""
}

// results returns of how many results the failures are that halt the job.
func (j Job) results(p JobProgress) int {
	if j.StepSize() == 0 {
		return p.Results
	}
	return j.Items.Done + j.Items.Failed - j.Forgiven
}

// checkSteps returns Invalid for steps that a draft cannot have.
func (j Job) checkSteps(s JobSteps) error {
	sum := 0
	for _, size := range s.Sizes {
		sum += size
	}
	ok := len(s.Sizes) <= MaxJobSteps && sum <= j.Sends() &&
		!slices.ContainsFunc(s.Sizes, func(size int) bool { return size < 1 || size > MaxJobStep })
	if ok {
		return nil
	}
	err := Errorf(
		Invalid,
		"the steps must be up to %d numbers from 1 to %d, such as 1, 10, 100, and together no more than "+
			"the %d messages of the job",
		MaxJobSteps,
		MaxJobStep,
		j.Sends(),
	)
	err.Field = FieldSteps
	return err
}

// Halted reports whether dlqdesk paused the job, other than to let a person look at the results of a step.
func (j Job) Halted() bool {
	asks := j.Steps.Ask && j.Step > 0 && j.stepState(j.Step) == StepPaused
	return j.State == JobPaused && j.PauseReason != "" && !asks
}
