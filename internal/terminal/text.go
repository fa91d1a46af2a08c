// Package terminal shows what a desk says to a person or to a pipe: tables that fit the width of a terminal, facts,
// progress and questions. Texts of messages come from strangers: nothing that it prints can steer a terminal.
package terminal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/width"
)

// Safe returns a text as one line that a terminal only shows: a line break or tab becomes a space, and a character that
// could steer the terminal or turn the direction of the text becomes U+FFFD.
func Safe(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsPrint(r):
			return r
		case unicode.IsSpace(r):
			return ' '
		}
		return utf8.RuneError
	}, text)
}

// SafeLines is Safe for a text of several lines.
func SafeLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = Safe(strings.TrimSuffix(line, "\r"))
	}
	return strings.Join(lines, "\n")
}

// SafeJSON returns a JSON document of the same meaning that a terminal only shows: encoding/json leaves some characters
// as they are that steer it. indent is that of each level; "" puts the document on one line.
func SafeJSON(document []byte, indent string) ([]byte, error) {
	var formed, safe bytes.Buffer
	err := json.Compact(&formed, document)
	if err == nil && indent != "" {
		formed.Reset()
		err = json.Indent(&formed, document, "", indent)
	}
	for _, r := range formed.String() {
		switch {
		case r == '\n' || unicode.IsPrint(r):
			safe.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&safe, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&safe, `\u%04x`, r)
		}
	}
	return safe.Bytes(), err
}

// Width returns how many columns of a terminal a safe text takes.
func Width(text string) (columns int) {
	for _, r := range text {
		columns += runeWidth(r)
	}
	return columns
}

func runeWidth(r rune) int {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case r > unicode.MaxASCII:
		if kind := width.LookupRune(r).Kind(); kind == width.EastAsianWide || kind == width.EastAsianFullwidth {
			return 2
		}
	}
	return 1
}

// Cut returns the beginning of a safe text that fits so many columns. A text that is cut ends with an ellipsis.
func Cut(text string, columns int) string {
	if Width(text) <= columns {
		return text
	}
	taken := 0
	for i, r := range text {
		if taken += runeWidth(r); taken > columns-1 {
			return text[:i] + strings.Repeat("…", min(max(columns, 0), 1))
		}
	}
	return text
}
