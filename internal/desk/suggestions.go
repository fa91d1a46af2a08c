package desk

import (
	"context"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/store"
)

// Suggest keeps a note or a mute that an assistant suggests for a cause. Nothing is done before a person starts it.
func (d *Desk) Suggest(
	ctx context.Context, by deadletter.Actor, s deadletter.Suggestion,
) (deadletter.Suggestion, error) {
	seen, err := d.Cause(ctx, by, s.Cause)
	if err != nil {
		return s, err
	}
	s.Cause, s.Source = seen.Cause.Fingerprint, seen.Cause.Source
	return d.addSuggestion(ctx, by, s)
}

func (d *Desk) addSuggestion(
	ctx context.Context, by deadletter.Actor, s deadletter.Suggestion,
) (added deadletter.Suggestion, err error) {
	rules := d.masks().All()
	s.Note, s.Why, s.SaveAs = rules.Note(s.Note), rules.Note(s.Why), rules.Note(s.SaveAs)
	change, err := deadletter.NewSuggestion(by, s, d.now())
	if err != nil {
		return s, err
	}
	err = d.store.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		added, err = tx.AddSuggestion(ctx, change)
		return err
	})
	return added, err
}

// JobSuggestion is a job that an assistant suggests.
type JobSuggestion struct {
	Action deadletter.Action
	Of     Choice
	Recipe deadletter.Recipe // of an action that edits
	SaveAs string            // the name under which to save Recipe; "": none is suggested
	Why    string
}

// SuggestJob fixes the messages of a job that an assistant suggests and, if it edits them, tries its recipe on each
// as it is masked: what it comes to must tell the assistant nothing of masked values.
// Nothing is sent or changed before a person starts the draft. It returns Conflict if no message matches.
func (d *Desk) SuggestJob(
	ctx context.Context, by deadletter.Actor, in JobSuggestion,
) (s deadletter.Suggestion, j deadletter.Job, err error) {
	s = deadletter.Suggestion{Kind: deadletter.SuggestJob, Action: in.Action, SaveAs: in.SaveAs, Why: in.Why}
	if _, err := deadletter.NewSuggestion(by, s, d.now()); err != nil {
		return s, j, err
	}
	if in.Action.Edits() {
		if _, err := payload.Compile(in.Recipe); err != nil {
			return s, j, err
		}
	}
	if err := d.store.RoomForSuggestion(ctx, by.Name, d.now()); err != nil {
		return s, j, err
	}
	j, err = d.Freeze(ctx, by, in.Action, in.Of)
	switch {
	case err != nil:
		return s, j, err
	case j.Items.Total() == 0:
		return s, j, deadletter.Errorf(deadletter.Conflict, "no message matches now: there is nothing to do")
	}
	s.Job = j.ID
	if s.Cause, err = d.mainCause(ctx, j); err != nil {
		return s, j, err
	}
	if s, err = d.addSuggestion(ctx, by, s); err != nil || !in.Action.Edits() {
		return s, j, err
	}
	return s, j, d.startDryRun(ctx, by, j.ID, deadletter.RecipeUse{}, in.Recipe, true)
}

// reachesSuggestion returns NotFound for a suggestion about what the actor does not reach.
func (d *Desk) reachesSuggestion(ctx context.Context, by deadletter.Actor, s deadletter.Suggestion) error {
	if s.Kind == deadletter.SuggestJob {
		return d.reachesJob(ctx, by, s.Job)
	}
	return by.Reaches(s.Source, "suggestion "+s.ID.String())
}

// Suggestion returns a suggestion as it may be shown.
func (d *Desk) Suggestion(
	ctx context.Context, by deadletter.Actor, id deadletter.SuggestionID,
) (s deadletter.Suggestion, err error) {
	if err := by.May(deadletter.ActView); err != nil {
		return s, err
	}
	if s, err = d.store.Suggestion(ctx, id); err == nil {
		err = d.reachesSuggestion(ctx, by, s)
	}
	if err != nil {
		return deadletter.Suggestion{}, err
	}
	return d.shownSuggestion(s), nil
}

// SuggestionOfJob returns the suggestion that made a draft, as it may be shown. It returns NotFound if no assistant
// made it.
func (d *Desk) SuggestionOfJob(
	ctx context.Context, by deadletter.Actor, id deadletter.JobID,
) (s deadletter.Suggestion, err error) {
	if err := by.May(deadletter.ActView); err != nil {
		return s, err
	}
	if err := d.reachesJob(ctx, by, id); err != nil {
		return s, err
	}
	s, err = d.store.SuggestionOfJob(ctx, id)
	return d.shownSuggestion(s), err
}

// OpenSuggestions returns the suggestions about a cause, or all for "", about which no one has decided, newest first. It
// leaves out those about what the actor does not reach.
func (d *Desk) OpenSuggestions(
	ctx context.Context, by deadletter.Actor, cause string,
) ([]deadletter.Suggestion, error) {
	if err := by.May(deadletter.ActView); err != nil {
		return nil, err
	}
	all, err := d.store.OpenSuggestions(ctx, cause, d.now())
	if err != nil {
		return nil, err
	}
	list := make([]deadletter.Suggestion, 0, len(all))
	for _, s := range all {
		err := d.reachesSuggestion(ctx, by, s)
		switch {
		case err == nil:
			list = append(list, d.shownSuggestion(s))
		case deadletter.KindOf(err) != deadletter.NotFound:
			return nil, err
		}
	}
	return list, nil
}

func (d *Desk) shownSuggestion(s deadletter.Suggestion) deadletter.Suggestion {
	rules := d.masks().All()
	s.Note, s.Why, s.SaveAs = rules.Note(s.Note), rules.Note(s.Why), rules.Note(s.SaveAs)
	return s
}

// StartSuggestion carries out a suggestion in the name of the person who starts it. version is that of the cause
// as the person saw it, which a mute needs. A job is started by StartJob instead.
func (d *Desk) StartSuggestion(
	ctx context.Context, by deadletter.Actor, id deadletter.SuggestionID, version int,
) error {
	if _, err := d.Suggestion(ctx, by, id); err != nil {
		return err
	}
	return d.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		s, err := tx.Suggestion(ctx, id)
		if err != nil {
			return err
		}
		if s.Kind == deadletter.SuggestJob {
			return deadletter.Errorf(deadletter.Invalid, "start it on the page of job %d", s.Job)
		}
		change, err := s.Decide(by, deadletter.SuggestionStarted, d.now())
		if err != nil {
			return err
		}
		c, err := tx.Cause(ctx, s.Cause)
		if err != nil {
			return err
		}
		if s.Kind == deadletter.SuggestNote {
			err = d.addNote(ctx, tx, by, c, s.Note)
		} else {
			var muted deadletter.CauseChange
			if muted, err = c.MuteUntil(by, s.Mute, version, d.now()); err == nil {
				err = tx.ApplyCause(ctx, muted)
			}
		}
		if err != nil {
			return err
		}
		return tx.DecideSuggestion(ctx, change)
	})
}

// DismissSuggestion records that a person dismisses a suggestion.
func (d *Desk) DismissSuggestion(ctx context.Context, by deadletter.Actor, id deadletter.SuggestionID) error {
	if _, err := d.Suggestion(ctx, by, id); err != nil {
		return err
	}
	return d.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		s, err := tx.Suggestion(ctx, id)
		if err != nil {
			return err
		}
		return d.decide(ctx, tx, by, s, deadletter.SuggestionDismissed)
	})
}

// startSuggested records that a person starts a draft, if an assistant made it. It returns Forbidden for a token.
func (d *Desk) startSuggested(ctx context.Context, tx *store.Tx, by deadletter.Actor, id deadletter.JobID) error {
	s, err := tx.SuggestionOfJob(ctx, id)
	if deadletter.KindOf(err) == deadletter.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	return d.decide(ctx, tx, by, s, deadletter.SuggestionStarted)
}

func (d *Desk) decide(
	ctx context.Context, tx *store.Tx, by deadletter.Actor, s deadletter.Suggestion,
	decision deadletter.SuggestionDecision,
) error {
	change, err := s.Decide(by, decision, d.now())
	if err != nil {
		return err
	}
	return tx.DecideSuggestion(ctx, change)
}
