package payload

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"strings"
	"unicode/utf8"

	"dlqdesk/internal/deadletter"
)

// MaxEdit is the largest body that a person may write, in bytes.
const MaxEdit = 4 << 20

// EditBody checks what a person made of a body and answers the bytes to deliver. A body that was or claims to be JSON
// must be valid JSON; the deadletter.Invalid error says where it is not. Line ends follow the base, because forms turn every one
// into CR LF.
func EditBody(base deadletter.Revision, edited []byte) ([]byte, error) {
	if len(edited) > MaxEdit {
		return nil, deadletter.Errorf(
			deadletter.TooLarge,
			"the edited body has %d bytes: at most %d can be edited here",
			len(edited),
			MaxEdit,
		)
	}
	if !utf8.Valid(base.Body) {
		return nil, deadletter.Errorf(deadletter.Invalid, "this body is binary: it cannot be edited as text")
	}
	if !bytes.Contains(base.Body, []byte("\r\n")) {
		edited = bytes.ReplaceAll(edited, []byte("\r\n"), []byte("\n"))
	}
	if !IsJSON(base) {
		return edited, nil
	}
	return edited, CheckJSON(edited)
}

// IsJSON tells whether a body is JSON, or claims to be.
func IsJSON(r deadletter.Revision) bool {
	media, _, err := mime.ParseMediaType(r.Headers.Get("Content-Type"))
	claims := err == nil && (media == "application/json" || strings.HasSuffix(media, "+json"))
	return claims || json.Valid(r.Body)
}

// CheckJSON answers an deadletter.Invalid error that says in which line and column a text stops being JSON.
func CheckJSON(text []byte) error {
	var whole json.RawMessage
	err := json.Unmarshal(text, &whole)
	if err == nil {
		return nil
	}
	offset := len(text)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		offset = min(int(syntax.Offset), len(text))
	}
	before := text[:max(0, offset-1)]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
	return deadletter.Errorf(deadletter.Invalid, "this is not valid JSON: line %d, column %d: %s", line, column, err)
}

// MergePatch applies a JSON Merge Patch (RFC 7396) to a body. Names keep their order and numbers their digits. An
// deadletter.Invalid error says why a body or a patch does not take it.
func MergePatch(body, patch []byte) ([]byte, error) {
	if err := CheckJSON(patch); err != nil {
		return nil, err
	}
	if !isObject(patch) {
		return nil, deadletter.Errorf(
			deadletter.Invalid,
			"the change must be a JSON object: each name is set to its value, null removes it",
		)
	}
	if CheckJSON(body) != nil || !isObject(body) {
		return nil, deadletter.Errorf(
			deadletter.Invalid,
			"the body of this message is no JSON object: edit it by itself",
		)
	}
	return merge(body, patch, maxPatchDepth)
}

// maxPatchDepth bounds how deep objects stand in a patch: each level of it reads what is below once more.
const maxPatchDepth = 100

type member struct {
	name  string
	raw   []byte // the name as it is written
	value json.RawMessage
}

func isObject(text []byte) bool {
	trimmed := bytes.TrimLeft(text, " \t\r\n")
	return len(trimmed) > 0 && trimmed[0] == '{'
}

func merge(target, patch json.RawMessage, depth int) (json.RawMessage, error) {
	if !isObject(patch) {
		return patch, nil
	}
	if depth == 0 {
		return nil, deadletter.Errorf(
			deadletter.Invalid,
			"the change has more than %d objects within one another: change less at once",
			maxPatchDepth,
		)
	}
	var members []member
	if isObject(target) {
		var err error
		if members, err = readObject(target); err != nil {
			return nil, err
		}
	}
	changes, err := readObject(patch)
	if err != nil {
		return nil, err
	}
	for _, change := range changes {
		if members, err = applyMember(members, change, depth-1); err != nil {
			return nil, err
		}
	}
	return writeObject(members), nil
}

// applyMember sets, merges or (null) removes every member of that name.
func applyMember(members []member, change member, depth int) ([]member, error) {
	if string(change.value) == "null" {
		kept := members[:0]
		for _, m := range members {
			if m.name != change.name {
				kept = append(kept, m)
			}
		}
		return kept, nil
	}
	found := false
	for i := range members {
		if members[i].name != change.name {
			continue
		}
		value, err := merge(members[i].value, change.value, depth)
		if err != nil {
			return nil, err
		}
		members[i].value, found = value, true
	}
	if found {
		return members, nil
	}
	value, err := merge(nil, change.value, depth)
	return append(members, member{change.name, change.raw, value}), err
}

func readObject(text []byte) ([]member, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	if _, err := dec.Token(); err != nil {
		return nil, fmt.Errorf("read object: %w", err)
	}
	var members []member
	for dec.More() {
		before := dec.InputOffset()
		key, err := dec.Token()
		if err != nil {
			return nil, fmt.Errorf("read name: %w", err)
		}
		raw := bytes.TrimLeft(text[before:dec.InputOffset()], ", \t\r\n")
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, fmt.Errorf("read value: %w", err)
		}
		name, _ := key.(string)
		members = append(members, member{name, raw, value})
	}
	return members, nil
}

func writeObject(members []member) json.RawMessage {
	var out bytes.Buffer
	out.WriteByte('{')
	for i, m := range members {
		if i > 0 {
			out.WriteByte(',')
		}
		out.Write(m.raw)
		out.WriteByte(':')
		out.Write(m.value)
	}
	out.WriteByte('}')
	return out.Bytes()
}
