package envelope

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"dlqdesk/internal/deadletter"
)

// field is one of a JSON object, its value as it is written.
type field struct {
	name  string
	value json.RawMessage
}

// edited makes of an envelope the same one with another payload: what its program put beside the payload stays as it
// was written.
func edited(original, r deadletter.Revision) ([]byte, error) {
	fields, err := listOf(original.QueueMessage)
	if err != nil {
		return nil, fmt.Errorf("edit the envelope: %w", err)
	}
	payload, exact, err := encodeBody(r.Body)
	if err != nil {
		return nil, fmt.Errorf("edit the envelope: %w", err)
	}
	told := slices.ContainsFunc(fields, func(f field) bool { return f.name == "bodyForm" })
	if !told && bytes.Equal(exactBody{}.decode(payload), r.Body) {
		exact = exactBody{} // its program knows no form of ours, and needs none
	}
	fields = set(without(fields, "bodyForm", "bodyBefore", "bodyAfter", "rawBody"), "originalPayload", payload)
	if !maps.EqualFunc(original.Headers, r.Headers, slices.Equal) {
		headers := begin(0)
		headers.headers(r.Headers)
		fields = set(fields, "originalHeaders", headers.end())
	}
	form := begin(len(exact.Raw))
	exact.encode(form)
	more, err := listOf(form.end())
	return object(append(fields, more...)), err
}

// listOf answers the fields of a JSON object in their order, sharing its bytes.
func listOf(text []byte) (fields []field, err error) {
	text = bytes.TrimLeft(text, white)
	if !valid(text) || text[0] != '{' {
		return nil, errors.New("it is no JSON object")
	}
	for name, value := range inOrder(text) {
		fields = append(fields, field{string(name), value})
	}
	return fields, nil
}

func without(fields []field, names ...string) []field {
	return slices.DeleteFunc(fields, func(f field) bool { return slices.Contains(names, f.name) })
}

func set(fields []field, name string, value json.RawMessage) []field {
	i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
	if i < 0 {
		return append(fields, field{name, value})
	}
	fields[i].value = value
	return fields
}

func object(fields []field) []byte {
	var out bytes.Buffer
	out.WriteByte('{')
	for i, f := range fields {
		if i > 0 {
			out.WriteByte(',')
		}
		name, _ := marshal(f.name) // a string always can be
		out.Write(name)
		out.WriteByte(':')
		out.Write(f.value)
	}
	out.WriteByte('}')
	return out.Bytes()
}
