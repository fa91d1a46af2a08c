package payload

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// white is JSON's white space, which does not belong to a value.
const white = " \t\r\n"

// jsonOptions accept duplicate names and text that is not UTF-8, because platforms send both.
var jsonOptions = []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}

var indentOptions = append(
	[]jsontext.Options{jsontext.WithIndent("  "), jsontext.PreserveRawStrings(true)}, jsonOptions...,
)

// NewDecoder returns a tokenizer of a text.
func NewDecoder(text []byte) *jsontext.Decoder {
	return jsontext.NewDecoder(bytes.NewBuffer(text), jsonOptions...)
}

// Valid reports whether a text is one JSON value.
func Valid(text []byte) bool { return jsontext.Value(text).IsValid(jsonOptions...) }

// Indent indents valid JSON, and reports whether the result fits into limit bytes. With deep nesting the result grows
// with the square of the input.
func Indent(text []byte, limit int) (indented string, fits bool) {
	var out bytes.Buffer
	dec := NewDecoder(text)
	enc := jsontext.NewEncoder(&out, indentOptions...)
	for {
		token, err := dec.ReadToken()
		if errors.Is(err, io.EOF) {
			return strings.TrimSuffix(out.String(), "\n"), true
		}
		if err != nil || enc.WriteToken(token) != nil || enc.OutputOffset() > int64(limit) {
			return "", false
		}
	}
}

// Member is one of a JSON object. It shares the object's bytes.
type Member struct {
	Name    []byte
	RawName []byte // as it is written, with its quotes
	Value   []byte // as it is written
}

var errNoObject = errors.New("it is no JSON object")

// Members yields the members of a JSON object in their order, and an error where the text stops being one object.
func Members(text []byte) iter.Seq2[Member, error] {
	return func(yield func(Member, error) bool) {
		dec := NewDecoder(text)
		if start, err := dec.ReadToken(); err != nil || start.Kind() != '{' {
			yield(Member{}, errNoObject)
			return
		}
		for dec.PeekKind() != '}' {
			m, err := readMember(dec, text)
			if !yield(m, err) || err != nil {
				return
			}
		}
		if _, err := dec.ReadToken(); err != nil {
			yield(Member{}, err)
		} else if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
			yield(Member{}, errNoObject)
		}
	}
}

// Collect returns the members of a JSON object, or an error if the text is none.
func Collect(object []byte) (members []Member, err error) {
	for m, err := range Members(object) {
		if err != nil {
			return nil, err
		}
		members = append(members, m)
	}
	return members, nil
}

// AppendObject appends a JSON object of members to a text.
func AppendObject(text []byte, members []Member) []byte {
	text = append(text, '{')
	for i, m := range members {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(append(append(text, m.RawName...), ':'), m.Value...)
	}
	return append(text, '}')
}

func readMember(dec *jsontext.Decoder, text []byte) (m Member, err error) {
	if m.RawName, err = readRaw(dec, text); err != nil {
		return m, err
	}
	m.Name = Unquote(m.RawName)
	m.Value, err = readRaw(dec, text)
	return m, err
}

// readRaw returns the next value as it is written in the text that dec reads.
func readRaw(dec *jsontext.Decoder, text []byte) ([]byte, error) {
	value, err := dec.ReadValue()
	end := int(dec.InputOffset())
	return text[end-len(value) : end : end], err
}

// Unquote returns the content of a JSON string. It shares the bytes of raw if there are no escapes.
func Unquote(raw []byte) []byte {
	if bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) {
		return raw[1 : len(raw)-1]
	}
	content, _ := jsontext.AppendUnquote(nil, raw) // an error says that it is no UTF-8, and U+FFFD stands in it
	return content
}
