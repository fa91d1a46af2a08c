package deadletter

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Cause is what messages failed for: same source, destination and normalised error.
type Cause struct {
	Fingerprint string // its key
	Source      string
	Destination string
	Title       string // that a rule gives it, or else Error
	Error       string // the readable error of one of its messages, with the status code before it
	StatusCode  int    // of that error; 0 if there was no answer
	Messages    int    // that ever failed for it
	Failed      int    // now
	Retrying    int    // now, the replaying ones included
	FirstAt     time.Time
	LastAt      time.Time // of its latest failure
	CountedAt   time.Time // when Failed or Retrying changed last
	Unedited    Replays
	Edited      Replays
	EditReason  string // of the latest edit that was delivered; the name of the saved recipe that made it
	Growth      int    // failures of the last hour in percent of its usual hour; 0 if it is not growing
	State       CauseState
	StateAt     time.Time // when State began
	Owner       string    // who claimed it; "" if it is not claimed
	OwnedUntil  time.Time
	Ticket      string // id of a ticket, see Tickets; "" if it is not known
	Mute        Mute   // zero: not muted
	Version     int    // counts the changes by people
	LastChange  LastChange
}

// Replays counts replays and how many of them were delivered.
type Replays struct{ Tried, Delivered int }

// failure returns the failure of one of its messages.
func (c Cause) failure() Failure {
	return Failure{Source: c.Source, Destination: c.Destination, Error: c.Error}
}

// Open returns how many messages wait for a delivery or a person because of the cause.
func (c Cause) Open() int { return c.Failed + c.Retrying }

// Mute keeps a cause out of the way until one of its conditions is true. A zero field is no condition.
type Mute struct {
	Until          time.Time
	Count          int  // further messages
	From           int  // Messages of the cause when it was muted; set by MuteUntil
	PerHour        int  // failures within an hour
	UntilDelivered bool // the next successful delivery to its destination
}

// CauseChange is one change of a cause with its audit event. The store writes what people decided and the state of a
// cause only by CauseChanges.
type CauseChange struct {
	Before, After Cause
	Event         Event
}

// causeTarget is the target kind of events about a cause.
const causeTarget = "cause"

// CauseActions lists the actions on one cause.
func CauseActions() []Action {
	return []Action{
		ActReplay,
		ActEdit,
		ActArchive,
		ActClaim,
		ActRelease,
		ActMute,
		ActUnmute,
		ActKnown,
		ActUnmark,
		ActNote,
		ActGroup,
	}
}

// ClaimTimes lists how long a cause can be claimed for.
func ClaimTimes() []time.Duration {
	return []time.Duration{time.Hour, 4 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour}
}

const maxMute = 366 * 24 * time.Hour

// Permits returns nil where the actor may carry out the action on the cause as it stands. Otherwise it returns
// Unauthenticated, Forbidden or Conflict, with the reason.
func (c Cause) Permits(by Actor, act Action, at time.Time) error {
	if err := by.May(act); err != nil {
		return err
	}
	holder := c.holder(at)
	switch {
	case c.Failed == 0 && (act == ActReplay || act == ActEdit || act == ActArchive):
		return Errorf(Conflict, "none of its messages is failed now")
	case act == ActClaim && holder != "" && !by.wrote(holder):
		return Errorf(Conflict, "claimed by %s until %s: release it first", holder,
			c.OwnedUntil.UTC().Format("2 January 15:04 UTC"))
	case act == ActRelease && holder == "":
		return Errorf(Conflict, "this cause is not claimed")
	case act == ActUnmute && c.Mute == Mute{}:
		return Errorf(Conflict, "this cause is not muted")
	case act == ActUnmark && c.Ticket == "":
		return Errorf(Conflict, "this cause has no ticket")
	}
	return nil
}

// holder returns who holds the claim; "" if no one does, or the claim ran out.
func (c Cause) holder(at time.Time) string {
	if at.Before(c.OwnedUntil) {
		return c.Owner
	}
	return ""
}

// Claim gives the cause to the actor for one of ClaimTimes. A claim of one's own is prolonged. Claim returns Conflict
// if another user has claimed it, or version is not the current one, and Invalid for another time.
func (c Cause) Claim(by Actor, d time.Duration, version int, at time.Time) (CauseChange, error) {
	if !slices.Contains(ClaimTimes(), d) {
		return CauseChange{}, Errorf(Invalid, "a cause can be claimed for 1 hour, 4 hours, 24 hours or 7 days")
	}
	return c.order(by, ActClaim, version, "claim", "claimed", at, func(next *Cause) {
		next.Owner, next.OwnedUntil = by.Name, at.Add(d)
	})
}

// Release ends a claim, also that of another user. It returns Conflict if there is none.
func (c Cause) Release(by Actor, version int, at time.Time) (CauseChange, error) {
	return c.order(by, ActRelease, version, "release", "released", at, func(next *Cause) {
		next.Owner, next.OwnedUntil = "", time.Time{}
	})
}

// MuteUntil mutes the cause until a condition of m is true, or replaces the conditions of a muted one. It returns
// Invalid without a condition.
func (c Cause) MuteUntil(by Actor, m Mute, version int, at time.Time) (CauseChange, error) {
	if err := m.check(at); err != nil {
		return CauseChange{}, err
	}
	m.From = c.Messages
	return c.order(by, ActMute, version, "mute", "muted", at, func(next *Cause) { next.Mute, next.StateAt = m, at })
}

func (m Mute) check(at time.Time) error {
	switch {
	case m.Count < 0 || m.PerHour < 0:
		return Errorf(Invalid, "a number of messages cannot be negative")
	case !m.Until.IsZero() && !m.Until.After(at):
		return Errorf(Invalid, "the time until which it is muted is past: give a later one")
	case m.Until.After(at.Add(maxMute)):
		return Errorf(Invalid, "a cause can be muted for a year at most: give an earlier time")
	case m.Until.IsZero() && m.Count == 0 && m.PerHour == 0 && !m.UntilDelivered:
		return Errorf(Invalid, "say what ends the mute: a time, a number of messages, a rate or a delivery")
	}
	return nil
}

// Unmute ends a mute. It returns Conflict if the cause is not muted.
func (c Cause) Unmute(by Actor, version int, at time.Time) (CauseChange, error) {
	return c.order(by, ActUnmute, version, "unmute", "unmuted", at, func(next *Cause) { next.Mute = Mute{} })
}

// MarkKnown gives the cause a ticket of the tracker, named by its id or its link. It returns Invalid for another text.
func (c Cause) MarkKnown(
	by Actor, tracker Tickets, ticket string, version int, at time.Time,
) (CauseChange, error) {
	id, err := tracker.Parse(ticket)
	if err != nil {
		return CauseChange{}, err
	}
	return c.order(by, ActKnown, version, "known", "marked as known", at, func(next *Cause) { next.Ticket = id })
}

// Unmark takes the ticket away. It returns Conflict if there is none.
func (c Cause) Unmark(by Actor, version int, at time.Time) (CauseChange, error) {
	return c.order(by, ActUnmark, version, "unmark", "marked as not known", at, func(next *Cause) { next.Ticket = "" })
}

// order returns the change that an actor ordered: edit makes it in the cause as it will be.
func (c Cause) order(
	by Actor, act Action, version int, action, past string, at time.Time, edit func(next *Cause),
) (CauseChange, error) {
	if err := c.Permits(by, act, at); err != nil {
		return CauseChange{}, err
	}
	if err := c.checkVersion(version, at); err != nil {
		return CauseChange{}, err
	}
	next := c
	edit(&next)
	next.settle(at)
	next.Version++
	next.LastChange = LastChange{By: by.Name, Action: past, At: at}
	return next.changedFrom(c, by, action, "", at), nil
}

// checkVersion returns Conflict if the page that the person saw shows an older version.
func (c Cause) checkVersion(version int, at time.Time) error {
	if version == c.Version {
		return nil
	}
	return Errorf(Conflict, "already %s by %s %s: look at it again, then decide",
		c.LastChange.Action, c.LastChange.By, ago(c.LastChange.At, at))
}

// changedFrom returns the change from before to c, with its audit event.
func (c Cause) changedFrom(before Cause, by Actor, action, fact string, at time.Time) CauseChange {
	return CauseChange{Before: before, After: c, Event: Event{
		At: at, Actor: by.Kind, By: by.Name, Addr: by.Addr, Action: causeTarget + "." + action,
		TargetKind: causeTarget, Target: c.Fingerprint, Source: c.Source, Reason: fact,
		Before: before.facts(), After: c.facts(),
	}}
}

// facts returns the facts of a cause that an event stores, as JSON.
func (c Cause) facts() json.RawMessage {
	text, err := json.Marshal(struct {
		State          CauseState `json:"state"`
		Owner          string     `json:"owner,omitempty"`
		OwnedUntil     time.Time  `json:"ownedUntil,omitzero"`
		Ticket         string     `json:"ticket,omitempty"`
		MutedUntil     time.Time  `json:"mutedUntil,omitzero"`
		MutedCount     int        `json:"mutedCount,omitempty"`
		MutedPerHour   int        `json:"mutedPerHour,omitempty"`
		UntilDelivered bool       `json:"mutedUntilDelivered,omitempty"`
		Messages       int        `json:"messages"`
		Open           int        `json:"open"`
	}{
		c.State, c.Owner, c.OwnedUntil.UTC(), c.Ticket, c.Mute.Until.UTC(), c.Mute.Count, c.Mute.PerHour,
		c.Mute.UntilDelivered, c.Messages, c.Open(),
	})
	if err != nil { // it cannot fail: see state.json
		return json.RawMessage(`null`)
	}
	return text
}

// CauseNote is a part of the conversation about a cause, in Markdown.
type CauseNote struct {
	ID          int64 // given by the store
	Fingerprint string
	By          string
	At          time.Time
	Text        string
	Edits       []NoteEdit // earlier texts, oldest first
}

// NoteEdit is a text of a note that was replaced, and when.
type NoteEdit struct {
	Text string
	At   time.Time // when it was replaced
}

// MaxNote is how many characters a note may have.
const MaxNote = 10_000

// AddNote returns a note about the cause, with its audit event. It returns Invalid for a text that is empty or too
// long.
func (c Cause) AddNote(by Actor, text string, at time.Time) (CauseNote, Event, error) {
	if err := by.May(ActNote); err != nil {
		return CauseNote{}, Event{}, err
	}
	text, err := checkNote(text)
	if err != nil {
		return CauseNote{}, Event{}, err
	}
	n := CauseNote{Fingerprint: c.Fingerprint, By: by.Name, At: at, Text: text}
	e, err := NewEvent(by, "cause.note", causeTarget, c.Fingerprint, "", nil, noteFacts{Text: text}, at)
	e.Source = c.Source
	return n, e, err
}

// noteFacts are the facts of a note that its events store.
type noteFacts struct {
	Note int64  `json:"note,omitempty"`
	Text string `json:"text"`
}

// Edit returns the note with another text, with its audit event. Only its author may edit it.
func (n CauseNote) Edit(by Actor, source, text string, at time.Time) (CauseNote, Event, error) {
	if err := n.CheckEdit(by); err != nil {
		return n, Event{}, err
	}
	text, err := checkNote(text)
	if err != nil {
		return n, Event{}, err
	}
	if text == n.Text {
		return n, Event{}, Errorf(Conflict, "the note says that already")
	}
	before := n.Text
	n.Edits = append(slices.Clone(n.Edits), NoteEdit{before, at})
	n.Text = text
	e, err := NewEvent(
		by, "cause.note_edit", causeTarget, n.Fingerprint, "", noteFacts{n.ID, before}, noteFacts{n.ID, text}, at,
	)
	e.Source = source
	return n, e, err
}

// CheckEdit returns nil if the actor may edit the note: it is their own. Otherwise it returns Forbidden.
func (n CauseNote) CheckEdit(by Actor) error {
	if err := by.May(ActNote); err != nil {
		return err
	}
	if !by.wrote(n.By) {
		return Errorf(Forbidden, "this note is %s's: only they edit it", n.By)
	}
	return nil
}

func checkNote(text string) (string, error) {
	text = strings.TrimSpace(strings.ToValidUTF8(text, "\uFFFD"))
	switch n := utf8.RuneCountInString(text); {
	case n == 0:
		return "", &Error{Kind: Invalid, Text: "write something", Field: FieldNote}
	case n > MaxNote:
		return "", &Error{
			Kind: Invalid, Field: FieldNote,
			Text: fmt.Sprintf("the note has %d characters: shorten it to %d", n, MaxNote),
		}
	}
	return text, nil
}
