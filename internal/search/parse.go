package search

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
)

// Query is the text of a search box, parsed. A message matches if it matches every term.
type Query struct{ Terms []Term }

// Term is one condition of a query.
type Term struct {
	Kind   Kind
	Not    bool   // messages that match are left out
	Name   string // of an operator or a header in lower case; of a Field its path or its name; "" for text
	Op     Op
	Value  string // of Between: the lower end
	To     string // of Between: the upper end
	Begins bool   // longer values match as well: the value ended with *
	At     int    // where it begins in the query, in characters from 0
	End    int    // where it ends
}

// Kind is what a Term looks at.
type Kind int

// The kinds of terms.
const (
	Words    Kind = iota // words of the message, from their beginning: order-47
	Phrase               // exact words in order: "order is null"
	Operator             // a property of the message: source:genesys
	Field                // a value of the body: $.customer.email=anna@example.com, amount:>100
	Header               // a header of the webhook: header.x-tenant=acme
)

// Op compares a value.
type Op string

// The comparisons.
const (
	Is      Op = "="
	Above   Op = ">"
	Below   Op = "<"
	AtLeast Op = ">="
	AtMost  Op = "<="
	Between Op = ".."
)

// MaxQuery is the length of a query, in characters.
const MaxQuery = 500

// Fault is an error in a query, with its place in characters from 0. Its text says where it is and what to do.
type Fault struct {
	At, End int
	err     *deadletter.Error
}

func (f *Fault) Error() string { return f.err.Error() }

// Unwrap returns the error for people, which is Invalid.
func (f *Fault) Unwrap() error { return f.err }

func faultAt(at, end int, format string, args ...any) *Fault {
	text := fmt.Sprintf(format, args...)
	return &Fault{at, end, deadletter.Errorf(deadletter.Invalid, "at character %d: %s", at+1, text)}
}

// Parse parses a query. It returns a *Fault for one that is not valid.
func Parse(text string) (Query, error) {
	p := parser{text: []rune(text)}
	if len(p.text) > MaxQuery {
		return Query{}, faultAt(MaxQuery, len(p.text), "the search is too long: use at most %d characters", MaxQuery)
	}
	var q Query
	for p.skipSpace(); p.at < len(p.text); p.skipSpace() {
		t, err := p.term()
		if err != nil {
			return Query{}, err
		}
		if t.Kind != Words || hasWord(t.Value) { // punctuation alone is in no index
			q.Terms = append(q.Terms, t)
		}
	}
	if len(q.Terms) == 0 && p.at > 0 {
		return Query{}, faultAt(0, len(p.text), "the search needs a word or a number")
	}
	return q, nil
}

func hasWord(text string) bool { return len(payload.Words(text)) > 0 }

type parser struct {
	text []rune
	at   int
}

func (p *parser) skipSpace() {
	for p.at < len(p.text) && unicode.IsSpace(p.text[p.at]) {
		p.at++
	}
}

// peek returns the next character; 0 at the end.
func (p *parser) peek() rune {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

func (p *parser) term() (Term, error) {
	t := Term{At: p.at, Op: Is}
	if p.peek() == '-' {
		t.Not = true
		p.at++
	}
	if err := p.body(&t); err != nil {
		return t, err
	}
	t.End = p.at
	return t, t.check()
}

// body reads a term after its minus.
func (p *parser) body(t *Term) (err error) {
	if p.peek() == '"' {
		t.Kind = Phrase
		if t.Value, err = p.quoted(); err != nil {
			return err
		}
		if p.peek() == '*' {
			t.Begins = true
			p.at++
		}
		if !hasWord(t.Value) {
			return faultAt(t.At, p.at, "the quotes have no word: write one between them, or remove them")
		}
		return p.endOfQuoted()
	}
	start := p.at
	if t.Name = p.name(); t.Name != "" && t.classify() && !p.endsSentence(*t) {
		return p.value(t)
	}
	p.at = start
	t.Kind, t.Name, t.Value = Words, "", p.run()
	return nil
}

// name reads a name that a comparison follows, such as `source:` and `$['a b'].c>`; "" if there is none.
func (p *parser) name() string {
	start := p.at
	for p.at < len(p.text) && !unicode.IsSpace(p.peek()) && !strings.ContainsRune(`:=<>"`, p.peek()) {
		if p.text[p.at] == '[' && p.at+1 < len(p.text) && p.text[p.at+1] == '\'' {
			length := slices.Index(p.text[p.at:], ']')
			if length < 0 {
				break
			}
			p.at += length
		}
		p.at++
	}
	if !strings.ContainsRune(":=<>", p.peek()) || strings.HasPrefix(string(p.text[p.at:]), "://") {
		return ""
	}
	return string(p.text[start:p.at])
}

const headerPrefix = "header."

// classify sets the kind of a term by its name. It returns false for a name that can only be text.
func (t *Term) classify() bool {
	lower := strings.ToLower(t.Name)
	switch {
	case isOperator(lower):
		t.Kind, t.Name = Operator, lower
	case strings.HasPrefix(lower, headerPrefix) && len(lower) > len(headerPrefix):
		t.Kind, t.Name = Header, lower[len(headerPrefix):]
	case t.Name[0] == '$':
		t.Kind = Field
	case unicode.IsLetter([]rune(t.Name)[0]) || t.Name[0] == '_': // words:ok, of the alphabet
		t.Kind = Field
		_, err := fieldPath(t.Name)
		return err == nil
	default:
		return false
	}
	return true
}

// fieldPath parses the name of a Field: a path, or a name at any depth.
func fieldPath(name string) (payload.Path, error) {
	if name[0] != '$' {
		name = "$.." + name
	}
	return payload.ParseMask(name)
}

// endsSentence reports whether the colon after a name is one of text: "TypeError: x is null".
func (p *parser) endsSentence(t Term) bool {
	return t.Kind == Field && t.Name[0] != '$' && (p.at+1 == len(p.text) || unicode.IsSpace(p.text[p.at+1]))
}

// value reads the comparison and the value of a term.
func (p *parser) value(t *Term) (err error) {
	op := p.peek()
	if op == ':' || op == '=' {
		p.at++
	}
	if next := p.peek(); next == '>' || next == '<' {
		t.Op = Op(next)
		if p.at++; p.peek() == '=' {
			t.Op += "="
			p.at++
		}
	}
	if p.peek() == '"' {
		if t.Value, err = p.quoted(); err != nil {
			return err
		}
		if p.peek() == '*' && t.Op == Is {
			t.Begins = true
			p.at++
		}
		return p.endOfQuoted()
	}
	t.Value = p.run()
	if t.Value == "" {
		return faultAt(t.At, p.at, "%s needs a value: write one after %q", t.label(), string(p.text[t.At:p.at]))
	}
	if t.Op == Is {
		t.readShape()
	}
	return nil
}

// readShape reads a range or a star from an unquoted value.
func (t *Term) readShape() {
	from, to, isRange := strings.Cut(t.Value, "..")
	switch {
	case isRange && from != "" && to != "":
		t.Op, t.Value, t.To = Between, from, to
	case isRange && from != "":
		t.Op, t.Value = AtLeast, from
	case isRange && to != "":
		t.Op, t.Value = AtMost, to
	case strings.HasSuffix(t.Value, "*"):
		t.Begins, t.Value = true, strings.TrimSuffix(t.Value, "*")
	}
}

// run reads up to the next white space.
func (p *parser) run() string {
	start := p.at
	for p.at < len(p.text) && !unicode.IsSpace(p.text[p.at]) {
		p.at++
	}
	return string(p.text[start:p.at])
}

// quoted reads a quoted text, in which \" is a quote and \\ a backslash.
func (p *parser) quoted() (string, error) {
	start := p.at
	var out strings.Builder
	for p.at++; p.at < len(p.text); p.at++ {
		c := p.text[p.at]
		switch {
		case c == '"':
			p.at++
			return out.String(), nil
		case c == '\\' && p.at+1 < len(p.text) && strings.ContainsRune(`"\`, p.text[p.at+1]):
			p.at++
			c = p.text[p.at]
		}
		out.WriteRune(c)
	}
	return "", faultAt(start, len(p.text), "the quote is not closed: add \" at the end of the text")
}

// endOfQuoted returns a fault if text follows a closing quote directly.
func (p *parser) endOfQuoted() error {
	if p.at < len(p.text) && !unicode.IsSpace(p.peek()) {
		return faultAt(p.at, p.at+1, "put a space after the quote, or \\ before it if it belongs to the text")
	}
	return nil
}

// label names a term in an error.
func (t Term) label() string {
	switch t.Kind {
	case Header:
		return "header " + t.Name
	case Field:
		return "field " + t.Name
	case Operator:
		return t.Name
	}
	return "the text"
}

// String writes a query so that Parse returns it again.
func (q Query) String() string {
	parts := make([]string, len(q.Terms))
	for i, t := range q.Terms {
		parts[i] = t.String()
	}
	return strings.Join(parts, " ")
}

// String writes a term as a person would type it.
func (t Term) String() string {
	sign := ""
	if t.Not {
		sign = "-"
	}
	switch t.Kind {
	case Words:
		return sign + t.Value
	case Phrase:
		return sign + t.Compared()
	case Operator:
		return sign + t.Name + ":" + t.Compared()
	}
	name, sep := t.Name, ":"
	if t.Kind == Header {
		name = headerPrefix + name
	}
	if t.Op == Is {
		sep = "="
	}
	return sign + name + sep + t.Compared()
}

// Compared writes what the term compares with: >=500, 1..5, conv*.
func (t Term) Compared() string {
	switch {
	case t.Begins && t.Value == "":
		return "*"
	case t.Begins:
		return t.comparison() + "*"
	}
	return t.comparison()
}

func (t Term) comparison() string {
	switch {
	case t.Kind == Phrase:
		return quote(t.Value)
	case t.Op == Is:
		return quoteIfNeeded(t.Value)
	case t.Op == Between:
		return t.Value + ".." + t.To
	}
	return string(t.Op) + quoteIfNeeded(t.Value)
}

func quoteIfNeeded(value string) string {
	special := strings.ContainsFunc(value, unicode.IsSpace) ||
		strings.ContainsAny(value[:min(1, len(value))], `"<>=`) ||
		strings.Contains(value, "..") ||
		strings.HasSuffix(value, "*") ||
		value == ""
	if special {
		return quote(value)
	}
	return value
}

func quote(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

// Without returns the query without a term.
func (q Query) Without(i int) Query { return Query{slices.Delete(slices.Clone(q.Terms), i, i+1)} }

// Split returns the terms about causes themselves, in a search for causes, and those about their messages. Text is
// looked for in causes.
func (q Query) Split() (causes, messages Query) {
	for _, t := range q.Terms {
		if t.Kind < Operator || t.Kind == Operator && operators[t.Name].ofCause {
			causes.Terms = append(causes.Terms, t)
		} else {
			messages.Terms = append(messages.Terms, t)
		}
	}
	return causes, messages
}

// Is reports whether the term is of an operator.
func (t Term) Is(name string) bool { return t.Kind == Operator && t.Name == name }

// check returns a fault of a term whose value cannot be.
func (t Term) check() error {
	var err error
	switch t.Kind {
	case Operator:
		err = operators[t.Name].check(t)
	case Field:
		if _, err = fieldPath(t.Name); err == nil {
			err = t.checkCompared()
		}
	case Header:
		err = t.checkCompared()
	}
	if err != nil {
		return faultAt(t.At, t.End, "%s", cmp.Or(deadletter.TextOf(err), err.Error()))
	}
	return nil
}

// checkCompared returns an error for a value that cannot be compared with others.
func (t Term) checkCompared() error {
	if t.Op == Is {
		return nil
	}
	for _, value := range slices.Compact([]string{t.Value, cmp.Or(t.To, t.Value)}) {
		if _, isTime := parseTime(value); !isTime && !isNumber(value) {
			return deadletter.Errorf(deadletter.Invalid,
				"%q is neither a number nor a time: compare %s with 100, 2026-03-02 or 2h, or quote the text",
				value, t.label())
		}
	}
	if t.Op == Between && isNumber(t.Value) != isNumber(t.To) {
		return deadletter.Errorf(deadletter.Invalid, "%q and %q are a number and a time: write two of one kind",
			t.Value, t.To)
	}
	return nil
}
