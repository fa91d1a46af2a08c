package envelope

import "encoding/json"

// Unpack unpacks a compressed body of so many bytes at most.
func Unpack(raw string, most int64) ([]byte, error) { return unpack([]byte(raw), most) }

// FieldsOf returns the members of a JSON object.
func FieldsOf(text []byte) (members map[string]json.RawMessage, ok bool) {
	d, ok := readDocument(text)
	members = map[string]json.RawMessage{}
	interchange := []string{
		"messageId", "timestamp", "originalPayload", "originalHeaders", "errorReason", "retryCount",
	}
	for _, name := range append(interchange, ourFields[:]...) {
		if value := *d.field(name); value != nil {
			members[name] = value
		}
	}
	for _, other := range d.others {
		members[string(other.Name)] = other.Value
	}
	return members, ok
}
