package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

const (
	// trialMessages and trialTime bound what a trial looks at.
	trialMessages = 200_000
	trialTime     = 3 * time.Second
)

// GroupTrial is what a rule would do to the stored messages.
type GroupTrial struct {
	Looked int  // messages that were looked at
	All    bool // that is every message which the rule could concern
	Moves  []GroupMove
}

// GroupMove is what a rule would move from one cause.
type GroupMove struct {
	Fingerprint string
	Title       string    // of the cause, or of one of its messages
	FirstAt     time.Time // when that failed first; zero if it is not known
	Messages    int       // that would move
	Stay        int       // that would not
	To          string    // the title of the cause that they would move to
}

// Joined returns how many causes would become others as a whole, how many those are, and how many messages they have.
func (t GroupTrial) Joined() (causes, into, messages int) {
	others := map[string]bool{}
	for _, m := range t.Moves {
		if m.Stay == 0 {
			causes, messages = causes+1, messages+m.Messages
			others[m.To] = true
		}
	}
	return causes, len(others), messages
}

// Split returns from how many causes a part of the messages would move, and how many messages that are.
func (t GroupTrial) Split() (causes, messages int) {
	for _, m := range t.Moves {
		if m.Stay > 0 {
			causes, messages = causes+1, messages+m.Messages
		}
	}
	return causes, messages
}

const triedMessages = `SELECT m.source, m.destination, m.reason, m.fingerprint, ` + failedCode + ` FROM messages m `

// TryGroupRule returns what a rule would do to the stored messages, of which it looks at 200,000 and for three seconds
// at most. It returns Invalid for a rule whose pattern is none.
func (s *Store) TryGroupRule(ctx context.Context, r deadletter.GroupRule) (GroupTrial, error) {
	before, err := s.Grouping(ctx)
	if err != nil {
		return GroupTrial{}, err
	}
	after, err := before.With(r)
	if err != nil {
		return GroupTrial{}, err
	}
	trial := trialRun{after: after, from: map[string]*GroupMove{}}
	within, cancel := context.WithTimeout(ctx, trialTime)
	defer cancel()
	where, args := "WHERE m.source = ? LIMIT ?", []any{r.Source, trialMessages + 1}
	if causes, all := before.Takes(r); !all {
		list, err := toJSON(causes)
		if err != nil {
			return GroupTrial{}, err
		}
		where, args[0] = "WHERE m.fingerprint IN (SELECT value FROM json_each(?)) LIMIT ?", list
	}
	err = sqlite.Each(within, s.db, trial.look, triedMessages+where, args...)
	switch {
	case errors.Is(err, errTrialFull) || within.Err() != nil && ctx.Err() == nil:
	case err != nil:
		return GroupTrial{}, fmt.Errorf("try a rule: %w", err)
	default:
		trial.All = true
	}
	return trial.result(ctx, s)
}

var errTrialFull = errors.New("enough messages were looked at")

// trialRun is a trial under way.
type trialRun struct {
	GroupTrial
	after *deadletter.Grouping
	from  map[string]*GroupMove
}

func (t *trialRun) look(r sqlite.Row) error {
	if t.Looked == trialMessages {
		return errTrialFull
	}
	var f deadletter.Failure
	var reason, fingerprint string
	var code int
	if err := r.Scan(&f.Source, &f.Destination, &reason, &fingerprint, &code); err != nil {
		return err
	}
	t.Looked++
	f.Error = deadletter.FailureText(code, reason)
	from := t.from[fingerprint]
	if from == nil {
		from = &GroupMove{Fingerprint: fingerprint, Title: f.Error}
		t.from[fingerprint] = from
	}
	to, title := t.after.Cause(f, "")
	if to == fingerprint {
		from.Stay++
		return nil
	}
	from.Messages, from.To = from.Messages+1, cmp.Or(title, f.Error)
	return nil
}

// result returns the moves, the largest first, with the titles of their causes.
func (t *trialRun) result(ctx context.Context, s *Store) (GroupTrial, error) {
	var moved []string
	for fingerprint, m := range t.from {
		if m.Messages > 0 {
			moved = append(moved, fingerprint)
		}
	}
	list, err := s.CausesAmong(ctx, moved)
	if err != nil {
		return GroupTrial{}, err
	}
	for _, c := range list {
		if m := t.from[c.Fingerprint]; m != nil {
			m.Title, m.FirstAt = c.Title, c.FirstAt
		}
	}
	for _, fingerprint := range moved {
		t.Moves = append(t.Moves, *t.from[fingerprint])
	}
	slices.SortFunc(t.Moves, func(a, b GroupMove) int {
		return cmp.Or(cmp.Compare(b.Messages, a.Messages), cmp.Compare(a.Fingerprint, b.Fingerprint))
	})
	return t.GroupTrial, nil
}
