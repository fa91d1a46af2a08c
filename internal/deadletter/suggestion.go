package deadletter

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// SuggestionID identifies a suggestion. Newer ones have higher ids.
type SuggestionID int64

func (id SuggestionID) String() string { return strconv.FormatInt(int64(id), 10) }

// SuggestionKind is the kind of thing that a suggestion would do.
type SuggestionKind string

// The kinds of suggestions.
const (
	SuggestNote SuggestionKind = "note" // write a note about a cause
	SuggestMute SuggestionKind = "mute" // mute a cause
	SuggestJob  SuggestionKind = "job"  // start the draft of a job
)

// SuggestionDecision is the decision of a person about a suggestion.
type SuggestionDecision string

// The decisions.
const (
	SuggestionStarted   SuggestionDecision = "started"
	SuggestionDismissed SuggestionDecision = "dismissed"
)

// Suggestion is a proposal of an assistant. It does nothing by itself: a person who is signed in
// starts it, in their own name, or dismisses it. Example:
//
//	Suggestion{Kind: SuggestNote, Cause: "6f1c0a7b9d2e4f58", Note: "The id is gone.", By: "claude of anna"}
type Suggestion struct {
	ID     SuggestionID
	Kind   SuggestionKind
	Cause  string // the fingerprint of the cause that it is about; "" for a job over messages of several
	Source string // of the cause
	Job    JobID  // of SuggestJob: the draft

	Note   string // of SuggestNote, in Markdown
	Mute   Mute   // of SuggestMute
	Action Action // of SuggestJob: what the job does
	SaveAs string // of SuggestJob: the name under which its recipe would be saved; "": it would not

	Why       string // the reason that the assistant gave
	By        string // the name of the actor whose token the assistant used
	At        time.Time
	ExpiresAt time.Time

	Decision  SuggestionDecision // "" while no one has decided
	DecidedBy string
	DecidedAt time.Time
}

// SuggestionChange is one change of a suggestion with its audit event. Before is the zero Suggestion, and After has no
// id yet, if it is new.
type SuggestionChange struct {
	Before, After Suggestion
	Event         Event
}

const (
	// SuggestionLife is how long a suggestion can be started.
	SuggestionLife = 7 * 24 * time.Hour

	// MaxSuggestions is how many open suggestions an actor can have.
	MaxSuggestions = 50

	// MaxSuggestionWhy is how many characters the reason of a suggestion may have.
	MaxSuggestionWhy = 2000
)

// needs returns the action that those who make or start the suggestion must be allowed.
func (s Suggestion) needs() Action {
	switch s.Kind {
	case SuggestNote:
		return ActNote
	case SuggestMute:
		return ActMute
	case SuggestJob:
		return s.Action
	}
	return ""
}

// NewSuggestion makes the suggestion s, with the actor and the time. It returns Forbidden if the actor may not do that
// themselves, and Invalid if it could never be done.
func NewSuggestion(by Actor, s Suggestion, at time.Time) (SuggestionChange, error) {
	if err := by.May(s.needs()); err != nil {
		return SuggestionChange{}, err
	}
	s.Why = strings.TrimSpace(strings.ToValidUTF8(s.Why, "\uFFFD"))
	if n := utf8.RuneCountInString(s.Why); n == 0 || n > MaxSuggestionWhy {
		return SuggestionChange{}, Errorf(Invalid, "say why you suggest it, in up to %d characters", MaxSuggestionWhy)
	}
	var err error
	switch s.Kind {
	case SuggestNote:
		s.Note, err = checkNote(s.Note)
	case SuggestMute:
		err = s.Mute.check(at)
	case SuggestJob:
		if s.SaveAs != "" {
			s.SaveAs, err = checkRecipeName(s.SaveAs, nil, at)
		}
	}
	if err != nil {
		return SuggestionChange{}, err
	}
	s.By, s.At, s.ExpiresAt = by.Name, at, at.Add(SuggestionLife)
	return s.changedFrom(Suggestion{}, by, "make", s.Why, at)
}

// Open reports whether the suggestion can be started.
func (s Suggestion) Open(at time.Time) bool { return s.Decision == "" && at.Before(s.ExpiresAt) }

// Permits returns nil if the actor may decide about the suggestion now. Only a person who is signed in may: no token
// starts what an assistant drafted.
func (s Suggestion) Permits(by Actor, at time.Time) error {
	if err := by.May(s.needs()); err != nil {
		return err
	}
	switch {
	case by.Kind != ActorUser:
		return Errorf(Forbidden, "an assistant suggested this: only a person who is signed in can decide about it")
	case s.Decision != "":
		return Errorf(Conflict, "this was %s by %s %s", s.Decision, s.DecidedBy, ago(s.DecidedAt, at))
	case !s.Open(at):
		return Errorf(Conflict, "this suggestion has expired: ask for another one")
	}
	return nil
}

// Decide records the decision of a person. It returns the errors of Permits.
func (s Suggestion) Decide(by Actor, decision SuggestionDecision, at time.Time) (SuggestionChange, error) {
	if err := s.Permits(by, at); err != nil {
		return SuggestionChange{}, err
	}
	next := s
	next.Decision, next.DecidedBy, next.DecidedAt = decision, by.Name, at
	action := "start"
	if decision == SuggestionDismissed {
		action = "dismiss"
	}
	return next.changedFrom(s, by, action, fmt.Sprintf("suggested by %s", s.By), at)
}

// suggestionTarget is the target kind of events about a suggestion.
const suggestionTarget = "suggestion"

// suggestionFacts are the facts of a suggestion that an event stores.
type suggestionFacts struct {
	Kind        SuggestionKind     `json:"kind"`
	Cause       string             `json:"cause,omitempty"`
	Job         JobID              `json:"suggestedJob,omitempty"`
	SuggestedBy string             `json:"suggestedBy"`
	Text        string             `json:"text,omitempty"`
	Decision    SuggestionDecision `json:"decision,omitempty"`
}

func (s Suggestion) facts() any {
	if s.Kind == "" {
		return nil
	}
	text := cmp.Or(s.Note, s.SaveAs)
	if s.Kind == SuggestMute {
		text = s.Mute.Text()
	}
	return suggestionFacts{s.Kind, s.Cause, s.Job, s.By, text, s.Decision}
}

// changedFrom returns the change from before to s, with its audit event. The store adds the id of a new suggestion.
func (s Suggestion) changedFrom(
	before Suggestion, by Actor, action, reason string, at time.Time,
) (SuggestionChange, error) {
	e, err := NewEvent(by, suggestionTarget+"."+action, suggestionTarget, s.ID.String(), reason, before.facts(),
		s.facts(), at)
	e.Source = s.Source
	return SuggestionChange{before, s, e}, err
}

// Text says until when the mute lasts: "until 3 March 10:00 UTC, or until 100 more messages".
func (m Mute) Text() string {
	var parts []string
	if !m.Until.IsZero() {
		parts = append(parts, "until "+m.Until.UTC().Format("2 January 2006 15:04 UTC"))
	}
	if m.Count > 0 {
		parts = append(parts, "until "+strconv.Itoa(m.Count)+" more messages fail for it")
	}
	if m.PerHour > 0 {
		parts = append(parts, "until "+strconv.Itoa(m.PerHour)+" messages fail for it within an hour")
	}
	if m.UntilDelivered {
		parts = append(parts, "until the next successful delivery to its destination")
	}
	return strings.Join(parts, ", or ")
}
