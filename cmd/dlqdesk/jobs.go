package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"dlqdesk/internal/api"
	"dlqdesk/internal/client"
	"dlqdesk/internal/terminal"
)

// jobCmds are the commands about jobs at a desk.
type jobCmds struct {
	List   jobList   `cmd:"" help:"List jobs, newest first."`
	Show   jobShow   `cmd:"" help:"Show a job."`
	Start  jobStart  `cmd:"" help:"Do something to many messages."`
	Pause  jobPause  `cmd:"" help:"Begin no further message."`
	Resume jobResume `cmd:"" help:"Go on with a paused job."`
	Cancel jobCancel `cmd:"" help:"End a job; the messages that are left stay as they are."`
	Watch  jobWatch  `cmd:"" help:"Follow a job to its end."`
}

type jobList struct {
	deskFlag
	form
	pageFlags
}

func (l jobList) Run(p program) error {
	return l.ask(p, l.form, func(ctx context.Context, d asked) error {
		return listing[api.Job]{
			path: "/jobs", pages: l.pageFlags, none: "There are no jobs.",
			columns: []terminal.Column{
				{Title: "ID"},
				{Title: "ACTION"},
				{Title: "STATE"},
				{Title: "MESSAGES"},
				{Title: "DONE"},
				{Title: "FAILED"},
				{Title: "AGE"},
				{Title: "BY", Shrinks: true, Spare: true},
				{Title: "REASON", Shrinks: true, Spare: true},
			},
			id: func(j api.Job) string { return jobID(j) },
			row: func(j api.Job) []terminal.Cell {
				return []terminal.Cell{
					{Text: jobID(j)},
					{Text: j.Action},
					{Text: j.State, Tone: toneOf(j.State)},
					{Text: strconv.Itoa(j.Messages.Total)},
					{Text: strconv.Itoa(j.Messages.Done)},
					{Text: strconv.Itoa(j.Messages.Failed)},
					{Text: age(j.CreatedAt), Tone: terminal.Faint},
					{Text: j.By},
					{Text: j.Reason},
				}
			},
		}.print(ctx, d)
	})
}

func jobID(j api.Job) string { return strconv.FormatInt(j.ID, 10) }

type jobShow struct {
	deskFlag
	form
	ID int64 `arg:"" help:"The id of the job."`
}

func (s jobShow) Run(p program) error {
	return s.ask(p, s.form, func(ctx context.Context, d asked) error {
		j, answer, err := client.Read[api.Job](d.Get(ctx, jobPath(s.ID), nil))
		if err != nil {
			return err
		}
		return d.printOne(answer.Body, jobID(j), func() error { return showJob(d, j) })
	})
}

func jobPath(id int64) string { return "/jobs/" + strconv.FormatInt(id, 10) }

func showJob(d asked, j api.Job) error {
	var steps []string
	for _, s := range j.Steps {
		steps = append(steps, fmt.Sprintf("%d %s", s.Messages, s.State))
	}
	return d.screen.Facts([]terminal.Fact{
		fact("Job", jobID(j)), fact("Action", j.Action),
		{Name: "State", Cell: terminal.Cell{Text: j.State, Tone: toneOf(j.State)}},
		fact("Paused for", j.PauseReason), fact("By", j.By), fact("Reason", j.Reason),
		fact("Messages", jobCounts(j)), fact("Steps", strings.Join(steps, ", ")), fact("Begins", whenever(j.BeginsAt)),
		fact("Started", whenever(j.StartedAt)), fact("Ended", whenever(j.EndedAt)),
		fact("You can", strings.Join(j.Allowed, ", ")),
	})
}

func jobCounts(j api.Job) string {
	n := j.Messages
	return fmt.Sprintf("%d: %d done, %d failed, %d skipped, %d left", n.Total, n.Done, n.Failed, n.Skipped,
		n.Pending+n.InFlight)
}

type jobStart struct {
	deskFlag
	form
	Action         string        `arg:"" enum:"replay,edit,redrive,archive,restore" help:"replay, edit, redrive, archive or restore."`
	Query          []string      `arg:"" optional:"" help:"The messages, as in the search box of the desk."`
	Status         string        `placeholder:"STATUS" help:"Only messages of this status."`
	Source         string        `placeholder:"SOURCE" help:"Only messages of this source."`
	Cause          string        `placeholder:"CAUSE" help:"Only messages of the cause with this id."`
	Messages       []string      `name:"message" placeholder:"ID" help:"These messages instead of a search. A hyphen reads ids from stdin."`
	Reason         string        `placeholder:"TEXT" help:"Why, for the audit trail. An edit and an archive need it."`
	Recipe         string        `placeholder:"FILE" help:"How to edit each body."`
	RecipeKind     string        `name:"recipe-kind" default:"merge" enum:"merge,json-patch,jq" help:"What the recipe is: merge, json-patch or jq."`
	Table          string        `placeholder:"FILE" help:"A CSV file that a recipe of jq looks values up in."`
	Count          int           `placeholder:"N" help:"The number of messages, to confirm it."`
	ConfirmUnknown bool          `name:"confirm-unknown" help:"Also messages that may already have been processed."`
	Order          string        `placeholder:"ORDER" help:"What to do with a message if newer events of the same thing were delivered: skip, ask or send."`
	Steps          []int         `placeholder:"N" xor:"steps" help:"Messages of each step before the rest. Default: 1, 10 and 100."`
	AllAtOnce      bool          `name:"all-at-once" xor:"steps" help:"Without steps."`
	PauseAfterStep bool          `name:"pause-after-step" help:"Wait for a person after each step."`
	Rate           int           `placeholder:"N" help:"Messages a second at most."`
	Concurrency    int           `placeholder:"N" help:"Deliveries at once at each destination."`
	Sequence       string        `placeholder:"SEQUENCE" help:"Which first: oldest, newest, random or key."`
	BeginIn        time.Duration `name:"begin-in" placeholder:"DURATION" help:"Begin later, such as in 2h."`
	DryRun         bool          `name:"dry-run" help:"Say how many messages it would be and where they go, and start nothing."`
	Watch          bool          `help:"Follow it to its end."`
}

// Run fixes the messages of a job, which does nothing to them, and then starts it.
func (c jobStart) Run(p program) error {
	draft, err := c.draft(p)
	if err != nil {
		return err
	}
	order, err := c.order()
	if err != nil {
		return err
	}
	return c.ask(p, c.form, func(ctx context.Context, d asked) error {
		j, answer, err := client.Read[api.Job](d.Post(ctx, "/jobs", "", draft))
		if err != nil {
			return err
		}
		if c.DryRun {
			return d.printOne(answer.Body, jobID(j), func() error { return c.wouldStart(ctx, d, j) })
		}
		if err := c.confirmCount(ctx, d, j, order); err != nil {
			return err
		}
		started, err := d.confirmed(ctx, jobPath(j.ID)+"/start", "", order, !slices.Contains(c.Messages, "-"))
		j, answer, err = client.Read[api.Job](started, err)
		switch {
		case err != nil:
			return err
		case c.Watch:
			return watch(ctx, d, j.ID)
		}
		return d.printOne(answer.Body, jobID(j), func() error { return showJob(d, j) })
	})
}

// draft returns the request that fixes the messages.
func (c jobStart) draft(p program) (map[string]any, error) {
	body := map[string]any{"action": c.Action}
	search := query(c.Query, c.Source, c.Cause)
	if len(c.Messages) == 0 {
		if search != "" {
			body["query"] = search
		}
		if c.Status != "" {
			body["status"] = c.Status
		}
		if len(body) == 1 {
			return nil, usageError{errors.New("choose messages: by a search, --status, --source, --cause or --message")}
		}
		return body, nil
	}
	if search+c.Status != "" {
		return nil, usageError{errors.New("choose messages either by a search or by --message")}
	}
	var ids []string
	for id, err := range p.ids(c.Messages) {
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	body["messages"] = ids
	return body, nil
}

// order returns the request that starts the job.
func (c jobStart) order() (map[string]any, error) {
	body := map[string]any{}
	for name, value := range map[string]string{"reason": c.Reason, "order": c.Order, "sequence": c.Sequence} {
		if value != "" {
			body[name] = value
		}
	}
	for name, value := range map[string]int{"count": c.Count, "rate": c.Rate, "concurrency": c.Concurrency} {
		if value != 0 {
			body[name] = value
		}
	}
	for name, on := range map[string]bool{
		"confirmUnknown": c.ConfirmUnknown, "allAtOnce": c.AllAtOnce, "pauseAfterStep": c.PauseAfterStep,
	} {
		if on {
			body[name] = true
		}
	}
	if len(c.Steps) > 0 {
		body["steps"] = c.Steps
	}
	if c.BeginIn > 0 {
		body["beginAt"] = time.Now().Add(c.BeginIn).UTC().Format(time.RFC3339)
	}
	if c.Recipe == "" {
		return body, nil
	}
	recipe := map[string]string{"kind": c.RecipeKind}
	for name, file := range map[string]string{"text": c.Recipe, "table": c.Table} {
		if file == "" {
			continue
		}
		text, err := os.ReadFile(file) //nolint:gosec // that the person names
		if err != nil {
			return nil, usageError{err}
		}
		recipe[name] = string(text)
	}
	body["recipe"] = recipe
	return body, nil
}

// confirmCount asks a person at a terminal for the number of messages, where the desk wants it.
func (c jobStart) confirmCount(ctx context.Context, d asked, j api.Job, order map[string]any) error {
	scope, _, err := client.Read[api.JobScope](d.Get(ctx, jobPath(j.ID)+"/scope", nil))
	if err != nil || !slices.Contains(scope.Asks, "count") || c.Count != 0 || !d.dialog.CanAsk ||
		slices.Contains(c.Messages, "-") {
		return err
	}
	for _, line := range scopeLines(scope) {
		d.dialog.Say("%s", line)
	}
	answer, err := d.dialog.Ask(ctx, fmt.Sprintf("This is for %d messages. Enter that number to confirm:", scope.Sends))
	if err != nil {
		return err
	}
	if order["count"], err = strconv.Atoi(answer); err != nil {
		return usageError{errors.New("this is no number: nothing was started")}
	}
	return nil
}

func (c jobStart) wouldStart(ctx context.Context, d asked, j api.Job) error {
	scope, _, err := client.Read[api.JobScope](d.Get(ctx, jobPath(j.ID)+"/scope", nil))
	if err != nil {
		return err
	}
	if err := d.screen.Line("would %s %d messages; nothing was started", c.Action, j.Messages.Total); err != nil {
		return err
	}
	for _, line := range append(scopeLines(scope), c.wouldAsk(j, scope)...) {
		if err := d.screen.Line("%s", line); err != nil {
			return err
		}
	}
	return nil
}

// wouldAsk says which of the confirmations that the desk asks for are not given.
func (c jobStart) wouldAsk(j api.Job, scope api.JobScope) (lines []string) {
	for _, field := range scope.Asks {
		switch {
		case field == "count" && c.Count != scope.Sends:
			lines = append(lines, fmt.Sprintf("it would ask for --count %d", scope.Sends))
		case field == "confirmUnknown" && !c.ConfirmUnknown:
			lines = append(lines, fmt.Sprintf("%d may already have been processed: it would ask for --confirm-unknown",
				j.Messages.Unknown))
		case field == "order" && c.Order == "":
			lines = append(lines, "newer events than some of them were delivered: it would ask for --order")
		}
	}
	return lines
}

func scopeLines(scope api.JobScope) (lines []string) {
	for _, t := range scope.Targets {
		lines = append(lines, fmt.Sprintf("  %d of %s to %s", t.Messages, t.Source, t.Destination))
	}
	return lines
}

// steerFlags are those of orders for running jobs.
type steerFlags struct {
	deskFlag
	form
	ID     int64 `arg:"" help:"The id of the job."`
	DryRun bool  `name:"dry-run" help:"Say what would happen, and change nothing."`
}

// steer gives an order.
func (f steerFlags) steer(p program, act string) error {
	return f.ask(p, f.form, func(ctx context.Context, d asked) error {
		if f.DryRun {
			answer, err := order{act: act}.tryOut(ctx, d, jobPath(f.ID))
			if err != nil {
				return err
			}
			return d.printOne(answer, strconv.FormatInt(f.ID, 10), func() error {
				return d.screen.Line("would %s job %d", act, f.ID)
			})
		}
		j, answer, err := client.Read[api.Job](d.Post(ctx, jobPath(f.ID)+"/"+act, "", nil))
		if err != nil {
			return explained(err)
		}
		return d.printOne(answer.Body, jobID(j), func() error { return d.screen.Line("job %d is %s", f.ID, j.State) })
	})
}

type jobPause struct{ steerFlags }

func (c jobPause) Run(p program) error { return c.steer(p, "pause") }

type jobResume struct{ steerFlags }

func (c jobResume) Run(p program) error { return c.steer(p, "resume") }

type jobCancel struct{ steerFlags }

func (c jobCancel) Run(p program) error { return c.steer(p, "cancel") }

type jobWatch struct {
	deskFlag
	form
	ID int64 `arg:"" help:"The id of the job."`
}

func (c jobWatch) Run(p program) error {
	return c.ask(p, c.form, func(ctx context.Context, d asked) error { return watch(ctx, d, c.ID) })
}

const watchEvery = time.Second

// watch follows a job to its end. It returns an error if the job does not come to it: it is paused or cancelled.
func watch(ctx context.Context, d asked, id int64) error {
	for {
		j, answer, err := client.Read[api.Job](d.Get(ctx, jobPath(id), nil))
		if err != nil {
			return err
		}
		if d.form.JSONL && !slices.Contains(endStates(), j.State) {
			if err := d.document(answer.Body, ""); err != nil {
				return err
			}
		}
		if slices.Contains(endStates(), j.State) {
			d.dialog.Clear()
			if err := d.printOne(answer.Body, jobID(j), func() error { return showJob(d, j) }); err != nil {
				return err
			}
			return outcomeOf(j)
		}
		d.dialog.Progress("job %d is %s: %s%s", j.ID, j.State, jobCounts(j), remaining(j))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(watchEvery):
		}
	}
}

// endStates are those in which a job does not go on by itself.
func endStates() []string { return []string{"draft", "paused", "done", "cancelled"} }

func outcomeOf(j api.Job) error {
	switch {
	case j.State == "done":
		return nil
	case j.PauseReason != "":
		return fmt.Errorf("job %d is paused: %s", j.ID, j.PauseReason)
	}
	return fmt.Errorf("job %d is %s", j.ID, j.State)
}

func remaining(j api.Job) string {
	if j.SecondsLeft == 0 {
		return ""
	}
	return ", about " + (time.Duration(j.SecondsLeft) * time.Second).String() + " left"
}
