package search

import (
	"cmp"
	"context"
	"strings"
	"unicode"

	"dlqdesk/internal/payload"
	"dlqdesk/internal/sqlite"
)

// Match returns the FTS5 expression for a text that a person typed. It waits briefly for the index to catch up, then
// replaces each prefix by the words it stands for: FTS5 reads the messages of words in order, only as far as a page
// needs them, but sorts all messages of a prefix first. For example `c0ff 47` becomes
//
//	("c0ffee00" OR "c0ffee01") AND ("4711")
func (i *Index) Match(ctx context.Context, text string) (string, error) {
	if err := i.awaitLatest(ctx); err != nil {
		return "", err
	}
	if !i.isUsable() {
		return conjunction(nil), nil // it may have values that are masked by now
	}
	var terms []string
	for _, t := range payload.Terms(text) {
		term := quotedTerm(t)
		if t.Begins {
			words, err := i.expandPrefix(ctx, strings.ToLower(t.Word))
			if err != nil {
				return "", err
			}
			term = cmp.Or(words, term)
		}
		terms = append(terms, term)
	}
	return conjunction(terms), nil
}

func quotedTerm(t payload.Term) string {
	if t.Begins {
		return `"` + t.Word + `"*`
	}
	return `"` + t.Word + `"`
}

func conjunction(terms []string) string {
	if len(terms) == 0 {
		return `""` // occurs in no message
	}
	return strings.Join(terms, " AND ")
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
)

// expandPrefix returns the words of a prefix as alternatives; "" if they are too many, or the tokenizer may have
// stored them in another form.
func (i *Index) expandPrefix(ctx context.Context, prefix string) (string, error) {
	if strings.ContainsFunc(prefix, func(r rune) bool { return r > unicode.MaxASCII }) {
		return "", nil
	}
	end := prefix + "\U0010FFFF"
	words, err := sqlite.Column[string](ctx, i.db, "words", nextWords, prefix, end, maxWords+1)
	if err != nil || len(words) == 0 || len(words) > maxWords {
		return "", err
	}
	return `("` + strings.Join(words, `" OR "`) + `")`, nil
}
