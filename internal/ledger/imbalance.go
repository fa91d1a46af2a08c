package ledger

import (
	"strings"
	"time"

	"dlqdesk/internal/deadletter"
)

// Kind is the way in which an hour does not balance.
type Kind string

// The kinds of imbalance.
const (
	KindMissing Kind = "missing" // not on the queue, although it is within the queue's retention
	KindExpired Kind = "expired" // on the queue for longer than its retention
	KindMore    Kind = "more"    // arrived without having been counted
)

// Key names an imbalance, whatever its amount.
type Key struct {
	Hour   time.Time // its start
	Source string
	Stage  Stage
	Kind   Kind
}

// Imbalance is an hour of a source that does not balance.
type Imbalance struct {
	Hour    time.Time // its start
	Source  string
	Stage   Stage
	Missing int  // below zero: so many more arrived than were counted
	Expired bool // they waited on a queue for longer than its retention
	Refused int  // in the same hour: a queue that did not confirm a message may have stored it
	// Killed is the last sign of life of a run that ended without saving its latest counts; zero: there is none
	Killed time.Time
	Ack    Acknowledgement // the latest; zero: there is none
}

// Acknowledgement notes that a person knows of an imbalance of that amount.
type Acknowledgement struct {
	By     string
	Note   string
	At     time.Time
	Amount int
}

// Key returns the key of the imbalance.
func (i Imbalance) Key() Key {
	kind := KindMissing
	switch {
	case i.Missing < 0:
		kind = KindMore
	case i.Expired:
		kind = KindExpired
	}
	return Key{i.Hour, i.Source, i.Stage, kind}
}

// Amount returns how many webhooks are missing or were not counted.
func (i Imbalance) Amount() int { return max(i.Missing, -i.Missing) }

// Explained reports whether more arrived than was counted for a known reason, so that nothing is wrong.
func (i Imbalance) Explained() bool {
	return i.Missing < 0 && (!i.Killed.IsZero() || i.Stage == StageMessages && i.Refused >= -i.Missing)
}

// Acknowledged reports whether a person has acknowledged the present amount.
func (i Imbalance) Acknowledged() bool { return !i.Ack.At.IsZero() && i.Ack.Amount == i.Amount() }

// Acknowledge returns the acknowledgement of the amount that a person saw, with its audit event. It returns Invalid
// without a note, and Conflict if the amount has changed, is explained or is already acknowledged.
func (i Imbalance) Acknowledge(
	by deadletter.Actor, amount int, note string, at time.Time,
) (Acknowledgement, deadletter.Event, error) {
	if err := i.mayAcknowledge(by, amount, note); err != nil {
		return Acknowledgement{}, deadletter.Event{}, err
	}
	ack := Acknowledgement{By: by.Name, Note: strings.TrimSpace(note), At: at, Amount: amount}
	key, target := i.Key(), i.Hour.UTC().Format(time.RFC3339)
	after := acknowledged{key.Stage, key.Kind, amount}
	e, err := deadletter.NewEvent(by, "ledger.acknowledge", "ledger", target, ack.Note, nil, after, at)
	e.Source = i.Source
	return ack, e, err
}

func (i Imbalance) mayAcknowledge(by deadletter.Actor, amount int, note string) error {
	if err := by.May(deadletter.ActAcknowledge); err != nil {
		return err
	}
	conflict := func(format string, args ...any) error {
		return deadletter.Errorf(deadletter.Conflict, format, args...)
	}
	switch {
	case strings.TrimSpace(note) == "":
		return deadletter.Errorf(deadletter.Invalid, "say what you found out: the note is stored with this hour")
	case i.Explained():
		return conflict("this difference is explained: there is nothing to acknowledge")
	case amount != i.Amount():
		return conflict("it was %d when you looked and is %d now: check it again", amount, i.Amount())
	case i.Acknowledged():
		return conflict("%s acknowledged this at %s", i.Ack.By, i.Ack.At.UTC().Format("15:04 UTC on 2 January 2006"))
	}
	return nil
}

// acknowledged is what the audit event records of an imbalance.
type acknowledged struct {
	Stage  Stage `json:"stage"`
	Kind   Kind  `json:"kind"`
	Amount int   `json:"amount"`
}

// State is the result of the latest check.
type State struct {
	At         time.Time // of the latest completed check; zero: none yet
	Imbalances []Imbalance
	Unchecked  error // why the queues could not be read at the latest try; nil: they could
}

// Find returns the imbalance with that key that nothing explains.
func (s State) Find(key Key) (Imbalance, bool) {
	for _, i := range s.Imbalances {
		k := i.Key()
		same := k.Hour.Equal(key.Hour) && k.Source == key.Source && k.Stage == key.Stage && k.Kind == key.Kind
		if same && !i.Explained() {
			return i, true
		}
	}
	return Imbalance{}, false
}

// Wrong returns the imbalances that nothing explains and no one has acknowledged.
func (s State) Wrong() []Imbalance {
	return s.filter(func(i Imbalance) bool { return !i.Explained() && !i.Acknowledged() })
}

// Acknowledged returns the imbalances that nothing explains and a person has acknowledged.
func (s State) Acknowledged() []Imbalance {
	return s.filter(func(i Imbalance) bool { return !i.Explained() && i.Acknowledged() })
}

// Explained returns the differences that have a known, harmless reason.
func (s State) Explained() []Imbalance { return s.filter(Imbalance.Explained) }

func (s State) filter(match func(Imbalance) bool) []Imbalance {
	var list []Imbalance
	for _, i := range s.Imbalances {
		if match(i) {
			list = append(list, i)
		}
	}
	return list
}
