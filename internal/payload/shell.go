package payload

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// ShellQuote returns a text as one quoted word of a shell (POSIX.1-2024, section 2.2.2).
func ShellQuote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// ShellWord returns a text as one word of a shell, quoted only if that is necessary.
func ShellWord(text string) string {
	special := func(r rune) bool {
		plain := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		return !plain && !strings.ContainsRune("/._-", r)
	}
	if text == "" || strings.ContainsFunc(text, special) {
		return ShellQuote(text)
	}
	return text
}

// ShellPrintf returns a command of a POSIX shell that writes exactly these bytes. Bytes that a terminal would
// interpret, or cannot show, are escaped.
func ShellPrintf(body []byte) string {
	control := func(r rune) bool { return r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 }
	if text := string(body); utf8.Valid(body) && !strings.ContainsFunc(text, control) {
		return "printf %s " + ShellQuote(text)
	}
	var format strings.Builder
	for i, b := range body {
		switch {
		case b == '%':
			format.WriteString("%%")
		case b == '\\':
			format.WriteString(`\\`)
		case b < ' ' || b >= 0x7f || i == 0 && b == '-': // a leading - would begin an option
			fmt.Fprintf(&format, `\%03o`, b)
		default:
			format.WriteByte(b)
		}
	}
	return "printf " + ShellQuote(format.String())
}
