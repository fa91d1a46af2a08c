package deadletter

import (
	"strings"
	"time"
)

// ImbalanceKind is how an hour does not balance.
type ImbalanceKind string

// The kinds of imbalance.
const (
	KindMissing ImbalanceKind = "missing" // nowhere, though the queue would still have it
	KindExpired ImbalanceKind = "expired" // on the queue for longer than that keeps a message
	KindMore    ImbalanceKind = "more"    // came without having been counted
)

// ImbalanceKey names an imbalance, however large it is.
type ImbalanceKey struct {
	Hour   time.Time // when it begins
	Source string
	Stage  LedgerStage
	Kind   ImbalanceKind
}

// Imbalance is an hour of a source that does not balance.
type Imbalance struct {
	Hour    time.Time // when it begins
	Source  string
	Stage   LedgerStage
	Missing int  // that are nowhere; below zero: so many came that nobody had counted
	Expired bool // they waited on a queue for longer than it keeps a message
	Refused int  // of the same hour: a queue that did not confirm one may have had it
	// when a run was heard of last that ended without saving its latest counts; zero: none can explain this
	Killed time.Time
	Ack    Acknowledgement // the latest; zero: none
}

// Acknowledgement says that a person knows of an imbalance, as large as it was then.
type Acknowledgement struct {
	By     string
	Note   string
	At     time.Time
	Amount int
}

// Key names the imbalance.
func (i Imbalance) Key() ImbalanceKey {
	kind := KindMissing
	switch {
	case i.Missing < 0:
		kind = KindMore
	case i.Expired:
		kind = KindExpired
	}
	return ImbalanceKey{i.Hour, i.Source, i.Stage, kind}
}

// Amount is how many webhooks it is about.
func (i Imbalance) Amount() int { return max(i.Missing, -i.Missing) }

// Explained tells whether more came than was counted for a reason that is known, so that nothing is wrong.
func (i Imbalance) Explained() bool {
	return i.Missing < 0 && (!i.Killed.IsZero() || i.Stage == StageMessages && i.Refused >= -i.Missing)
}

// Acknowledged tells whether a person knows of it. Of another amount nobody does.
func (i Imbalance) Acknowledged() bool { return !i.Ack.At.IsZero() && i.Ack.Amount == i.Amount() }

// Acknowledge answers the acknowledgement of an imbalance of which a person saw an amount, with its audit event.
func (i Imbalance) Acknowledge(by Actor, amount int, note string, at time.Time) (Acknowledgement, Event, error) {
	if err := by.May(ActAcknowledge); err != nil {
		return Acknowledgement{}, Event{}, err
	}
	switch {
	case strings.TrimSpace(note) == "":
		return Acknowledgement{}, Event{}, Errorf(Invalid, "say what you found out: the note is kept with this hour")
	case i.Explained():
		return Acknowledgement{}, Event{}, Errorf(
			Conflict,
			"this difference is explained: there is nothing to acknowledge",
		)
	case amount != i.Amount():
		return Acknowledgement{}, Event{}, Errorf(
			Conflict,
			"it was %d when you looked and is %d now: look again",
			amount,
			i.Amount(),
		)
	case i.Acknowledged():
		return Acknowledgement{}, Event{}, Errorf(Conflict, "%s acknowledged this %s", i.Ack.By, ago(i.Ack.At, at))
	}
	ack := Acknowledgement{By: by.Name, Note: strings.TrimSpace(note), At: at, Amount: amount}
	key := i.Key()
	after := acknowledged{key.Stage, key.Kind, amount}
	e, err := NewEvent(by, "ledger.acknowledge", "ledger", i.Hour.UTC().Format(time.RFC3339), ack.Note, nil, after, at)
	e.Source = i.Source
	return ack, e, err
}

// acknowledged is what an event keeps of an imbalance.
type acknowledged struct {
	Stage  LedgerStage   `json:"stage"`
	Kind   ImbalanceKind `json:"kind"`
	Amount int           `json:"amount"`
}

// LedgerState is what the latest check of the ledger found.
type LedgerState struct {
	At         time.Time // of the latest check that could be made; zero: none yet
	Imbalances []Imbalance
	Unchecked  error // why the queues could not be asked just now; nil: they could
}

// Find answers an imbalance by its name.
func (s LedgerState) Find(key ImbalanceKey) (Imbalance, bool) {
	for _, i := range s.Imbalances {
		if k := i.Key(); !i.Explained() && k.Hour.Equal(key.Hour) && k.Source == key.Source && k.Stage == key.Stage &&
			k.Kind == key.Kind {
			return i, true
		}
	}
	return Imbalance{}, false
}

// Wrong answers the imbalances that nothing explains and nobody has acknowledged.
func (s LedgerState) Wrong() []Imbalance {
	return s.those(func(i Imbalance) bool { return !i.Explained() && !i.Acknowledged() })
}

// Acknowledged answers the imbalances that nothing explains and somebody knows of.
func (s LedgerState) Acknowledged() []Imbalance {
	return s.those(func(i Imbalance) bool { return !i.Explained() && i.Acknowledged() })
}

// Explained answers the differences that are none to worry about.
func (s LedgerState) Explained() []Imbalance { return s.those(Imbalance.Explained) }

func (s LedgerState) those(are func(Imbalance) bool) []Imbalance {
	var list []Imbalance
	for _, i := range s.Imbalances {
		if are(i) {
			list = append(list, i)
		}
	}
	return list
}
