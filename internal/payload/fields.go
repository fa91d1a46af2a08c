package payload

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"

	"dlqdesk/internal/deadletter"
)

// fieldText is a field as it is read from a body.
type fieldText struct {
	name        string
	contentType string
	text        []byte // UTF-8
	isJSON      bool
}

// addField adds a member to Bytes. A text that is a JSON object or list stands there as such, and any other as a
// string. It reports whether the limit permits it.
func (t *Text) addField(f fieldText, limit int) bool {
	out, separator := t.Bytes[:len(t.Bytes)-len("}")], ","
	if len(t.Fields) == 0 {
		separator = ""
	}
	out = append(appendQuoted(append(out, separator...), f.name), ':')
	start := len(out)
	if f.isJSON {
		out = append(out, f.text...)
	} else {
		out = appendQuoted(out, string(f.text))
	}
	if end := len(out); end < limit {
		value := out[start:end:end]
		t.Fields = append(t.Fields, Field{f.name, f.contentType, value, start, end})
		t.Bytes = append(out, '}')
		return true
	}
	t.Cut = true
	// The member that does not fit overwrote the end of the object.
	t.Bytes = append(t.Bytes[:len(t.Bytes)-len("}")], '}')
	return false
}

func appendQuoted(out []byte, text string) []byte {
	out, _ = jsontext.AppendQuote(out, text) // an error says that it was no UTF-8: U+FFFD stands in its place
	return out
}

// eachEdited calls write for each member of the edited object, with the number of the field that it was before: the
// first, second … of the same name; -1 for a new one. isSame reports whether its value is the same.
func eachEdited(edited []byte, before []Field, write func(m Member, was int, isSame bool) error) error {
	if err := CheckJSON(edited); err != nil {
		return err
	}
	if !isObject(edited) {
		return deadletter.Errorf(deadletter.Invalid,
			"The fields of this body are edited as a JSON object: each name with its value.")
	}
	known := map[string][]int{}
	for i, f := range before {
		known[f.Name] = append(known[f.Name], i)
	}
	for m, err := range Members(edited) {
		if err != nil {
			return err
		}
		was, name := -1, string(m.Name)
		if list := known[name]; len(list) > 0 {
			was, known[name] = list[0], list[1:]
		}
		if err := write(m, was, was >= 0 && sameValue(before[was].Value, m.Value)); err != nil {
			return err
		}
	}
	return nil
}

// sameValue reports whether two JSON values are equal but for white space and escapes.
func sameValue(a, b []byte) bool { return bytes.Equal(compact(a), compact(b)) }

// compact returns a valid JSON value without white space, with every string written in one way.
func compact(value []byte) []byte {
	options := append([]jsontext.Options{jsontext.CanonicalizeRawFloats(false)}, jsonOptions...)
	out, err := jsontext.AppendFormat(nil, value, options...)
	if err != nil {
		return value
	}
	return out
}

// valueText returns the text of a field from its JSON value: the content of a string, and any other value as it is
// written, without white space.
func valueText(value []byte) []byte {
	if len(value) > 0 && value[0] == '"' {
		return Unquote(value)
	}
	return compact(value)
}
