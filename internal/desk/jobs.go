package desk

import (
	"cmp"
	"context"
	"net/url"
	"strings"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/store"
)

// MaxSelected is how many messages can be selected one by one for a job. A job over all messages of a filter has a
// limit of its own.
const MaxSelected = 200

// Choice chooses the messages of a job: up to MaxSelected by their ids, or else all that match.
type Choice struct {
	IDs    []string
	Status deadletter.Status // "": any
	Cause  string            // its fingerprint; "": any
	Query  string            // as in the search box
}

// Freeze creates the draft of a job over the chosen messages as they are now. It returns Invalid unless they are chosen
// in one of the two ways.
func (d *Desk) Freeze(
	ctx context.Context, by deadletter.Actor, action deadletter.Action, of Choice,
) (j deadletter.Job, err error) {
	matching := of.Status != "" || of.Cause+of.Query != ""
	if matching == (len(of.IDs) > 0) {
		return j, deadletter.Errorf(deadletter.Invalid,
			"choose messages by a query, a cause or a status, or list their ids")
	}
	if matching {
		list := url.Values{"status": {cmp.Or(string(of.Status), "all")}}
		for name, value := range map[string]string{"cause": of.Cause, "q": of.Query} {
			if value != "" {
				list.Set(name, value)
			}
		}
		f := store.Filter{Status: of.Status, Cause: of.Cause, Text: of.Query, By: by.Name, At: d.now()}
		return d.FreezeMatching(ctx, by, action, f, list.Encode())
	}
	var refs []Ref
	for _, id := range of.IDs[:min(len(of.IDs), MaxSelected+1)] {
		v, err := d.Message(ctx, by, deadletter.ID(id))
		if err != nil {
			return j, err
		}
		refs = append(refs, Ref{ID: v.Message.ID, Version: v.Message.Version})
	}
	return d.FreezeSelected(ctx, by, action, refs)
}

// FreezeMatching creates the draft of a job over all messages that match the filter now. query is the address of that
// list, for pages.
func (d *Desk) FreezeMatching(
	ctx context.Context, by deadletter.Actor, action deadletter.Action, f store.Filter, query string,
) (deadletter.Job, error) {
	j, err := deadletter.NewJob(by, action, d.now())
	if err != nil {
		return j, err
	}
	j.Filter, f.Sources = query, by.Sources
	return d.store.DraftJob(ctx, j, f)
}

// FreezeSelected creates the draft of a job over messages that were selected one by one. It returns Invalid for none or
// more than MaxSelected.
func (d *Desk) FreezeSelected(
	ctx context.Context, by deadletter.Actor, action deadletter.Action, refs []Ref,
) (deadletter.Job, error) {
	draft, err := deadletter.NewJob(by, action, d.now())
	if err != nil {
		return draft, err
	}
	if len(refs) == 0 || len(refs) > MaxSelected {
		return draft, deadletter.Errorf(deadletter.Invalid, "select 1 to %d messages (%d are selected)",
			MaxSelected, len(refs))
	}
	var j deadletter.Job
	err = d.store.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		if j, err = tx.AddJob(ctx, draft); err != nil {
			return err
		}
		for _, ref := range refs {
			if err := reachesMessage(ctx, tx, by, ref.ID); err != nil {
				return err
			}
			if err := tx.AddItem(ctx, j, ref.ID, ref.Version); err != nil {
				return err
			}
		}
		j, err = tx.CountItems(ctx, j)
		return err
	})
	return j, err
}

// StartJob starts a draft. Of several people who start the same draft, one succeeds and the others get a Conflict. It
// returns Invalid or NeedsConfirmation where the input is not complete.
func (d *Desk) StartJob(ctx context.Context, by deadletter.Actor, id deadletter.JobID, in deadletter.JobInput) error {
	reason, err := cleanReason(in.Reason)
	if err != nil {
		return err
	}
	if in.Recipe, err = d.Unmasked(ctx, by, in.Saved, in.Recipe); err != nil {
		return err
	}
	rules := d.masks().All() // its messages may be of many sources
	in.SaveAs = strings.TrimSpace(in.SaveAs)
	in.Reason = rules.Note(rules.Secrets(nil, "", []byte(in.Recipe.Text)).HideText(reason))
	draft, err := d.Job(ctx, by, id)
	if err == nil {
		draft, err = d.afterDryRun(ctx, draft, in.Recipe)
	}
	if err != nil {
		return err
	}
	if in.DefaultSteps && draft.Delivers() {
		in.Steps.Sizes = deadletter.DefaultJobSteps(draft.Sends())
	}
	if err := checkStart(draft, by, in, d.now()); err != nil {
		return err
	}
	if err := d.checkCount(ctx, draft, in.Count); err != nil {
		return err
	}
	steps, err := d.store.ChooseSteps(ctx, draft, in.Steps.Sizes, in.Sequence)
	if err == nil {
		err = d.store.PlaceItems(ctx, draft, in.Sequence)
	}
	if err != nil {
		return err
	}
	in.Steps.Sizes = steps.Sizes()
	cause := ""
	if in.SaveAs != "" {
		if cause, err = d.mainCause(ctx, draft); err != nil {
			return err
		}
	}
	return d.setGoing(ctx, id, func(ctx context.Context, tx *store.Tx, j deadletter.Job) (deadletter.JobChange, error) {
		run, err := tx.DryRun(ctx, id)
		if err != nil {
			return deadletter.JobChange{}, err
		}
		if j = j.After(run, in.Recipe); j.DryRun != draft.DryRun {
			const text = "there is another dry run now: look again"
			return deadletter.JobChange{}, deadletter.Errorf(deadletter.Conflict, text)
		}
		saved, err := d.savedWith(ctx, tx, by, j, cause, in)
		if err != nil {
			return deadletter.JobChange{}, err
		}
		with := in
		with.Saved = saved
		change, err := j.Start(by, with, d.now())
		if err == nil {
			err = d.startSuggested(ctx, tx, by, id)
		}
		if err == nil {
			err = tx.SetSteps(ctx, id, steps)
		}
		if err == nil {
			err = tx.StopDryRun(ctx, id, d.now())
		}
		return change, err
	})
}

// checkStart returns why a draft cannot be started with an input.
func checkStart(j deadletter.Job, by deadletter.Actor, in deadletter.JobInput, at time.Time) error {
	if _, err := j.Start(by, in, at); err != nil || !j.Action.Edits() {
		return err
	}
	if in.Recipe.Table == "" && payload.ReadsTable(in.Recipe) {
		return deadletter.About(deadletter.FieldTable,
			deadletter.Errorf(deadletter.Invalid, "this recipe reads $table: paste the table"))
	}
	_, err := payload.Compile(in.Recipe)
	return err
}

// PauseJob pauses a job: deliveries in flight finish, and no other begins.
func (d *Desk) PauseJob(ctx context.Context, by deadletter.Actor, id deadletter.JobID) error {
	return d.steer(ctx, by, id, func(j deadletter.Job) (deadletter.JobChange, error) { return j.Pause(by, d.now()) })
}

// SetJobPace changes how fast a job goes on at most.
func (d *Desk) SetJobPace(
	ctx context.Context, by deadletter.Actor, id deadletter.JobID, pace deadletter.JobPace,
) error {
	return d.steer(ctx, by, id, func(j deadletter.Job) (deadletter.JobChange, error) {
		return j.SetPace(by, pace, d.now())
	})
}

// ResumeJob resumes a paused job, in another order if one is given. The actor is recorded with the messages that
// follow.
func (d *Desk) ResumeJob(
	ctx context.Context, by deadletter.Actor, id deadletter.JobID, order deadletter.JobOrder,
) error {
	if err := d.reachesJob(ctx, by, id); err != nil {
		return err
	}
	return d.setGoing(ctx, id, func(_ context.Context, _ *store.Tx, j deadletter.Job) (deadletter.JobChange, error) {
		return j.Resume(by, order, d.now())
	})
}

// CancelJob cancels a job. The messages that it did not reach stay as they are.
func (d *Desk) CancelJob(ctx context.Context, by deadletter.Actor, id deadletter.JobID) error {
	return d.steer(ctx, by, id, func(j deadletter.Job) (deadletter.JobChange, error) { return j.Cancel(by, d.now()) })
}

// UndoArchive starts a job that restores the messages which another job archived. Messages that were changed since stay
// as they are.
func (d *Desk) UndoArchive(ctx context.Context, by deadletter.Actor, id deadletter.JobID) (deadletter.Job, error) {
	draft, err := deadletter.NewJob(by, deadletter.ActRestore, d.now())
	if err != nil {
		return draft, err
	}
	if err := d.reachesJob(ctx, by, id); err != nil {
		return draft, err
	}
	draft.Undoes = id
	var j deadletter.Job
	err = d.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		undone, err := tx.Job(ctx, id)
		if err != nil {
			return err
		}
		if err := undoable(ctx, tx, undone); err != nil {
			return err
		}
		if j, err = tx.AddJob(ctx, draft); err != nil {
			return err
		}
		if err := tx.AddUndo(ctx, j); err != nil {
			return err
		}
		if j, err = tx.CountItems(ctx, j); err != nil {
			return err
		}
		change, err := j.Start(by, deadletter.JobInput{}, d.now())
		if err != nil {
			return err
		}
		j = change.After
		return tx.ApplyJob(ctx, change)
	})
	if err == nil {
		d.kick()
	}
	return j, err
}

func undoable(ctx context.Context, tx *store.Tx, j deadletter.Job) error {
	if err := j.CheckUndo(); err != nil {
		return err
	}
	undo, err := tx.UndoOf(ctx, j.ID)
	switch {
	case err == nil:
		return deadletter.Errorf(deadletter.Conflict, "this was undone already by %s", undo.By.Name)
	case deadletter.KindOf(err) == deadletter.NotFound:
		return nil
	}
	return err
}

// RefusedOnJob returns the commands that the actor is refused on a job, with the errors that they would return.
func (d *Desk) RefusedOnJob(by deadletter.Actor, j deadletter.Job) map[deadletter.JobCommand]error {
	refused, now := map[deadletter.JobCommand]error{}, d.now()
	for _, command := range deadletter.JobCommands() {
		if err := j.Permits(by, command, now); err != nil {
			refused[command] = err
		}
	}
	return refused
}

// HideJob removes a job that is over from the actor's message list.
func (d *Desk) HideJob(ctx context.Context, by deadletter.Actor, id deadletter.JobID) error {
	if err := by.May(deadletter.ActView); err != nil {
		return err
	}
	return d.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.HideJob(ctx, id, by.Name) })
}

// setGoing applies a change after which a job runs. The person expects that its destinations are up again, so those
// that were down are probed at once.
func (d *Desk) setGoing(
	ctx context.Context, id deadletter.JobID,
	decide func(context.Context, *store.Tx, deadletter.Job) (deadletter.JobChange, error),
) error {
	names, err := d.store.PendingSources(ctx, id)
	if err != nil {
		return err
	}
	probes := false
	err = d.changeJob(ctx, id, func(ctx context.Context, tx *store.Tx, j deadletter.Job) (deadletter.JobChange, error) {
		probes = j.Delivers() && !j.Action.Redrives()
		return decide(ctx, tx, j)
	})
	if err != nil || !probes {
		return err
	}
	for _, name := range names {
		if s, ok := d.Source(name); ok && s.ProbeSoon != nil {
			s.ProbeSoon()
		}
	}
	d.kick()
	return nil
}

// steer applies a change of a job and wakes the worker.
func (d *Desk) steer(
	ctx context.Context, by deadletter.Actor, id deadletter.JobID,
	decide func(deadletter.Job) (deadletter.JobChange, error),
) error {
	if err := d.reachesJob(ctx, by, id); err != nil {
		return err
	}
	return d.changeJob(ctx, id, func(_ context.Context, _ *store.Tx, j deadletter.Job) (deadletter.JobChange, error) {
		return decide(j)
	})
}

// changeJob is steer for a change that writes more.
func (d *Desk) changeJob(
	ctx context.Context, id deadletter.JobID,
	decide func(context.Context, *store.Tx, deadletter.Job) (deadletter.JobChange, error),
) error {
	err := d.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		j, err := tx.Job(ctx, id)
		if err != nil {
			return err
		}
		change, err := decide(ctx, tx, j)
		if err != nil {
			return err
		}
		return tx.ApplyJob(ctx, change)
	})
	if err == nil {
		d.kick()
	}
	return err
}
