package search

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"dlqdesk/internal/deadletter"
)

// None is the value for messages without a source, an answer or an owner of their cause.
const None = "none"

// Me is the value of assignee for the person who asks.
const Me = "me"

// operator is a property that a query can ask for.
type operator struct {
	hint    string // what it finds, for the list of completions
	check   func(Term) error
	ofCause bool // causes have it themselves; the others are of messages
}

// operators are the properties by name. Their values are compared in the store.
var operators = map[string]operator{
	"source":      {"name of a source, or none", onlyIs, true},
	"destination": {"host of a destination, or none", checkDestination, true},
	"status":      {"failed, retrying, resolved …", oneOf(deadletter.Statuses()), false},
	"code":        {"422, 5xx, >=500, or none", checkCode, false},
	"outcome":     {"how the latest attempt ended", oneOf(deadletter.Outcomes()), false},
	"type":        {"event type", onlyIs, false},
	"cause":       {"key of a cause, or words of its title", onlyIs, true},
	"state":       {"state of the cause", oneOf(deadletter.CauseStates()), true},
	"assignee":    {"who claimed the cause: me, a name, or none", onlyIs, true},
	"queue":       {"queue that it was read from", onlyIs, false},
	"received":    {"<2h, >7d, 2026-03-02, or a range", checkTimes, false},
}

// Operators returns the names of the properties that a query can ask for.
func Operators() []string { return slices.Sorted(maps.Keys(operators)) }

func isOperator(name string) bool {
	_, ok := operators[name]
	return ok
}

func onlyIs(t Term) error {
	if t.Op != Is {
		return deadletter.Errorf(deadletter.Invalid, "%s has no order: write %s:%s", t.Name, t.Name, t.Value)
	}
	return nil
}

// oneOf checks a value that is one of a few.
func oneOf[T ~string](known []T) func(Term) error {
	names := make([]string, len(known))
	for i, k := range known {
		names[i] = string(k)
	}
	return func(t Term) error {
		if err := onlyIs(t); err != nil {
			return err
		}
		if slices.Contains(names, t.Value) || t.Begins && t.Value != "" {
			return nil
		}
		return deadletter.Errorf(deadletter.Invalid, "there is no %s %q: use %s", t.Name, t.Value,
			strings.Join(names, ", "))
	}
}

func checkDestination(t Term) error {
	if t.Op == Is && t.Location() == "" && !t.Begins {
		return deadletter.Errorf(deadletter.Invalid, "%q names no host: write destination:shop.internal", t.Value)
	}
	return onlyIs(t)
}

// Location returns the host of a term of destination, with the port and the path if it has them.
func (t Term) Location() string {
	_, rest, hasScheme := strings.Cut(t.Value, "://")
	if !hasScheme {
		rest = t.Value
	}
	return strings.TrimRight(rest, "/")
}

func checkCode(t Term) error {
	_, _, err := t.Codes()
	return err
}

var (
	aCode      = regexp.MustCompile(`^[1-9][0-9]{2}$`)
	aCodeClass = regexp.MustCompile(`^[1-5](xx|XX)$`)
)

// Codes returns the status codes that a term of code means, from first to last. Without an answer the code is 0.
func (t Term) Codes() (first, last int, err error) {
	if t.Value == None && t.Op == Is {
		return 0, 0, nil
	}
	if t.Op == Is && aCodeClass.MatchString(t.Value) {
		first = int(t.Value[0]-'0') * 100
		return first, first + 99, nil
	}
	number := func(text string) int {
		n, convErr := strconv.Atoi(text)
		if convErr != nil || !aCode.MatchString(text) || t.Begins {
			const none = "%q is not a status code: use 422, 5xx, >=500, 500..504 or none"
			err = deadletter.Errorf(deadletter.Invalid, none, text)
		}
		return n
	}
	n := number(t.Value)
	switch t.Op {
	case Above:
		return n + 1, 999, err
	case AtLeast:
		return n, 999, err
	case Below:
		return 1, n - 1, err
	case AtMost:
		return 1, n, err
	case Between:
		return n, number(t.To), err
	}
	return n, n, err
}

// number is a JSON number.
var number = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?$`)

// maxNumber bounds the digits of a number. A longer one is an id.
const maxNumber = 24

// numberOf returns the number that a text is. One with zeros before it is a text, such as a postal code.
func numberOf(text string) (float64, bool) {
	if len(text) == 0 || len(text) > maxNumber || text[0] != '-' && (text[0] < '0' || text[0] > '9') ||
		!number.MatchString(text) {
		return 0, false
	}
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil
}

func isNumber(text string) bool {
	_, is := numberOf(text)
	return is
}

// span is a time with its precision, or an age.
type span struct {
	at    time.Time
	until time.Time     // exclusive: a day, a minute or a second after at
	age   time.Duration // not 0: how long ago
}

var (
	ages     = regexp.MustCompile(`^([1-9][0-9]{0,5})(s|m|h|d|w)$`)
	ageUnits = map[string]time.Duration{
		"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour,
	}
	timeForms = []struct {
		form string
		unit time.Duration
	}{
		{time.DateOnly, 24 * time.Hour},
		{"2006-01-02T15:04", time.Minute},
		{"2006-01-02T15:04:05", time.Second},
		{"2006-01-02 15:04:05", time.Second},
		{"2006-01-02T15:04:05Z07:00", time.Second},
		{"2006-01-02T15:04:05Z0700", time.Second},
	}
)

// parseTime parses a time in UTC, a day, or an age such as 2h.
func parseTime(text string) (span, bool) {
	if found := ages.FindStringSubmatch(text); found != nil {
		n, err := strconv.Atoi(found[1])
		return span{age: time.Duration(n) * ageUnits[found[2]]}, err == nil
	}
	return parseDate(text)
}

// isRange reports whether a term of a value asks for more than one: an interval, or a time with its precision.
func (t Term) isRange() bool {
	if t.Kind < Field {
		return false
	}
	_, isDate := parseDate(t.Value)
	return t.Op != Is || isDate && !t.Begins
}

// parseDate parses a time in UTC, or a day.
func parseDate(text string) (span, bool) {
	if len(text) < len(time.DateOnly) || text[4] != '-' || text[7] != '-' {
		return span{}, false
	}
	for _, f := range timeForms {
		if at, err := time.Parse(f.form, text); err == nil {
			return span{at: at.UTC(), until: at.Add(f.unit).UTC()}, true
		}
	}
	return span{}, false
}

func checkTimes(t Term) error {
	for _, value := range []string{t.Value, t.To} {
		if _, ok := parseTime(value); (value != "" || value == t.Value) && (!ok || t.Begins) {
			return deadletter.Errorf(
				deadletter.Invalid,
				"%q is not a time: write an age like <2h or >7d, a day like 2026-03-02, or 2026-03-02T10:15 (UTC)",
				value,
			)
		}
	}
	return nil
}

// Times returns the times that a term means: from is inclusive, to exclusive, the zero time is no limit. Ages are
// counted back from now: >2h is longer ago than two hours, <2h and 2h within the last two hours.
func (t Term) Times(now time.Time) (from, to time.Time) {
	s, _ := parseTime(t.Value)
	if t.Op == Between {
		e, _ := parseTime(t.To)
		first, _ := s.interval(now)
		_, last := e.interval(now)
		if s.age > 0 && e.age > 0 && first.After(last) { // ages count backwards: 1h..2h
			first, last = last, first
		}
		return first, last
	}
	at, until := s.interval(now)
	if s.age > 0 {
		if t.Op == Above || t.Op == AtLeast {
			return time.Time{}, at
		}
		return at, time.Time{}
	}
	switch t.Op {
	case Above:
		return until, time.Time{}
	case AtLeast:
		return at, time.Time{}
	case Below:
		return time.Time{}, at
	case AtMost:
		return time.Time{}, until
	}
	return at, until
}

func (s span) interval(now time.Time) (at, until time.Time) {
	if s.age > 0 {
		return now.Add(-s.age), now.Add(-s.age)
	}
	return s.at, s.until
}
