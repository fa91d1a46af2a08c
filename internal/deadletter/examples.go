package deadletter

import (
	"cmp"
	"math"
	"slices"
)

// SampledMessage is what is known of a message in a sample of a cause.
type SampledMessage struct {
	ID          ID
	Source      string
	StatusCode  int
	EventType   string
	Destination string
	Size        int // of its body as received, in bytes
}

// ExampleKind is why a message is shown among all of its cause.
type ExampleKind string

// The kinds of examples.
const (
	FirstExample   ExampleKind = "first"   // the oldest of all
	LatestExample  ExampleKind = "latest"  // the newest of all
	TypicalExample ExampleKind = "typical" // code, event type and destination as most, and a size in their middle
	LargestExample ExampleKind = "largest" // the largest body of the sample
	OddestExample  ExampleKind = "oddest"  // its code, event type and destination are the rarest
)

// Example is a message of a cause with all reasons to show it.
type Example struct {
	ID    ID
	Kinds []ExampleKind
	Alike int // for TypicalExample and OddestExample: messages of the sample with its code, type and destination
}

// Examples returns up to five messages that stand for a cause: first is its oldest message, and newest a sample of its
// messages, newest first. Of messages that are equally fit, the newest is taken, so that the same sample has the same
// examples. A sample in which all are alike has no oddest message, and one of a single size no largest.
func Examples(first ID, newest []SampledMessage) []Example {
	if len(newest) == 0 {
		return nil
	}
	list := []Example{{ID: first, Kinds: []ExampleKind{FirstExample}}}
	add := func(m SampledMessage, kind ExampleKind, alike int) {
		i := slices.IndexFunc(list, func(e Example) bool { return e.ID == m.ID })
		if i < 0 {
			i, list = len(list), append(list, Example{ID: m.ID})
		}
		list[i].Kinds, list[i].Alike = append(list[i].Kinds, kind), max(list[i].Alike, alike)
	}
	add(newest[0], LatestExample, 0)
	groups := alike(newest)
	most := groups[0]
	if len(newest) > 2 {
		add(middle(most), TypicalExample, len(most))
	}
	if largest := slices.MaxFunc(newest, bySize); len(slices.CompactFunc(slices.Clone(newest), sameSize)) > 1 {
		add(largest, LargestExample, 0)
	}
	if rarest := groups[len(groups)-1]; len(rarest) < len(most) {
		add(rarest[0], OddestExample, len(rarest))
	}
	return list
}

func bySize(a, b SampledMessage) int    { return cmp.Compare(a.Size, b.Size) }
func sameSize(a, b SampledMessage) bool { return a.Size == b.Size }

// alike groups messages by code, event type and destination: the largest group first, and the rarest last. Of groups
// of one size the one with the newest message is nearer to its end.
func alike(newest []SampledMessage) [][]SampledMessage {
	at := map[SampledMessage]int{}
	var groups [][]SampledMessage
	for _, m := range newest {
		key := SampledMessage{StatusCode: m.StatusCode, EventType: m.EventType, Destination: m.Destination}
		i, ok := at[key]
		if !ok {
			i = len(groups)
			at[key], groups = i, append(groups, nil)
		}
		groups[i] = append(groups[i], m)
	}
	rank := slices.Clone(groups)
	slices.SortStableFunc(rank, func(a, b []SampledMessage) int { return cmp.Compare(len(b), len(a)) })
	for i := range rank { // the rarest that is newest goes last
		if len(rank[i]) == len(rank[len(rank)-1]) {
			rank[i], rank[len(rank)-1] = rank[len(rank)-1], rank[i]
			break
		}
	}
	return rank
}

// middle returns the newest message whose size is nearest to the median of the sizes.
func middle(list []SampledMessage) SampledMessage {
	sorted := slices.SortedFunc(slices.Values(list), bySize)
	median := sorted[len(sorted)/2].Size
	return slices.MinFunc(list, func(a, b SampledMessage) int {
		return cmp.Compare(math.Abs(float64(a.Size-median)), math.Abs(float64(b.Size-median)))
	})
}

// TypicalOf returns the message of a sample that stands for most of it, newest first; false if the sample is empty.
func TypicalOf(newest []SampledMessage) (ID, bool) {
	if len(newest) == 0 {
		return "", false
	}
	return middle(alike(newest)[0]).ID, true
}
