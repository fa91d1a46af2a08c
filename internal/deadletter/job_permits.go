package deadletter

import "time"

// JobCommand is what a person can do to a job as a whole.
type JobCommand string

// The commands.
const (
	CommandStart  JobCommand = "start"  // a draft, now or at a time
	CommandPause  JobCommand = "pause"  // begin no further message
	CommandResume JobCommand = "resume" // go on, or begin a scheduled job now
	CommandCancel JobCommand = "cancel" // leave the rest of its messages as they are
	CommandPace   JobCommand = "pace"   // change how fast it goes at most
)

// JobCommands lists every command.
func JobCommands() []JobCommand {
	return []JobCommand{CommandStart, CommandPause, CommandResume, CommandCancel, CommandPace}
}

// Permits returns nil where the actor may give the command to the job as it stands. Otherwise it returns the error that
// the command itself would return. A start can be refused all the same, for want of a reason or a confirmation.
func (j Job) Permits(by Actor, command JobCommand, at time.Time) (err error) {
	switch command {
	case CommandStart:
		if err = by.May(j.Action); err == nil {
			_, err = j.become(JobRunning, by, "started", at)
		}
	case CommandPause:
		_, err = j.Pause(by, at)
	case CommandResume:
		_, err = j.Resume(by, "", at)
	case CommandCancel:
		_, err = j.Cancel(by, at)
	case CommandPace:
		_, err = j.SetPace(by, j.JobPace, at)
	}
	return err
}
