package search

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"dlqdesk/internal/payload"
	"dlqdesk/internal/sqlite"
)

// Plan is how a query is looked up.
type Plan struct {
	// Match is the FTS5 expression for the messages that may match. "" leaves none out.
	Match string

	// Reads says that the messages that may match have to be read: Index.Check does. The index has no positions, and
	// not the whole of every value.
	Reads bool

	// Facets says that Match is of properties alone, which the store compares as well, and Wide that one of them may
	// have several values.
	Facets, Wide bool

	// Cut is the FTS5 expression for the messages of which only a part is searched; "" if the query does not ask for
	// what is in them.
	Cut string

	// AsText are names before a colon that no field has: they are looked for as words.
	AsText []string

	checks []check
}

// Known are the values that messages have of their properties.
type Known struct {
	Sources, Types []string
	MoreTypes      bool // there are more types than listed
	Codes          []int
}

// Plan waits briefly for the index to catch up and plans a query. Ages are counted back from now.
func (i *Index) Plan(ctx context.Context, q Query, known Known, now time.Time) (Plan, error) {
	if err := i.awaitLatest(ctx); err != nil {
		return Plan{}, err
	}
	p := planner{index: i, ctx: ctx, now: now, known: known}
	for _, t := range q.Terms {
		if err := p.add(t); err != nil {
			return Plan{}, err
		}
	}
	p.Reads = len(p.checks) > 0
	return p.plan(), nil
}

// plan puts the expressions together.
func (p *planner) plan() Plan {
	usable, _ := p.index.isUsable()
	switch {
	case len(p.with)+len(p.without)+len(p.checks) == 0:
		p.Facets = len(p.facets) > 0 && usable
		if !p.Facets {
			return p.Plan
		}
	case !usable: // it may have values that are masked by now
		p.Match = nothing
		return p.Plan
	}
	if p.content {
		p.Cut = strings.Join(append([]string{quoted(tokenCut)}, p.facets...), " AND ")
	}
	p.with = append(p.with, p.facets...)
	if len(p.with) == 0 && len(p.without) > 0 {
		p.with = []string{p.all()}
	}
	p.Match = strings.Join(p.with, " AND ")
	for _, expr := range p.without {
		p.Match = "(" + p.Match + ") NOT " + expr
	}
	return p.Plan
}

// all returns an expression for all messages: each has one source.
func (p *planner) all() string {
	tokens := []string{facet(tokenSource, "")}
	for _, name := range p.known.Sources {
		tokens = append(tokens, facet(tokenSource, name))
	}
	return anyOf(tokens)
}

// nothing occurs in no message.
const nothing = `"` + mark + `0"`

type planner struct {
	Plan
	index         *Index
	ctx           context.Context //nolint:containedctx // it lives as long as one call
	now           time.Time
	with, without []string // expressions
	known         Known
	facets        []string // of properties, which the store compares as well
	content       bool     // a term asks for what is in a body
}

func (p *planner) add(t Term) error {
	p.content = p.content || t.Kind != Operator && t.Kind != Header
	switch t.Kind {
	case Operator:
		p.addFacet(t)
		return nil
	case Words:
		return p.addWords(t)
	case Phrase:
		return p.addPhrase(t)
	}
	return p.addField(t)
}

// need adds an expression for the messages of a term. exact says that these are the ones that match, and no others.
// Else the term is checked, and a negated one leaves out none of them beforehand.
func (p *planner) need(t Term, expr string, exact bool) {
	switch {
	case !exact && t.Not:
	case expr == "":
	case t.Not:
		p.without = append(p.without, "("+expr+")")
	default:
		p.with = append(p.with, expr)
	}
	if !exact {
		p.checks = append(p.checks, newCheck(t, p.now))
	}
}

// firstFailed is the first code of a failure. A delivery does not change what a message is found by.
const firstFailed = 300

// addFacet adds an expression for a property, for messages that have it or had it until lately.
func (p *planner) addFacet(t Term) {
	if t.Not || t.Value == None || t.Begins && t.Name == "type" && p.known.MoreTypes {
		return
	}
	var values []string
	switch t.Name {
	case "source":
		for _, name := range among(p.known.Sources, t) {
			values = append(values, quoted(facet(tokenSource, name)))
		}
	case "destination":
		if host := t.Location(); !t.Begins && !strings.Contains(host, "/") {
			values = append(values, quoted(facet(tokenHost, host)))
		}
	case "type":
		for _, name := range among(p.known.Types, t) {
			values = append(values, cmp.Or(allOf(payload.Words(name), name), nothing))
		}
	case "code":
		first, last, _ := t.Codes() // Parse has checked it
		if first < firstFailed {
			return
		}
		for _, code := range p.known.Codes {
			if first <= code && code <= last {
				values = append(values, quoted(facet(tokenCode, strconv.Itoa(code))))
			}
		}
	default:
		return
	}
	if len(values) > 0 && len(values) <= maxAlternatives {
		p.facets = append(p.facets, "("+strings.Join(values, " OR ")+")")
		p.Wide = p.Wide || len(values) > 1
	}
}

// among returns those of some values that a term asks for.
func among(known []string, t Term) (values []string) {
	for _, value := range known {
		if value == t.Value || t.Begins && strings.HasPrefix(value, t.Value) {
			values = append(values, value)
		}
	}
	return values
}

// allOf returns an expression for messages with all words of a text.
func allOf(words []payload.Word, text string) string {
	parts := make([]string, len(words))
	for i, w := range words {
		if w.Unspaced {
			parts[i] = `"` + strings.Join(partsOf(text[w.Start:w.End]), `" AND "`) + `"`
		} else {
			parts[i] = quoted(text[w.Start:w.End])
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return "(" + strings.Join(parts, " AND ") + ")"
}

func (p *planner) addWords(t Term) error {
	expr, exact, err := p.words(payload.Terms(t.Value), true)
	p.need(t, expr, exact)
	return err
}

// words returns an expression for messages with all of some words, and whether it finds no others.
func (p *planner) words(terms []payload.Term, asTyped bool) (expr string, exact bool, err error) {
	var parts []string
	exact = true
	for n, term := range terms {
		switch {
		case term.Parts:
			tokens := partsOf(term.Word)
			exact = exact && len(tokens) == 1
			for _, token := range tokens {
				parts = append(parts, quoted(token))
			}
		case term.Begins && (asTyped || n == len(terms)-1):
			words, err := p.index.expandPrefix(p.ctx, strings.ToLower(term.Word))
			if err != nil {
				return "", false, err
			}
			parts = append(parts, cmp.Or(words, quoted(term.Word)+"*"))
		default:
			parts = append(parts, quoted(term.Word))
		}
	}
	if len(parts) == 0 {
		return "", false, nil
	}
	return strings.Join(parts, " AND "), exact, nil
}

// wholeWords returns the words of a text, of which the last may go on.
func wholeWords(text string, begins bool) []payload.Term {
	words := payload.Words(text)
	terms := make([]payload.Term, len(words))
	for n, w := range words {
		last := n == len(words)-1 && w.End == len(text)
		terms[n] = payload.Term{Word: text[w.Start:w.End], Begins: begins && last && !w.Unspaced, Parts: w.Unspaced}
	}
	return terms
}

func (p *planner) addPhrase(t Term) error {
	terms := wholeWords(t.Value, t.Begins)
	expr, exact, err := p.words(terms, true)
	p.need(t, expr, exact && len(terms) == 1)
	return err
}

// addField adds a term of a field or a header.
func (p *planner) addField(t Term) error {
	paths, precise, err := p.paths(t)
	if err != nil {
		return err
	}
	if len(paths) == 0 && t.Kind == Field && t.Name[0] != '$' && precise {
		p.AsText = append(p.AsText, t.Name)
		typed := Term{Kind: Words, Not: t.Not, Value: t.Name + " " + t.Value + " " + t.To}
		return p.addWords(typed)
	}
	if t.isRange() {
		return p.addRange(t, paths, precise)
	}
	return p.addValue(t, paths, precise)
}

// paths returns the paths, as the index has them, that a term may lead to. precise says that a value at one of them is
// one of the term.
func (p *planner) paths(t Term) (paths []string, precise bool, err error) {
	if t.Kind == Header {
		return []string{headerPrefix + t.Name}, true, nil
	}
	path, err := fieldPath(t.Name)
	if err != nil {
		return nil, false, err
	}
	paths, more := p.index.seen.paths(path)
	positions := false
	for _, step := range path {
		_, convErr := strconv.Atoi(step)
		positions = positions || convErr == nil
	}
	return paths, !positions && !more, nil
}

// maxAlternatives bounds the tokens that one term looks for.
const maxAlternatives = 400

// addValue adds a term that asks for one value, or for the beginning of one.
func (p *planner) addValue(t Term, paths []string, precise bool) error {
	switch {
	case len(paths) == 0 && precise:
		p.need(t, nothing, true)
		return nil
	case len(paths) == 0 || len(paths) > maxAlternatives:
		p.need(t, "", false)
		return nil
	case t.Begins:
		return p.addBeginning(t, paths, precise)
	}
	n, isNumber := numberOf(t.Value)
	token := func(path string) string { return valueToken(path, t.Value) }
	if isNumber = isNumber && t.Kind == Field; isNumber {
		token = func(path string) string { return string(appendNumber(nil, path, n)) }
	}
	tokens := make([]string, len(paths))
	for i, path := range paths {
		tokens[i] = token(path)
	}
	switch {
	case isNumber: // a bucket has many numbers, and few messages have the word
		p.need(t, anyOf(tokens)+" AND "+quoted(wholePart(n)), false)
		return nil
	case t.Kind == Field && isWorded(t.Value):
		words, _, err := p.words(wholeWords(t.Value, false), false)
		p.need(t, words, false)
		return err
	}
	p.need(t, anyOf(tokens), precise)
	return nil
}

func (p *planner) addBeginning(t Term, paths []string, precise bool) error {
	values, all := p.index.seen.valuesBeginning(paths, t.Value)
	worded := t.Kind == Field && slices.ContainsFunc(values, func(v pathValue) bool { return isWorded(v.value) })
	if all && precise && !worded {
		var tokens []string
		for _, v := range values {
			tokens = append(tokens, valueToken(v.path, v.value))
		}
		p.need(t, cmp.Or(anyOf(tokens), nothing), true)
		return nil
	}
	expr := ""
	if t.Kind == Field && hasWord(t.Value) {
		var err error
		if expr, _, err = p.words(wholeWords(t.Value, true), false); err != nil {
			return err
		}
	}
	p.need(t, expr, false)
	return nil
}

// addRange adds a term that asks for numbers or times.
func (p *planner) addRange(t Term, paths []string, precise bool) error {
	r := rangeOf(t, p.now)
	var tokens []string
	for _, path := range paths {
		from, to := r.tokens(path)
		found, err := p.index.wordsBetween(p.ctx, from, to, maxAlternatives+1-len(tokens))
		if err != nil {
			return err
		}
		if tokens = append(tokens, found...); len(tokens) > maxAlternatives {
			p.need(t, "", false)
			return nil
		}
	}
	expr := anyOf(tokens)
	if expr == "" && precise {
		p.need(t, nothing, true)
		return nil
	}
	p.need(t, expr, precise && r.isAligned())
	return nil
}

func quoted(token string) string { return `"` + token + `"` }

// anyOf returns an expression for messages with any of the tokens; "" without tokens.
func anyOf(tokens []string) string {
	if len(tokens) == 0 {
		return ""
	}
	return `("` + strings.Join(tokens, `" OR "`) + `")`
}

const (
	// nextWords leaps from word to word, past the messages of each. No word has a control character, so the next one
	// is not before a word with such a character at its end.
	nextWords = `WITH RECURSIVE words (term) AS (
			SELECT (SELECT term FROM search_words WHERE term >= ?1 LIMIT 1)
			UNION ALL
			SELECT (SELECT term FROM search_words WHERE term >= words.term || char(1) LIMIT 1)
				FROM words WHERE words.term < ?2
		)
		SELECT term FROM words WHERE term < ?2 LIMIT ?3`
	// maxWords bounds the words of a prefix. More than these are ids, each of which has few messages.
	maxWords = 32
	// afterAll sorts after all characters.
	afterAll = "\U0010FFFF"
)

// expandPrefix returns the words of a prefix as alternatives; "" if they are too many, or the tokenizer may have
// stored them in another form. FTS5 reads the messages of words in order, only as far as a page needs them, but sorts
// all messages of a prefix first.
func (i *Index) expandPrefix(ctx context.Context, prefix string) (string, error) {
	if strings.ContainsFunc(prefix, func(r rune) bool { return r > unicode.MaxASCII }) {
		return "", nil
	}
	words, err := i.wordsBetween(ctx, prefix, prefix, maxWords+1)
	if err != nil || len(words) > maxWords {
		return "", err
	}
	return anyOf(words), nil
}

// wordsBetween returns words of the index from one up to those that begin with another, limit at most.
func (i *Index) wordsBetween(ctx context.Context, from, last string, limit int) ([]string, error) {
	words, err := sqlite.Column[string](ctx, i.db, "words", nextWords, from, last+afterAll, limit)
	if err != nil {
		return nil, fmt.Errorf("look up words of the search index: %w", err)
	}
	return words, nil
}
