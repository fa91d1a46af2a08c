package payload

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Leaf is a text, number or other single value of a JSON document, with its place.
type Leaf struct {
	Path  []byte // with a star for each position in a list: $.items[*].sku; valid during one call
	Value string
	Kind  jsontext.Kind // '"' for a text, '0' for a number
	steps []leafStep
}

type leafStep struct {
	name  string
	index int // in a list; -1 for a name
}

// anyIndex is the position of a step that stands for all positions.
const anyIndex = math.MaxInt

// EachLeaf calls visit with the leaves of a JSON object or list, as far as it goes, until visit returns false.
func EachLeaf(text []byte, visit func(Leaf) bool) {
	if !isDocument(text) {
		return
	}
	w := leafWalk{dec: NewDecoder(text), path: []byte("$")}
	for {
		token, err := w.dec.ReadToken()
		if err != nil {
			return
		}
		if leaf, ok := w.read(token); ok && !visit(leaf) {
			return
		}
	}
}

// leafWalk knows the place of the token that was read last.
type leafWalk struct {
	dec    *jsontext.Decoder
	path   []byte
	steps  []leafStep
	frames []leafFrame // the lists and objects that are open
}

type leafFrame struct {
	path   int // the length of its path
	isList bool
	next   int // position in a list
}

// read follows a token, and returns the leaf that it is.
func (w *leafWalk) read(token jsontext.Token) (leaf Leaf, ok bool) {
	kind := token.Kind()
	if kind == '}' || kind == ']' {
		w.frames = w.frames[:len(w.frames)-1]
		return Leaf{}, false
	}
	if parent, members := w.dec.StackIndex(w.dec.StackDepth()); kind == '"' && parent == '{' && members%2 == 1 {
		w.enter(leafStep{token.String(), -1})
		return Leaf{}, false
	}
	if last := len(w.frames) - 1; last >= 0 && w.frames[last].isList {
		w.enter(leafStep{index: w.frames[last].next})
		w.frames[last].next++
	}
	if kind == '{' || kind == '[' {
		w.frames = append(w.frames, leafFrame{path: len(w.path), isList: kind == '['})
		return Leaf{}, false
	}
	return Leaf{w.path, token.String(), kind, w.steps}, true
}

// enter replaces the step after those of the innermost frame.
func (w *leafWalk) enter(s leafStep) {
	last := len(w.frames) - 1
	w.path, w.steps = w.path[:w.frames[last].path], append(w.steps[:last], s)
	if s.index >= 0 {
		w.path = append(w.path, "[*]"...)
		return
	}
	w.path = appendName(w.path, s.name)
}

// appendName adds a name to a path as ParsePath reads it.
func appendName(path []byte, name string) []byte {
	if name != "" && !strings.ContainsAny(name, ".[]'*:=<>\" \t\n") {
		return append(append(path, '.'), name...)
	}
	return append(append(append(path, "['"...), strings.ReplaceAll(name, "'", "")...), "']"...)
}

// Matches reports whether a path leads to the leaf. Names are compared without case. A path may leave out positions in
// lists: $.items.sku leads to $.items[3].sku, as $.items[3].sku and $.items[*].sku do.
func (l Leaf) Matches(path Path) bool { return matchesSteps(path, l.steps) }

// maxDepth bounds how deep a leaf can be found, in steps.
const maxDepth = 64

// matchesSteps compares from the end: can[j] reports whether the rest of the path leads from steps[j] to the leaf.
func matchesSteps(path Path, steps []leafStep) bool {
	if len(steps) > maxDepth {
		return false
	}
	var can [maxDepth + 1]bool
	can[len(steps)] = true
	for j := len(steps) - 1; j >= 0; j-- {
		can[j] = steps[j].index >= 0 && can[j+1]
	}
	for _, step := range slices.Backward(path) {
		next := can
		can[len(steps)] = step == AnyDepth && next[len(steps)]
		for j := len(steps) - 1; j >= 0; j-- {
			if step == AnyDepth {
				can[j] = next[j] || can[j+1]
				continue
			}
			can[j] = steps[j].is(step) && next[j+1] || steps[j].index >= 0 && can[j+1]
		}
	}
	return can[0]
}

func (s leafStep) is(step string) bool {
	if s.index >= 0 {
		return step == "*" || step == strconv.Itoa(s.index) || s.index == anyIndex && isPosition(step)
	}
	return step == "*" || strings.EqualFold(step, s.name)
}

func isPosition(step string) bool {
	_, err := strconv.Atoi(step)
	return err == nil
}

// isDocument reports whether a text is a JSON object or list, or the beginning of one.
func isDocument(text []byte) bool { return isComposite(bytes.TrimLeft(text, white)) }

// LeafAt returns a leaf without a value at a path as Leaf.Path has it.
func LeafAt(path string) Leaf {
	l := Leaf{Path: []byte(path)}
	steps, err := ParsePath(path)
	if err != nil {
		return l // the path of a value that stands alone
	}
	for _, s := range steps {
		if s == "*" {
			l.steps = append(l.steps, leafStep{index: anyIndex})
		} else {
			l.steps = append(l.steps, leafStep{s, -1})
		}
	}
	return l
}
