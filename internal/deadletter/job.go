package deadletter

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// JobID identifies a job. Newer jobs have higher ids.
type JobID int64

func (id JobID) String() string { return strconv.FormatInt(int64(id), 10) }

// JobState is the state of a job.
type JobState string

// The states of a job.
const (
	JobDraft     JobState = "draft"     // its messages are fixed; it was not started
	JobScheduled JobState = "scheduled" // it begins by itself at a time
	JobRunning   JobState = "running"   // message after message is worked on
	JobPaused    JobState = "paused"    // what is in flight is finished, nothing new begins
	JobDone      JobState = "done"      // every message has its result
	JobCancelled JobState = "cancelled" // the messages that were left are as they were
)

// JobStates lists every state.
func JobStates() []JobState {
	return []JobState{JobDraft, JobScheduled, JobRunning, JobPaused, JobDone, JobCancelled}
}

// legalJob lists the states that each state can become.
var legalJob = map[JobState][]JobState{
	JobDraft:     {JobRunning, JobScheduled},
	JobScheduled: {JobRunning, JobCancelled},
	JobRunning:   {JobPaused, JobDone, JobCancelled},
	JobPaused:    {JobRunning, JobDone, JobCancelled},
}

// CanBecome reports whether a job of this state can become one of the other state.
func (s JobState) CanBecome(next JobState) bool { return slices.Contains(legalJob[s], next) }

// Ended reports whether no further message will be worked on.
func (s JobState) Ended() bool { return s == JobDone || s == JobCancelled }

// Job is a bulk action over messages that were fixed when it was made.
type Job struct {
	ID          JobID
	Action      Action    // ActReplay, ActRedrive, ActEdit, ActEditRedrive, ActArchive or ActRestore
	Recipe      Recipe    // of an action that edits. Its Table is not read with the job: store.JobTable does
	Saved       RecipeUse // the version of a saved recipe that Recipe is
	Reason      string
	By          Actor // who made it or, once it runs, who started or resumed it last; its Role is not stored
	State       JobState
	PauseReason string    // if the program paused it; "": a person did
	Filter      string    // the query of the list that its messages are of; "" for messages that were selected one by one
	Undoes      JobID     // the job whose archiving it takes back; 0: none
	Steps       JobSteps  // of a job that delivers and was started, as are those that follow
	Step        int       // the present one, from 1; 0: it has none
	Begins      time.Time // of a scheduled job
	Forgiven    int       // messages that had failed when a person resumed it: they do not halt it again
	JobPace
	Sequence JobSequence
	Order    JobOrder
	DryRun   DryRunID // whose results it goes by; 0: none
	Sparing  bool     // messages that its dry run would not change are to be skipped before it sends any
	Spared   int      // messages that were skipped for that; of a draft: that will be, see After

	Items          JobItems
	Oldest, Newest time.Time // receipt of its messages
	Inapplicable   int       // messages whose status did not allow the action when the job was made
	Unknown        int       // messages whose latest outcome was unknown when it was made
	Overtaken      int       // messages than which newer events were delivered when it was made, see Newer
	Edited         int       // messages whose latest revision was an edit when it was made

	CreatedAt, StartedAt, EndedAt time.Time
	Last                          LastChange // the latest thing that a person did to it
}

// JobItems counts the messages of a job by ItemState.
type JobItems struct{ Pending, InFlight, Done, Failed, Skipped int }

// Total is how many messages a job has.
func (n JobItems) Total() int { return n.Pending + n.InFlight + n.Done + n.Failed + n.Skipped }

// JobChange is a job before and after, with its audit event.
type JobChange struct {
	Before, After Job
	Event         Event
}

// NewJob makes the draft of a job.
func NewJob(by Actor, action Action, at time.Time) (Job, error) {
	if len(action.AllowedStatuses()) == 0 {
		return Job{}, Errorf(Invalid, "%q is nothing to do to many messages at once", action)
	}
	if err := by.May(action); err != nil {
		return Job{}, err
	}
	return Job{Action: action, By: by, State: JobDraft, CreatedAt: at}, nil
}

// Delivers reports whether the job sends messages to their destinations or back to their queues.
func (j Job) Delivers() bool { return j.Action.Delivers() }

// JobInput is what a person adds when starting a job.
type JobInput struct {
	Recipe Recipe    // for an action that edits
	Saved  RecipeUse // the version of a saved recipe that Recipe was made of
	SaveAs string    // the name under which to save Recipe; "": it is not saved
	Reason string    // for an action that edits, and for ActArchive
	// includes messages that may already have been processed
	ConfirmUnknown bool
	Steps          JobSteps    // for a job that delivers
	JobPace                    // likewise
	Sequence       JobSequence // likewise; "": SequenceOldest
	Order          JobOrder    // likewise; "": OrderSkip
	DefaultSteps   bool        // Steps are to have the sizes of DefaultJobSteps, whatever they say
	Count          int         // the number of its messages, as the person entered it: see CheckCount
	Begins         time.Time   // when it begins by itself; zero: now
}

// Start starts a draft. If several people start the same draft, the first succeeds and the others get a Conflict.
func (j Job) Start(by Actor, in JobInput, at time.Time) (JobChange, error) {
	if err := by.May(j.Action); err != nil {
		return JobChange{}, err
	}
	state, did := JobRunning, "started"
	if !in.Begins.IsZero() {
		state, did = JobScheduled, "scheduled"
	}
	next, err := j.become(state, by, did, at)
	if err != nil {
		return JobChange{}, err
	}
	if err := cmp.Or(j.checkInput(in), checkBegins(in.Begins, at)); err != nil {
		return JobChange{}, err
	}
	next.Begins = in.Begins
	next.By, next.StartedAt, next.Reason = by, at, strings.TrimSpace(in.Reason)
	if j.Delivers() {
		next.Steps, next.JobPace = in.Steps, in.JobPace
		next.Sequence, next.Order = cmp.Or(in.Sequence, SequenceOldest), cmp.Or(in.Order, OrderSkip)
		next.Step = min(1, len(in.Steps.Sizes))
		if j.Action.Redrives() {
			next.Sequence = SequenceOldest // of a message group none overtakes another
		}
	}
	if j.Action.Edits() {
		next.Recipe, next.Saved = in.Recipe, in.Saved
		next.Sparing, next.Spared = j.Spared > 0, 0
	}
	return next.changedFrom(j, by, "job.start", next.Reason, at)
}

// CheckSave returns nil if the recipe of the job can be saved: it was started, edits, and is of no saved one.
func (j Job) CheckSave() error {
	switch {
	case !j.Action.Edits():
		return Errorf(Conflict, "this job edits nothing")
	case j.State == JobDraft:
		return Errorf(Conflict, "this job was not started yet")
	case j.Saved.ID != 0:
		return Errorf(Conflict, "this recipe is saved as %q already", j.Saved.Name)
	}
	return nil
}

// Pause stops the job from beginning further messages. Deliveries in flight finish.
func (j Job) Pause(by Actor, at time.Time) (JobChange, error) {
	if err := by.May(j.Action); err != nil {
		return JobChange{}, err
	}
	next, err := j.become(JobPaused, by, "paused", at)
	if err != nil {
		return JobChange{}, err
	}
	return next.changedFrom(j, by, "job.pause", "", at)
}

// PauseBySystem pauses the job on behalf of dlqdesk, for the given reason.
func (j Job) PauseBySystem(reason string, at time.Time) (JobChange, error) {
	next, err := j.become(JobPaused, System(), "paused", at)
	if err != nil {
		return JobChange{}, err
	}
	next.PauseReason = reason
	return next.changedFrom(j, System(), "job.pause", reason, at)
}

// MaxJobDelay is how far ahead a job can be scheduled.
const MaxJobDelay = 30 * 24 * time.Hour

func checkBegins(begins, at time.Time) error {
	if begins.IsZero() || begins.After(at) && begins.Before(at.Add(MaxJobDelay)) {
		return nil
	}
	err := Errorf(Invalid, "a job can begin in up to 30 days from now: choose another time, or start it now")
	err.Field = FieldBegins
	return err
}

// Begin starts a scheduled job at its time. It returns false before that, and for any other job.
func (j Job) Begin(at time.Time) (JobChange, bool, error) {
	if j.State != JobScheduled || j.Begins.After(at) {
		return JobChange{}, false, nil
	}
	next, err := j.become(JobRunning, System(), "begun", at)
	if err != nil {
		return JobChange{}, false, err
	}
	next.StartedAt, next.Begins = at, time.Time{}
	change, err := next.changedFrom(j, System(), "job.begin", "", at)
	return change, err == nil, err
}

// Resume continues a paused job, or starts a scheduled one. From then on its deliveries are in the name of the actor
// who resumed it, and in the given order; "": as before. A job that asked whether to send a message asks again unless
// it gets another order.
func (j Job) Resume(by Actor, order JobOrder, at time.Time) (JobChange, error) {
	if err := by.May(j.Action); err != nil {
		return JobChange{}, err
	}
	if j.State == JobDraft {
		return JobChange{}, Errorf(Conflict, "this job was not started yet")
	}
	next, err := j.become(JobRunning, by, "resumed", at)
	if err != nil {
		return JobChange{}, err
	}
	if !order.isKnown() {
		return JobChange{}, Errorf(Invalid, "the order must be skip, ask or send (got %q)", order)
	}
	next.By, next.PauseReason, next.Forgiven, next.Begins = by, "", j.Items.Failed, time.Time{}
	if j.Delivers() {
		next.Order = cmp.Or(order, j.Order)
	}
	return next.changedFrom(j, by, "job.resume", "", at)
}

// Cancel ends the job. Messages that were not begun stay as they are.
func (j Job) Cancel(by Actor, at time.Time) (JobChange, error) {
	if err := by.May(j.Action); err != nil {
		return JobChange{}, err
	}
	next, err := j.become(JobCancelled, by, "cancelled", at)
	if err != nil {
		return JobChange{}, err
	}
	next.EndedAt, next.PauseReason = at, ""
	return next.changedFrom(j, by, "job.cancel", "", at)
}

// Finish ends a job once every message has its result. It returns false before that, and if the job has ended.
func (j Job) Finish(at time.Time) (JobChange, bool, error) {
	if j.State != JobRunning && j.State != JobPaused || j.Items.Pending+j.Items.InFlight > 0 {
		return JobChange{}, false, nil
	}
	next := j
	next.State, next.EndedAt, next.PauseReason = JobDone, at, ""
	change, err := next.changedFrom(j, System(), "job.done", "", at)
	return change, err == nil, err
}

// CheckUndo returns Conflict if there is nothing to take back: only what a finished job archived can be restored by
// another one.
func (j Job) CheckUndo() error {
	if j.Action != ActArchive || !j.State.Ended() || j.Items.Done == 0 {
		return Errorf(Conflict, "only a finished job that archived messages can be undone")
	}
	return nil
}

// become returns the job in another state, or a Conflict. No other function changes a state.
func (j Job) become(state JobState, by Actor, did string, at time.Time) (Job, error) {
	if j.State.CanBecome(state) && (did != "resumed" || j.State == JobPaused || j.State == JobScheduled) &&
		(did != "started" || j.State == JobDraft) {
		j.State, j.Last = state, LastChange{By: by.Name, Action: did, At: at}
		return j, nil
	}
	switch {
	case j.State == JobDraft:
		return j, Errorf(Conflict, "this job was not started yet")
	case j.State == JobDone:
		return j, Errorf(Conflict, "this job is done: all of its messages have their result")
	case j.Last.By == "":
		return j, Errorf(Conflict, "this job is %s already", j.State)
	}
	return j, Errorf(Conflict, "this job was %s by %s %s", j.Last.Action, j.Last.By, ago(j.Last.At, at))
}

// jobState holds the facts of a job that an event stores.
type jobState struct {
	State    JobState   `json:"state"`
	Action   Action     `json:"action"`
	Messages int        `json:"messages"`
	Filter   string     `json:"filter,omitempty"`
	Patch    string     `json:"patch,omitempty"`
	Recipe   RecipeKind `json:"recipe,omitempty"` // of the patch; "": MergePatch
	Table    string     `json:"tableSha256,omitempty"`
	Saved    RecipeID   `json:"savedRecipe,omitempty"`
	Version  int        `json:"recipeVersion,omitempty"`
	Undoes   JobID      `json:"undoes,omitempty"`
	Steps    *JobSteps  `json:"steps,omitempty"`
	Step     int        `json:"step,omitempty"`
	JobPace
	Sequence JobSequence `json:"sequence,omitempty"`
	Begins   *time.Time  `json:"begins,omitempty"`
	Order    JobOrder    `json:"order,omitempty"`
	DryRun   DryRunID    `json:"dryRun,omitempty"`
	Done     int         `json:"done,omitempty"`
	Failed   int         `json:"failed,omitempty"`
	Skipped  int         `json:"skipped,omitempty"`
	Pending  int         `json:"pending,omitempty"`
}

func (j Job) state() jobState {
	var steps *JobSteps
	if len(j.Steps.Sizes) > 0 {
		steps = &j.Steps
	}
	var begins *time.Time
	if !j.Begins.IsZero() {
		begins = &j.Begins
	}
	return jobState{
		State:    j.State,
		Action:   j.Action,
		Messages: j.Items.Total(),
		Filter:   j.Filter,
		Patch:    j.Recipe.Text,
		Recipe:   j.Recipe.Kind,
		Table:    j.Recipe.tableDigest(),
		Saved:    j.Saved.ID,
		Version:  j.Saved.Version,
		Undoes:   j.Undoes,
		Steps:    steps,
		Step:     j.Step,
		JobPace:  j.JobPace,
		Sequence: j.Sequence,
		Begins:   begins,
		Order:    j.Order,
		DryRun:   j.DryRun,
		Done:     j.Items.Done,
		Failed:   j.Items.Failed,
		Skipped:  j.Items.Skipped,
		Pending:  j.Items.Pending,
	}
}

func (j Job) changedFrom(before Job, by Actor, action, reason string, at time.Time) (JobChange, error) {
	e, err := NewEvent(by, action, "job", j.ID.String(), reason, before.state(), j.state(), at)
	return JobChange{Before: before, After: j, Event: e}, err
}
