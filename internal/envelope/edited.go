package envelope

import (
	"fmt"
	"maps"
	"slices"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
)

// edited returns an envelope with another payload. The other fields of its program stay as they are written.
func edited(original, r deadletter.Revision) ([]byte, error) {
	fields, err := payload.Collect(original.QueueMessage)
	if err != nil {
		return nil, fmt.Errorf("edit the envelope: %w", err)
	}
	value, exact := encodeBody(r.Body)
	var was []byte
	for _, m := range fields {
		if string(m.Name) == "originalPayload" {
			was = m.Value
		}
	}
	ours := slices.ContainsFunc(fields, func(m payload.Member) bool { return string(m.Name) == "bodyForm" })
	if theirs := payloadOf(was, r); !ours && theirs != nil {
		value, exact = theirs, exactBody{}
	} else if plain := (exactBody{}); !ours && string(plain.decode(value)) == string(r.Body) {
		exact = plain // its program knows no form of ours, and needs none
	}
	fields = slices.DeleteFunc(fields, func(m payload.Member) bool {
		return slices.Contains([]string{"bodyForm", "bodyBefore", "bodyAfter", "rawBody"}, string(m.Name))
	})
	fields = set(fields, "originalPayload", value)
	if !maps.EqualFunc(original.Headers, r.Headers, slices.Equal) {
		headers, text := begin(0), readable
		if !ours {
			text = textsOfNode
		}
		headers.headers(r.Headers, text)
		fields = set(fields, "originalHeaders", headers.end())
	}
	form := begin(len(exact.Raw))
	exact.encode(form)
	more, err := payload.Collect(form.end())
	return payload.AppendObject(nil, append(fields, more...)), err
}

// set sets the value of the first field with a name, or appends the field.
func set(fields []payload.Member, name string, value []byte) []payload.Member {
	for i := range fields {
		if string(fields[i].Name) == name {
			fields[i].Value = value
			return fields
		}
	}
	return append(fields, payload.Member{Name: []byte(name), RawName: []byte(`"` + name + `"`), Value: value})
}
