package envelope

// Unpack unpacks a compressed body of so many bytes at most.
func Unpack(raw string, most int64) ([]byte, error) { return unpack(raw, most) }

// FieldsOf answers the members of a JSON object.
var FieldsOf = fieldsOf

// Valid tells whether a text is JSON.
var Valid = valid
