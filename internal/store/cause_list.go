package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

// CauseSort is the order of a list of causes.
type CauseSort string

// The orders of causes.
const (
	ByUrgency CauseSort = ""        // regressed and new, then growing, then the others by size; then muted, resolved
	ByNewest  CauseSort = "newest"  // latest failure first
	ByOldest  CauseSort = "oldest"  // earliest first failure first
	BySize    CauseSort = "size"    // most open messages first
	ByGrowing CauseSort = "growing" // fastest growth first
)

// CauseSorts lists every CauseSort.
func CauseSorts() []CauseSort { return []CauseSort{ByUrgency, ByNewest, ByOldest, BySize, ByGrowing} }

// keys returns the columns that a list is ordered by before the fingerprint. A minus begins one whose highest value is
// first. Each order has an index.
func (s CauseSort) keys() []string {
	switch s {
	case ByNewest:
		return []string{"-last_at"}
	case ByOldest:
		return []string{"first_at"}
	case BySize:
		return []string{"-open"}
	case ByGrowing:
		return []string{"-growth", "-open"}
	case ByUrgency:
	}
	return []string{"urgency", "-open"}
}

// CauseFilter selects causes. The zero filter selects all.
type CauseFilter struct {
	Source  string
	Sources deadletter.SourceNames // of these alone; "": of all
	States  []deadletter.CauseState
	Owner   string
	Unowned bool

	Text string    // a query as search.Parse reads it
	By   string    // who asks: the me of the query
	At   time.Time // when: its ages count back from here; zero: now

	lookup *causeLookup // of the query; see LookupCauses
}

// CauseQuery asks for one page of causes.
type CauseQuery struct {
	CauseFilter
	Sort   CauseSort
	Cursor string // from a page of the same Sort; "" is the first page
	Limit  int
}

// Causes returns one page of causes. Newer leads to the page before it, Older to the page after it. It returns Invalid
// for a cursor that is none of its own.
func (s *Store) Causes(ctx context.Context, q CauseQuery) (Page[deadletter.Cause], error) {
	at, before, err := parseCauseCursor(q.Cursor, q.Sort)
	if err != nil {
		return Page[deadletter.Cause]{}, err
	}
	if q.CauseFilter, err = s.LookupCauses(ctx, q.CauseFilter); err != nil {
		return Page[deadletter.Cause]{}, err
	}
	if err := s.nameFew(ctx, q.lookup); err != nil {
		return Page[deadletter.Cause]{}, err
	}
	if !q.judges() {
		list, err := q.read(ctx, s.db, at, before, q.Limit+1)
		return q.page(causesRead{list: list, last: at}, at, before), err
	}
	found, err := s.readJudged(ctx, q, at, before)
	return q.page(found, at, before), err
}

func (f CauseFilter) where() conditions {
	c := conditions{}
	if f.Source != "" {
		c.add("source = ?", f.Source)
	}
	if f.Sources != "" {
		c.ofSources("source", f.Sources)
	}
	f.ofStates(&c)
	if f.Owner != "" {
		c.add("owner = ? AND owner <> ''", f.Owner) // exactly as its index says
	}
	if f.Unowned {
		c.add("owner = ''")
	}
	if f.lookup == nil {
		return c
	}
	for _, p := range f.lookup.terms {
		c.add(p.term, p.args...)
	}
	return c
}

// whereMatching selects the causes that match, without those that have to be judged.
func (f CauseFilter) whereMatching() (conditions, error) {
	where := f.where()
	if !f.AsksMessages() {
		return where, nil
	}
	list, err := toJSON(f.lookup.matching())
	where.add("fingerprint IN (SELECT value FROM json_each(?))", list)
	return where, err
}

// ofStates selects the causes in some states. Several are found in the order of the list: an index would have them all
// sorted.
func (f CauseFilter) ofStates(c *conditions) {
	switch len(f.States) {
	case 0:
	case 1:
		c.add("state = ?", f.States[0])
	default:
		args := make([]any, len(f.States))
		for i, state := range f.States {
			args[i] = string(state)
		}
		c.add("+state IN (?"+strings.Repeat(", ?", len(args)-1)+")", args...)
	}
}

// causePlace is the position of a cause in a list.
type causePlace struct {
	keys        []int64
	fingerprint string
}

func (q CauseQuery) placeOf(c deadletter.Cause) *causePlace {
	at := &causePlace{fingerprint: c.Fingerprint}
	for _, key := range q.Sort.keys() {
		at.keys = append(at.keys, causeKey(key, c))
	}
	return at
}

// read returns the causes beyond a place, without a look at their messages where they have to be judged by these.
func (q CauseQuery) read(
	ctx context.Context, db sqlite.Querier, at *causePlace, before bool, limit int,
) ([]deadletter.Cause, error) {
	where := q.where()
	if !q.judges() {
		var err error
		if where, err = q.whereMatching(); err != nil {
			return nil, err
		}
	}
	if at != nil {
		q.beyond(&where, *at, before)
	}
	return causes(ctx, db, "SELECT "+causeColumns+" FROM causes"+where.sql()+" ORDER BY "+q.order(before)+" LIMIT ?",
		append(where.args, limit)...)
}

// causesRead are the causes that match beyond a place.
type causesRead struct {
	list []deadletter.Cause // one more than the limit if there are more
	last *causePlace        // the last one that was read
	more bool               // reading ended at a bound
}

// readJudged reads causes beyond a place and judges them, until it has enough that match or has reached its bounds.
func (s *Store) readJudged(
	ctx context.Context, q CauseQuery, at *causePlace, before bool,
) (found causesRead, err error) {
	some, left := []deadletter.Cause{{}}, maxCompared
	for known := true; known && len(some) > 0 && len(found.list) <= q.Limit; {
		if some, err = q.read(ctx, s.db, at, before, judgeAtOnce); err != nil || len(some) == 0 {
			break
		}
		if known, err = s.judgeCauses(ctx, q.lookup, some, &left); err != nil {
			break
		}
		for _, c := range some {
			if q.lookup.verdicts[c.Fingerprint] {
				found.list = append(found.list, c)
			}
		}
		at, found.more = q.placeOf(some[len(some)-1]), !known
	}
	found.last = at
	return found, err
}

// page returns the page of causes that were read beyond a place, in the order of reading.
func (q CauseQuery) page(read causesRead, at *causePlace, before bool) (page Page[deadletter.Cause]) {
	page.Items = read.list
	if len(page.Items) > q.Limit {
		page.Items, read.more = page.Items[:q.Limit], true
		read.last = q.placeOf(page.Items[q.Limit-1])
	}
	first := at
	if len(page.Items) > 0 {
		first = q.placeOf(page.Items[0])
	}
	back, on := "n", "o"
	if before {
		back, on = on, back
	}
	if at != nil {
		back = first.cursor(back)
	} else {
		back = ""
	}
	if read.more {
		on = read.last.cursor(on)
	} else {
		on = ""
	}
	page.Newer, page.Older = back, on
	if before {
		slices.Reverse(page.Items)
		page.Newer, page.Older = on, back
	}
	return page
}

// order returns the ORDER BY terms.
func (q CauseQuery) order(backwards bool) string {
	var terms []string
	for _, key := range append(q.Sort.keys(), "fingerprint") {
		column, down := strings.CutPrefix(key, "-")
		if down != backwards {
			column += " DESC"
		}
		terms = append(terms, column)
	}
	return strings.Join(terms, ", ")
}

// beyond adds the condition that a cause is after a place, or before it. Example, for the order by urgency:
//
//	urgency >= 1 AND (urgency > 1 OR urgency = 1 AND (open < 40 OR open = 40 AND (fingerprint > 'ab')))
func (q CauseQuery) beyond(c *conditions, at causePlace, before bool) {
	sign := func(down bool) string {
		if down != before {
			return "<"
		}
		return ">"
	}
	keys := q.Sort.keys()
	term, args := "(fingerprint "+sign(false)+" ?)", []any{at.fingerprint}
	for i := len(keys) - 1; i >= 0; i-- {
		column, down := strings.CutPrefix(keys[i], "-")
		term = fmt.Sprintf("(%[1]s %[2]s ? OR %[1]s = ? AND %[3]s)", column, sign(down), term)
		args = append([]any{at.keys[i], at.keys[i]}, args...)
	}
	lead, down := strings.CutPrefix(keys[0], "-")
	c.add(lead+" "+sign(down)+"= ?", at.keys[0]) // where the index begins
	c.add(term, args...)
}

// cursor returns the cursor of the page on a side of the place.
func (p causePlace) cursor(side string) string {
	for _, key := range p.keys {
		side += strconv.FormatInt(key, 36) + "."
	}
	return side + p.fingerprint
}

// causeKey returns the value of a cause in one of the columns of keys.
func causeKey(key string, c deadletter.Cause) int64 {
	switch key {
	case "urgency":
		return int64(c.Urgency())
	case "-open":
		return int64(c.Open())
	case "-growth":
		return int64(c.Growth)
	case "-last_at":
		return c.LastAt.UnixMilli()
	}
	return c.FirstAt.UnixMilli()
}

// parseCauseCursor reads a cursor of a list in an order. at is nil for the first page.
func parseCauseCursor(cursor string, sort CauseSort) (at *causePlace, before bool, err error) {
	if cursor == "" {
		return nil, false, nil
	}
	parts := strings.Split(cursor[1:], ".")
	bad := len(parts) != len(sort.keys())+1 || cursor[0] != 'n' && cursor[0] != 'o'
	at = &causePlace{fingerprint: parts[len(parts)-1]}
	for _, part := range parts[:len(parts)-1] {
		n, err := strconv.ParseInt(part, 36, 64)
		bad = bad || err != nil
		at.keys = append(at.keys, n)
	}
	if bad {
		return nil, false, errCursor()
	}
	return at, cursor[0] == 'n', nil
}

// CauseCounts are the numbers of causes that match a filter, by state.
type CauseCounts struct {
	ByState map[deadletter.CauseState]int
	AtLeast bool // there may be more
}

// Total returns the number of causes in all states.
func (c CauseCounts) Total() (n int) {
	for _, causes := range c.ByState {
		n += causes
	}
	return n
}

// CauseCounts returns the counts of a filter; its own States are ignored.
func (s *Store) CauseCounts(ctx context.Context, f CauseFilter) (counts CauseCounts, err error) {
	if f, err = s.LookupCauses(ctx, f); err != nil {
		return counts, err
	}
	if err := s.nameFew(ctx, f.lookup); err != nil {
		return counts, err
	}
	f.States = nil
	if f.judges() && len(f.lookup.matching()) < CountCap { // they may be few, so that all of them can be judged
		found, err := s.readJudged(ctx, CauseQuery{CauseFilter: f, Limit: CountCap}, nil, false)
		if err != nil {
			return counts, err
		}
		f.lookup.judges = found.more || len(found.list) > CountCap
	}
	counts.AtLeast = f.lookup != nil && (f.lookup.judges || f.lookup.partly)
	where, err := f.whereMatching()
	if err != nil {
		return counts, err
	}
	counts.ByState = map[deadletter.CauseState]int{}
	err = sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var state deadletter.CauseState
		var n int
		err := r.Scan(&state, &n)
		counts.ByState[state] = n
		return err
	}, "SELECT state, count(*) FROM causes"+where.sql()+" GROUP BY state", where.args...)
	if err != nil {
		return counts, fmt.Errorf("count causes: %w", err)
	}
	return counts, nil
}
