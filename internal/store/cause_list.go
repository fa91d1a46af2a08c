package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

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
	States  []deadletter.CauseState
	Owner   string
	Unowned bool
	Text    string // parts of the title, the source, the destination and the ticket, in any order
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
	page, err := q.page(ctx, s.db, at, before)
	if err != nil {
		return page, fmt.Errorf("read causes: %w", err)
	}
	return page, nil
}

func (f CauseFilter) where() conditions {
	c := conditions{}
	if f.Source != "" {
		c.add("source = ?", f.Source)
	}
	f.ofStates(&c)
	if f.Owner != "" {
		c.add("owner = ? AND owner <> ''", f.Owner) // exactly as its index says
	}
	if f.Unowned {
		c.add("owner = ''")
	}
	for _, word := range strings.Fields(f.Text) {
		like := "%" + escapeLike.Replace(word) + "%"
		c.add(causeText, like, like, like, like)
	}
	return c
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

const causeText = `(title || ' ' || reason LIKE ? ESCAPE '\' OR source LIKE ? ESCAPE '\'
	OR destination LIKE ? ESCAPE '\' OR ticket LIKE ? ESCAPE '\')`

var escapeLike = strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`)

// causePlace is the position of a cause in a list.
type causePlace struct {
	keys        []int64
	fingerprint string
}

func (q CauseQuery) page(
	ctx context.Context, db sqlite.Querier, at *causePlace, before bool,
) (Page[deadletter.Cause], error) {
	where, order := q.where(), q.order(before)
	if at != nil {
		q.beyond(&where, *at, before)
	}
	list, err := causes(ctx, db, "SELECT "+causeColumns+" FROM causes"+where.sql()+" ORDER BY "+order+" LIMIT ?",
		append(where.args, q.Limit+1)...)
	if err != nil {
		return Page[deadletter.Cause]{}, err
	}
	more := len(list) > q.Limit
	page := Page[deadletter.Cause]{Items: list[:min(len(list), q.Limit)]}
	if before {
		slices.Reverse(page.Items)
	}
	if len(page.Items) == 0 {
		return page, nil
	}
	if before && more || !before && at != nil {
		page.Newer = q.cursor("n", page.Items[0])
	}
	if before || more {
		page.Older = q.cursor("o", page.Items[len(page.Items)-1])
	}
	return page, nil
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

// cursor returns the cursor of the page on a side of a cause.
func (q CauseQuery) cursor(side string, c deadletter.Cause) string {
	text := side
	for _, key := range q.Sort.keys() {
		text += strconv.FormatInt(causeKey(key, c), 36) + "."
	}
	return text + c.Fingerprint
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

// CauseCounts returns how many causes match a filter, by state; the filter's own States are ignored.
func (s *Store) CauseCounts(ctx context.Context, f CauseFilter) (map[deadletter.CauseState]int, error) {
	f.States = nil
	where := f.where()
	counts := map[deadletter.CauseState]int{}
	err := sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var state deadletter.CauseState
		var n int
		err := r.Scan(&state, &n)
		counts[state] = n
		return err
	}, "SELECT state, count(*) FROM causes"+where.sql()+" GROUP BY state", where.args...)
	if err != nil {
		return nil, fmt.Errorf("count causes: %w", err)
	}
	return counts, nil
}
