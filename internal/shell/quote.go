// Package shell writes commands that people copy into a shell: sh, bash, zsh or fish. Each command means the same in
// all of them, whatever the text in it. The package must not run anything, and knows no secret.
package shell

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Quote returns a text as one word of a shell. The text must have no NUL, and no newline at its end.
//
// Text that a terminal shows as it is stands in single quotes. There fish reads \\ and \' as escapes, which other
// shells do not, and an old interactive bash expands ! on every line but the first: these stand outside of the quotes.
// Text with anything else in it is written by printf.
func Quote(text string) string {
	if !isPlain(text) {
		return `"$(` + printf(text) + `)"`
	}
	var out strings.Builder
	quoted := false
	setQuoted := func(on bool) {
		if on != quoted {
			out.WriteByte('\'')
			quoted = on
		}
	}
	for i := range len(text) {
		c := text[i]
		if outside(text, i) {
			setQuoted(false)
			out.WriteByte('\\')
		} else {
			setQuoted(true)
		}
		out.WriteByte(c)
	}
	setQuoted(false)
	if text == "" {
		return "''"
	}
	return out.String()
}

// outside reports whether a byte of a plain text must stand outside of single quotes. A backslash may stay inside
// unless the next byte is one that it could escape, or the closing quote.
func outside(text string, i int) bool {
	const special = `\'!`
	if text[i] != '\\' {
		return strings.IndexByte(special, text[i]) >= 0
	}
	return i+1 == len(text) || strings.IndexByte(special, text[i+1]) >= 0
}

// Word returns a text as one word of a shell, quoted only if that is necessary.
func Word(text string) string {
	special := func(r rune) bool {
		plain := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		return !plain && !strings.ContainsRune("/._-", r)
	}
	if text == "" || strings.ContainsFunc(text, special) {
		return Quote(text)
	}
	return text
}

// isPlain reports whether a terminal shows a text as it is: valid UTF-8 of visible characters, spaces and newlines. A
// control character may be a key of the terminal, and an invisible one may be lost or hide what a command does.
func isPlain(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool {
		return !unicode.IsPrint(r) && r != '\n'
	})
}

// printf returns a command that writes exactly these bytes.
func printf(text string) string {
	var format strings.Builder
	for i := range len(text) {
		c := text[i]
		switch {
		case c < ' ' || c >= 0x7f || strings.IndexByte(`\'%!`, c) >= 0:
			fmt.Fprintf(&format, `\%03o`, c)
		case i == 0 && c == '-': // would begin an option
			format.WriteString(`\055`)
		default:
			format.WriteByte(c)
		}
	}
	return "printf '" + format.String() + "'"
}
