package deadletter_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
)

var jobAt = time.Date(2026, 3, 2, 10, 15, 5, 0, time.UTC)

func jobIn(t *testing.T, state deadletter.JobState, pending int) deadletter.Job {
	t.Helper()
	j, err := deadletter.NewJob(deadletter.User("anna", deadletter.Operator, ""), deadletter.ActReplay, jobAt)
	if err != nil {
		t.Fatal(err)
	}
	j.ID, j.State, j.Items.Pending = 17, state, pending
	return j
}

// A job permits each command to whom, and in the states in which, the command itself succeeds.
func TestJobPermitsWhatItsCommandsDo(t *testing.T) {
	t.Parallel()
	for _, by := range []deadletter.Actor{
		deadletter.User("bert", deadletter.Operator, ""), deadletter.User("vera", deadletter.Viewer, ""), {},
	} {
		do := map[deadletter.JobCommand]func(deadletter.Job) (deadletter.JobChange, error){
			deadletter.CommandStart: func(j deadletter.Job) (deadletter.JobChange, error) {
				return j.Start(by, deadletter.JobInput{Reason: "done"}, jobAt)
			},
			deadletter.CommandPause:  func(j deadletter.Job) (deadletter.JobChange, error) { return j.Pause(by, jobAt) },
			deadletter.CommandResume: func(j deadletter.Job) (deadletter.JobChange, error) { return j.Resume(by, "", jobAt) },
			deadletter.CommandCancel: func(j deadletter.Job) (deadletter.JobChange, error) { return j.Cancel(by, jobAt) },
			deadletter.CommandPace: func(j deadletter.Job) (deadletter.JobChange, error) {
				return j.SetPace(by, deadletter.JobPace{Rate: 5}, jobAt)
			},
		}
		for _, command := range deadletter.JobCommands() {
			for _, state := range deadletter.JobStates() {
				for _, action := range []deadletter.Action{deadletter.ActReplay, deadletter.ActArchive} {
					j := jobIn(t, state, 1)
					j.Action = action
					_, err := do[command](j)
					if told := j.Permits(by, command, jobAt); fmt.Sprint(told) != fmt.Sprint(err) {
						t.Errorf("%s of a %s that is %s, by %q: told is %v, done is %v",
							command, action, state, by.Name, told, err)
					}
				}
			}
		}
	}
}

func TestJobTransitions(t *testing.T) {
	t.Parallel()
	bert := deadletter.User("bert", deadletter.Operator, "")
	steps := map[string]struct {
		do   func(deadletter.Job) (deadletter.JobChange, error)
		from []deadletter.JobState
		to   deadletter.JobState
	}{
		"job.start": {
			func(j deadletter.Job) (deadletter.JobChange, error) {
				return j.Start(bert, deadletter.JobInput{}, jobAt)
			}, []deadletter.JobState{deadletter.JobDraft}, deadletter.JobRunning,
		},
		"job.pause": {
			func(j deadletter.Job) (deadletter.JobChange, error) { return j.Pause(bert, jobAt) },
			[]deadletter.JobState{deadletter.JobRunning},
			deadletter.JobPaused,
		},
		"job.resume": {
			func(j deadletter.Job) (deadletter.JobChange, error) { return j.Resume(bert, "", jobAt) },
			[]deadletter.JobState{deadletter.JobPaused, deadletter.JobScheduled},
			deadletter.JobRunning,
		},
		"job.cancel": {
			func(j deadletter.Job) (deadletter.JobChange, error) { return j.Cancel(bert, jobAt) },
			[]deadletter.JobState{deadletter.JobRunning, deadletter.JobPaused, deadletter.JobScheduled},
			deadletter.JobCancelled,
		},
	}
	for name, step := range steps {
		t.Run(name, func(t *testing.T) {
			for _, state := range deadletter.JobStates() {
				change, err := step.do(jobIn(t, state, 1))
				if !slices.Contains(step.from, state) {
					if deadletter.KindOf(err) != deadletter.Conflict {
						t.Errorf("%s of a job that is %s: %v", name, state, err)
					}
					continue
				}
				e := change.Event
				if err != nil || change.After.State != step.to || e.Action != name || e.TargetKind != "job" ||
					e.Target != "17" ||
					e.By != "bert" ||
					!strings.Contains(string(e.Before), `"state":"`+string(state)) ||
					!strings.Contains(string(e.After), `"state":"`+string(step.to)) {
					t.Errorf("%s of a job that is %s: %+v, %v", name, state, change, err)
				}
			}
		})
	}
}

func TestJobIsDoneOnceEveryMessageHasItsResult(t *testing.T) {
	t.Parallel()
	for _, state := range deadletter.JobStates() {
		ends := state == deadletter.JobRunning || state == deadletter.JobPaused
		if change, over, err := jobIn(t, state, 0).Finish(jobAt); err != nil || over != ends ||
			over && change.After.State != deadletter.JobDone {
			t.Errorf("%s: %+v, %v, %v", state, change, over, err)
		}
		if _, over, err := jobIn(t, state, 1).Finish(jobAt); err != nil || over {
			t.Errorf("%s with a message left: %v, %v", state, over, err)
		}
	}
}

func TestJobFitsTheStatusesThatPermitItsAction(t *testing.T) {
	t.Parallel()
	for _, action := range deadletter.Actions() {
		for _, status := range deadletter.Statuses() {
			var want bool
			switch action {
			case deadletter.ActReplay, deadletter.ActEdit, deadletter.ActRedrive, deadletter.ActEditRedrive:
				want = status.CanReplay()
			case deadletter.ActArchive:
				want = status.CanArchive()
			case deadletter.ActRestore:
				want = status.CanRestore()
			case deadletter.ActView, deadletter.ActUsers:
			}
			if got := slices.Contains(action.AllowedStatuses(), status); got != want {
				t.Errorf("%s fits %s: %v", action, status, got)
			}
		}
	}
}
