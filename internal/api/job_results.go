package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// JobMessage is a message of a job with its result.
type JobMessage struct {
	Message
	Result   string `json:"result" enum:"pending,in_flight,done,failed,skipped"`
	Why      string `json:"why,omitempty" doc:"Why it failed or was skipped."`
	JobCause string `json:"jobCause,omitempty" doc:"The id of the cause that it had when the job took it up."`
}

// JobFault counts the messages of a job that failed, or were skipped, for one reason.
type JobFault struct {
	Result   string `json:"result" enum:"failed,skipped"`
	Text     string `json:"text" doc:"Of one of them."`
	Source   string `json:"source,omitempty" doc:"Absent if they have several."`
	Messages int    `json:"messages"`
	AtLeast  bool   `json:"atLeast,omitempty" doc:"There may be more: only the first 10,000 are counted."`
}

// JobScope says which destinations and causes a draft is about, and which confirmations a start asks for.
type JobScope struct {
	Targets      []JobTarget `json:"targets" doc:"Most messages first."`
	Causes       []JobCause  `json:"causes" doc:"The most frequent five."`
	MoreCauses   int         `json:"moreCauses"`
	Sends        int         `json:"sends" doc:"Its messages without those that its dry run leaves out."`
	Asks         []string    `json:"asks" doc:"What a start has to confirm: count (sends), confirmUnknown or order."`
	AsksCount    bool        `json:"asksCount" doc:"Whether count is one of asks."`
	AsksReview   bool        `json:"asksReview" doc:"The desk shows such a draft to a person before it is started."`
	Rate         float64     `json:"rate" doc:"Messages a second that it will go at most; 0: not known."`
	TakesSeconds int         `json:"takesSeconds" doc:"At that rate."`
}

// JobTarget is a destination of a job, or of a redrive a queue.
type JobTarget struct {
	Source      string `json:"source"`
	Destination string `json:"destination"`
	Messages    int    `json:"messages"`
}

// JobCause is a cause with how many messages of a job failed for it.
type JobCause struct {
	ID       string `json:"id"`
	Title    string `json:"title"`
	Messages int    `json:"messages"`
}

func (a *API) jobResultOperations(described huma.API) {
	huma.Register(described, operation("list-job-messages", http.MethodGet, "/jobs/{id}/messages", "Jobs",
		"Its messages with their results, in the order of receipt", http.StatusNotFound),
		handler(a, a.listJobMessages))
	huma.Register(described, operation("list-job-faults", http.MethodGet, "/jobs/{id}/faults", "Jobs",
		"What its messages failed or were skipped for, most frequent first", http.StatusNotFound),
		handler(a, a.listJobFaults))
	huma.Register(described, operation("get-job-scope", http.MethodGet, "/jobs/{id}/scope", "Jobs",
		"What a draft that delivers would do, and what it asks for", http.StatusNotFound), handler(a, a.getJobScope))
	undo := operation("undo-job", http.MethodPost, "/jobs/{id}/undo", "Jobs",
		"Start a job that restores what this one archived", http.StatusNotFound, http.StatusConflict)
	undo.DefaultStatus = http.StatusAccepted
	huma.Register(described, undo,
		handler(a, func(ctx context.Context, by deadletter.Actor, in *JobRef) (*jobResponse, error) {
			j, err := a.Desk.UndoArchive(ctx, by, deadletter.JobID(in.ID))
			if err != nil {
				return nil, err
			}
			return a.readJob(ctx, by, j.ID, http.StatusAccepted)
		}))
}

type jobMessagesInput struct {
	JobRef
	List
}

func (a *API) listJobMessages(
	ctx context.Context, by deadletter.Actor, in *jobMessagesInput,
) (*pageResponse[JobMessage], error) {
	found, err := a.Desk.JobMessages(ctx, by, deadletter.JobID(in.ID), in.Cursor, in.Limit)
	return respondPage(found, err, func(m store.JobMessage) JobMessage {
		return JobMessage{messageOf(m.Message), string(m.State), m.Error, m.Cause}
	})
}

func (a *API) listJobFaults(ctx context.Context, by deadletter.Actor, in *JobRef) (*pageResponse[JobFault], error) {
	list, err := a.Desk.JobFaults(ctx, by, deadletter.JobID(in.ID))
	return respondWhole(list, err, func(f store.Fault) JobFault {
		return JobFault{string(f.State), f.Text, f.Source, f.Messages, f.AtLeast}
	})
}

func (a *API) getJobScope(
	ctx context.Context, by deadletter.Actor, in *JobRef,
) (*struct{ Body JobScope }, error) {
	j, err := a.Desk.Job(ctx, by, deadletter.JobID(in.ID))
	if err != nil {
		return nil, err
	}
	s, err := a.Desk.JobScope(ctx, j)
	if err != nil {
		return nil, err
	}
	out := JobScope{
		Targets:      []JobTarget{},
		Causes:       []JobCause{},
		MoreCauses:   max(0, s.MoreCauses),
		Sends:        j.Sends(),
		Asks:         slices.Concat([]string{}, s.Asks),
		AsksCount:    slices.Contains(s.Asks, deadletter.FieldCount),
		Rate:         s.Rate,
		TakesSeconds: int(s.Takes.Seconds()),
	}
	for _, t := range s.Targets {
		out.Targets = append(out.Targets, JobTarget{t.Source, t.Destination, t.Messages})
	}
	for _, c := range s.Causes {
		out.Causes = append(out.Causes, JobCause{c.Cause.Fingerprint, c.Cause.Title, c.Messages})
	}
	if j.State == deadletter.JobDraft {
		out.AsksReview, err = a.Desk.AsksReview(ctx, j)
	}
	return &struct{ Body JobScope }{out}, err
}
