package search

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/sqlite"
)

// interval is a range of numbers or of times that a term asks for.
type interval struct {
	ofTimes         bool
	from, to        time.Time // to is exclusive; zero: no limit
	low, high       float64
	hasLow, hasHigh bool
	lowOut, highOut bool // the limit itself does not match
}

func rangeOf(t Term, now time.Time) interval {
	low, isNumber := numberOf(t.Value)
	if !isNumber {
		r := interval{ofTimes: true}
		r.from, r.to = t.Times(now)
		return r
	}
	r := interval{low: low, high: low}
	switch t.Op {
	case Above, AtLeast:
		r.hasLow, r.lowOut = true, t.Op == Above
	case Below, AtMost:
		r.hasHigh, r.highOut = true, t.Op == Below
	default:
		r.hasLow, r.hasHigh = true, true
		if t.Op == Between {
			r.high, _ = numberOf(t.To)
		}
	}
	return r
}

// has reports whether a value lies in the interval.
func (r interval) has(value string) bool {
	if r.ofTimes {
		at, ok := dayOf(value)
		return ok && (r.from.IsZero() || !at.Before(r.from)) && (r.to.IsZero() || at.Before(r.to))
	}
	n, ok := numberOf(value)
	return ok && (!r.hasLow || n > r.low || n == r.low && !r.lowOut) &&
		(!r.hasHigh || n < r.high || n == r.high && !r.highOut)
}

// tokens returns the first and the last token of the values of a field in the interval.
func (r interval) tokens(path string) (from, last string) {
	if r.ofTimes {
		begin, end := r.from, r.to
		if begin.IsZero() {
			begin = time.Unix(-dayZero*86400, 0)
		}
		if end.IsZero() {
			end = time.Unix((dayZero-1)*86400, 0)
		}
		return string(appendDay(nil, path, begin)), string(appendDay(nil, path, end.Add(-1)))
	}
	low, high := uint64(0), uint64(math.MaxUint64)
	if r.hasLow {
		low = order(r.low)
	}
	if r.hasHigh {
		high = order(r.high)
		if r.highOut {
			high--
		}
	}
	return string(appendBucket(nil, path, low)), string(appendBucket(nil, path, high))
}

// isAligned reports whether the interval begins and ends where tokens do, so that all values of its tokens lie in it.
func (r interval) isAligned() bool {
	if r.ofTimes {
		return isMidnight(r.from) && isMidnight(r.to)
	}
	const rest = 1<<bucketBits - 1
	return (!r.hasLow || !r.lowOut && order(r.low)&rest == 0) && (!r.hasHigh || r.highOut && order(r.high)&rest == 0)
}

func isMidnight(t time.Time) bool { return t.Unix()%86400 == 0 && t.Nanosecond() == 0 }

// check is a term that is compared with messages.
type check struct {
	term  Term
	words []payload.Term
	path  payload.Path
	at    interval
}

func newCheck(t Term, now time.Time) check {
	c := check{term: t}
	switch t.Kind {
	case Words:
		c.words = payload.Terms(t.Value)
	case Phrase:
		c.words = wholeWords(t.Value, t.Begins)
	case Field:
		c.path, _ = fieldPath(t.Name) // Parse has checked it
	}
	if t.isRange() || t.Kind >= Field && isNumber(t.Value) && !t.Begins {
		c.at = rangeOf(t, now)
	}
	return c
}

// isRange reports whether numbers or times are compared.
func (c *check) isRange() bool { return c.at != interval{} }

// matches reports whether a document matches the term, its minus aside.
func (c *check) matches(d *document) bool {
	switch c.term.Kind {
	case Words, Phrase:
		if slices.ContainsFunc(d.texts, c.inText) {
			return true
		}
		for i := range d.revisions {
			if c.inText(d.revisions[i].text()) {
				return true
			}
		}
		return false
	case Header:
		return slices.ContainsFunc(d.revisions, func(r revision) bool { return c.inHeaders(r.headers) })
	}
	return slices.ContainsFunc(d.revisions, func(r revision) bool { return c.inBody(r.body) })
}

// inText reports whether a text has the words in order, or the runs of a search for words.
func (c *check) inText(text string) bool {
	if c.term.Kind == Phrase {
		return HasPhrase(text, c.words)
	}
	words := payload.Words(text)
	return !slices.ContainsFunc(c.words, func(t payload.Term) bool {
		return !slices.ContainsFunc(words, func(w payload.Word) bool { return finds(t, text[w.Start:w.End]) })
	})
}

func finds(t payload.Term, word string) bool {
	_, _, found := t.Find(word)
	return found
}

// HasPhrase reports whether words follow one another in a text.
func HasPhrase(text string, phrase []payload.Term) bool {
	words := payload.Words(text)
	for i := 0; i+len(phrase) <= len(words); i++ {
		n := 0
		for n < len(phrase) && finds(phrase[n], text[words[i+n].Start:words[i+n].End]) {
			n++
		}
		if n == len(phrase) {
			return true
		}
	}
	return false
}

func (c *check) inHeaders(h deadletter.Headers) bool {
	for name, values := range h {
		if strings.EqualFold(name, c.term.Name) && slices.ContainsFunc(values, func(v string) bool {
			return c.isValue(deadletter.ReadableValue(v))
		}) {
			return true
		}
	}
	return false
}

func (c *check) inBody(body []byte) (found bool) {
	fields := 0
	payload.EachLeaf(body, func(l payload.Leaf) bool {
		fields++
		found = c.isValue(l.Value) && l.Matches(c.path)
		return !found && fields < MaxSearchedFields
	})
	return found
}

func (c *check) isValue(value string) bool {
	want := c.term.Value
	switch {
	case c.isRange():
		return c.at.has(value)
	case c.term.Begins:
		return len(value) >= len(want) && strings.HasPrefix(strings.ToLower(value), strings.ToLower(want))
	}
	return strings.EqualFold(value, want)
}

// Check returns those of the given messages that match a plan, in the order in which they are given, and the bytes
// that it read for that.
func (i *Index) Check(ctx context.Context, p Plan, rows []int64) (matching []int64, read int, err error) {
	usable, masks := i.isUsable()
	if !usable || len(rows) == 0 {
		return nil, 0, nil
	}
	list, err := json.Marshal(rows)
	if err != nil {
		return nil, 0, fmt.Errorf("write rows: %w", err)
	}
	query := fieldsOf
	if slices.ContainsFunc(p.checks, func(c check) bool { return c.term.Kind < Operator }) {
		query = documentsOf
	}
	documents := map[int64]*document{}
	err = sqlite.Each(ctx, i.desk, func(r sqlite.Row) error {
		d, err := scanDocument(r)
		if err != nil {
			return err
		}
		into, ok := documents[d.row]
		if !ok {
			into = &d.document
			documents[d.row] = into
		}
		read += len(d.content)
		return d.read(into, masks)
	}, query, string(list))
	if err != nil {
		return nil, 0, fmt.Errorf("read messages to compare: %w", err)
	}
	for _, row := range rows {
		if d := documents[row]; d != nil && p.accepts(d) {
			matching = append(matching, row)
		}
	}
	return matching, read, nil
}

func (p Plan) accepts(d *document) bool {
	return !slices.ContainsFunc(p.checks, func(c check) bool { return c.matches(d) == c.term.Not })
}
