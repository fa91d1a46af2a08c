package payload

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// MaxSearched is the size of the part of a content that is indexed for the search, in bytes.
	MaxSearched = 64 << 10

	// SearchedHead is the size of the part of a body that is read for it. A block of compressed data is read whole.
	SearchedHead = 256 << 10
)

// SearchText returns the text to index for a body: the values of a JSON document, or the whole text.
func SearchText(head []byte) string {
	if first := bytes.TrimLeft(head, " \t\r\n"); len(first) == 0 || first[0] != '{' && first[0] != '[' {
		return string(head)
	}
	return valuesOf(head)
}

// valuesOf returns the texts and numbers of a JSON document, as far as it goes.
func valuesOf(text []byte) string {
	dec := NewDecoder(text)
	var out strings.Builder
	for {
		token, err := dec.ReadToken()
		if err != nil {
			return out.String()
		}
		parent, members := dec.StackIndex(dec.StackDepth())
		isName := parent == '{' && members%2 == 1
		if kind := token.Kind(); (kind == '"' || kind == '0') && !isName {
			out.WriteString(token.String())
			out.WriteByte(' ')
		}
	}
}

// Term is one word that a search looks for.
type Term struct {
	Word   string
	Begins bool // words that go on after it are meant as well
}

// minBeginning is the length from which a word also matches longer words, in characters. Too many words begin with a
// shorter one.
const minBeginning = 3

// Terms returns the words of a search. A message must have all of them. The last word before a space also matches the
// beginning of a longer word. Example: "order-47 tim" matches "order 4711 timed out".
func Terms(typed string) []Term {
	var terms []Term
	for part := range strings.FieldsSeq(typed) {
		words := Words(part)
		for i, w := range words {
			word := part[w.Start:w.End]
			// The parts of an id before this one leave few messages to read.
			short := i == 0 && utf8.RuneCountInString(word) < minBeginning
			terms = append(terms, Term{word, i == len(words)-1 && !short})
		}
	}
	return terms
}

// Word is the position of a word in a text, in bytes.
type Word struct{ Start, End int }

// Words returns the words of a text: runs of characters of the alphabet and digits.
func Words(text string) []Word {
	var words []Word
	start := -1
	for i, r := range text {
		switch in := isWordRune(r); {
		case in && start < 0:
			start = i
		case !in && start >= 0:
			words, start = append(words, Word{start, i}), -1
		}
	}
	if start >= 0 {
		words = append(words, Word{start, len(text)})
	}
	return words
}

func isWordRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.Is(unicode.Mn, r) // words:ok, of the alphabet
}

// Matches reports whether the term finds the word.
func (t Term) Matches(word string) bool {
	word, want := strings.ToLower(word), strings.ToLower(t.Word)
	return word == want || t.Begins && strings.HasPrefix(word, want)
}
