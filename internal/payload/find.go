package payload

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Span is the position of a value in a document, and a key. Values with the same path, such as $.items[*].token, have
// the same key.
type Span struct {
	Key        string
	Start, End int
}

func Replace(body []byte, spans []Span, with func(Span) []byte) []byte {
	var out bytes.Buffer
	last := 0
	for _, s := range spans {
		out.Write(body[last:s.Start])
		out.Write(with(s))
		last = s.End
	}
	out.Write(body[last:])
	return out.Bytes()
}

// Find returns the positions of the values at the paths, in order and without overlap. In a body that is not JSON it
// returns the texts after the last names of the paths.
func Find(body []byte, paths []Path) []Span {
	f := finder{body: body, dec: NewDecoder(body)}
	if !Valid(body) || f.value(paths, "") != nil {
		return FindByName(body, paths)
	}
	return f.spans
}

type finder struct {
	body  []byte
	dec   *jsontext.Decoder
	spans []Span
}

// value reads the next value, of which paths are still open. It goes no deeper than the longest path.
func (f *finder) value(paths []Path, key string) error {
	if slices.ContainsFunc(paths, func(p Path) bool { return len(p) == 0 }) {
		raw, err := f.dec.ReadValue()
		end := int(f.dec.InputOffset())
		f.spans = append(f.spans, Span{Key: key, Start: end - len(raw), End: end})
		return err
	}
	kind := f.dec.PeekKind()
	if len(paths) == 0 || kind != '{' && kind != '[' {
		return f.dec.SkipValue()
	}
	if _, err := f.dec.ReadToken(); err != nil {
		return err
	}
	for i := 0; f.dec.PeekKind() != '}' && f.dec.PeekKind() != ']'; i++ {
		name, step := strconv.Itoa(i), "*"
		if kind == '{' {
			token, err := f.dec.ReadToken()
			if err != nil {
				return err
			}
			name = token.String()
			step = name
		}
		if err := f.value(below(paths, name), key+"\x00"+step); err != nil {
			return err
		}
	}
	_, err := f.dec.ReadToken()
	return err
}

func below(paths []Path, name string) []Path {
	var open []Path
	for _, p := range paths {
		if p[0] == name || p[0] == "*" {
			open = append(open, p[1:])
		}
	}
	return open
}

// FindByName returns the positions of the texts after the last names of the paths, for a body that is not JSON. It
// returns too many rather than too few, because they are masked.
func FindByName(body []byte, paths []Path) []Span {
	var spans []Span
	names, all := lastNames(paths)
	if all {
		return []Span{{End: len(body)}}
	}
	for i := 0; i < len(body); {
		name, after := cutName(body[i:], names)
		if name == "" {
			i++
			continue
		}
		start := i + after
		end := start + looseValue(body[start:])
		if end > start {
			spans = append(spans, Span{Key: name, Start: start, End: end})
		}
		i = end
	}
	return spans
}

// lastNames returns the last name in each path. all is true if a path has none, only places in lists.
func lastNames(paths []Path) (names []string, all bool) {
	for _, p := range paths {
		i := len(p) - 1
		for i >= 0 && (p[i] == "*" || isNumber(p[i])) {
			i--
		}
		if i < 0 {
			return nil, true
		}
		names = append(names, p[i])
	}
	return names, false
}

func isNumber(text string) bool {
	_, err := strconv.ParseUint(text, 10, 64)
	return err == nil
}

// escaped is the length of a byte of a name that is written as an escape such as \u0041.
const escaped = 6

// cutName returns the name that the text begins with, in quotation marks, and the position of the value after its
// colon.
func cutName(text []byte, names []string) (name string, after int) {
	if text[0] != '"' && text[0] != '\'' {
		return "", 0
	}
	longest := 0
	for _, n := range names {
		longest = max(longest, len(n))
	}
	end, closed := quoted(text[:min(len(text), escaped*longest+len(`""`))])
	if !closed {
		return "", 0
	}
	name = string(text[1 : end-1])
	if strings.Contains(name, `\`) && json.Unmarshal([]byte(`"`+name+`"`), &name) != nil ||
		!slices.Contains(names, name) {
		return "", 0
	}
	rest := bytes.TrimLeft(text[end:], " \t\r\n")
	if len(rest) == 0 || rest[0] != ':' {
		return "", 0
	}
	return name, len(text) - len(bytes.TrimLeft(rest[1:], " \t\r\n"))
}

// quoted returns the end of the quoted text at the beginning of a text, and whether it has a closing quotation mark.
func quoted(text []byte) (end int, closed bool) {
	for i := 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case text[0]:
			return i + 1, true
		}
	}
	return len(text), false
}

// looseValue returns the end of the value at the beginning of a text. A value that is not closed ends with the text.
func looseValue(text []byte) int {
	if len(text) == 0 {
		return 0
	}
	switch text[0] {
	case '"', '\'':
		end, _ := quoted(text)
		return end
	case '{', '[':
		return looseGroup(text)
	}
	end := bytes.IndexAny(text, ",}]\r\n")
	if end < 0 {
		end = len(text)
	}
	return len(bytes.TrimRight(text[:end], " \t"))
}

func looseGroup(text []byte) int {
	depth := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '"', '\'':
			end, _ := quoted(text[i:])
			i += end - 1
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(text)
}
