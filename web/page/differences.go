package page

import (
	"strconv"
	"strings"
)

// DifferencesView is how failed webhooks differ from those of their source that were delivered.
type DifferencesView struct {
	State      DifferencesState
	OneMessage bool // it is about one message, else about a cause
	EventType  string
	AllTypes   bool // no webhook of the event type was delivered
	Failed     int  // that are compared
	Delivered  int  // likewise
	Others     int  // failed ones of other event types
	Unread     int  // failed ones that are too large or broken
	Rows       []Difference

	NearestURL string // compares with a delivered webhook; empty: none is kept
	PasteURL   string // compares with pasted text; empty: it is about a cause
}

// DifferencesState says whether there is something to show, and if not, why.
type DifferencesState int

// The states.
const (
	DifferencesFound DifferencesState = iota
	DifferencesNone
	DifferencesNoDelivered
	DifferencesUnread // no failed webhook can be read
	DifferencesOff
)

// Difference is one way in which failed webhooks differ, true of Here of Of failed ones and of There of Delivered
// delivered ones.
type Difference struct {
	Kind  string // missing, extra, type, value, number, text or list
	Path  string // as customer.id; empty: the body itself
	Value string // of kind value; of kind type: the type here
	Usual string // of kind type: the type there
	Bound string // of the kinds number, text and list; empty: the value is empty
	Limit string // likewise: over, at least, at most or below

	Here, Of, There, Delivered int
	UsualIn                    int // of the kinds missing and type: delivered ones that are as usual
}

// differenceTypes are the types of values in words.
var differenceTypes = map[string]string{
	"null": "null", "boolean": "true or false", "number": "a number", "text": "a text", "object": "an object",
	"list": "a list", "masked": "masked", "malformed": "not valid JSON", "empty": "empty", "binary": "binary",
}

// is says what is true of the failed webhooks, after the path.
func (d Difference) is() string {
	switch d.Kind {
	case "missing":
		if strings.Contains(d.Path, "[]") {
			return "is missing from an entry"
		}
		return "is missing"
	case "extra":
		return "is there"
	case "type":
		return "is " + differenceTypes[d.Value]
	case "value":
		return "is"
	case "number":
		return "is " + d.Limit + " " + d.Bound
	case "text":
		return d.sized("is longer than ", " characters", "has at most ")
	}
	return d.sized("has more than ", " entries", "has at most ")
}

// sized says the size of a text or list.
func (d Difference) sized(over, unit, most string) string {
	switch {
	case d.Bound == "0" && d.Limit == "over":
		return "is not empty"
	case d.Bound == "0":
		return "is empty"
	case d.Limit == "over":
		return over + d.Bound + unit
	}
	return most + d.Bound + unit
}

// here says in how many of the failed webhooks it is so.
func (d Difference) here() string {
	if d.Of == 1 {
		return " here"
	}
	return " in " + grouped(d.Here) + " of " + grouped(d.Of)
}

// there says how it is in the delivered webhooks.
func (d Difference) there() string {
	of := " of " + grouped(d.Delivered) + " delivered"
	switch {
	case d.Kind == "missing" && d.UsualIn+d.There == d.Delivered:
		return ", present in " + grouped(d.UsualIn) + of
	case d.Kind == "type":
		return ", " + differenceTypes[d.Usual] + " in " + grouped(d.UsualIn) + of
	case d.There == 0:
		return ", in none of " + grouped(d.Delivered) + " delivered"
	}
	return ", in " + grouped(d.There) + of
}

// percent returns a part of a whole in per cent, for people: never 0 % or 100 % where that is not exact.
func percent(part, whole int) string {
	if whole == 0 {
		return ""
	}
	exact := 100 * float64(part) / float64(whole)
	switch {
	case part > 0 && exact < 1:
		return "< 1 %"
	case part < whole && exact > 99:
		return "> 99 %"
	}
	return strconv.FormatFloat(exact, 'f', 0, 64) + " %"
}

// barOf returns the length of a bar in per cent: at least one for a share that is not nothing.
func barOf(part, whole int) int {
	bar := 100 * part / max(whole, 1)
	if part > 0 {
		return max(bar, 1)
	}
	return bar
}

// grouped writes a number with thousands separators.
func grouped(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func (v DifferencesView) title() string {
	if v.OneMessage {
		return "How this differs from those that worked"
	}
	return "How these differ from those that worked"
}

// compared says what is compared with what.
func (v DifferencesView) compared() string {
	failed := "This message"
	if !v.OneMessage {
		failed = grouped(v.Failed) + " failed"
	}
	if v.AllTypes {
		return failed + " and " + grouped(
			v.Delivered,
		) + " delivered of all event types: none of its type was delivered."
	}
	return failed + " and " + grouped(v.Delivered) + " delivered"
}

// leftOut says which failed webhooks are not compared.
func (v DifferencesView) leftOut() string {
	var parts []string
	if v.Others > 0 {
		parts = append(parts, grouped(v.Others)+" of other event types")
	}
	if v.Unread > 0 {
		parts = append(parts, grouped(v.Unread)+" over 256 KiB or broken")
	}
	if len(parts) == 0 {
		return ""
	}
	return "Not compared: " + strings.Join(parts, ", ") + "."
}

// nothing says why there is no row.
func (v DifferencesView) nothing() string {
	switch v.State {
	case DifferencesNoDelivered:
		return "No delivered webhook of this source was seen yet. Once one is, it is shown here how failed ones differ."
	case DifferencesUnread:
		return "This cannot be compared: it is over 256 KiB, or broken."
	case DifferencesOff:
		return "Delivered webhooks of this source are not sampled. Set shapes: true for it in the configuration."
	case DifferencesNone, DifferencesFound:
	}
	if v.Delivered < fewDelivered {
		return "No difference that may not be chance. So few were delivered that this says little."
	}
	return "No difference in paths, types, values or sizes. The cause may be outside of the content."
}

// fewDelivered is the number of delivered webhooks below which hardly any difference can be told from chance.
const fewDelivered = 20
