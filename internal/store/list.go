package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"dlqdesk/internal/deadletter"
)

// Filter says which letters are meant. The zero Filter means all.
type Filter struct {
	Status     deadletter.Status
	Source     string
	StatusCode int
	Outcome    deadletter.Outcome
	From, To   time.Time // of receipt: From inclusive, To exclusive
	Text       string    // words, from their beginning, of the error reason or the message id
}

// LetterQuery asks for one page of letters, newest received first.
type LetterQuery struct {
	Filter
	Cursor string // from a Page; "" is the newest page
	Limit  int
}

// Page is one page of a list, with the cursors of its neighbours ("" where there is none).
type Page[T any] struct {
	Items        []T
	Newer, Older string
}

// Letters answers one page of letters. A cursor that was not made here is Invalid.
func (s *Store) Letters(ctx context.Context, q LetterQuery) (Page[deadletter.Letter], error) {
	where := q.where()
	at, newer, err := parseCursor(q.Cursor)
	if err != nil {
		return Page[deadletter.Letter]{}, err
	}
	page, err := keyset[deadletter.Letter]{
		columns: letterColumns, from: where.from, key: q.key(), conditions: where, scan: scanLetter,
	}.page(ctx, s.db.read, at, newer, q.Limit)
	if err != nil {
		return page, fmt.Errorf("read letters: %w", err)
	}
	return page, nil
}

// conditions are the WHERE terms of a query, with their arguments.
type conditions struct {
	from  string
	terms []string
	args  []any
}

func (c *conditions) add(term string, args ...any) {
	c.terms = append(c.terms, term)
	c.args = append(c.args, args...)
}

func (c conditions) sql() string {
	if len(c.terms) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(c.terms, " AND ")
}

func (f Filter) where() conditions {
	c := conditions{from: "letters l"}
	if f.Text != "" {
		// The search drives the query, in the order of its row ids, so that a page ends as soon as it is full.
		c.from = "letter_texts t CROSS JOIN letters l ON l.n = t.rowid"
		c.add("t.letter_texts MATCH ?", matchPrefixes(f.Text))
	}
	if f.Status != "" {
		c.add("l.status = ?", f.Status)
	}
	if f.Source != "" {
		c.add("l.source = ?", f.Source)
	}
	if f.StatusCode != 0 {
		c.add("l.status_code = ?", f.StatusCode)
	}
	if f.Outcome != "" {
		c.add("l.outcome = ?", f.Outcome)
	}
	if !f.From.IsZero() {
		c.add(f.key()+" >= ?", numberAt(f.From))
	}
	if !f.To.IsZero() {
		c.add(f.key()+" < ?", numberAt(f.To))
	}
	return c
}

// key is the column that carries the order of receipt.
func (f Filter) key() string {
	if f.Text != "" {
		return "t.rowid"
	}
	return "l.n"
}

// matchPrefixes makes an FTS5 query of what a person typed: every word must occur, each may go on.
func matchPrefixes(text string) string {
	var terms []string
	for word := range strings.FieldsSeq(text) {
		terms = append(terms, `"`+strings.ReplaceAll(strings.ReplaceAll(word, "\x00", ""), `"`, `""`)+`"*`)
	}
	return strings.Join(terms, " ")
}

// keyset reads pages of a list that is ordered by one integer key, newest first.
type keyset[T any] struct {
	columns, from, key string
	conditions         conditions
	scan               func(row) (int64, T, error)
}

// page reads one page beyond a key (0: from the newest), and one row more to know whether there is another.
func (k keyset[T]) page(ctx context.Context, q querier, at int64, newer bool, limit int) (Page[T], error) {
	order, where := "DESC", k.conditions
	where.terms, where.args = slices.Clone(where.terms), slices.Clone(where.args)
	switch {
	case newer:
		order = "ASC"
		where.add(k.key+" > ?", at)
	case at != 0:
		where.add(k.key+" < ?", at)
	}
	var page Page[T]
	var keys []int64
	query := "SELECT " + k.columns + " FROM " + k.from + where.sql() + " ORDER BY " + k.key + " " + order + " LIMIT ?"
	err := each(ctx, q, func(r row) error {
		key, item, err := k.scan(r)
		keys, page.Items = append(keys, key), append(page.Items, item)
		return err
	}, query, append(where.args, limit+1)...)
	if err != nil {
		return Page[T]{}, err
	}
	more := len(keys) > limit
	if more {
		keys, page.Items = keys[:limit], page.Items[:limit]
	}
	if newer {
		slices.Reverse(keys)
		slices.Reverse(page.Items)
	}
	if len(keys) == 0 {
		return page, nil
	}
	if newer && more || !newer && at != 0 {
		page.Newer = "n" + strconv.FormatInt(keys[0], 36)
	}
	if newer || more {
		page.Older = "o" + strconv.FormatInt(keys[len(keys)-1], 36)
	}
	return page, nil
}

func parseCursor(cursor string) (at int64, newer bool, err error) {
	if cursor == "" {
		return 0, false, nil
	}
	at, parseErr := strconv.ParseInt(cursor[1:], 36, 64)
	if parseErr != nil || at <= 0 || cursor[0] != 'n' && cursor[0] != 'o' {
		return 0, false, deadletter.Errorf(deadletter.Invalid, "this page address is not complete: start again from the first page")
	}
	return at, cursor[0] == 'n', nil
}

// CountCap is where counting stops for a filter whose counts are not kept: more are "1,000+".
const CountCap = 1000

// Counts tells how many letters a filter meets, by status. Its own Status is left out of account. For text and time it
// counts to CountCap at most; Capped says so.
type Counts struct {
	ByStatus map[deadletter.Status]int
	Capped   bool
}

// Counts answers the counts of a filter.
func (s *Store) Counts(ctx context.Context, f Filter) (Counts, error) {
	f.Status = ""
	if f.Text != "" || !f.From.IsZero() || !f.To.IsZero() {
		return s.countCapped(ctx, f)
	}
	where := conditions{}
	if f.Source != "" {
		where.add("source = ?", f.Source)
	}
	if f.StatusCode != 0 {
		where.add("status_code = ?", f.StatusCode)
	}
	if f.Outcome != "" {
		where.add("outcome = ?", f.Outcome)
	}
	counts := Counts{ByStatus: map[deadletter.Status]int{}}
	err := each(ctx, s.db.read, func(r row) error {
		var status deadletter.Status
		var n int
		err := r.Scan(&status, &n)
		counts.ByStatus[status] = n
		return err
	}, "SELECT status, sum(letters) FROM letter_counts"+where.sql()+" GROUP BY status", where.args...)
	if err != nil {
		return Counts{}, fmt.Errorf("count letters: %w", err)
	}
	return counts, nil
}

func (s *Store) countCapped(ctx context.Context, f Filter) (Counts, error) {
	where := f.where()
	counts := Counts{ByStatus: map[deadletter.Status]int{}}
	total := 0
	err := each(ctx, s.db.read, func(r row) error {
		var status deadletter.Status
		var n int
		err := r.Scan(&status, &n)
		counts.ByStatus[status] = n
		total += n
		return err
	}, "SELECT status, count(*) FROM (SELECT l.status FROM "+where.from+where.sql()+" ORDER BY "+f.key()+" DESC LIMIT ?) GROUP BY status",
		append(where.args, CountCap)...)
	if err != nil {
		return Counts{}, fmt.Errorf("count letters: %w", err)
	}
	counts.Capped = total >= CountCap
	return counts, nil
}

const statusCodes = `SELECT DISTINCT status_code FROM letter_counts WHERE status_code <> 0 AND letters > 0 ORDER BY status_code`

// StatusCodes answers the status codes that letters have, for a filter to offer.
func (s *Store) StatusCodes(ctx context.Context) ([]int, error) {
	return column[int](ctx, s.db.read, "status codes", statusCodes)
}

const sourceNames = `SELECT DISTINCT source FROM letter_counts WHERE source <> '' AND letters > 0 ORDER BY source`

// Sources answers the sources that letters have, configured or not.
func (s *Store) Sources(ctx context.Context) ([]string, error) {
	return column[string](ctx, s.db.read, "sources", sourceNames)
}

// column reads a query of one column.
func column[T any](ctx context.Context, q querier, what, query string, args ...any) ([]T, error) {
	var list []T
	err := each(ctx, q, func(r row) error {
		var item T
		err := r.Scan(&item)
		list = append(list, item)
		return err
	}, query, args...)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read %s", what), err)
	}
	return list, nil
}
