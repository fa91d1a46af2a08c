package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/search"
	"dlqdesk/internal/sqlite"
)

// causeLookup is how the query of a filter of causes is looked up. Copies of the filter share it. The newest messages
// that match name their causes. If more messages match, and no index of words is needed to tell, the other causes of a
// list are judged one after the other, each by its own messages, until a page is full or a bound is reached.
type causeLookup struct {
	query    search.Query
	terms    []property      // about the causes themselves
	named    bool            // see nameFew
	messages Filter          // the terms about their messages, looked up; without a lookup there are none
	verdicts map[string]bool // whether causes have a message that matches
	judges   bool            // causes without a verdict are judged
	compared int             // messages that causes were judged by
	partly   bool            // a bound was reached: more causes may match
}

// LookupCauses returns the filter with its query looked up, so that several calls do that once. It returns Invalid for
// a query that cannot be parsed.
func (s *Store) LookupCauses(ctx context.Context, f CauseFilter) (CauseFilter, error) {
	if f.Text == "" || f.lookup != nil {
		return f, nil
	}
	query, err := search.Parse(f.Text)
	if err != nil {
		return f, err
	}
	ofCauses, ofMessages := query.Split()
	f.lookup = &causeLookup{query: query}
	isStated := false
	for _, t := range ofCauses.Terms {
		if t.Is("state") && !t.Not && !t.Begins && !isStated {
			f.States, isStated = []deadletter.CauseState{deadletter.CauseState(t.Value)}, true
			continue
		}
		f.lookup.terms = append(f.lookup.terms, negated(t, ofCause(t, f.By)))
	}
	if len(ofMessages.Terms) == 0 {
		return f, nil
	}
	for _, t := range ofCauses.Terms {
		if t.Is("source") { // all messages of a cause have it
			ofMessages.Terms = append(ofMessages.Terms, t)
		}
	}
	f.lookup.messages, err = s.lookUp(ctx, Filter{Source: f.Source, Sources: f.Sources, By: f.By, At: f.At}, ofMessages)
	if err != nil {
		return f, err
	}
	return f, s.findCauses(ctx, f.lookup)
}

// fewCauses is how many causes nameFew names.
const fewCauses = 200

// nameFew looks up which causes the terms about causes are true of. If they are few they are named from then on, so
// that a list and its counts do not compare the texts of all causes again.
func (s *Store) nameFew(ctx context.Context, l *causeLookup) error {
	if l == nil || l.named || len(l.terms) == 0 {
		return nil
	}
	where := conditions{}
	for _, p := range l.terms {
		where.add(p.term, p.args...)
	}
	query := "SELECT fingerprint FROM causes" + where.sql() + " LIMIT ?"
	found, err := sqlite.Column[string](ctx, s.db, "causes of a query", query, append(where.args, fewCauses+1)...)
	if l.named = err == nil; err != nil || len(found) > fewCauses {
		return err
	}
	list, err := toJSON(append([]string{}, found...))
	l.terms = []property{{term: "fingerprint IN (SELECT value FROM json_each(?))", args: []any{list}}}
	return err
}

// Query returns the terms of a filter that was looked up.
func (f CauseFilter) Query() search.Query {
	if f.lookup == nil {
		return search.Query{}
	}
	return f.lookup.query
}

// AsksMessages reports whether a filter that was looked up asks for causes by their messages.
func (f CauseFilter) AsksMessages() bool { return f.lookup != nil && f.lookup.verdicts != nil }

// judges reports whether causes of the list have to be judged.
func (f CauseFilter) judges() bool { return f.lookup != nil && f.lookup.judges }

// ofCause returns the condition of a term on causes, its minus aside.
func ofCause(t search.Term, by string) property {
	switch {
	case t.Kind == search.Phrase:
		return hasPhrase(t)
	case t.Kind == search.Words:
		return hasWords(t.Value)
	case t.Is("destination"):
		return ofDestination("destination", t)
	case t.Is("cause") && aFingerprint.MatchString(t.Value):
		return property{term: "fingerprint = " + presentCause, args: []any{t.Value, t.Value}}
	case t.Is("cause"):
		return hasWords(t.Value)
	case t.Is("assignee"):
		if t.Value == search.Me {
			t.Value = by
		}
		p := ofColumn("owner", t)
		if t.Value != search.None {
			p.term += " AND owner <> ''" // exactly as its index says
		}
		return p
	}
	return ofColumn(t.Name, t)
}

// inCause returns the condition that one of the texts of a cause meets a condition, in which %[1]s is the text.
func inCause(condition string, args ...any) (p property) {
	var terms []string
	for _, column := range []string{"title", "reason", "source", "destination", "ticket"} {
		terms, p.args = append(terms, fmt.Sprintf(condition, column)), append(p.args, args...)
	}
	p.term = "(" + strings.Join(terms, " OR ") + ")"
	return p
}

// hasWords returns the condition that the texts of a cause have parts, in any order.
func hasWords(text string) (p property) {
	var terms []string
	for _, word := range strings.Fields(text) {
		one := inCause(`%[1]s LIKE ? ESCAPE '\'`, "%"+escapeLike.Replace(word)+"%")
		terms, p.args = append(terms, one.term), append(p.args, one.args...)
	}
	p.term = strings.Join(terms, " AND ")
	return p
}

// hasPhrase returns the condition that a text of a cause has exact words. Most stand between spaces, which is found
// much faster than other ends of words.
func hasPhrase(t search.Term) property {
	like, end := escapeLike.Replace(t.Value), " "
	if t.Begins {
		end = ""
	}
	return inCause(
		`%[1]s LIKE ? ESCAPE '\' AND (' ' || %[1]s || ' ' LIKE ? ESCAPE '\' OR lower(' ' || %[1]s || ' ') GLOB ?)`,
		"%"+like+"%", "% "+like+end+"%", globOf(t.Value, t.Begins),
	)
}

var (
	escapeLike = strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`)
	escapeGlob = strings.NewReplacer("*", "[*]", "?", "[?]", "[", "[[]")
)

// globOf returns the pattern of exact words. An end in a-z or 0-9 is the end of a word; in scripts
// without spaces words have no such ends.
func globOf(words string, begins bool) string {
	const boundary = "[^0-9a-z\u0080-" + afterAll + "]"
	lower := strings.Map(func(r rune) rune { // as SQLite does it
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, words)
	isAlphanumeric := func(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' }
	pattern := escapeGlob.Replace(lower)
	if isAlphanumeric(lower[0]) {
		pattern = boundary + pattern
	}
	if isAlphanumeric(lower[len(lower)-1]) && !begins {
		pattern += boundary
	}
	return "*" + pattern + "*"
}

// findCauses finds the causes of the newest messages that match.
func (s *Store) findCauses(ctx context.Context, l *causeLookup) error {
	groups, more, err := s.groupsRead(ctx, l.messages, 0)
	l.verdicts = map[string]bool{}
	for _, g := range groups {
		l.verdicts[g.Cause] = true
	}
	l.messages = l.messages.withoutFacets()
	l.judges = more && !l.messages.matches() && !l.messages.reads()
	l.partly = more && !l.judges
	return err
}

// matching returns the causes that are known to match.
func (l *causeLookup) matching() (list []string) {
	for fingerprint, matches := range l.verdicts {
		if matches {
			list = append(list, fingerprint)
		}
	}
	slices.Sort(list)
	return list
}

const (
	// judgeAtOnce is how many causes are judged in one query.
	judgeAtOnce = 50

	// firstSample is how many messages of a cause are compared at first. Those of a cause of which none matches are
	// compared deeper times as many, and so on.
	firstSample = 4
	deeper      = 8

	// maxCompared bounds the messages that the causes of a page, or their counts, are judged by.
	maxCompared = 4000
)

// judgeCauses finds out which of some causes match. left is how many messages may be compared. It returns false if that
// was not enough.
func (s *Store) judgeCauses(ctx context.Context, l *causeLookup, list []deadletter.Cause, left *int) (bool, error) {
	var open []string
	for _, c := range list {
		if _, known := l.verdicts[c.Fingerprint]; !known {
			open = append(open, c.Fingerprint)
		}
	}
	for each, before := firstSample, 0; len(open) > 0; each, before = each*deeper, each {
		if each = min(each, *left/len(open)); each <= before {
			l.partly = true
			return false, nil
		}
		compared, err := s.compareSample(ctx, l, open, each)
		if err != nil {
			return false, err
		}
		for _, n := range compared {
			*left, l.compared = *left-n, l.compared+n
		}
		open = slices.DeleteFunc(open, func(fingerprint string) bool {
			if compared[fingerprint] < each && !l.verdicts[fingerprint] {
				l.verdicts[fingerprint] = false // these are all of its messages
			}
			_, known := l.verdicts[fingerprint]
			return known
		})
	}
	return true, nil
}

// compareSample finds those of some causes that match by one of so many of their messages. It returns how many messages
// of each cause it compared.
func (s *Store) compareSample(
	ctx context.Context, l *causeLookup, fingerprints []string, each int,
) (compared map[string]int, err error) {
	query, args, err := l.messages.sample(fingerprints, each)
	if err != nil {
		return nil, err
	}
	compared = map[string]int{}
	err = sqlite.Each(ctx, s.db, func(r sqlite.Row) error {
		var fingerprint string
		var matches bool
		err := r.Scan(&fingerprint, &matches)
		if compared[fingerprint]++; matches {
			l.verdicts[fingerprint] = true
		}
		return err
	}, query, args...)
	if err != nil {
		return nil, fmt.Errorf("compare messages of causes: %w", err)
	}
	return compared, nil
}

// sample returns the query of the newest messages of causes, with whether each matches: so many of a cause, of one
// status after the other, because the index of causes has the status before the time.
func (f Filter) sample(fingerprints []string, each int) (query string, args []any, err error) {
	asked, err := toJSON(fingerprints)
	newest, args := "o.fingerprint = k.value AND o.status IN ('"+
		strings.Join(texts(deadletter.Statuses()), "', '")+"')", []any{asked}
	if f.Status != "" {
		newest, args = "o.fingerprint = k.value AND o.status = ?", append(args, f.Status)
	}
	if !f.From.IsZero() {
		newest, args = newest+" AND o.n >= ?", append(args, firstNumberAt(f.From))
	}
	if !f.To.IsZero() {
		newest, args = newest+" AND o.n < ?", append(args, firstNumberAt(f.To))
	}
	where := f.where()
	query = "WITH sample (n) AS (SELECT s.n FROM json_each(?) k CROSS JOIN messages s ON s.n IN (" +
		"SELECT o.n FROM messages o WHERE " + newest + " ORDER BY o.status DESC, o.n DESC LIMIT ?)) SELECT m.fingerprint, " +
		strings.Join(where.terms, " AND ") + " FROM sample CROSS JOIN messages m ON m.n = sample.n"
	return query, append(append(args, each), where.args...), err
}

// CauseReport is what a person should know of the result of a query for causes.
type CauseReport struct {
	Report
	Matches  int // messages that match, whose causes were found, if more match
	Compared int // messages that the causes of the page were judged by, if that was not enough
}

// ReportCauses returns what a person should know of the result of a filter that was looked up. Causes and CauseCounts
// of the same lookup come before.
func (s *Store) ReportCauses(ctx context.Context, f CauseFilter) (r CauseReport, err error) {
	if !f.AsksMessages() {
		return r, nil
	}
	l := f.lookup
	r.Report, err = s.Report(ctx, l.messages)
	r.Read = 0
	switch {
	case !l.partly:
	case l.messages.reads():
		r.Read = len(l.messages.lookup.verdicts)
	case l.messages.matches():
		r.Matches = MaxGrouped
	default:
		r.Compared = l.compared
	}
	return r, err
}
