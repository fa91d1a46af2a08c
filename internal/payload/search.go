package payload

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxSearched is how much of a body a search looks through, in bytes.
const MaxSearched = 64 << 10

// SearchHead returns the part of a body that a search looks through. It is empty where the body is binary.
func SearchHead(body []byte) []byte {
	body = body[:min(len(body), MaxSearched)]
	for len(body) > 0 && !utf8.RuneStart(body[len(body)-1]) {
		body = body[:len(body)-1] // the cut went through a character
	}
	if last, _ := utf8.DecodeLastRune(body); last == utf8.RuneError && len(body) > 0 {
		body = body[:len(body)-1]
	}
	if !utf8.Valid(body) || bytes.IndexByte(body, 0) >= 0 {
		return nil
	}
	return body
}

// SearchText returns what a search finds a body by: the values of a JSON document, or the text as it is.
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

// minBeginning is how long a word must be to stand for longer ones, in characters: shorter ones begin too many.
const minBeginning = 3

// Terms are the words of what a person typed. Each must occur; the end of what stands between spaces may go on.
func Terms(typed string) []Term {
	var terms []Term
	for part := range strings.FieldsSeq(typed) {
		words := Words(part)
		for i, w := range words {
			word := part[w.Start:w.End]
			// What stands before it in an id leaves few messages to look through.
			short := i == 0 && utf8.RuneCountInString(word) < minBeginning
			terms = append(terms, Term{word, i == len(words)-1 && !short})
		}
	}
	return terms
}

// Word is where a word stands in a text, in bytes.
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
