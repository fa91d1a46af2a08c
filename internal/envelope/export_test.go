package envelope

import "encoding/json"

// Unpack unpacks a compressed body of so many bytes at most.
func Unpack(raw string, most int64) ([]byte, error) { return unpack(raw, most) }

// FieldsOf answers the members of a JSON object.
func FieldsOf(text []byte) (members map[string]json.RawMessage, ok bool) {
	f, ok := fieldsOf(text)
	members = map[string]json.RawMessage{}
	for name := range usual {
		if value := f.of(name); value != nil {
			members[name] = value
		}
	}
	for _, other := range f.others {
		members[other.name] = other.value
	}
	return members, ok
}

// Valid tells whether a text is JSON.
var Valid = valid
