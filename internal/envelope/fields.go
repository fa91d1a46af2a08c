package envelope

import (
	"bytes"
	"encoding/json"
	"iter"
	"slices"
	"unicode/utf8"
)

var interchangeFields = [...]string{
	"messageId",
	"timestamp",
	"originalPayload",
	"originalHeaders",
	"errorReason",
	"retryCount",
}

var ourFields = [...]string{
	"version",
	"source",
	"destination",
	"method",
	"query",
	"webhookId",
	"receiveId",
	"run",
	"sequence",
	"traceparent",
	"statusCode",
	"outcome",
	"firstAttempt",
	"queue",
	"bodyForm",
	"bodyBefore",
	"bodyAfter",
	"rawBody",
}

// usual is where a field of our envelope stands in fields.usual.
var usual = func() map[string]int {
	places := map[string]int{}
	for i, name := range slices.Concat(interchangeFields[:], ourFields[:]) {
		places[name] = i
	}
	return places
}()

// fields are the members of an envelope as they stand in it, sharing its bytes. Of members with the same name the
// last stands; the others are all there.
type fields struct {
	usual  [len(interchangeFields) + len(ourFields)]json.RawMessage
	others []field
}

// fieldsOf answers the members of a JSON object; false where a text is none. encoding/json looks at each byte four
// times for the same answer, and copies it.
func fieldsOf(text []byte) (f fields, ok bool) {
	text = bytes.TrimLeft(text, white)
	if !valid(text) || text[0] != '{' {
		return f, false
	}
	for name, value := range inOrder(text) {
		if i, ok := usual[string(name)]; ok {
			f.usual[i] = value
		} else {
			f.others = append(f.others, field{string(name), value})
		}
	}
	return f, true
}

// of answers a field of our envelope; nil where it is missing.
func (f *fields) of(name string) json.RawMessage { return f.usual[usual[name]] }

// inOrder walks the members of a valid JSON object as they are written.
func inOrder(object []byte) iter.Seq2[[]byte, json.RawMessage] {
	return func(yield func(name []byte, value json.RawMessage) bool) {
		rest := bytes.TrimLeft(object[1:], white)
		for rest[0] == '"' {
			var name, value []byte
			name, rest = cutValue(rest)
			rest = bytes.TrimLeft(rest, white)[len(":"):]
			value, rest = cutValue(bytes.TrimLeft(rest, white))
			if !yield(nameOf(name), value) {
				return
			}
			if rest = bytes.TrimLeft(rest, white); rest[0] == ',' {
				rest = bytes.TrimLeft(rest[1:], white)
			}
		}
	}
}

// cutValue cuts a valid text that begins with a value after it.
func cutValue(text []byte) (value, rest []byte) {
	end := 0
	switch text[0] {
	case '"':
		end = stringLength(text)
	case '{', '[':
		end = nestedLength(text)
	default:
		if end = bytes.IndexAny(text, ",]}"+white); end < 0 {
			end = len(text)
		}
	}
	return text[:end:end], text[end:]
}

func nestedLength(text []byte) int {
	for i, depth := 0, 0; ; {
		switch text[i] {
		case '"':
			i += stringLength(text[i:])
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
		i++
	}
}

// stringLength answers how long the string is that a valid text begins with, its quotes included.
func stringLength(text []byte) int {
	for i := 1; ; i++ {
		i += bytes.IndexByte(text[i:], '"')
		escapes := len(text[:i]) - len(bytes.TrimRight(text[:i], `\`))
		if escapes%2 == 0 {
			return i + 1
		}
	}
}

// nameOf answers the content of a JSON string.
func nameOf(text []byte) []byte {
	if isCopied(text) {
		return text[1 : len(text)-1]
	}
	return []byte(textOf(text))
}

// isCopied tells whether a JSON string has its content as it stands.
func isCopied(text []byte) bool { return bytes.IndexByte(text, '\\') < 0 && utf8.Valid(text) }

// textOf answers the content of a JSON string, and any other value as it is written. A field that is missing has none.
func textOf(field json.RawMessage) string {
	if len(field) == 0 {
		return ""
	}
	if field[0] == '"' && isCopied(field) {
		return string(field[1 : len(field)-1])
	}
	var text string
	if json.Unmarshal(field, &text) == nil {
		return text
	}
	return string(field)
}
