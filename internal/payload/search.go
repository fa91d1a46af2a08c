package payload

import (
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
	text, _ := SearchValues(head, func(Leaf) bool { return true })
	return text
}

// SearchValues is SearchText that calls visit with each leaf of a JSON document, until visit returns false. whole is
// false if it did.
func SearchValues(head []byte, visit func(Leaf) bool) (text string, whole bool) {
	if !isDocument(head) {
		return string(head), true
	}
	var out strings.Builder
	visiting := true
	EachLeaf(head, func(l Leaf) bool {
		if l.Kind == '"' || l.Kind == '0' {
			out.WriteString(l.Value)
			out.WriteByte(' ')
		}
		if visiting {
			visiting = visit(l)
		}
		return true
	})
	return out.String(), visiting
}

// Term is one word that a search looks for.
type Term struct {
	Word   string
	Begins bool // words that go on after it are meant as well
	Parts  bool // it is in a script without spaces, and found within a longer run of that
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
			terms = append(terms, Term{word, i == len(words)-1 && !short && !w.Unspaced, w.Unspaced})
		}
	}
	return terms
}

// Word is the position of a word in a text, in bytes.
type Word struct {
	Start, End int
	Unspaced   bool // it is a run of a script without spaces
}

// Words returns the words of a text: runs of characters of the alphabet and digits, and runs of scripts without spaces.
func Words(text string) []Word {
	var words []Word
	start, unspaced := -1, false
	end := func(at int) {
		if start >= 0 {
			words, start = append(words, Word{start, at, unspaced}), -1
		}
	}
	for i, r := range text {
		if !isWordRune(r) {
			end(i)
			continue
		}
		if is := isUnspaced(r); start >= 0 && is != unspaced {
			end(i)
		}
		if start < 0 {
			start, unspaced = i, isUnspaced(r)
		}
	}
	end(len(text))
	return words
}

func isWordRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsNumber(r) || // words:ok, of the alphabet
		r > unicode.MaxLatin1 && unicode.In(r, unicode.Mn, unicode.Mc)
}

// firstUnspaced is the first character of a script without spaces: Thai.
const firstUnspaced = 0x0E00

var unspaced = []*unicode.RangeTable{
	unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar,
}

// isUnspaced reports whether a character of a word is of a script that is written without spaces between words.
func isUnspaced(r rune) bool {
	const prolonged = 'ー' // of Hiragana and Katakana alike
	return r >= firstUnspaced && (unicode.In(r, unspaced...) || r == prolonged)
}

// HasUnspaced reports whether a text has characters of scripts without spaces.
func HasUnspaced(text string) bool {
	for _, r := range text {
		if isUnspaced(r) && isWordRune(r) {
			return true
		}
	}
	return false
}

// Find returns where the term is in a word, in bytes.
func (t Term) Find(word string) (start, end int, found bool) {
	lower, want := strings.ToLower(word), strings.ToLower(t.Word)
	if t.Parts {
		start = strings.Index(lower, want)
		return start, start + len(want), start >= 0
	}
	return 0, len(word), lower == want || t.Begins && strings.HasPrefix(lower, want)
}
