package ledger_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/ledger"
)

// sent is what a receiver put on a queue before it was killed.
type sent struct {
	deadletter.Sequence
	confirmed, refused, there bool // there: the queue has it
}

// life numbers webhooks as a receiver does that has many in flight, and is killed.
func life(chance *rand.Rand) []sent {
	var n ledger.Numbering
	var list []sent
	var open []int
	settle := func() {
		at := chance.IntN(len(open))
		s := &list[open[at]]
		open[at] = open[len(open)-1]
		open = open[:len(open)-1]
		s.refused = chance.IntN(10) == 0
		s.confirmed = !s.refused
		s.there = s.confirmed || chance.IntN(3) == 0
		n.Settle(s.Number, s.refused)
		n.Settle(s.Number, !s.refused) // it says nothing
	}
	for range 1 + chance.IntN(300) {
		if len(open) > 0 && chance.IntN(2) == 0 {
			settle()
		}
		open = append(open, len(list))
		list = append(list, sent{Sequence: n.Next()})
	}
	for _, i := range open {
		list[i].there = chance.IntN(2) == 0 // the receiver did not learn the result
	}
	return list
}

// arrive has what is on the queue arrive in any order, and what is kept of it read again and again.
func arrive(t *testing.T, chance *rand.Rand, list []sent) (told, arrived int, last ledger.Arrivals) {
	t.Helper()
	for _, i := range chance.Perm(len(list)) {
		if !list[i].there {
			continue
		}
		if !list[i].IsValid() {
			t.Fatalf("a receiver told %+v", list[i].Sequence)
		}
		last.Add(list[i].Sequence)
		arrived++
		text, err := last.MarshalBinary()
		if err == nil {
			err = last.UnmarshalBinary(text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return last.Expected(), arrived, last
}

// Every confirmed webhook that is absent is reported, and none that is present. Numbers near the latest are exempt,
// because these webhooks may still be on their way.
func TestSequenceRevealsMissingNumbers(t *testing.T) {
	t.Parallel()
	for seed := range uint64(500) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			chance := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // not secret
			list := life(chance)
			if told, arrived, _ := arrive(t, chance, list); told > arrived {
				t.Fatalf("%d arrived, of %d that were told", arrived, told)
			}
			gone := chance.IntN(len(list))
			if !list[gone].confirmed {
				return
			}
			list[gone].there = false
			told, arrived, last := arrive(t, chance, list)
			doubt := 0 // those that were refused and came nevertheless
			for _, s := range list {
				if s.refused && s.there {
					doubt++
				}
			}
			switch {
			case told > arrived+1:
				t.Errorf("one is gone, and %d arrived of %d", arrived, told)
			case list[gone].Number <= last.Settled && doubt == 0 && told != arrived+1 &&
				last.Refused == refusedUpTo(list, last.Settled):
				t.Errorf(
					"number %d is gone, and %d arrived of %d: %d were settled", list[gone].Number, arrived,
					told, last.Settled,
				)
			}
		})
	}
}

func refusedUpTo(list []sent, settled int) (n int) {
	for _, s := range list {
		if s.refused && s.Number <= settled {
			n++
		}
	}
	return n
}

// A webhook that is never settled costs no room without end.
func TestNumbersStayWithinTheirWindow(t *testing.T) {
	t.Parallel()
	var n ledger.Numbering
	stuck := n.Next()
	for range deadletter.SequenceWindow - 1 {
		s := n.Next()
		if !s.IsValid() {
			t.Fatalf("%+v is not sound", s)
		}
		n.Settle(s.Number, false)
	}
	if s := n.Next(); s != (deadletter.Sequence{}) {
		t.Errorf("beyond the window a webhook gets %+v", s)
	}
	n.Settle(stuck.Number, false)
	if s := n.Next(); s.Number != deadletter.SequenceWindow+1 || s.Settled != deadletter.SequenceWindow {
		t.Errorf("once all is settled a webhook gets %+v", s)
	}
}

func TestStoredArrivalsAreValidated(t *testing.T) {
	t.Parallel()
	var a ledger.Arrivals
	for _, text := range [][]byte{{1}, {1, 2}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0, 0}} {
		t.Run(fmt.Sprintf("%x", text), func(t *testing.T) {
			if err := a.UnmarshalBinary(text); err == nil {
				t.Errorf("%v is taken for arrivals", text)
			}
		})
	}
}
