package store

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"unicode"

	"dlqdesk/internal/deadletter"
)

const (
	addText    = `INSERT INTO letter_search (rowid, text) VALUES (?, ?)`
	dropText   = `DELETE FROM letter_search WHERE rowid = ?`
	searchable = `SELECT body FROM revisions WHERE letter = ? AND number IN (0, ?)`
)

// index makes a letter found by what it is now. That of a new letter is in the change; of others it is read anew where it changed.
func (t *Tx) index(ctx context.Context, n int64, c deadletter.Change) error {
	l := c.After
	if c.Before.ID == "" {
		var body []byte
		if c.Revision != nil {
			body = c.Revision.Body
		}
		return t.addText(ctx, n, l, body)
	}
	if c.Revision == nil && c.Before.Reason == l.Reason {
		return nil
	}
	if _, err := t.tx.ExecContext(ctx, dropText, n); err != nil {
		return err
	}
	return t.indexStored(ctx, n, l)
}

func (t *Tx) indexStored(ctx context.Context, n int64, l deadletter.Letter) error {
	bodies, err := column[[]byte](ctx, t.tx, "bodies", searchable, n, l.Revision)
	if err != nil {
		return err
	}
	return t.addText(ctx, n, l, bodies...)
}

func (t *Tx) addText(ctx context.Context, n int64, l deadletter.Letter, bodies ...[]byte) error {
	text := []string{l.Reason, string(l.ID), l.WebhookID, l.EventType}
	for _, body := range bodies {
		text = append(text, deadletter.SearchText(body, t.masks[l.Source]))
	}
	_, err := t.tx.ExecContext(ctx, addText, n, strings.Join(text, "\n"))
	return err
}

const (
	waitingForIndex = `SELECT ` + letterColumns + ` FROM search_backlog b JOIN letters l ON l.n = b.n LIMIT ?`
	indexed         = `DELETE FROM search_backlog WHERE n = ?`

	// indexBatch is how many letters of an older store are made to be found in one transaction.
	indexBatch = 500
)

// Mask says which values of a source's bodies are secret, so that no search finds a letter by them, and makes the letters of an
// older store found. It is called once, before letters are written.
func (s *Store) Mask(ctx context.Context, masks map[string][]deadletter.Path) error {
	s.masks = masks
	for {
		left := 0
		err := s.Write(ctx, func(ctx context.Context, tx *Tx) error {
			type waiting struct {
				n int64
				l deadletter.Letter
			}
			var batch []waiting
			err := each(ctx, tx.tx, func(r row) error {
				n, l, err := scanLetter(r)
				batch = append(batch, waiting{n, l})
				return err
			}, waitingForIndex, indexBatch)
			if err != nil {
				return err
			}
			left = len(batch)
			for _, one := range batch {
				if err := tx.indexStored(ctx, one.n, one.l); err != nil {
					return err
				}
				if _, err := tx.tx.ExecContext(ctx, indexed, one.n); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("index letters: %w", err)
		}
		if left < indexBatch {
			return nil
		}
	}
}

// beginnings makes an FTS5 query of what a person typed.
func beginnings(text string) string {
	var terms []string
	for _, t := range deadletter.Terms(text) {
		terms = append(terms, quotedTerm(t))
	}
	return conjunction(terms)
}

func quotedTerm(t deadletter.Term) string {
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

// understood answers a filter that finds what it did and reads less for it: a beginning is written as the words that there are of it,
// because the letters of words are read one after the other, as far as a page needs them, while those of a beginning are all put in
// order first.
func (s *Store) understood(ctx context.Context, f Filter) (Filter, error) {
	if f.Text == "" {
		return f, nil
	}
	var terms []string
	for _, t := range deadletter.Terms(f.Text) {
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
	// nextWords leaps from word to word: the letters of each are not looked at. No word has a control character, so the next one is not
	// before a word with such a character at its end.
	nextWords = `WITH RECURSIVE words (term) AS (
			SELECT (SELECT term FROM search_words WHERE term >= ?1 LIMIT 1)
			UNION ALL
			SELECT (SELECT term FROM search_words WHERE term >= words.term || char(1) LIMIT 1) FROM words WHERE words.term < ?2
		)
		SELECT term FROM words WHERE term < ?2 LIMIT ?3`

	// maxWords is how many words a beginning is written as. More of them are ids, of which each has few letters.
	maxWords = 32
)

// wordsOf answers the alternatives to a beginning; "" where there are too many, and where the index may write it in another way.
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
