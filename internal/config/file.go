package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	yaml "go.yaml.in/yaml/v3"
)

// parse reads the text of the file. Its error is Faults.
func (r *reader) parse(text []byte) error {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, second yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil
	} else if err != nil {
		return r.syntaxFault(text, err)
	}
	if err := dec.Decode(&second); err == nil {
		return r.faultAt(second.Line, "a second document begins here: a configuration is one")
	} else if !errors.Is(err, io.EOF) {
		return r.syntaxFault(text, err)
	}
	if len(doc.Content) > 0 {
		r.root = resolve(doc.Content[0])
	}
	return nil
}

func (r *reader) faultAt(line int, text string) Faults {
	return Faults{placed{origin: origin{line: line}, text: text}.in(r.file)}
}

// syntaxFault returns a parser's error as a Fault. The parser names the line only within its text; without one, the
// fault names the file.
func (r *reader) syntaxFault(text []byte, err error) Faults {
	if n := tabbedLine(text); n > 0 {
		return r.faultAt(n, "begins with a tab: YAML is indented with spaces")
	}
	what := strings.TrimPrefix(err.Error(), "yaml: ")
	var line int
	if _, scanErr := fmt.Sscanf(what, "line %d:", &line); scanErr == nil {
		_, what, _ = strings.Cut(what, ": ")
	}
	return r.faultAt(line, what)
}

// tabbedLine returns the first line that is indented with a tab, or 0.
func tabbedLine(text []byte) int {
	n := 0
	for line := range bytes.Lines(text) {
		n++
		if bytes.HasPrefix(bytes.TrimLeft(line, " "), []byte("\t")) {
			return n
		}
	}
	return 0
}

// fill reads the entries of a section in the file.
func (s *section) fill(n *yaml.Node) {
	s.reader.sections = append(s.reader.sections, s)
	if n == nil || isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		s.reader.fault(s.path, "must be a group of keys, one to a line below it (got "+kindOf(n)+")")
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		s.add(n.Content[i], n.Content[i+1])
	}
}

func (s *section) add(key, value *yaml.Node) {
	path := join(s.path, key.Value)
	at := placed{origin: origin{line: key.Line}, key: path}
	twin := slices.IndexFunc(s.entries, func(e entry) bool { return e.key == key.Value })
	switch {
	case key.Kind != yaml.ScalarNode:
		at.key, at.text = s.path, "a key must be a plain name (got "+kindOf(key)+")"
	case key.Tag == "!!merge":
		at.key, at.text = s.path, "<< is not supported: write the keys out, or give one key an alias as its value"
	case twin >= 0:
		at.text = fmt.Sprintf("is set on line %d already: remove one", s.entries[twin].line)
	case value.Style&yaml.TaggedStyle != 0:
		at.text = "the tag " + quote(value.Tag) + " is not supported: remove it"
	default:
		s.entries = append(s.entries, entry{key: key.Value, line: key.Line, value: resolve(value)})
		s.reader.origins[path] = origin{line: key.Line}
		return
	}
	s.reader.faults = append(s.reader.faults, at)
}

// resolve follows an alias. An alias within its own anchor is harmless, because reading stops at the known keys.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a group of keys"
	case yaml.SequenceNode:
		return "a list"
	default:
		return quote(n.Value)
	}
}
