package payload

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
)

// count adds bodies to those that have a value.
func (s *Shape) count(n *node, value string, bodies int) {
	if n.Many {
		return
	}
	key := n.keyOf(value)
	if n.Values[key] == 0 {
		if len(n.Values) == maxValues || s.values == maxAllValues {
			s.forget(n)
			return
		}
		s.values++
	}
	if n.Values == nil {
		n.Values = map[string]int{}
	}
	bodies += n.Values[key]
	delete(n.Values, key)
	n.Values[value] = bodies
}

// forget drops the values of a path for good.
func (s *Shape) forget(n *node) {
	s.values -= len(n.Values)
	n.Values, n.Many = nil, true
}

// keyOf returns the key of a value among those of a path: the value, or its digest.
func (n *node) keyOf(value string) string {
	if n.Values[value] == 0 {
		if d := digestOf(value); n.Values[d] > 0 {
			return d
		}
	}
	return value
}

// digestMark begins the digest of a value that is not known.
const digestMark = "\x00"

func digestOf(value string) string {
	const size = 8
	sum := sha256.Sum256([]byte(value))
	return digestMark + hex.EncodeToString(sum[:size])
}

// isFew reports whether the values of a path are so few that each says something: they repeat.
func (n *node) isFew() bool {
	all := 0
	for _, bodies := range n.Values {
		all += bodies
	}
	return !n.Many && 2*len(n.Values) <= all
}

// rarer returns how many bodies have a value that is no more frequent than the given number of bodies.
func (n *node) rarer(bodies int) (sum int) {
	for _, other := range n.Values {
		if other <= bodies {
			sum += other
		}
	}
	return sum
}

// withoutSingle returns the values with those that only one body has as digests: a field with very many values begins
// like one with few.
func withoutSingle(values map[string]int) map[string]int {
	stored := maps.Clone(values)
	for value, bodies := range values {
		if bodies == 1 && value[:min(len(value), 1)] != digestMark {
			delete(stored, value)
			stored[digestOf(value)] = 1
		}
	}
	return stored
}
