package mcp

import (
	"context"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/ledger"
	"dlqdesk/internal/store"
)

// Job is a bulk action over a fixed set of messages.
type Job struct {
	ID          int64   `json:"id"`
	Action      string  `json:"action"`
	State       string  `json:"state"                 jsonschema:"draft, scheduled, running, paused, done or cancelled"`
	PauseReason string  `json:"pauseReason,omitempty" jsonschema:"why the program paused it"`
	By          string  `json:"by"`
	Reason      string  `json:"reason,omitempty"`
	Total       int     `json:"total"                 jsonschema:"its messages"`
	Pending     int     `json:"pending"`
	Done        int     `json:"done"`
	Failed      int     `json:"failed"`
	Skipped     int     `json:"skipped"`
	Unknown     int     `json:"unknown"               jsonschema:"messages that may already have been processed"`
	CreatedAt   string  `json:"createdAt"`
	StartedAt   string  `json:"startedAt,omitempty"`
	EndedAt     string  `json:"endedAt,omitempty"`
	DryRun      *DryRun `json:"dryRun,omitempty"      jsonschema:"what its recipe made of its messages"`
	Page        string  `json:"page"                  jsonschema:"its address, for people"`
}

// DryRun is what a recipe made of the messages of a draft. Nothing was sent.
type DryRun struct {
	State     string `json:"state"     jsonschema:"running, done or cancelled"`
	Changed   int    `json:"changed"   jsonschema:"messages that the recipe changes"`
	Unchanged int    `json:"unchanged"`
	Failed    int    `json:"failed"    jsonschema:"messages on which the recipe fails"`
	Differing int    `json:"differing" jsonschema:"of changed: they still differ from what was delivered"`
}

// JobList is a page of jobs.
type JobList struct {
	Jobs []Job  `json:"jobs"`
	Next string `json:"next,omitempty" jsonschema:"the cursor of the next page"`
}

type listInput struct {
	Limit  int    `json:"limit,omitempty"  jsonschema:"how many, 20 unless given, 50 at most"`
	Cursor string `json:"cursor,omitempty" jsonschema:"next of the page before; empty: the first page"`
}

// JobRef names a job.
type JobRef struct {
	Job int64 `json:"job" jsonschema:"its id"`
}

// Reconciliation says whether every webhook is accounted for.
type Reconciliation struct {
	CheckedAt  string      `json:"checkedAt"           jsonschema:"empty: no check has ended yet"`
	Unchecked  bool        `json:"unchecked,omitempty" jsonschema:"the queues could not be read at the latest try"`
	Balanced   bool        `json:"balanced"            jsonschema:"no webhook is missing without an explanation"`
	Imbalances []Imbalance `json:"imbalances"          jsonschema:"the first 50"`
	Hours      []Hour      `json:"hours"               jsonschema:"the latest 48 of a source and hour"`
}

// Hour counts the webhooks of a source in an hour.
type Hour struct {
	Hour      string `json:"hour"`
	Source    string `json:"source"`
	Received  int    `json:"received"`
	Delivered int    `json:"delivered" jsonschema:"at the first attempt"`
	Queued    int    `json:"queued"    jsonschema:"delivery failed, and the message was kept on a queue"`
	Arrived   int    `json:"arrived"   jsonschema:"of queued: they are messages of the desk"`
}

// ledgerHours is how many lines of the ledger are returned.
const ledgerHours = 48

type ledgerRef struct {
	Source string `json:"source,omitempty" jsonschema:"of this source alone; empty: of all"`
}

// Imbalance is an hour of a source whose counts do not balance.
type Imbalance struct {
	Hour         string `json:"hour"`
	Source       string `json:"source"`
	Stage        string `json:"stage"`
	Missing      int    `json:"missing"      jsonschema:"webhooks; below zero: so many more arrived than were counted"`
	Expired      bool   `json:"expired"      jsonschema:"they waited on a queue for longer than its retention"`
	Explained    bool   `json:"explained"    jsonschema:"a killed process or a refused message explains it"`
	Acknowledged bool   `json:"acknowledged" jsonschema:"a person knows of it"`
}

func (t tools) addJobs() {
	addRead(t, "list_jobs", "List jobs", "Lists the jobs that were started, newest first.", t.jobs)
	addRead(t, "get_job", "Read a job", "Returns one job or draft with its counts, and the dry run of its recipe.",
		func(ctx context.Context, by deadletter.Actor, in JobRef) (Job, error) {
			return t.job(ctx, by, deadletter.JobID(in.Job))
		})
	addRead(t, "get_reconciliation", "Read the reconciliation",
		"Says whether every webhook that was received is delivered, queued or kept as a message.", t.reconciliation)
}

func (t tools) jobOf(ctx context.Context, j deadletter.Job) Job {
	t.Desk.Hider().Job(&j)
	n := j.Items
	return Job{
		ID:          int64(j.ID),
		Action:      string(j.Action),
		State:       string(j.State),
		PauseReason: j.PauseReason,
		By:          j.By.Name,
		Reason:      j.Reason,
		Total:       n.Total(),
		Pending:     n.Pending,
		Done:        n.Done,
		Failed:      n.Failed,
		Skipped:     n.Skipped,
		Unknown:     j.Unknown,
		CreatedAt:   when(j.CreatedAt),
		StartedAt:   when(j.StartedAt),
		EndedAt:     when(j.EndedAt),
		Page:        pageAt(ctx, "/jobs/"+j.ID.String()),
	}
}

func (t tools) job(ctx context.Context, by deadletter.Actor, id deadletter.JobID) (out Job, err error) {
	j, err := t.Desk.Job(ctx, by, id)
	if err != nil {
		return out, err
	}
	out = t.jobOf(ctx, j)
	run, err := t.Desk.MaskedDryRun(ctx, by, id)
	if deadletter.KindOf(err) == deadletter.NotFound {
		return out, nil
	}
	out.DryRun = &DryRun{string(run.State), run.Changed, run.Unchanged, run.Failed, run.Differing}
	return out, err
}

func (t tools) jobs(ctx context.Context, by deadletter.Actor, in listInput) (out JobList, err error) {
	found, err := t.Desk.Jobs(ctx, by, in.Cursor, limitOf(in.Limit))
	out = JobList{Jobs: make([]Job, len(found.Items)), Next: found.Older}
	for i, j := range found.Items {
		out.Jobs[i] = t.jobOf(ctx, j)
	}
	return out, err
}

func (t tools) reconciliation(
	ctx context.Context, by deadletter.Actor, in ledgerRef,
) (out Reconciliation, err error) {
	page, state, err := t.Desk.Reconciliation(ctx, by, store.LedgerQuery{Source: in.Source, Rows: ledgerHours})
	if err != nil {
		return out, err
	}
	out = Reconciliation{
		CheckedAt: when(state.At), Unchecked: state.Unchecked != nil, Balanced: len(state.Wrong()) == 0,
		Imbalances: []Imbalance{}, Hours: []Hour{},
	}
	for _, l := range page.Lines {
		out.Hours = append(out.Hours, Hour{when(l.Hour), l.Source, l.Received, l.Delivered, l.Queued, l.Arrived})
	}
	for _, i := range state.Imbalances[:min(len(state.Imbalances), maxListed)] {
		out.Imbalances = append(out.Imbalances, imbalanceOf(i))
	}
	return out, err
}

func imbalanceOf(i ledger.Imbalance) Imbalance {
	return Imbalance{
		when(i.Hour), i.Source, string(i.Stage), i.Missing, i.Expired, i.Explained(), i.Acknowledged(),
	}
}
