package deadletter

import (
	"encoding/binary"
	"errors"
	"math/big"
	"math/bits"
	"slices"
)

// Sequence says where a webhook stands among all those of its account, which is a run of the program, a source and an
// hour, that were put on the same queue. From those that arrive the others can be told that ought to have, also where
// the run did not live to save its counts.
type Sequence struct {
	Number  int `json:"number"`            // from 1, in the order in which they were sent; 0: it has none
	Settled int `json:"settled,omitempty"` // all up to this number were confirmed or refused before this one was sent
	Refused int `json:"refused,omitempty"` // at most so many of them were refused
}

// SequenceWindow is by how much a number is higher at most than what was settled before it, so that what is kept of
// those that arrived is small.
const SequenceWindow = 1 << 16

// lastNumber is more than any account can have.
const lastNumber = 1 << 40

// IsSound tells whether a receiver can have made it. What comes from a queue may be anything.
func (s Sequence) IsSound() bool {
	return s.Number > 0 && s.Number <= lastNumber && s.Settled >= 0 && s.Settled < s.Number &&
		s.Number-s.Settled <= SequenceWindow &&
		s.Refused >= 0 &&
		s.Refused < s.Number
}

// Numbering gives out the numbers of an account. The zero value is ready; callers do not share it.
type Numbering struct {
	last, refused int
	open          []int // neither confirmed nor refused, ascending
}

// Next numbers a webhook that is about to be sent; it has to be settled. What would be outside the window gets no
// number.
func (n *Numbering) Next() Sequence {
	settled := n.last
	if len(n.open) > 0 {
		settled = n.open[0] - 1
	}
	if n.last-settled == SequenceWindow {
		return Sequence{}
	}
	n.last++
	n.open = append(n.open, n.last)
	return Sequence{n.last, settled, n.refused}
}

// Settle says of a number what became of its webhook. Of one that is settled already it says nothing.
func (n *Numbering) Settle(number int, refused bool) {
	at, ok := slices.BinarySearch(n.open, number)
	if !ok {
		return
	}
	n.open = slices.Delete(n.open, at, at+1)
	if refused {
		n.refused++
	}
}

// Arrivals are the numbers of an account that have arrived.
type Arrivals struct {
	Settled int // what the latest of them tells
	Refused int // likewise
	Up      int // have arrived of all up to Settled
	Beyond  big.Int
}

// Add takes account of one that arrived, of which IsSound. It comes once.
func (a *Arrivals) Add(s Sequence) {
	if d := s.Settled - a.Settled; d > 0 {
		passed := new(big.Int).And(&a.Beyond, ones(min(d, a.Beyond.BitLen())))
		a.Up += count(passed)
		a.Beyond.Rsh(&a.Beyond, uint(d))
		a.Settled, a.Refused = s.Settled, s.Refused
	}
	if s.Number <= a.Settled {
		a.Up++
		return
	}
	a.Beyond.SetBit(&a.Beyond, s.Number-a.Settled-1, 1)
}

// Told is how many have to arrive, at least: those that were confirmed before the latest of those that are here, and
// these.
func (a *Arrivals) Told() int { return max(a.Settled-a.Refused, 0) + count(&a.Beyond) }

func ones(n int) *big.Int {
	one := big.NewInt(1)
	return new(big.Int).Sub(new(big.Int).Lsh(one, uint(n)), one) //nolint:gosec // a length
}

func count(x *big.Int) (n int) {
	for _, w := range x.Bits() {
		n += bits.OnesCount(uint(w))
	}
	return n
}

// MarshalBinary is how a store keeps them: three numbers, and a bit for each that came before others which were sent
// earlier.
func (a *Arrivals) MarshalBinary() ([]byte, error) {
	var text []byte
	for _, n := range []int{a.Settled, a.Refused, a.Up} {
		text = binary.AppendUvarint(text, uint64(n)) //nolint:gosec // none is negative
	}
	return append(text, a.Beyond.Bytes()...), nil
}

var errArrivals = errors.New("these are no numbers of arrivals")

// UnmarshalBinary reads what MarshalBinary wrote. Nothing stands for no arrivals.
func (a *Arrivals) UnmarshalBinary(text []byte) error {
	*a = Arrivals{}
	if len(text) == 0 {
		return nil
	}
	for _, n := range []*int{&a.Settled, &a.Refused, &a.Up} {
		v, length := binary.Uvarint(text)
		if length <= 0 || v > lastNumber {
			return errArrivals
		}
		*n, text = int(v), text[length:]
	}
	a.Beyond.SetBytes(text)
	return nil
}
