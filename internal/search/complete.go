package search

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// Completion is a way to go on with a query.
type Completion struct {
	Text  string // what is added or replaced
	Hint  string // what it is; "" for a value
	Query string // the whole query with it
	Caret int    // where the person goes on, in characters from 0
}

// maxCompletions bounds a list of completions.
const maxCompletions = 12

// Complete returns completions of the term at a caret, in characters from 0: names of properties and of fields that
// were seen, or values of them. values are those of properties, by name.
func (i *Index) Complete(text string, caret int, values map[string][]string) []Completion {
	runes := []rune(text)
	caret = min(max(caret, 0), len(runes))
	start := startOfTerm(runes[:caret])
	typed := string(runes[start:caret])
	sign := ""
	if rest, ok := strings.CutPrefix(typed, "-"); ok {
		sign, typed = "-", rest
	}
	var list []Completion
	if name, op, value, ok := cutComparison(typed); ok {
		for _, v := range i.values(name, value, values) {
			list = append(list, Completion{Text: v, Query: sign + name + op + written(v) + " "})
		}
	} else if !strings.HasPrefix(typed, `"`) {
		list = i.namesFor(typed)
		for n := range list {
			list[n].Query = sign + list[n].Text
		}
	}
	list = list[:min(len(list), maxCompletions)]
	before, after := string(runes[:start]), strings.TrimLeft(string(runes[caret:]), " ")
	for n := range list {
		whole := before + list[n].Query
		list[n].Caret = len([]rune(whole))
		list[n].Query = whole + after
	}
	return list
}

// startOfTerm returns where the last term of a text begins. White space within quotes ends none.
func startOfTerm(text []rune) (start int) {
	inQuotes := false
	for i, r := range text {
		switch {
		case r == '"' && (i == 0 || text[i-1] != '\\'):
			inQuotes = !inQuotes
		case unicode.IsSpace(r) && !inQuotes:
			start = i + 1
		}
	}
	return start
}

// cutComparison splits a term that is being typed at its comparison.
func cutComparison(typed string) (name, op, value string, ok bool) {
	at := strings.IndexAny(typed, ":=")
	if at <= 0 || strings.HasPrefix(typed, `"`) {
		return "", "", "", false
	}
	return typed[:at], typed[at : at+1], strings.TrimPrefix(typed[at+1:], `"`), true
}

// namesFor returns the properties whose name begins with a text, and fields whose path has it.
func (i *Index) namesFor(typed string) (list []Completion) {
	for _, name := range Operators() {
		if strings.HasPrefix(name, strings.ToLower(typed)) {
			list = append(list, Completion{Text: name + ":", Hint: operators[name].hint})
		}
	}
	if typed == "" {
		return list
	}
	for _, path := range i.seen.names(typed, maxCompletions) {
		hint := "field"
		if strings.HasPrefix(path, headerPrefix) {
			hint = "header"
		}
		list = append(list, Completion{Text: path + "=", Hint: hint})
	}
	return list
}

// values returns known values of a property, a field or a header that contain a text, those that begin with it first.
func (i *Index) values(name, typed string, values map[string][]string) []string {
	known, lower := values[strings.ToLower(name)], strings.ToLower(name)
	switch {
	case isOperator(lower):
	case strings.HasPrefix(lower, headerPrefix):
		known = i.seen.valuesAt([]string{lower})
	default:
		if path, err := fieldPath(name); err == nil {
			paths, _ := i.seen.paths(path)
			known = i.seen.valuesAt(paths)
		}
	}
	typed = strings.ToLower(typed)
	var list []string
	for _, v := range known {
		if strings.Contains(strings.ToLower(v), typed) {
			list = append(list, v)
		}
	}
	slices.SortStableFunc(list, func(a, b string) int {
		rank := func(v string) int {
			if strings.HasPrefix(strings.ToLower(v), typed) {
				return 0
			}
			return 1
		}
		return cmp.Compare(rank(a), rank(b))
	})
	return slices.Compact(list)
}

// valuesAt returns the values of fields that are known.
func (s *seen) valuesAt(paths []string) (values []string) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, path := range paths {
		if f := s.fields[path]; f != nil && !f.many {
			values = slices.AppendSeq(values, maps.Keys(f.values))
		}
	}
	slices.Sort(values)
	return values
}

// written returns a value as a query has it. Those of received are comparisons.
func written(value string) string {
	if value[:min(1, len(value))] == "<" || value[:min(1, len(value))] == ">" {
		return value
	}
	return quoteIfNeeded(value)
}
