package ledger

import (
	"encoding/binary"
	"errors"
	"math/big"
	"math/bits"
	"slices"

	"dlqdesk/internal/deadletter"
)

// Numbering numbers the messages of an account. The zero value is ready; it is not safe for concurrent use.
type Numbering struct {
	last, refused int
	open          []int // neither confirmed nor refused, ascending
}

// Next numbers a message that is about to be sent. The caller must settle it. Next returns the zero value once
// deadletter.SequenceWindow messages are open.
func (n *Numbering) Next() deadletter.Sequence {
	settled := n.last
	if len(n.open) > 0 {
		settled = n.open[0] - 1
	}
	if n.last-settled == deadletter.SequenceWindow {
		return deadletter.Sequence{}
	}
	n.last++
	n.open = append(n.open, n.last)
	return deadletter.Sequence{Number: n.last, Settled: settled, Refused: n.refused}
}

// Settle notes that the queue confirmed or refused a message. A number that is settled already is ignored.
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
	Settled int     // from the message with the highest Settled
	Refused int     // from the same message
	UpTo    int     // arrivals among the numbers up to Settled
	Beyond  big.Int // arrivals above Settled: bit 0 stands for Settled+1
}

// Add adds a message that arrived. Its sequence must be valid, and must not be added twice.
func (a *Arrivals) Add(s deadletter.Sequence) {
	if d := s.Settled - a.Settled; d > 0 {
		passed := new(big.Int).And(&a.Beyond, ones(min(d, a.Beyond.BitLen())))
		a.UpTo += countOnes(passed)
		a.Beyond.Rsh(&a.Beyond, uint(d))
		a.Settled, a.Refused = s.Settled, s.Refused
	}
	if s.Number <= a.Settled {
		a.UpTo++
		return
	}
	a.Beyond.SetBit(&a.Beyond, s.Number-a.Settled-1, 1)
}

// Expected returns how many messages must arrive at least: those confirmed up to Settled, and the arrivals above it.
func (a *Arrivals) Expected() int { return max(a.Settled-a.Refused, 0) + countOnes(&a.Beyond) }

func ones(n int) *big.Int {
	one := big.NewInt(1)
	return new(big.Int).Sub(new(big.Int).Lsh(one, uint(n)), one) //nolint:gosec // a length
}

func countOnes(x *big.Int) (n int) {
	for _, w := range x.Bits() {
		n += bits.OnesCount(uint(w))
	}
	return n
}

// MarshalBinary returns the stored form: three numbers, then the bits of Beyond.
func (a *Arrivals) MarshalBinary() ([]byte, error) {
	var text []byte
	for _, n := range []int{a.Settled, a.Refused, a.UpTo} {
		text = binary.AppendUvarint(text, uint64(n)) //nolint:gosec // none is negative
	}
	return append(text, a.Beyond.Bytes()...), nil
}

var errArrivals = errors.New("invalid record of arrivals")

// UnmarshalBinary reads the form that MarshalBinary writes. An empty text means no arrivals.
func (a *Arrivals) UnmarshalBinary(text []byte) error {
	*a = Arrivals{}
	if len(text) == 0 {
		return nil
	}
	for _, n := range []*int{&a.Settled, &a.Refused, &a.UpTo} {
		v, length := binary.Uvarint(text)
		if length <= 0 || v > deadletter.LastSequenceNumber {
			return errArrivals
		}
		*n, text = int(v), text[length:]
	}
	a.Beyond.SetBytes(text)
	return nil
}
