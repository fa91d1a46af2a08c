package console

import (
	"cmp"
	"context"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

const (
	pageSize  = 50
	allStatus = "all"
	formTime  = "2006-01-02T15:04" // as a datetime-local field writes it, in UTC
	maxField  = 500                // characters of a text to filter by
	noSource  = "(none)"           // messages without a source; no configured source can have this name
)

// field is one filter: its name in the query, and the label of its chip.
type field struct{ name, label string }

// messageFields are the filters of the message list.
func messageFields() []field {
	return []field{
		{"status", ""},
		{"source", "Source"},
		{"queue", "Queue"},
		{"code", "Code"},
		{"outcome", "Outcome"},
		{"type", "Event type"},
		{"cause", "Cause"},
		{"same", "Same id as"},
		{"order", "Order key"},
		{"from", "Received from"},
		{"to", "Received to"},
		{"job", "Job"},
		{"result", "Result"},
		{"error", "Error"},
		{"q", ""}, // each term has its chip: see termChips
		{"sort", ""},
		{"group", ""},
	}
}

// auditFields are the filters of the audit trail.
func auditFields() []field {
	return []field{
		{"actor", "Who"},
		{"by", "Done by"},
		{"action", "Did"},
		{"source", "Source"},
		{"message", "Message"},
		{"cause", "Cause"},
		{"job", "Job"},
		{"jobs", "Messages of jobs"},
		{"from", "From"},
		{"to", "To"},
	}
}

// pickFields returns the values of the given fields, without blanks.
func pickFields(values url.Values, fields []field) url.Values {
	kept := url.Values{}
	for _, f := range fields {
		if v := strings.TrimSpace(strings.ToValidUTF8(values.Get(f.name), "\uFFFD")); v != "" {
			kept.Set(f.name, v)
		}
	}
	return kept
}

// replaceParam returns a copy of a query with one value set, or removed if the value is empty.
func replaceParam(query url.Values, name, value string) url.Values {
	changed := url.Values{}
	for key, values := range query {
		changed[key] = values
	}
	if value == "" {
		changed.Del(name)
	} else {
		changed.Set(name, value)
	}
	return changed
}

// address returns a path with a query.
func address(path string, query url.Values) string {
	return (&url.URL{Path: path, RawQuery: query.Encode()}).String()
}

// listPath returns the address of the message list with a query.
func listPath(query string) string { return (&url.URL{Path: "/messages", RawQuery: query}).String() }

// pageURL returns the address of a list at a cursor; "" without a cursor.
func pageURL(path string, query url.Values, cursor string) string {
	if cursor == "" {
		return ""
	}
	return address(path, replaceParam(query, "cursor", cursor))
}

// chips returns the active filters, each with a link to the list without it.
func chips(path string, query url.Values, fields []field, describe func(name, value string) string) []ui.Chip {
	var list []ui.Chip
	for _, f := range fields {
		if value := query.Get(f.name); f.label != "" && value != "" {
			without := address(path, replaceParam(query, f.name, ""))
			chip := ui.Chip{Label: f.label, Value: describe(f.name, value), RemoveURL: without}
			if at, err := parseTime(f.name, value); err == nil && (f.name == "from" || f.name == "to") {
				chip.At = ui.At(at)
			}
			list = append(list, chip)
		}
	}
	return list
}

// dayPresets are the most used ranges of days, in UTC; a script converts them to the time zone of the browser.
func dayPresets(path string, query url.Values, now time.Time) []page.Preset {
	today := now.UTC().Truncate(24 * time.Hour)
	list := []page.Preset{
		rangePreset(path, "Today", query, today, time.Time{}),
		rangePreset(path, "Yesterday", query, today.AddDate(0, 0, -1), today),
		rangePreset(path, "Last 7 days", query, today.AddDate(0, 0, -7), time.Time{}),
	}
	list[0].Days, list[1].Days, list[2].Days = "0", "1 0", "7"
	return list
}

// hourPreset is the last hour, which a script counts from the click on.
func hourPreset(path string, query url.Values, now time.Time) page.Preset {
	p := rangePreset(path, "Last hour", query, now.UTC().Add(-time.Hour), time.Time{})
	p.Minutes = "60"
	return p
}

func rangePreset(path, label string, query url.Values, from, to time.Time) page.Preset {
	asked := between(from, to, "")
	return preset(path, label, query, url.Values{"from": {asked.Get("from")}, "to": {asked.Get("to")}})
}

// preset links to the query with some values set, or removed if they are set already.
func preset(path, label string, query, values url.Values) page.Preset {
	p := page.Preset{Label: label, Current: true}
	on, off := query, query
	for name := range values {
		p.Current = p.Current && query.Get(name) == values.Get(name)
		on, off = replaceParam(on, name, values.Get(name)), replaceParam(off, name, "")
	}
	p.URL = address(path, on)
	if p.Current {
		p.URL = address(path, off)
	}
	return p
}

// filterValueText returns the text of a filter's value.
func filterValueText(name, value string) string {
	if name == "source" && value == noSource {
		return "none"
	}
	if name != "from" && name != "to" {
		return value
	}
	if at, err := parseTime(name, value); err == nil {
		return at.Format("2006-01-02 15:04") + " UTC"
	}
	return value
}

// withStatus returns the query of the message list with its status: Failed by default, and all for a search.
func withStatus(query url.Values) url.Values {
	switch {
	case query.Get("status") != "":
		return query
	case query.Get("q") != "":
		return replaceParam(query, "status", allStatus)
	}
	return replaceParam(query, "status", string(deadletter.Failed))
}

// messageQuery parses the query of the message list, as the actor of ctx asks it. The store parses its text.
func messageQuery(ctx context.Context, query url.Values, cursor string) (store.MessageQuery, error) {
	query = withStatus(query)
	q := store.MessageQuery{Cursor: cursor, Limit: pageSize}
	q.Text, q.By = query.Get("q"), auth.Actor(ctx).Name
	var errs [15]error
	q.Status, errs[0] = parseStatus(query.Get("status"))
	q.Source, q.NoSource, errs[1] = parseSource(query.Get("source"))
	q.Queue, errs[9] = parseText("queue", query.Get("queue"))
	q.StatusCode, errs[2] = parseCode(query.Get("code"))
	q.Outcome, errs[3] = oneOf("outcome", query.Get("outcome"), deadletter.Outcomes())
	q.From, q.To, errs[4] = parseRange(query)
	q.Job, errs[7] = parseJob(query.Get("job"))
	q.Result, errs[8] = oneOf("result", query.Get("result"), deadletter.ItemStates())
	q.Fault, errs[12] = parseFault(query.Get("error"))
	q.EventType, errs[10] = parseText("event type", query.Get("type"))
	q.Cause = query.Get("cause")
	same, err := parseText("message id", query.Get("same"))
	q.SameID, errs[13] = deadletter.ID(same), err
	if key := query.Get("order"); key != "" {
		q.OrderKey, errs[14] = deadletter.ParseOrderKey(key)
	}
	q.Sort, errs[11] = parseSort(query.Get("sort"))
	return q, cmp.Or(errs[:]...)
}

func parseStatus(text string) (deadletter.Status, error) {
	switch s := deadletter.Status(text); {
	case text == allStatus:
		return "", nil
	case slices.Contains(deadletter.Statuses(), s):
		return s, nil
	}
	return deadletter.Failed, deadletter.Errorf(deadletter.Invalid, "there is no status %q", text)
}

func parseSort(text string) (store.Sort, error) {
	if s := store.Sort(text); s == store.ByReceipt || s == store.ByAttempt {
		return s, nil
	}
	return "", deadletter.Errorf(deadletter.Invalid, "a list cannot be sorted by %q: leave that out, or use %s",
		text, store.ByAttempt)
}

// parseSource parses the name of a source, or the value for webhooks without one.
func parseSource(text string) (source string, none bool, err error) {
	if text == noSource {
		return "", true, nil
	}
	source, err = parseText("source", text)
	return source, false, err
}

func parseText(name, text string) (string, error) {
	if utf8.RuneCountInString(text) > maxField {
		return "", deadletter.Errorf(deadletter.Invalid, "the %s is too long: use at most %d characters", name,
			maxField)
	}
	return text, nil
}

func parseCode(text string) (int, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 100 || n > 999 {
		return 0, deadletter.Errorf(deadletter.Invalid, "%q is not a status code: use three digits, like 422", text)
	}
	return n, nil
}

// oneOf parses one of the known values, or none.
func oneOf[T ~string](kind, text string, known []T) (T, error) {
	if text == "" || slices.Contains(known, T(text)) {
		return T(text), nil
	}
	return "", deadletter.Errorf(deadletter.Invalid, "there is no %s %q", kind, text)
}

// maxFault bounds an error text in a query, in bytes.
const maxFault = 4 << 10

// parseFault parses the key of an error, or an error itself, as addresses of an earlier version have it.
func parseFault(text string) (string, error) {
	if len(text) > maxFault {
		return "", deadletter.Errorf(deadletter.Invalid, "the error is too long: use at most %d bytes", maxFault)
	}
	if isFaultKey.MatchString(text) {
		return text, nil
	}
	return deadletter.FaultKey(text), nil
}

var isFaultKey = regexp.MustCompile(`^[0-9a-f]{16}$`)

func parseRange(query url.Values) (from, to time.Time, err error) {
	if from, err = parseTime("from", query.Get("from")); err != nil {
		return from, to, err
	}
	if to, err = parseTime("to", query.Get("to")); err != nil {
		return from, to, err
	}
	if !from.IsZero() && !to.IsZero() && !from.Before(to) {
		return from, to, deadletter.Errorf(deadletter.Invalid,
			"the time range ends before it begins: nothing can lie in it")
	}
	return from, to, nil
}

func parseTime(name, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, form := range []string{formTime, "2006-01-02T15:04:05", time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(form, text); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, deadletter.Errorf(deadletter.Invalid, "%q is not a time for %q: write it as 2026-03-02T10:15",
		text, name)
}
