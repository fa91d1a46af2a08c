package payload

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Shape describes many bodies without repeating them: which paths they have and how many bodies have each, with which
// types, and the ranges of their numbers and lengths. The entries of a list are one path. It has the values of a field
// only while these are short and few. Example: the bodies {"id":7,"channel":"sms"} and {"channel":"chat"} are 2 bodies,
// id is there in 1 of 2 as a number over 5 and at most 10, and channel is a text, once sms and once chat.
type Shape struct {
	Bodies  int
	Clipped bool // there were more paths than a shape holds: what it lacks, bodies may have

	root   node
	nodes  int
	values int
}

// node is one path of a shape. All counts but those of Values are of bodies.
type node struct {
	Present int            `json:"p,omitempty"`
	Full    int            `json:"f,omitempty"` // every object that can have this member has it
	Types   [numTypes]int  `json:"t"`
	Values  map[string]int `json:"v,omitempty"`
	Many    bool           `json:"m,omitempty"` // there are more or longer values than a shape holds
	Numbers steps          `json:"n,omitempty"` // the largest of each body
	Lengths steps          `json:"l,omitempty"` // likewise, of texts in characters
	Sizes   steps          `json:"s,omitempty"` // likewise, of lists in entries

	Names map[string]*node `json:"c,omitempty"` // the members of an object
	Entry *node            `json:"e,omitempty"` // the entries of a list
}

// Type is the JSON type of a value, or what a body is that is no JSON.
type Type int

// The types.
const (
	TypeNull Type = iota
	TypeBoolean
	TypeNumber
	TypeText
	TypeObject
	TypeList
	TypeMasked    // not known, because the value is masked
	TypeMalformed // a body that should be JSON and is none
	TypeEmpty     // a body without content
	TypeBinary    // a body that is no text

	numTypes = iota
)

// String returns the name of the type: null, boolean, number, text, object, list, masked, malformed, empty or binary.
func (t Type) String() string {
	return [numTypes]string{
		"null", "boolean", "number", "text", "object", "list", "masked", "malformed", "empty", "binary",
	}[t]
}

const (
	// MaxShaped is the largest content that is read for a shape, in bytes.
	MaxShaped = 256 << 10

	maxNodes      = 400  // paths of a shape
	maxPathSteps  = 16   // steps of a path
	maxName       = 64   // bytes of a name
	maxValues     = 50   // distinct values of a field
	maxAllValues  = 2000 // distinct values of all fields
	maxValue      = 40   // bytes of a value
	maxIDDigits   = 6    // from here on, digits are those of an id, a telephone number or a date
	anyName       = "*"  // stands for names that are ids
	maxShapeCount = 10_000
)

// ShapeOf returns the shape of one body. hidden is what stands in the text for values that must not be known. It
// returns nil for a body that could not be read to its end.
func ShapeOf(t Text, hidden string) *Shape {
	if t.Cut || t.Fault != "" {
		return nil
	}
	s := &Shape{Bodies: 1, nodes: 1}
	content := bytes.Trim(t.Bytes, white)
	switch {
	case len(content) == 0:
		s.root.Types[TypeEmpty] = 1
	case t.Kind == Binary:
		s.root.Types[TypeBinary] = 1
	case !t.IsJSON():
		s.root.Types[TypeText] = 1
		s.root.Lengths = steps{stepOf(float64(utf8.RuneCount(content))): 1}
	case !Valid(content):
		s.root.Types[TypeMalformed] = 1
	default:
		reader := shapeReader{s, NewDecoder(content), hidden}
		_ = reader.value(&s.root, 0) // it is valid
		s.root.close(1)
	}
	s.root.Present, s.root.Full = 1, 1
	return s
}

// shapeReader reads one body into a shape. Until the nodes are closed, they count occurrences.
type shapeReader struct {
	*Shape
	dec    *jsontext.Decoder
	hidden string
}

func (r shapeReader) value(n *node, depth int) error {
	n.Present++
	switch r.dec.PeekKind() {
	case '{':
		return r.object(n, depth)
	case '[':
		return r.list(n, depth)
	case '"':
		raw, err := r.dec.ReadValue()
		if err == nil {
			r.text(n, string(Unquote(raw)))
		}
		return err
	}
	token, err := r.dec.ReadToken()
	if err != nil {
		return err
	}
	switch token.Kind() {
	case 'n':
		n.Types[TypeNull]++
	case '0':
		n.Types[TypeNumber]++
		number, _ := strconv.ParseFloat(token.String(), 64) // an error says that it is infinite
		n.Numbers = n.Numbers.largest(stepOf(number))
		r.keep(n, token.String())
	default:
		n.Types[TypeBoolean]++
		r.keep(n, token.String())
	}
	return nil
}

func (r shapeReader) object(n *node, depth int) error {
	n.Types[TypeObject]++
	if depth == maxPathSteps {
		r.Clipped = true
		return r.dec.SkipValue()
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	for r.dec.PeekKind() == '"' {
		raw, err := r.dec.ReadValue()
		if err != nil {
			return err
		}
		child := r.member(n, string(Unquote(raw)))
		if child == nil {
			err = r.dec.SkipValue()
		} else {
			err = r.value(child, depth+1)
		}
		if err != nil {
			return err
		}
	}
	_, err := r.dec.ReadToken()
	return err
}

func (r shapeReader) list(n *node, depth int) error {
	n.Types[TypeList]++
	if n.Entry == nil && (depth == maxPathSteps || !r.room()) {
		r.Clipped = true
		return r.dec.SkipValue()
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return err
	}
	size := 0
	for ; r.dec.PeekKind() != ']'; size++ {
		if n.Entry == nil {
			n.Entry = &node{}
			r.nodes++
		}
		if err := r.value(n.Entry, depth+1); err != nil {
			return err
		}
	}
	n.Sizes = n.Sizes.largest(stepOf(float64(size)))
	_, err := r.dec.ReadToken()
	return err
}

func (r shapeReader) text(n *node, text string) {
	if strings.Contains(text, r.hidden) {
		n.Types[TypeMasked]++
		return
	}
	n.Types[TypeText]++
	n.Lengths = n.Lengths.largest(stepOf(float64(utf8.RuneCountInString(text))))
	r.keep(n, text)
}

// keep adds a value of the one body to those of a path.
func (s *Shape) keep(n *node, value string) {
	if len(value) > maxValue || isPersonal(value) {
		s.forget(n)
		return
	}
	if n.Values[value] == 0 {
		s.count(n, value, 1)
	}
}

// isPersonal reports whether a value or a name belongs to one person or event: an address, an id, a number.
func isPersonal(text string) bool {
	digits := 0
	for _, c := range []byte(text) {
		switch {
		case c == '@':
			return true
		case c >= '0' && c <= '9':
			digits++
		}
	}
	return digits >= maxIDDigits
}

// member returns the node of an object's member; nil if there is no room for another one.
func (s *Shape) member(n *node, name string) *node {
	if isPersonal(name) {
		name = anyName
	}
	if child, ok := n.Names[name]; ok {
		return child
	}
	if len(name) > maxName || !s.room() {
		s.Clipped = true
		return nil
	}
	if n.Names == nil {
		n.Names = map[string]*node{}
	}
	child := &node{}
	n.Names[name] = child
	s.nodes++
	return child
}

func (s *Shape) room() bool { return s.nodes < maxNodes }

// close turns the occurrences in a body into that body. objects is how many objects can have the path as a member.
func (n *node) close(objects int) {
	own := n.Types[TypeObject]
	n.Full = 0
	if n.Present >= objects && objects > 0 {
		n.Full = 1
	}
	n.Present = min(n.Present, 1)
	for i := range n.Types {
		n.Types[i] = min(n.Types[i], 1)
	}
	for _, child := range n.Names {
		child.close(own)
	}
	if n.Entry != nil {
		n.Entry.close(1)
	}
}
