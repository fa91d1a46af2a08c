package docs

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Hit is a section that a search found.
type Hit struct {
	Title   string // of the page
	Heading string // of the section; empty for the text below the title
	URL     string
	Snippet []Part
}

// Part is a piece of a snippet.
type Part struct {
	Text  string
	Match bool // it is a word that was searched for
}

// Search returns the sections that have every word of the query, the best first. A word also finds longer words that
// contain it.
func Search(query string, limit int) []Hit {
	words := strings.Fields(strings.ToLower(query))
	if len(words) == 0 {
		return nil
	}
	type scored struct {
		hit   Hit
		score int
	}
	var found []scored
	for _, p := range Pages() {
		for i, s := range p.Sections {
			score := scoreOf(p, s, i == 0, words)
			if score == 0 {
				continue
			}
			hit := Hit{Title: p.Title, URL: p.URL(), Snippet: snippet(s.Text, words)}
			if s.Anchor != "" {
				hit.Heading, hit.URL = s.Heading, hit.URL+"#"+s.Anchor
			}
			found = append(found, scored{hit, score})
		}
	}
	slices.SortStableFunc(found, func(a, b scored) int { return cmp.Compare(b.score, a.score) })
	var hits []Hit
	for _, f := range found[:min(limit, len(found))] {
		hits = append(hits, f.hit)
	}
	return hits
}

// How much a word counts by where it is.
const (
	inTitle   = 8
	inHeading = 12
	inText    = 1
	mostText  = 4 // times that a word counts in one text
)

// scoreOf returns 0 where a word is missing. The title counts for the first section of its page alone, but it may
// supply a word that others lack: "sqs cost" finds the section Cost of the page SQS.
func scoreOf(p Page, s Section, first bool, words []string) int {
	title, heading, text := strings.ToLower(p.Title), strings.ToLower(s.Heading), strings.ToLower(s.Text)
	total, own := 0, 0
	for _, word := range words {
		score := min(strings.Count(text, word), mostText) * inText
		if !first && strings.Contains(heading, word) {
			score += inHeading
		}
		own += score
		if strings.Contains(title, word) {
			score++
			if first {
				score += inTitle
				own += score
			}
		}
		if score == 0 {
			return 0
		}
		total += score
	}
	if own == 0 {
		return 0
	}
	return total
}

const around = 70 // bytes of text on either side of the first word that was found

// snippet returns the text around the first word that was found, with all words marked.
func snippet(text string, words []string) []Part {
	lower := strings.ToLower(text)
	if len(lower) != len(text) {
		lower = text // a character whose lower case has another length: match the case as it is
	}
	first, _ := next(lower, words)
	from, to := max(0, first-around), min(len(text), max(first, 0)+2*around)
	from, to = edge(text, from), edge(text, to)
	var parts []Part
	add := func(s string, match bool) {
		if s != "" {
			parts = append(parts, Part{s, match})
		}
	}
	if from > 0 {
		add("…", false)
	}
	for from < to {
		i, n := next(lower[from:to], words)
		if i < 0 {
			break
		}
		add(text[from:from+i], false)
		add(text[from+i:from+i+n], true)
		from += i + n
	}
	add(text[from:to], false)
	if to < len(text) {
		add("…", false)
	}
	return parts
}

// next returns where the first of the words is, and its length; -1 where none is.
func next(text string, words []string) (at, length int) {
	at = -1
	for _, word := range words {
		if i := strings.Index(text, word); i >= 0 && (at < 0 || i < at || i == at && len(word) > length) {
			at, length = i, len(word)
		}
	}
	return at, length
}

// edge moves a place in a text back to the beginning of a word, or of a character where the word is long.
func edge(text string, at int) int {
	if at <= 0 || at >= len(text) {
		return at
	}
	if i := strings.LastIndexFunc(text[:at], unicode.IsSpace); i >= 0 && at-i < around/2 {
		return i + 1
	}
	for !utf8.RuneStart(text[at]) {
		at--
	}
	return at
}
