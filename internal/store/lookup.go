package store

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/search"
	"dlqdesk/internal/sqlite"
)

// lookup is how the query of a filter is looked up. Copies of the filter share it.
type lookup struct {
	query         search.Query
	plan          search.Plan
	properties    []property
	manyOfOutcome bool
	totals        map[deadletter.Status]int // of all messages, by status
	verdicts      map[int64]bool            // of messages that were read: whether they match
	frozen        int                       // messages that were read for a job
	partly        bool                      // there are more messages that may match than were read
}

// property is a condition of a query that is no field of Filter.
type property struct {
	term    string
	args    []any
	counted bool // it needs only columns that message_counts has
	ofCause bool // it needs only those of cause_counts
}

// Lookup returns the filter with its query looked up, so that several calls do that once. It returns Invalid for a
// query that cannot be parsed.
func (s *Store) Lookup(ctx context.Context, f Filter) (Filter, error) {
	if f.Text == "" || f.lookup != nil {
		return f, nil
	}
	query, err := search.Parse(f.Text)
	if err != nil {
		return f, err
	}
	return s.lookUp(ctx, f, query)
}

// lookUp returns the filter with a query looked up.
func (s *Store) lookUp(ctx context.Context, f Filter, query search.Query) (Filter, error) {
	if f.At.IsZero() {
		f.At = time.Now()
	}
	f.lookup = &lookup{query: query, verdicts: map[int64]bool{}}
	known, err := s.known(ctx)
	if err != nil {
		return f, err
	}
	if f.lookup.plan, err = s.index.Plan(ctx, query, known, f.At); err != nil {
		return f, err
	}
	if f.matches() {
		all, err := s.Counts(ctx, Filter{})
		if err != nil {
			return f, err
		}
		f.lookup.totals = all.ByStatus
	}
	for _, t := range query.Terms {
		if t.Is("type") && t.Begins && !known.MoreTypes {
			t = onlyType(t, known.Types)
		}
		if t.Kind != search.Operator || f.take(t) {
			continue
		}
		p, err := s.propertyOf(ctx, t, f)
		if err != nil {
			return f, err
		}
		f.lookup.properties = append(f.lookup.properties, p)
	}
	if f.Status != "" && !f.lookup.plan.Wide {
		return f.withoutFacets(), nil // the indexes of properties have the status before the time
	}
	return f, s.scanOutcome(ctx, &f)
}

// scanOutcome has a list of all statuses not sort the messages of a frequent outcome.
func (s *Store) scanOutcome(ctx context.Context, f *Filter) error {
	if f.Outcome == "" || f.Status != "" {
		return nil
	}
	counts, err := s.Counts(ctx, Filter{Outcome: f.Outcome})
	n, _ := counts.Total()
	f.lookup.manyOfOutcome = n > fewMessages
	return err
}

// onlyType returns a term of the beginning of event types as one of a single type, if there is no other.
func onlyType(t search.Term, types []string) search.Term {
	first := slices.IndexFunc(types, func(name string) bool { return strings.HasPrefix(name, t.Value) })
	if first >= 0 && !slices.ContainsFunc(types[first+1:], func(name string) bool {
		return strings.HasPrefix(name, t.Value)
	}) {
		t.Value, t.Begins = types[first], false
	}
	return t
}

// known reads the values that messages have of their properties.
func (s *Store) known(ctx context.Context) (k search.Known, err error) {
	if k.Sources, err = s.Sources(ctx); err != nil {
		return k, err
	}
	if k.Types, err = s.EventTypes(ctx); err != nil {
		return k, err
	}
	k.MoreTypes = len(k.Types) >= maxOfferedTypes
	k.Codes, err = s.StatusCodes(ctx)
	return k, err
}

// Query returns the terms of a filter that was looked up.
func (f Filter) Query() search.Query {
	if f.lookup == nil {
		return search.Query{}
	}
	return f.lookup.query
}

// Sought returns the words, phrases and values that a message must have, as one text: what a page marks.
func (f Filter) Sought() string {
	var parts []string
	for _, t := range f.Query().Terms {
		switch {
		case t.Not || t.Kind == search.Operator || t.Kind == search.Header:
		case slices.Contains(f.lookup.plan.AsText, t.Name):
			parts = append(parts, t.Name+" "+t.Value)
		case t.Op == search.Is:
			parts = append(parts, t.Value)
		}
	}
	return strings.Join(parts, " ")
}

// matches reports whether the index says which messages match.
func (f Filter) matches() bool { return f.lookup != nil && f.lookup.plan.Match != "" }

// maxOfStatus is how many messages of a status are looked up in the index one by one, rather than those that match in
// their order: there may be a million of other statuses.
const maxOfStatus = 500

// drives reports whether the messages that match are read in the order of the index.
func (f Filter) drives() bool {
	return f.matches() && (f.Status == "" || f.lookup.totals[f.Status] > maxOfStatus)
}

// reads reports whether the messages that may match have to be read.
func (f Filter) reads() bool { return f.lookup != nil && f.lookup.plan.Reads }

// withoutFacets returns the filter with its properties compared in the store alone.
func (f Filter) withoutFacets() Filter {
	if f.lookup != nil && f.lookup.plan.Facets {
		bare := *f.lookup
		bare.plan = search.Plan{}
		f.lookup = &bare
	}
	return f
}

// isCounted reports whether the stored counts have all that the properties need.
func (f Filter) isCounted() bool {
	return f.lookup == nil || !slices.ContainsFunc(f.lookup.properties, func(p property) bool {
		return !p.counted && !p.ofCause
	})
}

// needsCause reports whether only the counts by cause have all that the filter needs.
func (f Filter) needsCause() bool {
	return f.Cause != "" ||
		f.lookup != nil && slices.ContainsFunc(f.lookup.properties, func(p property) bool { return p.ofCause })
}

// inCounts returns the table of stored counts that has all that the filter needs, and the filter as it is looked up
// there; "" if none has.
func (f Filter) inCounts(byCause bool) (table string, in Filter) {
	if f.reads() || !f.isCounted() {
		return "", f
	}
	if f.lookup != nil && f.lookup.plan.Facets {
		f = f.withoutFacets()
	}
	switch {
	case f.matches() || f.Job != 0 || f.SameID != "" || f.OrderKey != 0 || f.Queue != "" || f.EventType != "" ||
		!f.From.IsZero() || !f.To.IsZero():
		return "", f
	case byCause || f.needsCause():
		return "cause_counts", f
	}
	return "message_counts", f
}

var aFingerprint = regexp.MustCompile(`^[0-9a-f]{16}$`)

// take sets the field of the filter that means the same as a term. It returns false if there is none.
func (f *Filter) take(t search.Term) bool {
	set := func(field *string) bool {
		if *field != "" && *field != t.Value {
			return false
		}
		*field = t.Value
		return true
	}
	if t.Is("received") && !t.Not {
		from, to := t.Times(f.At)
		if from.After(f.From) {
			f.From = from
		}
		if !to.IsZero() && (f.To.IsZero() || to.Before(f.To)) {
			f.To = to
		}
		return true
	}
	if t.Not || t.Op != search.Is || t.Begins || t.Value == search.None {
		return false
	}
	switch t.Name {
	case "source":
		return set(&f.Source)
	case "type":
		return set(&f.EventType)
	case "queue":
		return set(&f.Queue)
	case "status":
		f.Status = deadletter.Status(t.Value)
		return true
	case "outcome":
		return set((*string)(&f.Outcome))
	case "cause":
		return aFingerprint.MatchString(t.Value) && set(&f.Cause)
	case "code":
		first, last, _ := t.Codes() // Parse has checked it
		if first != last || f.StatusCode != 0 && f.StatusCode != first {
			return false
		}
		f.StatusCode = first
		return true
	}
	return false
}

// propertyOf returns the condition of a term that take left.
func (s *Store) propertyOf(ctx context.Context, t search.Term, f Filter) (property, error) {
	switch t.Name {
	case "source", "type", "queue", "outcome", "status":
		column := map[string]string{"type": "event_type"}[t.Name]
		return negated(t, ofColumn("m."+cmp.Or(column, t.Name), t)), nil
	case "destination":
		return negated(t, ofDestination("m.destination", t)), nil
	case "code":
		first, last, _ := t.Codes() // Parse has checked it
		return negated(t, property{term: "m.status_code BETWEEN ? AND ?", args: []any{first, last}, counted: true}), nil
	case "received":
		from, to := t.Times(f.At)
		p := property{term: "m.n >= ?", args: []any{firstNumberAt(from)}}
		if !to.IsZero() {
			p.term, p.args = p.term+" AND m.n < ?", append(p.args, firstNumberAt(to))
		}
		return negated(t, p), nil
	}
	return s.ofCauses(ctx, t, f)
}

func negated(t search.Term, p property) property {
	if t.Not {
		p.term = "NOT (" + p.term + ")"
	}
	return p
}

// afterAll sorts after all characters.
const afterAll = "\U0010FFFF"

func ofColumn(column string, t search.Term) property {
	p := property{counted: column == "m.source" || column == "m.status" || column == "m.outcome"}
	switch {
	case t.Value == search.None:
		p.term = column + " = ''"
	case t.Begins:
		p.term, p.args = column+" >= ? AND "+column+" < ?", []any{t.Value, t.Value + afterAll}
	default:
		p.term, p.args = column+" = ?", []any{t.Value}
	}
	return p
}

// ofDestination compares an address without its scheme with a host, which may have a port and a path.
func ofDestination(column string, t search.Term) property {
	if t.Value == search.None && !t.Begins {
		return property{term: column + " = ''"}
	}
	like := escapeLike.Replace(strings.ReplaceAll(t.Location(), ":", "/"))
	if !t.Begins {
		like += "/"
	}
	where := "substr(" + column + ", instr(" + column + ", '://') + 3)"
	return property{
		term: "replace(" + where + ", ':', '/') || '/' LIKE ? ESCAPE '\\' AND " + column + " <> ''",
		args: []any{like + "%"},
	}
}

// fewMessages is how many messages are sorted. Of more, a list reads the newest until it has enough.
const fewMessages = 10_000

// ofCauses returns the condition of a term about causes.
func (s *Store) ofCauses(ctx context.Context, t search.Term, f Filter) (property, error) {
	among := ofCause(t, f.By)
	var messages int
	query := "SELECT coalesce(sum(messages), 0) FROM causes WHERE " + among.term
	if err := s.db.QueryRowContext(ctx, query, among.args...).Scan(&messages); err != nil {
		return property{}, fmt.Errorf("count the messages of causes: %w", err)
	}
	column := "m.fingerprint"
	if messages > fewMessages || f.matches() || f.Job != 0 {
		column = "+m.fingerprint" // not by its index, from which all of them would be sorted
	}
	p := property{
		term:    column + " IN (SELECT fingerprint FROM causes WHERE " + among.term + ")",
		args:    among.args,
		ofCause: true,
	}
	return negated(t, p), nil
}

const (
	// maxRead and maxReadBytes bound what a page reads to compare it with a query.
	maxRead      = 300
	maxReadBytes = 4 << 20

	// readAtOnce is how many messages are compared before the next are read.
	readAtOnce = 100
)

// candidates are the places of messages that may match, beyond a place.
func (q MessageQuery) candidates() keyset[place] {
	where := q.where()
	k := keyset[place]{
		columns:    q.key() + ", m.attempted_at",
		from:       where.from,
		key:        q.key(),
		conditions: where,
		scan: func(r sqlite.Row) (int64, place, error) {
			var p place
			err := r.Scan(&p.key, &p.lead)
			return p.key, p, err
		},
	}
	if q.Sort == ByAttempt {
		k.lead, k.leadOf = "m.attempted_at", func(p place) int64 { return p.lead }
	}
	return k
}

// readBeyond returns the page beyond a place of a list whose messages have to be read. It may have fewer messages than
// it could, with a cursor beyond those that were read.
func (s *Store) readBeyond(
	ctx context.Context, q MessageQuery, at place, newer bool,
) (page Page[deadletter.Message], err error) {
	led := q.Sort == ByAttempt
	matching, last, more, err := s.readCandidates(ctx, q, at, newer, q.Limit+1)
	if err != nil {
		return page, err
	}
	if len(matching) > q.Limit {
		matching, more = matching[:q.Limit], true
		last = matching[q.Limit-1]
	}
	if newer {
		slices.Reverse(matching)
	}
	if page.Items, err = s.messagesAt(ctx, rowsOf(matching)); err != nil {
		return page, err
	}
	first := at
	if len(matching) > 0 {
		first = matching[0]
	}
	switch {
	case newer && more:
		page.Newer = last.cursor("n", led)
	case !newer && at != place{}:
		page.Newer = first.cursor("n", led)
	}
	switch {
	case newer && len(matching) > 0:
		page.Older = matching[len(matching)-1].cursor("o", led)
	case newer && at != place{}:
		page.Older = at.cursor("o", led)
	case more:
		page.Older = last.cursor("o", led)
	}
	return page, nil
}

// readCandidates reads the messages that may match beyond a place, until it has enough that match or has read its
// bounds. It returns those that match, the last one that it read, and whether there are more. It asks for all of them
// at once, because a search costs more to begin than to go on.
func (s *Store) readCandidates(
	ctx context.Context, q MessageQuery, at place, newer bool, enough int,
) (matching []place, last place, more bool, err error) {
	page, err := q.candidates().page(ctx, s.db, at, newer, maxRead)
	if err != nil {
		return nil, at, false, err
	}
	if newer {
		slices.Reverse(page.Items)
	}
	last, bytes := at, 0
	for some := range slices.Chunk(page.Items, readAtOnce) {
		if len(matching) >= enough {
			return matching, last, true, nil
		}
		if bytes >= maxReadBytes {
			q.lookup.partly = true
			return matching, last, true, nil
		}
		n, err := s.judge(ctx, q.Filter, some)
		if err != nil {
			return nil, last, false, err
		}
		bytes, last = bytes+n, some[len(some)-1]
		for _, p := range some {
			if q.lookup.verdicts[p.key] {
				matching = append(matching, p)
			}
		}
	}
	more = newer && page.Newer != "" || !newer && page.Older != ""
	q.lookup.partly = q.lookup.partly || more && len(matching) < enough
	return matching, last, more, nil
}

// judge reads those messages whose verdict is not known, and returns how many bytes it read.
func (s *Store) judge(ctx context.Context, f Filter, places []place) (bytes int, err error) {
	var rows []int64
	for _, p := range places {
		if _, known := f.lookup.verdicts[p.key]; !known {
			rows = append(rows, p.key)
		}
	}
	matching, bytes, err := s.index.Check(ctx, f.lookup.plan, rows)
	if err != nil {
		return 0, err
	}
	for _, row := range rows {
		f.lookup.verdicts[row] = false
	}
	for _, row := range matching {
		f.lookup.verdicts[row] = true
	}
	return bytes, nil
}

const messagesByRow = `SELECT ` + messageColumns + ` FROM json_each(?) k CROSS JOIN messages m ON m.n = k.value
	ORDER BY k.key`

// messagesAt returns the messages of rows, in their order.
func (s *Store) messagesAt(ctx context.Context, rows []int64) ([]deadletter.Message, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	list, err := toJSON(rows)
	if err != nil {
		return nil, err
	}
	return messages(ctx, s.db, "messages of a search", messagesByRow, list)
}

func rowsOf(places []place) []int64 {
	rows := make([]int64, len(places))
	for i, p := range places {
		rows[i] = p.key
	}
	return rows
}

// countRead counts the messages that match among the newest that may, by status.
func (s *Store) countRead(ctx context.Context, f Filter) (Counts, error) {
	counts := Counts{ByStatus: map[deadletter.Status]int{}, AtLeast: map[deadletter.Status]bool{}}
	matching, _, more, err := s.readCandidates(ctx, MessageQuery{Filter: f}, place{}, false, maxRead)
	if err != nil {
		return counts, err
	}
	list, err := s.messagesAt(ctx, rowsOf(matching))
	if err != nil {
		return counts, err
	}
	for _, m := range list {
		counts.ByStatus[m.Status]++
	}
	if more {
		for _, status := range deadletter.Statuses() {
			counts.AtLeast[status] = true
		}
	}
	return counts, nil
}

// Report is what a person should know of the result of a query.
type Report struct {
	AsText []string // names before a colon that no field has: they were looked for as words
	Read   int      // messages that were read, if there are more that may match; 0: none are left out

	// Larger is how many messages among those of the other conditions were searched only in part; there may be more
	// if it is CountCap.
	Larger int
}

// Report returns what a person should know of a filter's result. Messages and Counts of the same Lookup come before.
func (s *Store) Report(ctx context.Context, f Filter) (r Report, err error) {
	if f.lookup == nil {
		return r, nil
	}
	r.AsText = f.lookup.plan.AsText
	if f.lookup.partly {
		r.Read = len(f.lookup.verdicts)
	}
	if f.lookup.plan.Cut == "" {
		return r, nil
	}
	cut := *f.lookup
	cut.plan = search.Plan{Match: f.lookup.plan.Cut}
	f.lookup = &cut
	r.Larger, err = s.CountUpTo(ctx, f, CountCap)
	return r, err
}

const (
	causeOwners       = `SELECT DISTINCT owner FROM causes WHERE owner <> '' ORDER BY owner LIMIT 200`
	causeDestinations = `SELECT DISTINCT destination FROM causes WHERE destination <> '' LIMIT 200`
)

// Complete returns completions of a query at a caret, in characters from 0.
func (s *Store) Complete(ctx context.Context, text string, caret int) ([]search.Completion, error) {
	known, err := s.known(ctx)
	if err != nil {
		return nil, err
	}
	queues, err := s.Queues(ctx)
	if err != nil {
		return nil, err
	}
	values := map[string][]string{
		"source": known.Sources, "type": known.Types, "queue": queues, "received": {"<1h", "<24h", "<7d", ">7d"},
		"status": texts(deadletter.Statuses()), "outcome": texts(deadletter.Outcomes()),
		"state": texts(deadletter.CauseStates()),
	}
	for _, code := range known.Codes {
		values["code"] = append(values["code"], strconv.Itoa(code))
	}
	owners, err := sqlite.Column[string](ctx, s.db, "owners of causes", causeOwners)
	if err != nil {
		return nil, err
	}
	destinations, err := sqlite.Column[string](ctx, s.db, "destinations of causes", causeDestinations)
	if err != nil {
		return nil, err
	}
	for _, address := range destinations {
		values["destination"] = append(values["destination"], redact.Host(address))
	}
	slices.Sort(values["destination"])
	values["assignee"] = append([]string{search.Me, search.None}, owners...)
	return s.index.Complete(text, caret, values), nil
}

func texts[T ~string](values []T) []string {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = string(v)
	}
	return list
}
