package deadletter

import (
	"slices"
	"time"
)

// JobPace is how fast a job that delivers may go on at most. A person can change it while the job runs.
type JobPace struct {
	Rate   int `json:"rate,omitempty"`        // messages to begin per second; 0: no limit
	Places int `json:"concurrency,omitempty"` // deliveries in flight at once at each destination; 0: those of the destination
}

const (
	// MaxJobRate is the highest rate of a job, in messages per second.
	MaxJobRate = 10_000

	// MaxJobPlaces is the highest concurrency of a job.
	MaxJobPlaces = 1000
)

func (p JobPace) check() error {
	var err *Error
	switch {
	case p.Rate < 0 || p.Rate > MaxJobRate:
		err = Errorf(Invalid, "the rate must be a number of messages per second up to %d", MaxJobRate)
		err.Field = FieldRate
	case p.Places < 0 || p.Places > MaxJobPlaces:
		err = Errorf(Invalid, "the concurrency must be a number of deliveries at once up to %d", MaxJobPlaces)
		err.Field = FieldPlaces
	default:
		return nil
	}
	return err
}

// SetPace changes how fast the job goes on. It returns Invalid for a pace that no job can have, and Conflict for a job
// that is not under way.
func (j Job) SetPace(by Actor, p JobPace, at time.Time) (JobChange, error) {
	if err := by.May(j.Action); err != nil {
		return JobChange{}, err
	}
	if err := p.check(); err != nil {
		return JobChange{}, err
	}
	if !j.Delivers() || j.State != JobRunning && j.State != JobPaused {
		return JobChange{}, Errorf(Conflict, "the pace of this job cannot be changed: it is %s", j.State)
	}
	next := j
	next.JobPace, next.Last = p, LastChange{By: by.Name, Action: "given another pace", At: at}
	return next.changedFrom(j, by, "job.pace", "", at)
}

// JobSequence is which of its messages a job begins with.
type JobSequence string

// The sequences of jobs.
const (
	SequenceOldest JobSequence = "oldest" // as they were received
	SequenceNewest JobSequence = "newest"
	SequenceRandom JobSequence = "random"
	SequenceKey    JobSequence = "key" // all of one order key, then all of another
)

// JobSequences lists every sequence.
func JobSequences() []JobSequence {
	return []JobSequence{SequenceOldest, SequenceNewest, SequenceRandom, SequenceKey}
}

// isKnown reports whether the sequence is one of these, or none.
func (s JobSequence) isKnown() bool { return s == "" || slices.Contains(JobSequences(), s) }
