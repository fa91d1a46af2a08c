package api

import (
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"
)

// The library checks requests before an operation is called. What it finds follows the name of the input in a sentence.
func init() {
	const time = "must be a time such as 2026-03-02T10:00:00Z"
	for word, ours := range map[*string]string{
		&validation.MsgUnexpectedProperty:       "is not a field of this operation",
		&validation.MsgExpectedRequiredProperty: "needs the field %s",
		&validation.MsgExpectedRFC3339DateTime:  time,
		&validation.MsgExpectedBoolean:          "must be true or false",
		&validation.MsgExpectedNumber:           "must be a number",
		&validation.MsgExpectedInteger:          "must be a whole number",
		&validation.MsgExpectedString:           "must be a text",
		&validation.MsgExpectedBase64String:     "must be base64",
		&validation.MsgExpectedArray:            "must be a list",
		&validation.MsgExpectedObject:           "must be an object",
		&validation.MsgExpectedArrayItemsUnique: "must not have an item twice",
		&validation.MsgExpectedOneOf:            "must be one of %s",
		&validation.MsgExpectedMinimumNumber:    "must be %v or more",
		&validation.MsgExpectedMaximumNumber:    "must be %v or less",
		&validation.MsgExpectedMinLength:        "must have %d characters or more",
		&validation.MsgExpectedMaxLength:        "must have %d characters or fewer",
		&validation.MsgExpectedMinItems:         "must have %d items or more",
		&validation.MsgExpectedMaxItems:         "must have %d items or fewer",
		&validation.MsgExpectedMatchPattern:     "must match the pattern %s",
	} {
		*word = ours
	}
}

// fixedWords are those that the library does not let us set.
var fixedWords = map[string]string{
	"unknown query parameter": "is not a parameter of this operation",
	"invalid integer":         "must be a whole number",
	"invalid boolean":         "must be true or false",
	"invalid date/time":       "must be a time such as 2026-03-02T10:00:00Z",
}

// wrongInput returns the sentence about an input that the library refuses with a status.
func wrongInput(status int, d *huma.ErrorDetail) string {
	switch status {
	case http.StatusBadRequest:
		return "the body is not JSON: " + d.Message
	case http.StatusUnsupportedMediaType:
		return "the body must be JSON: send it with the header Content-Type: application/json"
	}
	_, name, within := strings.Cut(d.Location, ".")
	if !within {
		name = "the " + d.Location
	}
	for theirs, ours := range fixedWords {
		if strings.HasPrefix(d.Message, theirs) {
			return name + " " + ours
		}
	}
	return name + " " + d.Message
}
