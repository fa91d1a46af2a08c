package deadletter

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
)

// Failure is an error of a source, as the rules that group messages see it.
type Failure struct {
	Source      string `json:"-"`
	Destination string `json:"destination"`
	Error       string `json:"error"` // from FailureText
}

// Grouping finds the causes of failures: by the built-in rules, and by the rules that people made. It does not change:
// another rule makes another Grouping.
//
// For each failure it first applies the rules of its source that ignore or join, those of the configuration before
// those of the page. Merges and splits follow in the order in which people made them, so that each works on the causes
// that its author saw.
type Grouping struct {
	rules   []GroupRule
	sources map[string]*sourceRules
}

// sourceRules are the rules of one source.
type sourceRules struct {
	ignored []*regexp.Regexp
	joins   []join
	steps   []step
}

// join gives all errors that match a pattern one cause for each title.
type join struct {
	pattern *regexp.Regexp
	title   string // may have $1
}

// step moves failures from causes to another one: all of them, or those that match a pattern.
type step struct {
	rule    int64
	from    []string
	pattern *regexp.Regexp // nil: all
	to      string
	title   string // of to; "" if it has none of its own
}

// NewGrouping returns the grouping by those of the rules that are in force. It returns Invalid for a pattern that is
// none.
func NewGrouping(rules []GroupRule) (*Grouping, error) {
	g := &Grouping{sources: map[string]*sourceRules{}}
	for _, r := range rules {
		if r.InForce() {
			g.rules = append(g.rules, r)
		}
	}
	slices.SortStableFunc(g.rules, GroupRule.compare)
	for _, r := range g.rules {
		if err := g.add(r); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// With returns the grouping with one more rule.
func (g *Grouping) With(r GroupRule) (*Grouping, error) {
	return NewGrouping(append(slices.Clone(g.rules), r))
}

// Rules returns the rules in force, in the order in which they are applied.
func (g *Grouping) Rules() []GroupRule { return slices.Clone(g.rules) }

func (g *Grouping) add(r GroupRule) error {
	of := g.sources[r.Source]
	if of == nil {
		of = &sourceRules{}
		g.sources[r.Source] = of
	}
	pattern, err := r.compile()
	if err != nil {
		return err
	}
	switch r.Kind {
	case GroupIgnore:
		of.ignored = append(of.ignored, pattern)
	case GroupJoin:
		of.joins = append(of.joins, join{pattern, r.Title})
	case GroupMerge:
		of.steps = append(of.steps, step{rule: r.ID, from: g.causesOf(r.From), to: g.fingerprint(r.Into)})
	case GroupSplit:
		key := ruleKey(r.Source, r.Into.Destination, "split", r.Into.Error, r.Pattern)
		of.steps = append(
			of.steps,
			step{rule: r.ID, from: g.causesOf([]Failure{r.Into}), pattern: pattern, to: key, title: r.Title},
		)
	}
	return nil
}

func (g *Grouping) causesOf(failures []Failure) []string {
	found := make([]string, len(failures))
	for i, f := range failures {
		found[i] = g.fingerprint(f)
	}
	return found
}

// Takes returns the causes whose messages a further rule may move. all means every cause of its source.
func (g *Grouping) Takes(r GroupRule) (causes []string, all bool) {
	switch r.Kind {
	case GroupMerge:
		return g.causesOf(r.From), false
	case GroupSplit:
		return g.causesOf([]Failure{r.Into}), false
	case GroupIgnore, GroupJoin:
	}
	return nil, true
}

// Holds returns the causes that may have messages which a rule in force moved there, directly or by rules after it. all
// means every cause of its source.
func (g *Grouping) Holds(r GroupRule) (causes []string, all bool) {
	if r.Kind == GroupIgnore || r.Kind == GroupJoin {
		return nil, true
	}
	for _, s := range g.sources[r.Source].steps {
		if s.rule == r.ID ||
			slices.ContainsFunc(s.from, func(from string) bool { return slices.Contains(causes, from) }) {
			causes = append(causes, s.to)
		}
	}
	return causes, false
}

func (g *Grouping) fingerprint(f Failure) string {
	found, _ := g.Cause(f, "")
	return found
}

// Cause returns the fingerprint of the cause of a failure, and the title that a rule gives it; "" if none does. key is
// the failure's key by the built-in rules; "" if it is not known yet.
func (g *Grouping) Cause(f Failure, key string) (fingerprint, title string) {
	of := g.sources[f.Source]
	if of == nil {
		return keyOr(key, f), ""
	}
	fingerprint, title = of.begin(f, key)
	for _, s := range of.steps {
		if slices.Contains(s.from, fingerprint) && (s.pattern == nil || s.pattern.MatchString(f.Error)) {
			fingerprint, title = s.to, s.title
		}
	}
	return fingerprint, title
}

// begin applies the rules that ignore and join.
func (of *sourceRules) begin(f Failure, key string) (fingerprint, title string) {
	for _, pattern := range of.ignored {
		if pattern.MatchString(f.Error) {
			f.Error = strings.Join(strings.Fields(pattern.ReplaceAllLiteralString(f.Error, " ")), " ")
			key = ""
		}
	}
	for _, j := range of.joins {
		if at := j.pattern.FindStringSubmatchIndex(f.Error); at != nil {
			title = string(j.pattern.ExpandString(nil, j.title, f.Error, at))
			return ruleKey(f.Source, f.Destination, "join", title), title
		}
	}
	return keyOr(key, f), ""
}

// keyOr returns the key of a failure by the built-in rules, which is computed if it is not known.
func keyOr(key string, f Failure) string {
	if key != "" {
		return key
	}
	return Fingerprint(f.Source, f.Destination, f.Error)
}

// ruleKey returns the fingerprint of a cause that a rule makes.
func ruleKey(source, destination string, rule ...string) string {
	text := source + "\x00" + destination + "\x00"
	for _, part := range rule {
		text += "\x01" + part // no error begins so: Fingerprint leaves control characters out
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:fingerprintBytes])
}
