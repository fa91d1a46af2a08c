package store

import (
	"cmp"
	"context"
	"strings"
	"unicode"

	"dlqdesk/internal/payload"
)

// beginnings makes an FTS5 query of what a person typed.
func beginnings(text string) string {
	var terms []string
	for _, t := range payload.Terms(text) {
		terms = append(terms, quotedTerm(t))
	}
	return conjunction(terms)
}

func quotedTerm(t payload.Term) string {
	if t.Begins {
		return `"` + t.Word + `"*`
	}
	return `"` + t.Word + `"`
}

func conjunction(terms []string) string {
	if len(terms) == 0 {
		return `""` // it occurs nowhere
	}
	return strings.Join(terms, " AND ")
}

// understood waits until what is kept now can be found, for a moment, and answers a filter that finds what it did and
// reads less for it: a beginning is written as the words that there are of it, because the messages of words are read
// one after the other, as far as a page needs them, while those of a beginning are all put in order first.
func (s *Store) understood(ctx context.Context, f Filter) (Filter, error) {
	if f.Text == "" {
		return f, nil
	}
	if err := s.awaitIndex(ctx); err != nil {
		return f, err
	}
	if !s.index.trusted() {
		f.match = conjunction(nil) // an index of before may have what is masked since
		return f, nil
	}
	var terms []string
	for _, t := range payload.Terms(f.Text) {
		term := quotedTerm(t)
		if t.Begins {
			words, err := s.wordsOf(ctx, strings.ToLower(t.Word))
			if err != nil {
				return f, err
			}
			term = cmp.Or(words, term)
		}
		terms = append(terms, term)
	}
	f.match = conjunction(terms)
	return f, nil
}

const (
	// nextWords leaps from word to word: the messages of each are not looked at. No word has a control character, so
	// the next one is not before a word with such a character at its end.
	nextWords = `WITH RECURSIVE words (term) AS (
			SELECT (SELECT term FROM search_words WHERE term >= ?1 LIMIT 1)
			UNION ALL
			SELECT (SELECT term FROM search_words WHERE term >= words.term || char(1) LIMIT 1) FROM words WHERE words.term < ?2
		)
		SELECT term FROM words WHERE term < ?2 LIMIT ?3`

	// maxWords is how many words a beginning is written as. More of them are ids, of which each has few messages.
	maxWords = 32
)

// wordsOf answers the alternatives to a beginning; "" where there are too many, and where the index may write it in
// another way.
func (s *Store) wordsOf(ctx context.Context, beginning string) (string, error) {
	if strings.ContainsFunc(beginning, func(r rune) bool { return r > unicode.MaxASCII }) {
		return "", nil
	}
	words, err := column[string](ctx, s.db.read, "words", nextWords, beginning, beginning+"\U0010FFFF", maxWords+1)
	if err != nil || len(words) == 0 || len(words) > maxWords {
		return "", err
	}
	return `("` + strings.Join(words, `" OR "`) + `")`, nil
}
