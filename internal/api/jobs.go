package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
)

// Job is a bulk action over a fixed set of messages.
type Job struct {
	ID          int64       `json:"id"`
	Action      string      `json:"action" enum:"replay,edit and replay,redrive,edit and redrive,archive,restore"`
	State       string      `json:"state" enum:"draft,scheduled,running,paused,done,cancelled"`
	PauseReason string      `json:"pauseReason,omitempty" doc:"Why the program paused it; absent if a person did."`
	By          string      `json:"by"`
	Reason      string      `json:"reason,omitempty"`
	Messages    JobMessages `json:"messages"`
	Steps       []JobStep   `json:"steps"`
	Rate        int         `json:"rate" doc:"Messages a second at most; 0: no limit of its own."`
	Concurrency int         `json:"concurrency" doc:"Deliveries at once at each destination; 0: as the destination."`
	BeginsAt    *time.Time  `json:"beginsAt,omitempty" doc:"Of a scheduled job."`
	CreatedAt   time.Time   `json:"createdAt"`
	StartedAt   *time.Time  `json:"startedAt,omitempty"`
	EndedAt     *time.Time  `json:"endedAt,omitempty"`
	SecondsLeft int         `json:"secondsLeft,omitempty" doc:"At the rate of its latest messages."`

	Allowed []string          `json:"allowed" doc:"What can be done to it now: start, pause, resume, cancel or pace."`
	Refused map[string]string `json:"refused" doc:"What cannot, each with the reason."`
}

// JobMessages count the messages of a job.
type JobMessages struct {
	Total    int `json:"total"`
	Pending  int `json:"pending"`
	InFlight int `json:"inFlight"`
	Done     int `json:"done"`
	Failed   int `json:"failed"`
	Skipped  int `json:"skipped"`
	Unknown  int `json:"unknown" doc:"That may already have been processed when it was made."`
}

// JobStep is one of the growing steps of a job.
type JobStep struct {
	Messages int    `json:"messages"`
	State    string `json:"state"`
}

func (a *API) jobOf(by deadletter.Actor, j deadletter.Job) Job {
	a.Desk.Hider().Job(&j)
	n := j.Items
	_, left := a.Desk.JobLeft(j)
	out := Job{
		ID: int64(j.ID), Action: string(j.Action), State: string(j.State), PauseReason: j.PauseReason,
		By: j.By.Name, Reason: j.Reason,
		Messages: JobMessages{n.Total(), n.Pending, n.InFlight, n.Done, n.Failed, n.Skipped, j.Unknown},
		Steps:    []JobStep{}, Rate: j.Rate, Concurrency: j.Places, BeginsAt: optional(j.Begins),
		CreatedAt: j.CreatedAt.UTC(), StartedAt: optional(j.StartedAt), EndedAt: optional(j.EndedAt),
		SecondsLeft: int(left.Seconds()),
	}
	out.Allowed, out.Refused = permitted(deadletter.JobCommands(), a.Desk.RefusedOnJob(by, j))
	for _, step := range j.StepStates() {
		out.Steps = append(out.Steps, JobStep{step.Messages, string(step.State)})
	}
	return out
}

// JobRef names a job.
type JobRef struct {
	ID int64 `path:"id" minimum:"1"`
}

// jobResponse is answered with 202 where the work goes on after the answer, and says where to look.
type jobResponse struct {
	Status   int
	Location string `header:"Location"`
	Body     Job
}

func (a *API) readJob(ctx context.Context, by deadletter.Actor, id deadletter.JobID, status int) (*jobResponse, error) {
	j, err := a.Desk.Job(ctx, by, id)
	return &jobResponse{status, Path + "/jobs/" + id.String(), a.jobOf(by, j)}, err
}

func (a *API) jobOperations(described huma.API) {
	huma.Register(described, operation("list-jobs", http.MethodGet, "/jobs", "Jobs",
		"Jobs that were started, newest first"),
		handler(a, func(ctx context.Context, by deadletter.Actor, in *List) (*pageResponse[Job], error) {
			found, err := a.Desk.Jobs(ctx, by, in.Cursor, in.Limit)
			return respondPage(found, err, func(j deadletter.Job) Job { return a.jobOf(by, j) })
		}))
	huma.Register(described, operation("get-job", http.MethodGet, "/jobs/{id}", "Jobs", "One job", http.StatusNotFound),
		handler(a, func(ctx context.Context, by deadletter.Actor, in *JobRef) (*jobResponse, error) {
			return a.readJob(ctx, by, deadletter.JobID(in.ID), http.StatusOK)
		}))
	draft := operation("draft-job", http.MethodPost, "/jobs", "Jobs",
		"Fix the messages of a job; nothing is done to them before it is started", http.StatusNotFound,
		http.StatusRequestEntityTooLarge)
	draft.DefaultStatus = http.StatusCreated
	huma.Register(described, draft, handler(a, a.draftJob))
	start := operation("start-job", http.MethodPost, "/jobs/{id}/start", "Jobs", "Start a draft, now or at a time",
		http.StatusNotFound, http.StatusConflict)
	start.DefaultStatus = http.StatusAccepted
	huma.Register(described, start, handler(a, a.startJob))
	for _, order := range []struct {
		name, summary string
		carryOut      func(ctx context.Context, by deadletter.Actor, id deadletter.JobID) error
	}{
		{"pause", "Begin no further message", a.Desk.PauseJob},
		{"cancel", "End it; the messages that it did not come to stay as they are", a.Desk.CancelJob},
	} {
		steer := operation(order.name+"-job", http.MethodPost, "/jobs/{id}/"+order.name, "Jobs", order.summary,
			http.StatusNotFound, http.StatusConflict)
		steer.DefaultStatus = http.StatusAccepted
		huma.Register(described, steer,
			handler(a, func(ctx context.Context, by deadletter.Actor, in *JobRef) (*jobResponse, error) {
				if err := order.carryOut(ctx, by, deadletter.JobID(in.ID)); err != nil {
					return nil, err
				}
				return a.readJob(ctx, by, deadletter.JobID(in.ID), http.StatusAccepted)
			}))
	}
	resume := operation("resume-job", http.MethodPost, "/jobs/{id}/resume", "Jobs", "Go on", http.StatusNotFound,
		http.StatusConflict)
	resume.DefaultStatus = http.StatusAccepted
	huma.Register(described, resume, handler(a, a.resumeJob))
	huma.Register(described, operation("pace-job", http.MethodPost, "/jobs/{id}/pace", "Jobs",
		"Change how fast it goes at most", http.StatusNotFound, http.StatusConflict), handler(a, a.paceJob))
}

type draftInput struct {
	Body struct {
		Action   string   `json:"action" enum:"replay,edit,redrive,archive,restore"`
		Query    string   `json:"query,omitempty" maxLength:"2000" doc:"All messages that match it now, of the given status; or list messages." example:"cause:6f1c0a7b9d2e4f58"`
		Status   string   `json:"status,omitempty" enum:"failed,retrying,replaying,resolved,redriven,archived" doc:"With a query; absent: all."`
		Messages []string `json:"messages,omitempty" maxItems:"200" doc:"Their ids, instead of a query."`
	}
}

func (a *API) draftJob(ctx context.Context, by deadletter.Actor, in *draftInput) (*jobResponse, error) {
	b := in.Body
	action, err := deadletter.JobAction(b.Action)
	if err != nil {
		return nil, err
	}
	j, err := a.Desk.Freeze(ctx, by, action, desk.Choice{
		IDs: b.Messages, Status: deadletter.Status(b.Status), Query: b.Query,
	})
	return &jobResponse{http.StatusCreated, Path + "/jobs/" + j.ID.String(), a.jobOf(by, j)}, err
}

type startInput struct {
	JobRef
	Body struct {
		Reason         string     `json:"reason,omitempty" maxLength:"1000" doc:"Needed for an edit and for archiving."`
		Recipe         *JobRecipe `json:"recipe,omitempty" doc:"Of an edit."`
		Saved          *RecipeUse `json:"saved,omitempty" doc:"The version of a saved recipe that the recipe was made of. Without a recipe it is used as it is."`
		SaveAs         string     `json:"saveAs,omitempty" maxLength:"200" doc:"The name under which to save the recipe for the cause of most messages."`
		Count          int        `json:"count,omitempty" minimum:"0" doc:"The number of its messages, as a confirmation: needed above 500, or for several destinations."`
		ConfirmUnknown bool       `json:"confirmUnknown,omitempty" doc:"Include messages that may already have been processed."`
		Steps          []int      `json:"steps,omitempty" maxItems:"10" doc:"Messages of each step before the rest; absent: 1, 10, 100, as far as there are so many."`
		AllAtOnce      bool       `json:"allAtOnce,omitempty" doc:"Without steps."`
		PauseAfterStep bool       `json:"pauseAfterStep,omitempty"`
		Rate           int        `json:"rate,omitempty" minimum:"0"`
		Concurrency    int        `json:"concurrency,omitempty" minimum:"0"`
		Sequence       string     `json:"sequence,omitempty" enum:"oldest,newest,random,key" doc:"Absent: oldest."`
		Order          string     `json:"order,omitempty" enum:"skip,ask,send" doc:"What happens to a message if newer events of the same thing were delivered; absent: skip."`
		BeginAt        *time.Time `json:"beginAt,omitempty" doc:"Absent: now."`
	}
}

// JobRecipe is how a job edits each body.
type JobRecipe struct {
	Kind  string `json:"kind" enum:"merge,json-patch,jq"`
	Text  string `json:"text" maxLength:"65536"`
	Table string `json:"table,omitempty" doc:"CSV, for jq."`
}

func (a *API) startJob(ctx context.Context, by deadletter.Actor, in *startInput) (*jobResponse, error) {
	id, b := deadletter.JobID(in.ID), in.Body
	order := deadletter.JobInput{
		Reason: b.Reason, Count: b.Count, ConfirmUnknown: b.ConfirmUnknown,
		Steps:   deadletter.JobSteps{Sizes: b.Steps, Ask: b.PauseAfterStep},
		JobPace: deadletter.JobPace{Rate: b.Rate, Places: b.Concurrency}, Sequence: deadletter.JobSequence(b.Sequence),
		Order: deadletter.JobOrder(b.Order), DefaultSteps: len(b.Steps) == 0 && !b.AllAtOnce,
	}
	order.Saved, order.SaveAs = b.Saved.use(), b.SaveAs
	switch {
	case b.Recipe != nil:
		order.Recipe = b.Recipe.recipe()
	case b.Saved != nil:
		recipe, err := a.Desk.SavedRecipe(ctx, by, order.Saved)
		if err != nil {
			return nil, err
		}
		order.Recipe = recipe
	}
	if b.BeginAt != nil {
		order.Begins = *b.BeginAt
	}
	if err := a.Desk.StartJob(ctx, by, id, order); err != nil {
		return nil, err
	}
	return a.readJob(ctx, by, id, http.StatusAccepted)
}

type resumeInput struct {
	JobRef
	Body *struct {
		Order string `json:"order,omitempty" enum:"skip,ask,send" doc:"What happens to a message if newer events of the same thing were delivered, from now on; absent: as before."`
	} `required:"false"`
}

func (a *API) resumeJob(ctx context.Context, by deadletter.Actor, in *resumeInput) (*jobResponse, error) {
	id, order := deadletter.JobID(in.ID), deadletter.JobOrder("")
	if in.Body != nil {
		order = deadletter.JobOrder(in.Body.Order)
	}
	if err := a.Desk.ResumeJob(ctx, by, id, order); err != nil {
		return nil, err
	}
	return a.readJob(ctx, by, id, http.StatusAccepted)
}

type paceInput struct {
	JobRef
	Body struct {
		Rate        int `json:"rate" minimum:"0" doc:"0: no limit of its own."`
		Concurrency int `json:"concurrency" minimum:"0" doc:"0: as the destination."`
	}
}

func (a *API) paceJob(ctx context.Context, by deadletter.Actor, in *paceInput) (*jobResponse, error) {
	id := deadletter.JobID(in.ID)
	pace := deadletter.JobPace{Rate: in.Body.Rate, Places: in.Body.Concurrency}
	if err := a.Desk.SetJobPace(ctx, by, id, pace); err != nil {
		return nil, err
	}
	return a.readJob(ctx, by, id, http.StatusOK)
}
