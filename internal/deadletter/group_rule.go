package deadletter

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"time"
	"unicode/utf8"
)

// GroupKind is the kind of a rule by which people group messages.
type GroupKind string

// The kinds of rule.
const (
	GroupIgnore GroupKind = "ignore" // what matches the pattern does not tell causes apart
	GroupJoin   GroupKind = "join"   // errors that match the pattern are of one cause
	GroupMerge  GroupKind = "merge"  // these causes are one
	GroupSplit  GroupKind = "split"  // errors of a cause that match the pattern are of another one
)

// GroupRule is a rule by which people group the messages of a source. It is never changed, only undone.
type GroupRule struct {
	ID         int64 // given by the store
	Kind       GroupKind
	Source     string
	Pattern    string    // RE2, matched against errors with their status codes; "" of a merge
	Title      string    // of the cause that the rule makes; of a join it may have $1 for a group of the pattern
	From       []Failure // of a merge: one failure of each cause that becomes part of another
	Into       Failure   // of a merge: one of the cause that they become part of; of a split: one of the cause that is split
	Configured bool      // it is in the configuration, not made on the page
	By         string
	At         time.Time
	UndoneBy   string
	UndoneAt   time.Time // zero: it is in force
}

// InForce reports whether the rule was not undone.
func (r GroupRule) InForce() bool { return r.UndoneAt.IsZero() }

// compare orders rules as they are applied: those of the configuration first, then by age.
func (r GroupRule) compare(other GroupRule) int {
	if r.Configured != other.Configured {
		if r.Configured {
			return -1
		}
		return 1
	}
	if r.ID == 0 || other.ID == 0 { // a rule that is tried is the youngest
		return cmp.Compare(other.ID, r.ID)
	}
	return cmp.Compare(r.ID, other.ID)
}

// Limits of the rules that people make.
const (
	MaxPattern    = 300 // characters
	MaxGroupTitle = 200 // characters
	MaxOwnRules   = 50  // of a source that ignore or join
	MaxMerged     = 100 // causes at once
	maxSteps      = 500 // merges and splits of a source
)

// The inputs of a rule that an Error can be about.
const (
	FieldPattern = "pattern"
	FieldTitle   = "title"
)

func invalidField(field, format string, args ...any) *Error {
	e := Errorf(Invalid, format, args...)
	e.Field = field
	return e
}

// LiteralPattern returns the pattern that matches a text, in capital letters or not.
func LiteralPattern(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if text == "" {
		return ""
	}
	return `(?i)` + regexp.QuoteMeta(text)
}

// compile returns the pattern of the rule; nil of a merge.
func (r GroupRule) compile() (*regexp.Regexp, error) {
	if r.Kind == GroupMerge {
		return nil, nil //nolint:nilnil // a merge has no pattern
	}
	return compilePattern(r.Pattern)
}

func compilePattern(text string) (*regexp.Regexp, error) {
	switch {
	case strings.TrimSpace(text) == "":
		return nil, invalidField(
			FieldPattern,
			"the pattern is empty: write a word or a pattern such as timeout after \\d+ s",
		)
	case utf8.RuneCountInString(text) > MaxPattern:
		return nil, invalidField(FieldPattern, "the pattern has %d characters: shorten it to %d",
			utf8.RuneCountInString(text), MaxPattern)
	}
	pattern, err := regexp.Compile(text)
	var fault *syntax.Error
	switch {
	case errors.As(err, &fault):
		return nil, invalidField(
			FieldPattern,
			"the pattern has a fault, %s, at %q: %s",
			fault.Code,
			fault.Expr,
			cure(fault.Code),
		)
	case err != nil:
		return nil, invalidField(FieldPattern, "the pattern cannot be read: %v", err)
	case pattern.MatchString(""):
		return nil, invalidField(
			FieldPattern,
			"the pattern matches every error: make a part of it necessary, + instead of *",
		)
	}
	return pattern, nil
}

// cure returns what to do about a fault of a pattern.
func cure(code syntax.ErrorCode) string {
	switch code {
	case syntax.ErrInvalidPerlOp, syntax.ErrInvalidEscape:
		return `patterns have no (?=…), (?!…) and \1; write a backslash before a character that stands for itself`
	case syntax.ErrInvalidRepeatSize, syntax.ErrLarge, syntax.ErrNestingDepth:
		return "repeat less, 1,000 times at most"
	case syntax.ErrMissingBracket, syntax.ErrMissingParen, syntax.ErrUnexpectedParen:
		return `close what you open, and write \( or \[ for the character`
	}
	return `write \ before a character that stands for itself: \. \( \[ \* \+ \?`
}

// CheckOwn returns a rule that ignores or joins with its texts tidied. It returns Invalid if something of it does not
// do.
func (r GroupRule) CheckOwn() (GroupRule, error) {
	r.Title = strings.Join(strings.Fields(r.Title), " ")
	pattern, err := compilePattern(r.Pattern)
	switch {
	case err != nil:
		return r, err
	case r.Source == "":
		return r, Errorf(Invalid, "choose the source that the rule is for")
	case r.Kind == GroupIgnore:
		r.Title = ""
		return r, nil
	case r.Kind != GroupJoin:
		return r, Errorf(Invalid, "a rule joins or ignores: choose one of them")
	case r.Title == "":
		return r, invalidField(FieldTitle, "give the cause that the pattern joins a title")
	}
	if err := checkTitle(r.Title); err != nil {
		return r, err
	}
	for _, name := range references.FindAllStringSubmatch(r.Title, -1) {
		if group := cmp.Or(name[1], name[2]); !hasGroup(pattern, group) {
			return r, invalidField(
				FieldTitle,
				"the title has $%s, but the pattern has no such group: put ( ) around a part of it",
				group,
			)
		}
	}
	return r, nil
}

// references are the groups of a pattern in a title, $1 or ${name}.
var references = regexp.MustCompile(`\$(?:(\w+)|\{(\w+)\})`)

func hasGroup(pattern *regexp.Regexp, name string) bool {
	for i, group := range pattern.SubexpNames() {
		if name == group && group != "" || i > 0 && name == fmt.Sprint(i) {
			return true
		}
	}
	return false
}

func checkTitle(title string) error {
	if n := utf8.RuneCountInString(title); n > MaxGroupTitle {
		return invalidField(FieldTitle, "the title has %d characters: shorten it to %d", n, MaxGroupTitle)
	}
	return nil
}
