package payload

import (
	"bytes"
	"errors"
	"slices"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"dlqdesk/internal/deadletter"
)

// MaxEdit is the largest body that can be edited, in bytes.
const MaxEdit = 4 << 20

// Edit returns the content after a person edited it, for Encode. If the content is JSON, claims to be, or has fields,
// it returns Invalid, with line and column, for one that is not. It restores the line ends, because forms turn all
// into CR LF.
func (t Text) Edit(edited []byte) ([]byte, error) {
	if len(edited) > MaxEdit {
		return nil, deadletter.Errorf(deadletter.TooLarge,
			"the edited body has %d bytes: at most %d can be edited here", len(edited), MaxEdit)
	}
	if err := t.Editable(); err != nil {
		return nil, err
	}
	if !bytes.Contains(t.Bytes, []byte("\r\n")) {
		edited = bytes.ReplaceAll(edited, []byte("\r\n"), []byte("\n"))
	}
	if !t.IsJSON() {
		return edited, nil
	}
	return edited, CheckJSON(edited)
}

// IsJSON reports whether the content is edited as JSON.
func (t Text) IsJSON() bool { return t.Kind == JSON || t.fields != nil }

// CheckHeaders returns Invalid if edited headers would no longer describe the encoding in which Encode writes the body.
func (t Text) CheckHeaders(edited deadletter.Headers) error {
	const encoding, contentType = "Content-Encoding", "Content-Type"
	name := ""
	switch {
	case !slices.Equal(codingsOf(t.headers), codingsOf(edited)):
		name = encoding
	case (t.charset != nil || t.fields != nil) && t.headers.Get(contentType) != edited.Get(contentType):
		name = contentType
	default:
		return nil
	}
	return deadletter.Errorf(deadletter.Invalid,
		"The header %s says how the body is written: leave it as it is. An edit does not convert the body.", name)
}

// CheckJSON returns nil if the text is JSON, and otherwise Invalid with the line and column of the first fault.
func CheckJSON(text []byte) error {
	_, err := jsontext.AppendFormat(nil, text, jsonOptions...)
	if err == nil {
		return nil
	}
	offset, reason := len(text), err
	if syntax, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		offset, reason = int(syntax.ByteOffset), syntax.Err
	}
	line, column := position(text, min(offset, len(text)-1)) // a text that ends too early stops at its last character
	return deadletter.Errorf(deadletter.Invalid, "this is not valid JSON: line %d, column %d: %v", line, column, reason)
}

// position returns the line and column, from 1, of an offset in a text.
func position(text []byte, offset int) (line, column int) {
	before := text[:max(0, min(offset, len(text)))]
	return 1 + bytes.Count(before, []byte("\n")), 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
}

// MergePatch applies a JSON Merge Patch (RFC 7396) to a body. Names keep their order and numbers their digits. It
// returns Invalid if the patch or the body is no JSON object.
func MergePatch(body, patch []byte) ([]byte, error) {
	if err := CheckJSON(patch); err != nil {
		return nil, err
	}
	if !isObject(patch) {
		return nil, deadletter.Errorf(deadletter.Invalid,
			"the change must be a JSON object: each name is set to its value, null removes it")
	}
	if CheckJSON(body) != nil || !isObject(body) {
		return nil, deadletter.Errorf(deadletter.Invalid,
			"the body of this message is no JSON object: edit it by itself")
	}
	return merge(body, patch, maxPatchDepth)
}

// maxPatchDepth bounds the nesting of objects in a patch, because each level reads the levels below it once more.
const maxPatchDepth = 100

func isObject(text []byte) bool { return bytes.HasPrefix(bytes.TrimLeft(text, white), []byte("{")) }

func merge(target, patch []byte, depth int) ([]byte, error) {
	if !isObject(patch) {
		return patch, nil
	}
	if depth == 0 {
		return nil, deadletter.Errorf(deadletter.Invalid,
			"The change has more than %d objects within one another. Change less at once.", maxPatchDepth)
	}
	var members []Member
	if isObject(target) {
		var err error
		if members, err = Collect(target); err != nil {
			return nil, err
		}
	}
	for change, err := range Members(patch) {
		if err != nil {
			return nil, err
		}
		if members, err = applyMember(members, change, depth-1); err != nil {
			return nil, err
		}
	}
	return AppendObject(nil, members), nil
}

// applyMember sets, merges or (null) removes every member of that name.
func applyMember(members []Member, change Member, depth int) ([]Member, error) {
	same := func(m Member) bool { return bytes.Equal(m.Name, change.Name) }
	if string(change.Value) == "null" {
		return slices.DeleteFunc(members, same), nil
	}
	if !slices.ContainsFunc(members, same) {
		members = append(members, Member{Name: change.Name, RawName: change.RawName})
	}
	for i, m := range members {
		if !same(m) {
			continue
		}
		value, err := merge(m.Value, change.Value, depth)
		if err != nil {
			return nil, err
		}
		members[i].Value = value
	}
	return members, nil
}
