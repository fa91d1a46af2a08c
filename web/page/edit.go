package page

import (
	"strconv"

	"dlqdesk/web/ui"
)

// EditView is the form that edits one message and replays it.
type EditView struct {
	Chrome
	ID          string
	Version     string
	Back        string // the query of the list, without "?"
	Source      string
	Destination string
	RedrivesTo  string // the queue that it can be sent back to; empty: it cannot
	NoReplay    bool   // it has no destination, only that queue
	Signature   SignatureNote

	Base        string // number of the revision that the edit is based on
	BaseName    string // "original" or "edit 2 by anna"
	Body        string
	JSON        bool   // the body must be JSON
	Form        string // how the body is written, where that is not plain UTF-8: "gzip, form, 4 fields"
	Fields      bool   // the body has fields, which are edited as a JSON object
	BodyError   string
	Denied      string   // why the message cannot be edited (role, status, binary body); empty: it can
	MaskedNames []string // names whose masked values are kept as they were received, unless overwritten

	Headers     []EditHeader
	HeaderError string
	Reason      string
	ReasonError string

	Unknown      string // what a person must confirm, because its handler may have processed it; empty: nothing
	UnknownError string
	Newer        string // likewise, because newer events were delivered
	NewerError   string

	Notice   ui.Notice // a fault that belongs to no field
	Conflict Conflict
}

func (v EditView) curlURL() string { return v.postURL() + "/curl" }

// EditHeader is one header in the form.
type EditHeader struct {
	Name, Value string
	Locked      string // why it cannot be edited: shown, not posted; empty: it can
}

// Conflict says that the message was changed by someone else. The zero Conflict shows nothing.
type Conflict struct {
	Text string // "anna replayed this message 12 s ago"
	URL  string // of the message as it is now
}

func (v EditView) postURL() string { return messageURL(v.ID, "") + "/edit" }

// originalURL reads what was received, as it is edited.
func (v EditView) originalURL() string { return messageURL(v.ID, "") + "/body?form=edit&revision=0" }

// headerLabel names a field of a header row for a screen reader.
func headerLabel(part string, i int, h EditHeader) string {
	if h.Name == "" {
		return part + " of header " + strconv.Itoa(i+1)
	}
	return part + " of header " + strconv.Itoa(i+1) + ", " + h.Name
}

// title says what becomes of an edit.
func (v EditView) title() string {
	if v.NoReplay {
		return "Edit and redrive"
	}
	return "Edit and replay"
}

// redriveClass makes the redrive the thing to do where there is nothing else.
func (v EditView) redriveClass() string {
	if v.NoReplay {
		return "btn-primary"
	}
	return ""
}

// sentTo introduces the destination, which an editor cannot change.
func (v EditView) sentTo() string {
	if v.NoReplay {
		return ""
	}
	if v.Source == "" {
		return "Destination:"
	}
	return "Destination of " + v.Source + ":"
}
