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

// Filter selects messages. The zero Filter selects all.
type Filter struct {
	Status     deadletter.Status
	Source     string
	Queue      string                 // of the list, that a message was read from
	Sources    deadletter.SourceNames // messages of these alone; "": of all
	NoSource   bool                   // messages whose message named none
	StatusCode int
	Outcome    deadletter.Outcome
	EventType  string
	Cause      string               // the fingerprint of a cause, or of several separated by commas
	SameID     deadletter.ID        // messages whose platform's id is that of this message, itself included
	OrderKey   deadletter.OrderKey  // of its messages, the newest CountCap
	Job        deadletter.JobID     // messages of a job
	Result     deadletter.ItemState // of that job
	Fault      string               // deadletter.FaultKey of what it failed or was skipped for in that job
	From, To   time.Time            // of receipt: From inclusive, To exclusive

	Text string    // a query as search.Parse reads it
	By   string    // who asks: the me of the query
	At   time.Time // when: its ages count back from here; zero: now

	lookup *lookup // of the query; see Lookup
}

// Sort is the time by which a list of messages is sorted, newest first.
type Sort string

// The sort orders of messages.
const (
	ByReceipt Sort = ""
	ByAttempt Sort = "attempt" // the latest one; a message of which none is known stands where it was received
)

// MessageQuery asks for one page of messages.
type MessageQuery struct {
	Filter
	Sort   Sort
	Cursor string // from a Page of the same Sort; "" is the newest page
	Limit  int
}

// FromOldest is the cursor of the page with the oldest items, from which Newer leads on.
const FromOldest = "n1"

// Page is one page of a list, with the cursors of its neighbours ("" where there is none).
type Page[T any] struct {
	Items        []T
	Newer, Older string
}

// Messages returns one page of messages. It returns Invalid for a cursor that is none of its own.
func (s *Store) Messages(ctx context.Context, q MessageQuery) (Page[deadletter.Message], error) {
	at, newer, err := parseCursor(q.Cursor, q.Sort == ByAttempt)
	if err != nil {
		return Page[deadletter.Message]{}, err
	}
	if q.Filter, err = s.Lookup(ctx, q.Filter); err != nil {
		return Page[deadletter.Message]{}, err
	}
	page, err := s.messagesBeyond(ctx, q, at, newer)
	if err != nil {
		return page, fmt.Errorf("read messages: %w", err)
	}
	return page, nil
}

func (s *Store) messagesBeyond(
	ctx context.Context, q MessageQuery, at place, newer bool,
) (Page[deadletter.Message], error) {
	if q.reads() {
		return s.readBeyond(ctx, q, at, newer)
	}
	where := q.where()
	k := keyset[deadletter.Message]{columns: messageColumns, conditions: where, scan: scanMessage}
	k.from, k.key = where.from, q.key()
	if q.Sort == ByAttempt {
		k.lead, k.leadOf = "m.attempted_at", attemptedAt
	}
	return k.page(ctx, s.db, at, newer, q.Limit)
}

const placeOfMessage = `SELECT n, attempted_at FROM messages WHERE id = ?`

// Neighbours returns the messages beside one in a list, "" where there is none. The one itself may no longer match.
func (s *Store) Neighbours(
	ctx context.Context, q MessageQuery, id deadletter.ID,
) (newer, older deadletter.ID, err error) {
	var at place
	err = s.db.QueryRowContext(ctx, placeOfMessage, id).Scan(&at.key, &at.lead)
	if err := notFound(err, "there is no message %s", id); err != nil {
		return "", "", err
	}
	if q.Filter, err = s.Lookup(ctx, q.Filter); err != nil {
		return "", "", err
	}
	q.Limit = 1
	for _, side := range []struct {
		newer bool
		id    *deadletter.ID
	}{{true, &newer}, {false, &older}} {
		page, err := s.messagesBeyond(ctx, q, at, side.newer)
		if err != nil {
			return "", "", fmt.Errorf("find the messages beside %s: %w", id, err)
		}
		if len(page.Items) > 0 {
			*side.id = page.Items[0].ID
		}
	}
	return newer, older, nil
}

// conditions are the WHERE terms of a query with their arguments.
type conditions struct {
	from  string
	terms []string
	args  []any
}

func (c *conditions) add(term string, args ...any) {
	c.terms = append(c.terms, term)
	c.args = append(c.args, args...)
}

func (c *conditions) ofSources(column string, names deadletter.SourceNames) {
	var args []any
	for _, name := range names.List() {
		args = append(args, name)
	}
	c.add(column+" IN (?"+strings.Repeat(", ?", len(args)-1)+")", args...)
}

func (c conditions) sql() string {
	if len(c.terms) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(c.terms, " AND ")
}

func (f Filter) where() conditions {
	c := conditions{from: "messages m"}
	if f.Job != 0 {
		f.ofJob(&c)
	}
	switch {
	case f.drives():
		// The search drives the query, in the order of its row ids, so that a page ends as soon as it is full.
		c.from = "message_search t CROSS JOIN messages m ON m.n = t.rowid"
		c.add("t.message_search MATCH ?", f.lookup.plan.Match)
	case f.matches():
		c.add("EXISTS (SELECT 1 FROM message_search t WHERE t.rowid = m.n AND t.message_search MATCH ?)",
			f.lookup.plan.Match)
	}
	if f.lookup != nil {
		for _, p := range f.lookup.properties {
			c.add(p.term, p.args...)
		}
	}
	if f.Status != "" {
		c.add("m.status = ?", f.Status)
	}
	if f.Source != "" {
		c.add("m.source = ?", f.Source)
	}
	if f.Sources != "" {
		c.ofSources("m.source", f.Sources)
	}
	if f.Queue != "" {
		c.add("m.queue = ? AND m.queue <> ''", f.Queue)
	}
	if f.NoSource {
		c.add("m.source = ''")
	}
	if f.StatusCode != 0 {
		c.add("m.status_code = ?", f.StatusCode)
	}
	switch {
	case f.Outcome != "" && f.Status == "" && f.lookup != nil && f.lookup.manyOfOutcome:
		c.add("+m.outcome = ?", f.Outcome) // not by its index, from which all of them would be sorted
	case f.Outcome != "":
		c.add("m.outcome = ?", f.Outcome)
	}
	if f.EventType != "" {
		c.add("m.event_type = ?", f.EventType)
	}
	if f.Cause != "" {
		f.ofCauses(&c)
	}
	if f.SameID != "" {
		c.add("m.n IN ("+numbersOfSameID+")", f.SameID, f.SameID, CountCap)
	}
	if f.OrderKey != 0 {
		c.add("m.n IN ("+newestOfOrderKey+")", f.OrderKey, CountCap)
	}
	if !f.From.IsZero() {
		c.add(f.key()+" >= ?", firstNumberAt(f.From))
	}
	if !f.To.IsZero() {
		c.add(f.key()+" < ?", firstNumberAt(f.To))
	}
	return c
}

// ofCauses selects the messages of the causes.
func (f Filter) ofCauses(c *conditions) {
	var args []any
	fingerprints := strings.Split(f.Cause, ",")
	for _, fingerprint := range fingerprints {
		args = append(args, fingerprint, fingerprint)
	}
	if len(fingerprints) == 1 {
		c.add("m.fingerprint = "+presentCause, args...)
		return
	}
	c.add("m.fingerprint IN ("+presentCause+strings.Repeat(", "+presentCause, len(fingerprints)-1)+")", args...)
}

// ofJob makes the items of a job drive the query, in the order of receipt. A state stands in the text of the query,
// because SQLite does not use a partial index for a parameter.
func (f Filter) ofJob(c *conditions) {
	result := ""
	if slices.Contains(deadletter.ItemStates(), f.Result) {
		result = " AND i.state = '" + string(f.Result) + "'"
	}
	args := []any{f.Job}
	if f.Fault != "" {
		result, args = result+" AND i.fault = ?", append(args, f.Fault)
	}
	if f.drives() {
		c.add("EXISTS (SELECT 1 FROM job_items i WHERE i.job = ? AND i.message = m.n"+result+")", args...)
		return
	}
	c.from = "job_items i CROSS JOIN messages m ON m.n = i.message"
	c.add("i.job = ?"+result, args...)
}

// key returns the column that has the order of receipt.
func (f Filter) key() string {
	if f.drives() {
		return "t.rowid"
	}
	if f.Job != 0 {
		return "i.message"
	}
	return "m.n"
}

// keyset reads pages of a list that is ordered by one integer key, newest first; or by a leading one and, where that
// is the same, by the key.
type keyset[T any] struct {
	columns, from, key string
	lead               string // "": none
	leadOf             func(T) int64
	conditions         conditions
	scan               func(sqlite.Row) (int64, T, error)
}

// place is the position of an item in a list. The zero place is before the newest.
type place struct{ key, lead int64 }

func (p place) cursor(side string, led bool) string {
	text := side + strconv.FormatInt(p.key, 36)
	if led {
		text += "." + strconv.FormatInt(p.lead, 36)
	}
	return text
}

// page reads the page that follows a place, and one row more to find out whether there is another page.
func (k keyset[T]) page(ctx context.Context, q sqlite.Querier, at place, newer bool, limit int) (Page[T], error) {
	order, where := "DESC", k.conditions
	where.terms, where.args = slices.Clone(where.terms), slices.Clone(where.args)
	switch {
	case newer:
		order = "ASC"
		k.beyond(&where, ">", at)
	case at != place{}:
		k.beyond(&where, "<", at)
	}
	orderBy := k.key + " " + order
	if k.lead != "" {
		orderBy = k.lead + " " + order + ", " + orderBy
	}
	places, page := make([]place, 0, limit+1), Page[T]{Items: make([]T, 0, limit+1)}
	query := "SELECT " + k.columns + " FROM " + k.from + where.sql() + " ORDER BY " + orderBy + " LIMIT ?"
	err := sqlite.Each(ctx, q, func(r sqlite.Row) error {
		key, item, err := k.scan(r)
		p := place{key: key}
		if k.lead != "" {
			p.lead = k.leadOf(item)
		}
		places, page.Items = append(places, p), append(page.Items, item)
		return err
	}, query, append(where.args, limit+1)...)
	if err != nil {
		return Page[T]{}, err
	}
	more := len(places) > limit
	if more {
		places, page.Items = places[:limit], page.Items[:limit]
	}
	if newer {
		slices.Reverse(places)
		slices.Reverse(page.Items)
	}
	if len(places) == 0 {
		return page, nil
	}
	if newer && more || !newer && at != (place{}) {
		page.Newer = places[0].cursor("n", k.lead != "")
	}
	if newer || more {
		page.Older = places[len(places)-1].cursor("o", k.lead != "")
	}
	return page, nil
}

func (k keyset[T]) beyond(where *conditions, sign string, at place) {
	if k.lead == "" {
		where.add(k.key+" "+sign+" ?", at.key)
		return
	}
	where.add("("+k.lead+", "+k.key+") "+sign+" (?, ?)", at.lead, at.key)
}

// errCursor is the error of a cursor that is none of its list.
func errCursor() error {
	return deadletter.Errorf(deadletter.Invalid, "this page address is not complete: start again from the first page")
}

// parseCursor reads a cursor of a list that has a leading key or not.
func parseCursor(cursor string, led bool) (at place, newer bool, err error) {
	if cursor == "" {
		return place{}, false, nil
	}
	key, lead, hasLead := strings.Cut(cursor[1:], ".")
	var keyErr, leadErr error
	at.key, keyErr = strconv.ParseInt(key, 36, 64)
	if hasLead {
		at.lead, leadErr = strconv.ParseInt(lead, 36, 64)
	}
	if keyErr != nil || leadErr != nil || at.key <= 0 || hasLead != led || cursor[0] != 'n' && cursor[0] != 'o' {
		return place{}, false, errCursor()
	}
	return at, cursor[0] == 'n', nil
}

// CountCap bounds counting for a filter whose counts are not stored: above it a page shows "1,000+".
const CountCap = 1000

// Counts are the numbers of messages that match a filter, by status; the filter's own Status is ignored. A number is
// exact unless AtLeast has its status: then there may be more. AtLeast is empty for a filter whose counts are stored.
type Counts struct {
	ByStatus map[deadletter.Status]int
	AtLeast  map[deadletter.Status]bool
}

// Total returns the number of messages of all statuses, and whether there may be more. Then a large one is rounded
// down.
func (c Counts) Total() (n int, atLeast bool) {
	for _, messages := range c.ByStatus {
		n += messages
	}
	switch {
	case len(c.AtLeast) == 0:
		return n, false
	case n < CountCap:
		return n, true
	}
	return n - n%CountCap, true
}

// Counts returns the counts of a filter.
func (s *Store) Counts(ctx context.Context, f Filter) (Counts, error) {
	f, err := s.Lookup(ctx, f)
	if err != nil {
		return Counts{}, err
	}
	open := f.Status
	f.Status = ""
	if f.reads() {
		return s.countRead(ctx, f)
	}
	table, f := f.inCounts(false)
	switch {
	case table != "":
	case f.matches() || f.Job != 0 || f.SameID != "" || f.OrderKey != 0:
		return s.countNewest(ctx, f, open)
	default:
		return s.countEachStatus(ctx, f)
	}
	where := f.where() // of columns that the counts have as well
	counts := Counts{ByStatus: map[deadletter.Status]int{}}
	err = sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var status deadletter.Status
		var n int
		err := r.Scan(&status, &n)
		counts.ByStatus[status] = n
		return err
	}, "SELECT m.status, sum(m.messages) FROM "+table+" m"+where.sql()+" GROUP BY m.status", where.args...)
	if err != nil {
		return Counts{}, fmt.Errorf("count messages: %w", err)
	}
	return counts, nil
}

// countEachStatus counts each status up to CountCap. Each of the filter's indexes has the status before the time.
func (s *Store) countEachStatus(ctx context.Context, f Filter) (Counts, error) {
	counts := Counts{ByStatus: map[deadletter.Status]int{}, AtLeast: map[deadletter.Status]bool{}}
	for _, status := range deadletter.Statuses() {
		if err := s.countStatus(ctx, f, status, &counts); err != nil {
			return Counts{}, err
		}
	}
	return counts, nil
}

// countStatus counts the messages of one status that match a filter, up to CountCap.
func (s *Store) countStatus(ctx context.Context, f Filter, status deadletter.Status, counts *Counts) error {
	f.Status = status
	n, err := s.CountUpTo(ctx, f, CountCap+1)
	counts.ByStatus[status] = min(n, CountCap)
	delete(counts.AtLeast, status)
	if n > CountCap {
		counts.AtLeast[status] = true
	}
	return err
}

// countNewest counts the newest messages that match a filter, up to CountCap of all statuses together, because one
// that no index knows by its status would be looked for among all others. The open status, and one that has few
// messages at all, are counted by themselves.
func (s *Store) countNewest(ctx context.Context, f Filter, open deadletter.Status) (Counts, error) {
	where := f.where()
	newest := "SELECT m.status FROM " + where.from + where.sql() + " ORDER BY " + f.key() + " DESC LIMIT ?"
	counts := Counts{ByStatus: map[deadletter.Status]int{}, AtLeast: map[deadletter.Status]bool{}}
	total := 0
	err := sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var status deadletter.Status
		var n int
		err := r.Scan(&status, &n)
		counts.ByStatus[status] = n
		total += n
		return err
	}, "SELECT status, count(*) FROM ("+newest+") GROUP BY status", append(where.args, CountCap+1)...)
	if err != nil {
		return Counts{}, fmt.Errorf("count messages: %w", err)
	}
	if total <= CountCap {
		return counts, nil
	}
	for _, status := range deadletter.Statuses() {
		counts.AtLeast[status] = true
		counts.ByStatus[status] = min(counts.ByStatus[status], CountCap)
		few := f.matches() && f.lookup.totals[status] <= maxOfStatus
		if status != open && !few {
			continue
		}
		if err := s.countStatus(ctx, f, status, &counts); err != nil {
			return Counts{}, err
		}
	}
	return counts, nil
}

const statusCodes = `SELECT DISTINCT status_code FROM message_counts WHERE status_code <> 0 AND messages > 0
	ORDER BY status_code`

// StatusCodes returns the status codes of messages, for a filter to offer.
func (s *Store) StatusCodes(ctx context.Context) ([]int, error) {
	return sqlite.Column[int](ctx, s.db, "status codes", statusCodes)
}

const sourceNames = `SELECT DISTINCT source FROM message_counts WHERE source <> '' AND messages > 0 ORDER BY source`

// Sources returns the sources of messages, configured or not.
func (s *Store) Sources(ctx context.Context) ([]string, error) {
	return sqlite.Column[string](ctx, s.db, "sources", sourceNames)
}
