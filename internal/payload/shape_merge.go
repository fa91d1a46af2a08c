package payload

import (
	"cmp"
	"encoding/json"
	"errors"
	"maps"
)

// Add adds the bodies of another shape. From maxShapeCount bodies on, the older ones count half, so that a shape goes
// with the time.
func (s *Shape) Add(other *Shape) {
	s.Bodies += other.Bodies
	s.merge(&s.root, &other.root)
	if s.nodes == maxNodes {
		s.prune()
	}
	s.Clipped = s.Clipped || other.Clipped
	for s.Bodies > maxShapeCount {
		s.Bodies = half(s.Bodies)
		s.root.halve()
	}
}

func (s *Shape) merge(to, from *node) {
	to.Present += from.Present
	to.Full += from.Full
	for i, bodies := range from.Types {
		to.Types[i] += bodies
	}
	if from.Many && !to.Many {
		s.forget(to)
	}
	for value, bodies := range from.Values {
		s.count(to, value, bodies)
	}
	to.Numbers, to.Lengths, to.Sizes = to.Numbers.plus(from.Numbers), to.Lengths.plus(from.Lengths),
		to.Sizes.plus(from.Sizes)
	for name, child := range from.Names {
		if own := s.member(to, name); own != nil {
			s.merge(own, child)
		}
	}
	if from.Entry == nil {
		return
	}
	if to.Entry == nil {
		if !s.room() {
			s.Clipped = true
			return
		}
		to.Entry = &node{}
		s.nodes++
	}
	s.merge(to.Entry, from.Entry)
}

// pruneShare is the share of bodies below which a path makes room for others: 1 / pruneShare.
const pruneShare = 100

// prune drops the rare paths of a shape that is full, so that names which are never the same leave room for others.
func (s *Shape) prune() {
	before := s.nodes
	s.pruneBelow(&s.root)
	s.nodes, s.values = s.root.size()
	s.Clipped = s.Clipped || s.nodes < before
}

func (s *Shape) pruneBelow(n *node) {
	maps.DeleteFunc(n.Names, func(_ string, child *node) bool { return child.Present*pruneShare < s.Bodies })
	for _, child := range n.Names {
		s.pruneBelow(child)
	}
	if n.Entry != nil {
		s.pruneBelow(n.Entry)
	}
}

// size counts the nodes and values of a node and all below it.
func (n *node) size() (nodes, values int) {
	nodes, values = 1, len(n.Values)
	add := func(child *node) {
		more, moreValues := child.size()
		nodes, values = nodes+more, values+moreValues
	}
	for _, child := range n.Names {
		add(child)
	}
	if n.Entry != nil {
		add(n.Entry)
	}
	return nodes, values
}

// MarshalJSON implements json.Marshaler.
func (n *node) MarshalJSON() ([]byte, error) {
	type plain node
	stored := plain(*n)
	stored.Values = withoutSingle(n.Values)
	return json.Marshal(stored)
}

func half(n int) int { return (n + 1) / 2 }

func (n *node) halve() {
	n.Present, n.Full = half(n.Present), half(n.Full)
	for i := range n.Types {
		n.Types[i] = half(n.Types[i])
	}
	for value, bodies := range n.Values {
		n.Values[value] = half(bodies)
	}
	for _, list := range []steps{n.Numbers, n.Lengths, n.Sizes} {
		list.halve()
	}
	for _, child := range n.Names {
		child.halve()
	}
	if n.Entry != nil {
		n.Entry.halve()
	}
}

// shapeVersion counts the changes of how shapes are made and stored.
const shapeVersion = 1

// storedShape is a shape as it is stored.
type storedShape struct {
	Version int   `json:"version"`
	Bodies  int   `json:"bodies"`
	Clipped bool  `json:"clipped,omitempty"`
	Root    *node `json:"root"`
}

var errShapeVersion = errors.New("this shape was stored by another version")

// MarshalJSON implements json.Marshaler. Values that only one body has are stored as digests.
func (s *Shape) MarshalJSON() ([]byte, error) {
	return json.Marshal(storedShape{shapeVersion, s.Bodies, s.Clipped, &s.root})
}

// UnmarshalJSON implements json.Unmarshaler. It returns an error for a shape that another version stored.
func (s *Shape) UnmarshalJSON(text []byte) error {
	stored := storedShape{Root: &node{}}
	if err := json.Unmarshal(text, &stored); err != nil {
		return err
	}
	if stored.Version != shapeVersion {
		return errShapeVersion
	}
	*s = Shape{Bodies: stored.Bodies, Clipped: stored.Clipped, root: *stored.Root}
	s.nodes, s.values = s.root.size()
	return nil
}

// Likeness returns how alike two shapes of one body are, from 0 to 1: the share of their paths and types that both
// have.
func (s *Shape) Likeness(other *Shape) float64 {
	both, either := likeness(&s.root, &other.root)
	return float64(both) / float64(max(either, 1))
}

// likeness counts the types that both nodes have at the same paths, and those that one of them has.
func likeness(a, b *node) (both, either int) {
	for i := range a.Types {
		both += min(a.Types[i], b.Types[i])
		either += max(a.Types[i], b.Types[i])
	}
	add := func(a, b *node) {
		moreBoth, moreEither := likeness(a, b)
		both, either = both+moreBoth, either+moreEither
	}
	for _, name := range namesOf(a, b) {
		add(cmp.Or(a.Names[name], nothing), cmp.Or(b.Names[name], nothing))
	}
	if a.Entry != nil || b.Entry != nil {
		add(cmp.Or(a.Entry, nothing), cmp.Or(b.Entry, nothing))
	}
	return both, either
}
