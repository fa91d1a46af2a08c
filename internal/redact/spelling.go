package redact

import (
	"bytes"
	"encoding/hex"
	"html"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// spelled is a text without escapes: percent-encoding, those of JSON and HTML, Latin-1, and any of them within others.
// So a value is found in whatever form a program repeats it. For example aB3%2Fx, aB3\/x, aB3&#x2F;x and aB3%252Fx are
// all spelled aB3/x.
type spelled struct {
	text []byte
	at   []int32 // the offset in the original of each byte, and of the end
}

// maxEscapes bounds escapes within escapes.
const maxEscapes = 4

func spell(original []byte) spelled {
	s := spelled{text: original, at: make([]int32, len(original)+1)}
	for i := range s.at {
		s.at[i] = int32(i) //nolint:gosec // responses and names are far smaller
	}
	if !bytes.ContainsAny(original, escapeSigns) && utf8.Valid(original) {
		return s
	}
	for range maxEscapes {
		next, changed := s.unescaped()
		if s = next; !changed {
			break
		}
	}
	return s
}

// plain returns a text without escapes.
func plain(text []byte) []byte { return spell(text).text }

// unescaped returns the text with one layer of escapes removed.
func (s spelled) unescaped() (next spelled, changed bool) {
	next = spelled{make([]byte, 0, len(s.text)), make([]int32, 0, len(s.at))}
	for i := 0; i < len(s.text); {
		n, text := unescape(s.text[i:])
		for range len(text) {
			next.at = append(next.at, s.at[i])
		}
		changed = changed || n != len(text)
		next.text = append(next.text, text...)
		i += n
	}
	next.at = append(next.at, s.at[len(s.text)])
	return next, changed
}

// unescape returns the length of the character or escape at the beginning of a text, and what it stands for.
func unescape(text []byte) (n int, to []byte) {
	switch c := text[0]; {
	case c == '%' && len(text) > 2:
		var b [1]byte
		if _, err := hex.Decode(b[:], text[1:3]); err == nil {
			return 3, b[:]
		}
	case c == '\\':
		return unescapeJSON(text)
	case c == '&':
		return unescapeHTML(text)
	case c >= utf8.RuneSelf:
		if r, size := utf8.DecodeRune(text); r != utf8.RuneError || size > 1 {
			return size, text[:size]
		}
		return 1, utf8.AppendRune(nil, rune(c)) // Latin-1
	}
	return 1, text[:1]
}

// unescapeJSON returns the length of the escape at the beginning of the content of a JSON string, and its character.
func unescapeJSON(text []byte) (n int, to []byte) {
	if text[0] != '\\' || len(text) < 2 {
		return 1, text[:1]
	}
	const short, meant = `"\/bfnrt'`, "\"\\/\b\f\n\r\t'"
	if at := bytes.IndexByte([]byte(short), text[1]); at >= 0 {
		return 2, []byte{meant[at]}
	}
	if text[1] == 'x' && len(text) >= 4 {
		if code, err := strconv.ParseUint(string(text[2:4]), 16, 8); err == nil {
			return 4, utf8.AppendRune(nil, rune(code))
		}
	}
	r, ok := unicodeEscape(text)
	if !ok {
		return 1, text[:1]
	}
	if utf16.IsSurrogate(r) && len(text) >= 2*unicodeLength {
		if low, ok := unicodeEscape(text[unicodeLength:]); ok {
			if both := utf16.DecodeRune(r, low); both != utf8.RuneError {
				return 2 * unicodeLength, utf8.AppendRune(nil, both)
			}
		}
	}
	return unicodeLength, utf8.AppendRune(nil, r)
}

const unicodeLength = len(`\u0000`)

func unicodeEscape(text []byte) (rune, bool) {
	if len(text) < unicodeLength || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	code, err := strconv.ParseUint(string(text[2:unicodeLength]), 16, 16)
	return rune(code), err == nil
}

// maxEntity is the length of the longest HTML entity that is read.
const maxEntity = 12

func unescapeHTML(text []byte) (n int, to []byte) {
	end := bytes.IndexByte(text[:min(len(text), maxEntity)], ';')
	if end < 2 {
		return 1, text[:1]
	}
	entity := string(text[:end+1])
	if decoded := html.UnescapeString(entity); decoded != entity {
		return end + 1, []byte(decoded)
	}
	return 1, text[:1]
}

// folded returns the text with plus signs as spaces, as forms write them, and runs of white space as one space, as an
// error text in one line has them.
func (s spelled) folded() spelled {
	f := spelled{make([]byte, 0, len(s.text)), make([]int32, 0, len(s.at))}
	space := false
	for i, c := range s.text {
		isSpace := c <= ' ' || c == '+' || c == 0x7f
		if isSpace && space {
			continue
		}
		if space = isSpace; isSpace {
			c = ' '
		}
		f.text, f.at = append(f.text, c), append(f.at, s.at[i])
	}
	f.at = append(f.at, s.at[len(s.text)])
	return f
}

// foldedText returns the folded text of a text without escapes.
func foldedText(text []byte) []byte {
	if isFolded(text) {
		return text
	}
	return spell(text).folded().text
}

// foldedBytes is foldedText for bytes that are no text unless they have an escape.
func foldedBytes(text []byte) []byte {
	if bytes.ContainsAny(text, escapeSigns) {
		return spell(text).folded().text
	}
	return spelled{text: text, at: make([]int32, len(text)+1)}.folded().text
}

// escapeSigns begin the escapes that spell removes.
const escapeSigns = `%\&`

// isFolded reports whether spelling and folding change nothing: ASCII without escapes, and single spaces alone.
func isFolded(text []byte) bool {
	space := false
	for _, c := range text {
		isSpace := c == ' '
		switch {
		case c < ' ', c >= 0x7f, c == '+', c == '%', c == '\\', c == '&', isSpace && space:
			return false
		}
		space = isSpace
	}
	return true
}
